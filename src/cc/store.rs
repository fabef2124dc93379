//! The cache's files: contents by their hash, outcomes by what was compiled, manifests by call, answers
//! by probe.
//!
//! Whatever cannot be read, is not whole or is of another version is not there. Files are written
//! beside their place and renamed, so neither a crash nor a second process sees half of one.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::codec::{Reader, Writer};
use super::manifest::{Hash, Manifest};
use super::probe::ProbeResult;
use crate::identity;

/// Kind and version of an outcome's file.
const MARK: &[u8; 8] = b"kboutco2";

/// The name of the folder, with the version of all that is in it.
const FOLDER: &str = "objects-1";

/// Where files are written before they are renamed.
const PARTIAL: &str = "partial";

/// How long ago a file may have been used last without its time being set again.
const FRESH: Duration = Duration::from_secs(3600);

/// What a compiler made of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The object, by the hash of its contents.
    pub(super) object: Hash,
    /// CPU time that it took to compile.
    pub(super) worth: Duration,
    /// What the compiler said.
    pub(super) messages: Vec<u8>,
}

/// The cache's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    root: PathBuf,
    most: u64,
    /// The compiler, and its state when it was named.
    made_by: Option<(OsString, OsString)>,
}

impl Store {
    /// The object cache in the cache folder `cache`, which is to have at most so many bytes.
    #[must_use]
    pub fn within(cache: &Path, most: u64) -> Self {
        Self {
            root: cache.join(FOLDER),
            most,
            made_by: None,
        }
    }

    /// Keeps only what `compiler` makes as long as it is [what it was](identity::is_still).
    #[must_use]
    pub(super) fn made_by(mut self, compiler: &OsStr, state: OsString) -> Self {
        self.made_by = Some((compiler.to_owned(), state));
        self
    }

    /// Is the compiler what it was when it was named? Else nothing of it has that name.
    pub(super) fn is_of_its_compiler(&self) -> bool {
        let made_by = self.made_by.as_ref();
        made_by.is_none_or(|(compiler, state)| identity::is_still(compiler, state))
    }

    /// The cache folder that it is in.
    #[must_use]
    pub fn cache(&self) -> &Path {
        // It is a folder in another one.
        self.root.parent().unwrap_or(&self.root)
    }

    fn place(&self, kind: &str, name: &Hash) -> PathBuf {
        let hex = blake3::Hash::from_bytes(*name).to_hex();
        self.root.join(kind).join(&hex[..2]).join(&hex[2..])
    }

    /// Contents, if they are there and are what they were.
    pub(super) fn contents(&self, name: &Hash) -> Option<Vec<u8>> {
        let bytes = self.read("contents", name)?;
        (blake3::hash(&bytes).as_bytes() == name).then_some(bytes)
    }

    /// Keeps contents; returns their name.
    pub(super) fn keep(&self, bytes: &[u8]) -> std::io::Result<Hash> {
        let name = *blake3::hash(bytes).as_bytes();
        // What is there and not whole any more is replaced.
        if self.contents(&name).is_none() {
            self.write("contents", &name, bytes)?;
        }
        Ok(name)
    }

    pub(super) fn outcome(&self, text: &Hash) -> Option<Outcome> {
        let bytes = self.read("outcomes", text)?;
        let mut reader = Reader::open(&bytes, MARK)?;
        Some(Outcome {
            object: reader.hash()?,
            worth: Duration::from_micros(reader.u64()?),
            messages: reader.bytes()?.to_vec(),
        })
    }

    pub(super) fn keep_outcome(&self, text: &Hash, outcome: &Outcome) -> std::io::Result<()> {
        let mut writer = Writer::default();
        writer.hash(&outcome.object);
        // Less than half a million years.
        writer.u64(outcome.worth.as_micros() as u64);
        writer.bytes(&outcome.messages);
        self.write("outcomes", text, &writer.sealed(MARK))
    }

    /// What is known of a call; nothing, if nothing is.
    pub(super) fn manifest(&self, call: &Hash) -> Option<Manifest> {
        Manifest::from_bytes(&self.read("calls", call)?)
    }

    /// Changes what is known of a call, while nobody else does.
    pub(super) fn change_manifest(
        &self,
        call: &Hash,
        change: impl FnOnce(&mut Manifest),
    ) -> std::io::Result<()> {
        let lock = self.root.join("locks").join(format!("{:02x}", call[0]));
        let lock = open_lock(&lock)?;
        lock.lock()?;
        let mut manifest = self.manifest(call).unwrap_or_default();
        change(&mut manifest);
        self.write("calls", call, &manifest.to_bytes())
    }

    pub(super) fn answer(&self, probe: &Hash) -> Option<ProbeResult> {
        ProbeResult::from_bytes(&self.read("answers", probe)?)
    }

    pub(super) fn keep_answer(&self, probe: &Hash, answer: &ProbeResult) -> std::io::Result<()> {
        self.write("answers", probe, &answer.to_bytes())
    }

    fn read(&self, kind: &str, name: &Hash) -> Option<Vec<u8>> {
        let path = self.place(kind, name);
        let bytes = fs::read(&path).ok()?;
        touch(&path);
        Some(bytes)
    }

    fn write(&self, kind: &str, name: &Hash, bytes: &[u8]) -> std::io::Result<()> {
        if !self.is_of_its_compiler() {
            return Err(std::io::Error::other("the compiler is another one"));
        }
        let path = self.place(kind, name);
        let partial = self.root.join(PARTIAL);
        let written = || {
            let mut file = tempfile::NamedTempFile::new_in(&partial)?;
            file.write_all(bytes)?;
            file.persist(&path).map_err(|e| e.error)
        };
        let result = written().or_else(|_| {
            // The first time its folder is not there.
            fs::create_dir_all(&partial)?;
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            written()
        });
        result.map(drop)
    }

    /// How many inputs, each a text with the options that it was compiled with, it knows the outcomes of.
    #[must_use]
    pub fn inputs(&self) -> usize {
        let mut files = Vec::new();
        collect(&self.root.join("outcomes"), &mut files);
        files.len()
    }

    /// Removes what was not used for longest until it fits its limit; returns how many
    /// bytes are left. What others use at the same time may go as well: they compile it anew.
    pub fn shrink(&self) -> u64 {
        let mut files = Vec::new();
        for kind in ["contents", "outcomes", "calls", "answers", PARTIAL] {
            collect(&self.root.join(kind), &mut files);
        }
        let mut size: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        if size <= self.most {
            return size;
        }
        files.sort();
        // Some room, or the next object would make us look at all of them again.
        let most = self.most - self.most / 10;
        for (_, bytes, path) in files {
            if size <= most {
                break;
            }
            if fs::remove_file(path).is_ok() {
                size -= bytes;
            }
        }
        size
    }
}

/// When it was used last, its bytes, its path; of all files within.
fn collect(folder: &Path, found: &mut Vec<(SystemTime, u64, PathBuf)>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        if meta.is_dir() {
            collect(&entry.path(), found);
        } else {
            let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            found.push((used, meta.len(), entry.path()));
        }
    }
}

fn open_lock(path: &Path) -> std::io::Result<File> {
    let open = || File::options().create(true).append(true).open(path);
    open().or_else(|_| {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        open()
    })
}

/// Notes that a file was used. That it could not be noted only means that it goes earlier.
fn touch(path: &Path) {
    let now = SystemTime::now();
    let is_fresh = fs::metadata(path)
        .and_then(|meta| meta.modified())
        .is_ok_and(|used| now.duration_since(used).is_ok_and(|age| age < FRESH));
    if !is_fresh && let Ok(file) = File::options().write(true).open(path) {
        let _ = file.set_times(FileTimes::new().set_modified(now));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::within(dir.path(), 250);
        (dir, store)
    }

    #[test]
    fn what_is_kept_is_found() {
        let (_dir, store) = store();
        let object = store.keep(b"object").unwrap();
        assert_eq!(store.contents(&object).unwrap(), b"object");
        let outcome = Outcome {
            object,
            worth: Duration::from_millis(300),
            messages: b"warning: x".to_vec(),
        };
        store.keep_outcome(&[1; 32], &outcome).unwrap();
        assert_eq!(store.outcome(&[1; 32]), Some(outcome));
        assert_eq!(store.outcome(&[2; 32]), None);
    }

    #[test]
    fn what_was_corrupted_is_not_there_and_is_kept_anew() {
        let (_dir, store) = store();
        let name = store.keep(b"object").unwrap();
        fs::write(store.place("contents", &name), b"0bject").unwrap();
        assert_eq!(store.contents(&name), None);
        store.keep(b"object").unwrap();
        assert_eq!(store.contents(&name).unwrap(), b"object");
        store.change_manifest(&[1; 32], |_| {}).unwrap();
        assert_eq!(store.manifest(&[1; 32]), Some(Manifest::default()));
        fs::write(store.place("calls", &[1; 32]), b"").unwrap();
        assert_eq!(store.manifest(&[1; 32]), None);
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let (_dir, store) = store();
        let names: Vec<Hash> = (0..4_u8).map(|n| store.keep(&[n; 100]).unwrap()).collect();
        for (name, age) in names.iter().zip([4, 40, 3, 2]) {
            let file = File::options()
                .write(true)
                .open(store.place("contents", name))
                .unwrap();
            let used = SystemTime::now() - Duration::from_secs(age * 7200);
            file.set_times(FileTimes::new().set_modified(used)).unwrap();
        }
        assert!(store.contents(&names[0]).is_some(), "used now");
        assert_eq!(store.shrink(), 200);
        let left: Vec<bool> = names.iter().map(|n| store.contents(n).is_some()).collect();
        assert_eq!(left, [true, false, false, true]);
        assert_eq!(store.shrink(), 200);
    }
}
