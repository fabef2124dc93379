//! The files that oracles left in the trial of the start, which they compare others with.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The files in the folders of the trial in `trial`: by their paths in it, hashes of their contents.
///
/// # Errors
/// One cannot be read.
pub(super) fn files(trial: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut open: Vec<PathBuf> = folders(trial)?;
    while let Some(folder) = open.pop() {
        open.extend(folders(&folder)?);
        for path in entries(&folder)? {
            let hash = hash(&path).map_err(|e| Error::io("read", &path, e))?;
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
        let is = hash(&trial.join(name)).ok().flatten();
        is.as_ref() == Some(was)
    };
    files.iter().all(is_there)
}

/// Of a file, or of a link as such; none of what has no contents.
fn hash(path: &Path) -> std::io::Result<Option<String>> {
    let kind = fs::symlink_metadata(path)?.file_type();
    let mut hasher = blake3::Hasher::new();
    if kind.is_symlink() {
        hasher.update(fs::read_link(path)?.as_os_str().as_encoded_bytes());
    } else if kind.is_file() {
        hasher.update_reader(File::open(path)?)?;
    } else {
        return Ok(None);
    }
    Ok(Some(hasher.finalize().to_hex().as_str()[..32].to_owned()))
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let io = |e| Error::io("read the folder", folder, e);
    let entries = fs::read_dir(folder).map_err(io)?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    paths.collect::<std::io::Result<_>>().map_err(io)
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
        let left = files(dir.path()).unwrap();
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
}
