//! The index of a source tree: each file with its stat and the hash of its contents.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::changes::Changes;
use super::mentions::{Mentions, is_output};
use super::nothing::{is_nothing_to_a_build, is_probe};
use super::stamp::{self, Reading, Stamp, Sum};
use crate::supervise::CancelToken;
use crate::{Error, ErrorKind, Result};

/// A file of a source tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Relative to the tree.
    pub(super) path: PathBuf,
    pub(super) reading: Reading,
}

impl Entry {
    fn content(&self) -> (bool, &Sum) {
        (self.reading.stamp.is_executable(), &self.reading.sum)
    }
}

/// The files of a source tree, sorted by their paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Index {
    pub(super) entries: Vec<Entry>,
}

/// What a look at a tree found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) changes: Changes,
    /// Somebody wrote to these files; their contents are as they were.
    pub(super) touched: Vec<PathBuf>,
}

impl Index {
    /// Looks at the tree `root`, of which `mentions` is remembered. Files with the stat that `self` has of them have
    /// the same contents.
    ///
    /// # Errors
    /// A folder cannot be read; [`ErrorKind::Interrupted`].
    pub(super) fn look(
        &self,
        root: &Path,
        mentions: &Mentions,
        cancel: &CancelToken,
    ) -> Result<(Self, Look)> {
        let mut found = files(root, mentions)?;
        found.par_sort_unstable_by(|a, b| order(&a.0, &b.0));
        let entries: Vec<Option<Entry>> = found
            .into_par_iter()
            .map(|(path, stamp)| {
                if cancel.is_cancelled() {
                    return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
                }
                let known = self.entry(&path).map(|entry| entry.reading);
                let known = known.filter(|known| known.stamp == stamp && !known.is_racy);
                let reading = match known {
                    Some(reading) => reading,
                    None => match stamp::read(&root.join(&path)) {
                        Ok(reading) => reading,
                        // It has gone meanwhile.
                        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
                        Err(e) => return Err(Error::io("read", &root.join(&path), e)),
                    },
                };
                Ok(Some(Entry { path, reading }))
            })
            .collect::<Result<_>>()?;
        let now = Self {
            entries: entries.into_iter().flatten().collect(),
        };
        let look = self.compare(&now);
        Ok((now, look))
    }

    /// What `now` has that `self` has not, and the other way round.
    pub(super) fn compare(&self, now: &Self) -> Look {
        let mut look = Look::default();
        let (mut before, mut after) = (
            self.entries.iter().peekable(),
            now.entries.iter().peekable(),
        );
        loop {
            let which = match (before.peek(), after.peek()) {
                (None, None) => return look,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(was), Some(is)) => order(&was.path, &is.path),
            };
            let was = before.next_if(|_| which != Ordering::Greater);
            let is = after.next_if(|_| which != Ordering::Less);
            match (was, is) {
                (Some(was), Some(is)) if was.content() != is.content() => {
                    look.changes.changed.push(is.path.clone());
                }
                (Some(was), Some(is)) if was.reading.stamp != is.reading.stamp => {
                    look.touched.push(is.path.clone());
                }
                (Some(was), None) => look.changes.removed.push(was.path.clone()),
                (None, Some(is)) => look.changes.added.push(is.path.clone()),
                _ => {}
            }
        }
    }

    pub(super) fn sort(&mut self) {
        self.entries
            .sort_unstable_by(|a, b| order(&a.path, &b.path));
    }

    pub(super) fn entry(&self, path: &Path) -> Option<&Entry> {
        let at = self.entries.binary_search_by(|e| order(&e.path, path));
        at.ok().map(|i| &self.entries[i])
    }

    /// A hash of all paths and contents: that of a copy elsewhere is the same.
    pub(super) fn hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for entry in &self.entries {
            let path = entry.path.as_os_str().as_bytes();
            let (is_executable, sum) = entry.content();
            hasher
                .update(&(path.len() as u64).to_le_bytes())
                .update(path);
            hasher.update(&[u8::from(is_executable)]).update(sum);
        }
        hasher.finalize()
    }

    /// A hash of all paths and stats, but for those files: it changes when somebody writes to a file, whatever.
    pub(super) fn state(&self, without: &BTreeSet<PathBuf>) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for entry in self.entries.iter().filter(|e| !without.contains(&e.path)) {
            hasher
                .update(entry.path.as_os_str().as_bytes())
                .update(b"\0");
            entry.reading.stamp.hash(&mut hasher);
        }
        hasher.finalize()
    }
}

/// As bytes: paths compare by their parts, which takes longer.
fn order(one: &Path, other: &Path) -> Ordering {
    one.as_os_str().as_bytes().cmp(other.as_os_str().as_bytes())
}

/// Folders with what the running kernel says of itself: no source, and never the same.
const NO_SOURCE: [&str; 2] = ["/proc", "/sys"];

/// All files of the tree `root`, also those behind links to folders elsewhere: a build reads them as well. A
/// folder counts once, below the first link to it, so that links in a circle come to an end. One that holds the
/// tree itself is only where its link leads.
fn files(root: &Path, mentions: &Mentions) -> Result<Vec<(PathBuf, Stamp)>> {
    let all = walk(root, Path::new(""))?;
    let (outputs, mut all): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|(path, _)| is_output(path));
    if !outputs.is_empty() {
        let read = mentions.of(root, &all, &outputs);
        all.extend(outputs.into_iter().filter(|(path, _)| read.contains(path)));
    }
    let wrong = |e| Error::io("look at", root, e);
    let root_itself = root.canonicalize().map_err(wrong)?;
    let mut walked = vec![root_itself.clone()];
    let mut links: BTreeSet<PathBuf> = links(&all).collect();
    while let Some(link) = links.pop_first() {
        // One that leads nowhere, or where nobody may look, is nothing to a build either.
        let Ok(target) = root.join(&link).canonicalize() else {
            continue;
        };
        let is_known = walked.iter().any(|folder| is_walked(folder, &target));
        let is_source = !root_itself.starts_with(&target)
            && NO_SOURCE.iter().all(|folder| !target.starts_with(folder));
        if is_known || !is_source || fs::read_dir(&target).is_err() {
            continue;
        }
        let below = walk(root, &link)?;
        links.extend(self::links(&below));
        all.extend(below);
        walked.push(target);
    }
    Ok(all)
}

fn links(files: &[(PathBuf, Stamp)]) -> impl Iterator<Item = PathBuf> {
    let links = files.iter().filter(|(_, stamp)| stamp.is_link());
    links.map(|(path, _)| path.clone())
}

/// Is `target` a part of `folder` that [`walk`] looks at?
fn is_walked(folder: &Path, target: &Path) -> bool {
    target
        .strip_prefix(folder)
        .is_ok_and(|rest| !rest.ancestors().any(is_nothing_to_a_build))
}

/// A folder with these files is the directory of a run.
const RUN: [&str; 2] = ["run.json", "journal.jsonl"];

/// All files below a folder of the tree `root`, with their stats; links below it are not followed.
fn walk(root: &Path, folder: &Path) -> Result<Vec<(PathBuf, Stamp)>> {
    let path = root.join(folder);
    let wrong = |e| Error::io("read the folder", &path, e);
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        // It has gone meanwhile.
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && folder != Path::new("") => {
            return Ok(Vec::new());
        }
        Err(e) => return Err(wrong(e)),
    };
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.map_err(wrong)?;
        let name = entry.file_name();
        let name = folder.join(name);
        if is_nothing_to_a_build(&name) || is_probe(&entry) {
            continue;
        }
        if entry.file_type().map_err(wrong)?.is_dir() {
            folders.push(name);
            continue;
        }
        // One that has gone meanwhile is not there.
        let Ok(meta) = entry.metadata() else { continue };
        let stamp = stamp::through(&entry.path(), Stamp::of(&meta));
        files.push((name, stamp));
    }
    // Ours: somebody works in the tree.
    let has = |name: &str| {
        files
            .iter()
            .any(|(path, _)| path.file_name() == Some(OsStr::new(name)))
    };
    if folder != Path::new("") && RUN.iter().all(|name| has(name)) {
        return Ok(Vec::new());
    }
    let below: Vec<_> = folders
        .into_par_iter()
        .map(|folder| walk(root, &folder))
        .collect::<Result<_>>()?;
    files.extend(below.into_iter().flatten());
    Ok(files)
}
