//! Files without names: whoever ends us, nothing is left of them.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// A file without a name.
#[derive(Debug)]
pub struct Nameless(File);

impl Nameless {
    /// An empty file in `folder`, or in that for temporary files.
    ///
    /// # Errors
    /// There is no such folder, or no room in it.
    pub fn new(folder: Option<&Path>) -> io::Result<Self> {
        let made = match folder {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        made.map(Self)
    }

    /// An open file, whose path may have any characters in it; [`Self::path`] has not.
    #[must_use]
    pub fn of(file: File) -> Self {
        Self(file)
    }

    /// To read and write it.
    #[must_use]
    pub fn file(&self) -> &File {
        &self.0
    }

    /// By this path others can open it, as long as this process has it.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        let (process, file) = (std::process::id(), self.0.as_raw_fd());
        format!("/proc/{process}/fd/{file}").into()
    }
}
