//! The files that oracles left in the trial of the start, which they compare others with.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The files in the folders of the trial in `trial`: by their paths in it, hashes of their contents. What an oracle may
/// not read is noted as such, and what it removes meanwhile is not there.
///
/// # Errors
/// The disk cannot be read.
pub fn files_in(trial: &Path) -> Result<BTreeMap<String, String>> {
    files_by(trial, open)
}

/// Opens a file to read it.
type Open = fn(&Path) -> io::Result<File>;

fn open(path: &Path) -> io::Result<File> {
    File::open(path)
}

fn files_by(trial: &Path, open: Open) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut ahead: Vec<PathBuf> = folders(trial)?;
    while let Some(folder) = ahead.pop() {
        ahead.extend(folders(&folder)?);
        for path in entries(&folder)? {
            let hash = match hash(&path, open) {
                Err(e) if e.kind() == ErrorKind::NotFound => None,
                hash => hash.map_err(|e| Error::io("read", &path, e))?,
            };
            if let (Ok(name), Some(hash)) = (path.strip_prefix(trial), hash) {
                files.insert(name.to_string_lossy().into_owned(), hash);
            }
        }
    }
    Ok(files)
}

/// Are these `files` there, with these contents?
#[must_use]
pub fn has_files(trial: &Path, files: &BTreeMap<String, String>) -> bool {
    let is_there = |(name, was): (&String, &String)| {
        let is = hash(&trial.join(name), open).ok().flatten();
        is.as_ref() == Some(was)
    };
    files.iter().all(is_there)
}

/// Of a file, or of a link as such; none of what has no contents. One for all that cannot be read.
fn hash(path: &Path, open: Open) -> io::Result<Option<String>> {
    let hash = match contents(path, open) {
        // Nor can an oracle read it.
        Err(e) if e.kind() == ErrorKind::PermissionDenied => Some(blake3::hash(b"unreadable")),
        contents => contents?,
    };
    Ok(hash.map(|hash| hash.to_hex().as_str()[..32].to_owned()))
}

fn contents(path: &Path, open: Open) -> io::Result<Option<blake3::Hash>> {
    let kind = fs::symlink_metadata(path)?.file_type();
    let mut hasher = blake3::Hasher::new();
    if kind.is_symlink() {
        hasher.update(fs::read_link(path)?.as_os_str().as_encoded_bytes());
    } else if kind.is_file() {
        hasher.update_reader(open(path)?)?;
    } else {
        return Ok(None);
    }
    Ok(Some(hasher.finalize()))
}

/// What is in the folder; nothing, if nobody may look or it is gone.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let paths = || -> io::Result<Vec<PathBuf>> {
        let entries = fs::read_dir(folder)?;
        entries.map(|entry| entry.map(|e| e.path())).collect()
    };
    match paths() {
        Err(e) if [ErrorKind::NotFound, ErrorKind::PermissionDenied].contains(&e.kind()) => {
            Ok(Vec::new())
        }
        paths => paths.map_err(|e| Error::io("read the folder", folder, e)),
    }
}

fn folders(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut all = entries(folder)?;
    all.retain(|path| path.is_dir() && !path.is_symlink());
    Ok(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_an_oracle_left_is_whole_only_with_each_of_its_files_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let oracle = dir.path().join("check");
        fs::create_dir_all(oracle.join("more")).unwrap();
        fs::write(dir.path().join("build.log"), "is not the oracle's").unwrap();
        fs::write(oracle.join("console.log"), "up").unwrap();
        fs::write(oracle.join("more/times"), "9").unwrap();
        std::os::unix::fs::symlink("nowhere", oracle.join("link")).unwrap();
        let left = files_in(dir.path()).unwrap();
        let names: Vec<&String> = left.keys().collect();
        assert_eq!(
            names,
            ["check/console.log", "check/link", "check/more/times"]
        );
        assert!(has_files(dir.path(), &left));
        fs::write(oracle.join("cache"), "later").unwrap();
        assert!(has_files(dir.path(), &left));
        fs::write(oracle.join("more/times"), "").unwrap();
        assert!(!has_files(dir.path(), &left));
        fs::write(oracle.join("more/times"), "9").unwrap();
        fs::remove_file(oracle.join("console.log")).unwrap();
        assert!(!has_files(dir.path(), &left));
    }

    #[test]
    fn what_cannot_be_read_is_noted_as_such_and_what_is_gone_is_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let oracle = dir.path().join("check");
        fs::create_dir(&oracle).unwrap();
        for name in ["secret", "gone", "open"] {
            fs::write(oracle.join(name), "up").unwrap();
        }
        // A fake: root may read whatever there is.
        let left = files_by(dir.path(), |path| match path.file_name() {
            Some(name) if name == "secret" => Err(ErrorKind::PermissionDenied.into()),
            Some(name) if name == "gone" => Err(ErrorKind::NotFound.into()),
            _ => open(path),
        });
        let left = left.unwrap();
        let names: Vec<&String> = left.keys().collect();
        assert_eq!(names, ["check/open", "check/secret"]);
        assert_ne!(left["check/secret"], left["check/open"]);
        assert_eq!(files_in(&dir.path().join("nowhere")).unwrap().len(), 0);
    }
}
