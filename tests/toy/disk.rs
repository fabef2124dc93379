//! A file system that is soon full.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A tmpfs of this size, until it is dropped.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one at `path`, which is made; `None` where that is not allowed.
    pub fn mount(path: &Path, kilobytes: usize) -> Option<Self> {
        std::fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kilobytes}k"), "toy"])
            .arg(path)
            .output()
            .unwrap();
        mounted.status.success().then(|| Self(path.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: what still has a file open there does not matter.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}
