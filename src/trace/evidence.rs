//! What a traced boot says of objects and requests: how much of them ran.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::guarded::Place;
use super::image::{Image, Stage};
use super::log::Ran;

/// How many functions there are, and how many ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Functions.
    pub all: u32,
    /// Of these, those that ran.
    pub ran: u32,
}

/// A function, and whether it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    name: String,
    stage: Stage,
    did: bool,
    /// In bytes.
    size: u64,
}

/// What ran of some functions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Functions that may run at any time.
    pub functions: Counts,
    /// Functions that run while the kernel starts, and are thrown away then. That they ran says
    /// little: a driver registers itself whether there is something to drive or not.
    pub init: Counts,
    /// The largest function that ran, not of those for the start.
    pub telling: Option<String>,
    /// Its size in bytes.
    size: u64,
}

impl Evidence {
    fn add(&mut self, seen: &Seen) {
        let counts = match seen.stage {
            Stage::Text => &mut self.functions,
            Stage::Init => &mut self.init,
        };
        counts.all += 1;
        counts.ran += u32::from(seen.did);
        if seen.did && seen.stage == Stage::Text && seen.size > self.size {
            (self.size, self.telling) = (seen.size, Some(seen.name.clone()));
        }
    }

    /// How likely what they are there for is needed; nothing if there is no code that could tell.
    ///
    /// Steps by the share of the functions that ran, set by hand after what the certified results of
    /// `shell-ok` and `ssh-ok` need of the EC2 set.
    #[must_use]
    pub fn chance(&self) -> Option<f64> {
        let Counts { all, ran } = self.functions;
        if all == 0 {
            return None;
        }
        let share = f64::from(ran) / f64::from(all);
        Some(match ran {
            0 => 0.02,
            // A driver is asked about devices that are not there, a file system by all who close.
            _ if share < 0.05 => 0.1,
            _ if share < 0.15 => 0.4,
            _ => 0.8,
        })
    }
}

/// What ran, object by object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity(BTreeMap<String, Vec<Seen>>);

impl Activity {
    /// Of the functions of a kernel, those that ran.
    #[must_use]
    pub fn of(image: &Image, ran: &Ran) -> Self {
        let mut objects: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
        for function in image.functions() {
            let object = function
                .object
                .and_then(|object| image.objects().get(object));
            let Some(object) = object else { continue };
            objects.entry(object.clone()).or_default().push(Seen {
                name: function.name.clone(),
                stage: function.stage,
                did: ran.any_in(&function.range),
                size: function.range.end - function.range.start,
            });
        }
        Self(objects)
    }

    /// What ran of all functions of these objects, and of these single functions of others.
    #[must_use]
    pub fn evidence<'o>(
        &self,
        objects: impl IntoIterator<Item = &'o String>,
        functions: impl IntoIterator<Item = &'o Place>,
    ) -> Evidence {
        let mut evidence = Evidence::default();
        let whole = objects.into_iter().filter_map(|object| self.0.get(object));
        for seen in whole.flatten() {
            evidence.add(seen);
        }
        for place in functions {
            let of = self.0.get(&place.object).into_iter().flatten();
            // The compiler makes several of one: `name.constprop.0`.
            let is_it = |seen: &&Seen| seen.name.split('.').next() == Some(&place.function);
            for seen in of.filter(is_it) {
                evidence.add(seen);
            }
        }
        evidence
    }
}
