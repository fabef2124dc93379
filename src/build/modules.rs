//! The modules of a build, packed for the guest.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::error::unless_absent;
use crate::kmod::{Modules, Wanted};
use crate::model::{Config, MODULES, Symbol, Value};
use crate::{Error, Result};

/// The archive, in the build tree.
pub(super) const ARCHIVE: &str = "kbisect-modules.cpio";

/// Does a kernel of this config have modules?
pub(super) fn are_in(config: &Config) -> bool {
    Symbol::new(MODULES).is_ok_and(|symbol| config.get(&symbol) == &Value::YES)
}

/// Packs what was built in `tree`, of a config with modules; of another one, sees to it that there is no archive.
/// Within: why there was no room for it.
///
/// # Errors
/// A module that make should have built is not there, or is none; a file cannot be written.
pub(super) fn pack(tree: &Path, config: &Config) -> Result<Result<(), String>> {
    let path = tree.join(ARCHIVE);
    unless_absent(fs::remove_file(&path)).map_err(|e| Error::io("remove", &path, e))?;
    if !are_in(config) {
        return Ok(Ok(()));
    }
    let packed = Modules::built(tree)?.pack(Wanted::All)?;
    if packed.names.is_empty() {
        return Ok(Ok(()));
    }
    match fs::write(&path, packed.archive) {
        Ok(()) => Ok(Ok(())),
        Err(e) if matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            // Half an archive is none.
            let _ = fs::remove_file(&path);
            Ok(Err(format!("there is no room for {}: {e}", path.display())))
        }
        Err(e) => Err(Error::io("write", &path, e)),
    }
}
