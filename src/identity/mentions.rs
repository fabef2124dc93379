//! Which of the outputs of commands that lie in a source tree a build reads.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;

use super::outside::may_include;
use super::stamp::{self, Stamp};

/// Is this file in the root of a tree what a command says, ours as likely as not? It is written to at any time.
pub(super) fn is_output(path: &Path) -> bool {
    let name = path.as_os_str().as_bytes();
    !name.contains(&b'/') && (name == b"nohup.out" || name.ends_with(b".log"))
}

/// What the Makefiles and Kconfig files of a tree mention of its outputs, as it was found last. To find it, all of them
/// are read, which takes too long for each look at a tree.
#[derive(Debug, Default)]
pub(super) struct Mentions(Mutex<Option<Known>>);

#[derive(Debug)]
struct Known {
    /// Of what was read: the stamps of the files, and the names that were looked for.
    state: blake3::Hash,
    read: BTreeSet<PathBuf>,
}

impl Mentions {
    /// Which of the files `outputs` a Makefile or Kconfig file among `files` mentions by name: these a build reads.
    pub(super) fn of(
        &self,
        root: &Path,
        files: &[(PathBuf, Stamp)],
        outputs: &[(PathBuf, Stamp)],
    ) -> BTreeSet<PathBuf> {
        let begun = stamp::now();
        let mut texts: Vec<&(PathBuf, Stamp)> = files
            .par_iter()
            .filter(|(path, _)| may_include(path))
            .collect();
        texts.par_sort_unstable_by(|a, b| a.0.as_os_str().cmp(b.0.as_os_str()));
        let state = state(&texts, outputs);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.as_ref().filter(|known| known.state == state) {
            return known.read.clone();
        }
        let read = mentioned(root, &texts, outputs);
        // What was written to just now may be written to once more with the same stamp.
        let is_settled = texts.iter().all(|(_, stamp)| !stamp.is_racy(begun));
        *known = is_settled.then(|| Known {
            state,
            read: read.clone(),
        });
        read
    }
}

fn state(texts: &[&(PathBuf, Stamp)], outputs: &[(PathBuf, Stamp)]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for (path, stamp) in texts {
        hasher.update(path.as_os_str().as_bytes()).update(b"\0");
        stamp.hash(&mut hasher);
    }
    // What is in them does not matter.
    let names: BTreeSet<&PathBuf> = outputs.iter().map(|(path, _)| path).collect();
    for name in names {
        hasher.update(b"\0").update(name.as_os_str().as_bytes());
    }
    hasher.finalize()
}

fn mentioned(
    root: &Path,
    texts: &[&(PathBuf, Stamp)],
    outputs: &[(PathBuf, Stamp)],
) -> BTreeSet<PathBuf> {
    let found = texts.par_iter().flat_map_iter(|(path, _)| {
        let text = fs::read(root.join(path)).unwrap_or_default();
        let is_there = move |name: &&PathBuf| {
            memchr::memmem::find(&text, name.as_os_str().as_bytes()).is_some()
        };
        outputs.iter().map(|(name, _)| name).filter(is_there)
    });
    found.cloned().collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn makefiles_are_read_again_only_if_they_or_the_names_of_outputs_are_others() {
        let dir = tempfile::tempdir().unwrap();
        let write = |text: &str| fs::write(dir.path().join("Makefile"), text).unwrap();
        // As of a file that nobody wrote to of late.
        let stamp = |changed: i128| Stamp {
            mode: 0,
            size: 1,
            modified: 1,
            changed,
            inode: 1,
        };
        let mentions = Mentions::default();
        let of = |changed: i128, names: &[&str], of_output: i128| -> usize {
            let files = [("Makefile".into(), stamp(changed))];
            let outputs = names.iter().map(|name| (name.into(), stamp(of_output)));
            let outputs: Vec<_> = outputs.collect();
            mentions.of(dir.path(), &files, &outputs).len()
        };
        write("include a.log\n");
        assert_eq!(of(1, &["a.log"], 1), 1);
        write("\n");
        assert_eq!(of(1, &["a.log"], 2), 1, "it is not read again");
        assert_eq!(of(2, &["a.log"], 2), 0, "it has another stamp");
        write("include a.log\n");
        assert_eq!(of(2, &["a.log"], 2), 0);
        assert_eq!(of(2, &["a.log", "b.log"], 2), 1, "there is another output");
        // One that was written to just now is read each time.
        let now = stamp::now();
        assert_eq!(of(now, &["a.log"], 2), 1);
        write("\n");
        assert_eq!(of(now, &["a.log"], 2), 0);
    }
}
