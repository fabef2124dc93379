//! Which items matter, and how much of each struct.

use rustc_hash::{FxHashMap, FxHashSet};

use super::item::{Item, Sort};
use super::record::{Record, Types};
use super::token::{Name, Tokens};

/// How much of an item matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Extent {
    Nothing,
    /// Of a struct: the first so many declarations in it.
    Parts(usize),
    Whole,
}

/// Something that came to matter and has not been looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fresh {
    pub(super) item: usize,
    pub(super) before: Extent,
    pub(super) now: Extent,
}

/// What matters, as far as it is known.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    items: &'a [Item],
    extents: Vec<Extent>,
    declaring: FxHashMap<Name, Vec<usize>>,
    seen: FxHashSet<Name>,
    fresh: Vec<Fresh>,
}

impl<'a> Kept<'a> {
    /// All that makes something.
    pub(super) fn of(items: &'a [Item]) -> Self {
        let mut declaring: FxHashMap<Name, Vec<usize>> = FxHashMap::default();
        for (number, item) in items.iter().enumerate() {
            for name in &item.names {
                declaring.entry(*name).or_default().push(number);
            }
        }
        let mut kept = Self {
            items,
            extents: vec![Extent::Nothing; items.len()],
            declaring,
            seen: FxHashSet::default(),
            fresh: Vec::new(),
        };
        for (number, item) in items.iter().enumerate() {
            if item.is_root {
                kept.raise(number, Extent::Whole);
            }
        }
        kept
    }

    pub(super) fn extent(&self, item: usize) -> Extent {
        self.extents[item]
    }

    /// What is to be looked at next.
    pub(super) fn next(&mut self) -> Option<Fresh> {
        self.fresh.pop()
    }

    fn raise(&mut self, item: usize, now: Extent) {
        let before = self.extents[item];
        if before < now {
            self.extents[item] = now;
            self.fresh.push(Fresh { item, before, now });
        }
    }

    /// A name is mentioned.
    pub(super) fn name(&mut self, name: Name) {
        if self.seen.insert(name) {
            let declaring = self.declaring.get(&name).cloned().unwrap_or_default();
            for item in declaring {
                self.raise(item, Extent::Whole);
            }
        }
    }

    /// The size of the struct, the union or the enum with this tag matters, or all that is in it.
    pub(super) fn whole(&mut self, types: &Types, tag: Name) {
        if let Some((item, _)) = types.tags.get(&tag) {
            self.raise(*item, Extent::Whole);
        }
    }

    /// Where this member of a struct is matters. False when it has no such member.
    pub(super) fn member(
        &mut self,
        types: &mut Types,
        tokens: &Tokens<'_>,
        of: Record,
        name: Name,
    ) -> bool {
        let Some(members) = types.members(tokens, of) else {
            return false;
        };
        let Some(member) = members.of.get(&name) else {
            return false;
        };
        let Record::Tagged(tag) = of else {
            // It is whole wherever it is.
            return true;
        };
        let Some((item, _)) = types.tags.get(&tag) else {
            return false;
        };
        let extent = match self.items[*item].sort {
            Sort::Record { tag: outer, .. } if outer == tag => {
                Extent::Parts(members.known_with[member.part] + 1)
            }
            // It is defined within something else.
            _ => Extent::Whole,
        };
        self.raise(*item, extent);
        true
    }
}
