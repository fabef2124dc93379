//! The files in the folder of a trial.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The resolved config, in the folder of a trial.
pub const CONFIG: &str = "config";

/// The output of make, there.
pub(super) const BUILD_LOG: &str = "build.log";

/// The output of make, there, if it was run more than once.
pub(super) const WHOLE_LOG: &str = "build.whole.log";

/// The command for make, there, for people who want to see it fail.
pub const BUILD_COMMAND: &str = "build.command";

/// The names of all files below a folder, relative to it. Folders that cannot be read are left out.
pub(super) fn names_below(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut ahead = vec![folder.to_owned()];
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(&next).into_iter().flatten().flatten() {
            let path = entry.path();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                ahead.push(path);
            } else if let Ok(name) = path.strip_prefix(folder) {
                names.insert(name.to_string_lossy().into_owned());
            }
        }
    }
    names
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn files_in_folders_are_named_by_their_paths_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("check/more")).unwrap();
        for name in ["build.log", "check/oracle.log", "check/more/times"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        std::os::unix::fs::symlink("/", dir.path().join("check/root")).unwrap();
        let names: Vec<String> = names_below(dir.path()).into_iter().collect();
        assert_eq!(
            names,
            [
                "build.log",
                "check/more/times",
                "check/oracle.log",
                "check/root"
            ]
        );
        assert!(names_below(Path::new("/nowhere")).is_empty());
    }
}
