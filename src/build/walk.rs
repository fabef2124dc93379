//! The walk through the folders of a source, from makefile to makefile.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::make_scope::Scope;
use super::makefile::Makefile;
use super::remembered::{Given, Remembered};
use crate::model::Config;

/// Folders are within each other; by mistake, within themselves.
const DEEPEST: usize = 40;

/// What a makefile lists.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// Paths in the tree.
    objects: Vec<String>,
    /// Folders.
    below: Vec<String>,
}

/// What a walk found, to tell what is found for a configuration that differs little from this one.
#[derive(Debug)]
pub(super) struct Walked {
    config: Config,
    /// The lists of the top makefile.
    pub(super) lists: [String; 3],
    /// By folder.
    pub(super) given: HashMap<String, Arc<Given<Listed>>>,
    /// By variable from outside: the folders that asked for it.
    askers: HashMap<String, Vec<String>>,
    /// Objects that several folders list.
    shared: HashSet<String>,
    pub(super) found: BTreeSet<String>,
}

impl Walked {
    pub(super) fn new(
        config: &Config,
        lists: &[String; 3],
        given: HashMap<String, Arc<Given<Listed>>>,
    ) -> Self {
        let mut askers: HashMap<String, Vec<String>> = HashMap::new();
        let (mut shared, mut found) = (HashSet::new(), BTreeSet::new());
        for (folder, given) in &given {
            for name in given.asked.keys() {
                askers.entry(name.clone()).or_default().push(folder.clone());
            }
            for object in &given.value.objects {
                if !found.insert(object.clone()) {
                    shared.insert(object.clone());
                }
            }
        }
        Self {
            config: config.clone(),
            lists: lists.clone(),
            given,
            askers,
            shared,
            found,
        }
    }

    /// The folders that may give something else for `config`.
    pub(super) fn touched(&self, config: &Config) -> HashSet<&str> {
        let changed = self.config.diff(config).into_iter();
        let names = changed.flat_map(|(symbol, ..)| {
            // `Kbuild::outside` makes this of it.
            let bits = (symbol.as_str() == "64BIT").then(|| "BITS".to_owned());
            bits.into_iter().chain([format!("CONFIG_{symbol}")])
        });
        let askers = names.filter_map(|name| self.askers.get(&name));
        askers.flatten().map(String::as_str).collect()
    }

    /// What is found where the folders give this; nothing if that cannot be told from the differences.
    pub(super) fn found_with(
        &self,
        given: &HashMap<String, Arc<Given<Listed>>>,
    ) -> Option<BTreeSet<String>> {
        let is_same = |folder: &str, of: &Arc<Given<Listed>>, others: &HashMap<_, _>| {
            let other: Option<&Arc<Given<Listed>>> = others.get(folder);
            other.is_some_and(|other| Arc::ptr_eq(of, other))
        };
        let gone = self.given.iter().filter(|(f, of)| !is_same(f, of, given));
        let mut gone = gone.flat_map(|(_, of)| &of.value.objects);
        let new = given.iter().filter(|(f, of)| !is_same(f, of, &self.given));
        let mut found = self.found.clone();
        if gone.any(|object| self.shared.contains(object) || !found.remove(object)) {
            return None;
        }
        found.extend(new.flat_map(|(_, of)| of.value.objects.iter().cloned()));
        Some(found)
    }
}

/// A walk under way.
pub(super) struct Walk<'a> {
    pub(super) known: &'a Remembered<Listed>,
    pub(super) outside: &'a dyn Fn(&str) -> Option<String>,
    pub(super) files: &'a dyn Fn(&str) -> Option<Arc<Makefile>>,
    /// An earlier walk, and the folders that may give something else now.
    pub(super) near: Option<(&'a Walked, HashSet<&'a str>)>,
    pub(super) given: HashMap<String, Arc<Given<Listed>>>,
}

impl Walk<'_> {
    /// Adds what a folder and those below it give.
    pub(super) fn folder(&mut self, folder: &str, depth: usize) {
        if depth > DEEPEST || self.given.contains_key(folder) {
            return;
        }
        let near = self.near.as_ref();
        let near = near.filter(|(_, touched)| !touched.contains(folder));
        let same = near.and_then(|(walked, _)| walked.given.get(folder).cloned());
        let listed = same.unwrap_or_else(|| {
            let read = |outside: &dyn Fn(&str) -> Option<String>| list(folder, outside, self.files);
            self.known.get(folder, self.outside, read)
        });
        self.given.insert(folder.to_owned(), Arc::clone(&listed));
        for folder in &listed.value.below {
            self.folder(folder, depth + 1);
        }
    }
}

/// What the makefile of a folder lists.
fn list(
    folder: &str,
    outside: &dyn Fn(&str) -> Option<String>,
    files: &dyn Fn(&str) -> Option<Arc<Makefile>>,
) -> Listed {
    let (here, names) = if folder.is_empty() {
        // The makefile beside it is the top one, with other things in it.
        (".", &["Kbuild"][..])
    } else {
        (folder, &["Kbuild", "Makefile"][..])
    };
    let mut names = names.iter().map(|name| format!("{here}/{name}"));
    let mut listed = Listed::default();
    let Some(makefile) = names.find_map(|path| files(&path)) else {
        return listed;
    };
    let mut scope = Scope::new(outside, files);
    scope.set("obj", here);
    scope.set("src", here);
    scope.run(&makefile);
    for list in ["obj-y", "obj-m", "lib-y", "extra-y"] {
        for word in scope.value(list).split_whitespace() {
            if let Some(name) = word.strip_suffix('/') {
                listed.below.extend(join(folder, name));
            } else if word.ends_with(".o") {
                listed.objects.extend(objects_of(&scope, folder, word));
            }
        }
    }
    // Several lines may name one.
    listed.objects.sort_unstable();
    listed.objects.dedup();
    listed
}

/// An object, or those that it is put together from.
fn objects_of(scope: &Scope<'_>, folder: &str, object: &str) -> Vec<String> {
    let stem = object.strip_suffix(".o").unwrap_or(object);
    let parts = ["-objs", "-y"].map(|suffix| scope.value(&format!("{stem}{suffix}")));
    let parts: Vec<&str> = parts.iter().flat_map(|p| p.split_whitespace()).collect();
    let is_composite = !parts.is_empty() || !scope.value(&format!("{stem}-")).trim().is_empty();
    let objects = if is_composite { parts } else { vec![object] };
    let objects = objects.into_iter().filter(|object| object.ends_with(".o"));
    objects.filter_map(|object| join(folder, object)).collect()
}

/// The path of `name` in `folder`; nothing when it leads out of the tree.
fn join(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
