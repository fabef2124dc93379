//! What is in a folder, looked at once: most words of a text are the names of nothing.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// The names in a folder.
pub(super) struct Listing {
    /// `None`: the folder does not tell.
    names: Option<HashSet<String>>,
    /// The same up to their first dot.
    heads: HashSet<String>,
}

impl Listing {
    pub(super) fn of(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).ok();
        let names: Option<HashSet<String>> = entries.map(|entries| {
            let names = entries.flatten().map(|entry| entry.file_name());
            names
                .map(|name| name.to_string_lossy().into_owned())
                .collect()
        });
        let heads = names.iter().flatten().map(|name| head(name).to_owned());
        Self {
            heads: heads.collect(),
            names,
        }
    }

    /// May `path`, relative to the folder, be there?
    pub(super) fn may_have(&self, path: &str) -> bool {
        let first = path.split('/').next().unwrap_or(path);
        let names = self.names.as_ref();
        first == ".." || names.is_none_or(|names| names.contains(first))
    }

    /// May a file or module of this name be there, whatever its ending is?
    pub(super) fn may_have_module(&self, name: &str) -> bool {
        let first = name.split('/').next().unwrap_or(name);
        self.names.is_none() || self.heads.contains(head(first))
    }
}

fn head(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
