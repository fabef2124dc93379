//! Paths as they are written.

use std::path::{Component, Path, PathBuf};

/// The path without `.` and `..`, as it is written: links are not looked at.
pub(crate) fn plain(path: &Path) -> PathBuf {
    let mut all = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                all.pop();
            }
            Component::CurDir => {}
            part => all.push(part),
        }
    }
    all
}
