//! The cache folder and the data folder.

use std::env;
use std::path::PathBuf;

use crate::{Error, Result};

/// The cache folder: `$KBISECT_CACHE`, else `$XDG_CACHE_HOME/kbisect`, else
/// `~/.cache/kbisect`. It need not exist yet.
///
/// # Errors
/// None of the variables nor `HOME` is set to an absolute path.
pub fn cache_dir() -> Result<PathBuf> {
    folder("KBISECT_CACHE", "XDG_CACHE_HOME", ".cache").ok_or_else(|| {
        Error::failed("there is no place for a cache folder")
            .hint("set KBISECT_CACHE to an absolute path")
    })
}

/// The folder for what cannot be made again: `$KBISECT_DATA`, else `$XDG_DATA_HOME/kbisect`, else
/// `~/.local/share/kbisect`. It need not exist yet.
///
/// # Errors
/// As for [`cache_dir`].
pub fn data_dir() -> Result<PathBuf> {
    folder("KBISECT_DATA", "XDG_DATA_HOME", ".local/share").ok_or_else(|| {
        Error::failed("there is no place for a data folder")
            .hint("set KBISECT_DATA to an absolute path")
    })
}

fn folder(own: &str, shared: &str, at_home: &str) -> Option<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute(own)
        .or_else(|| absolute(shared).map(|dir| dir.join("kbisect")))
        .or_else(|| absolute("HOME").map(|dir| dir.join(at_home).join("kbisect")))
}
