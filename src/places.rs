//! Where kbisect keeps what it makes once.

use std::env;
use std::path::PathBuf;

use crate::{Error, Result};

/// The cache folder: `$KBISECT_CACHE`, else `$XDG_CACHE_HOME/kbisect`, else
/// `~/.cache/kbisect`. It need not exist yet.
///
/// # Errors
/// None of the variables nor `HOME` is set to an absolute path.
pub fn cache_dir() -> Result<PathBuf> {
    let absolute = |name| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("KBISECT_CACHE")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|dir| dir.join("kbisect")))
        .or_else(|| absolute("HOME").map(|dir| dir.join(".cache/kbisect")))
        .ok_or_else(|| {
            Error::failed("there is no place for a cache folder")
                .hint("set KBISECT_CACHE to an absolute path")
        })
}
