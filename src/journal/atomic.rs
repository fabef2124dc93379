//! Files that are replaced whole or not at all.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::{Error, Result};

/// How the names of files begin that are being written.
pub(super) const TEMPORARY: &str = ".kbisect-new-";

/// Writes `bytes` to `path`. Whoever reads it, also after a crash or a power loss, sees the old
/// content or the new one, never a part.
///
/// # Errors
/// When the file cannot be written. The old one is as it was.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let dir = folder_of(path);
        let mut file = tempfile::Builder::new()
            .prefix(TEMPORARY)
            // As for any new file, the umask takes away from that.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(dir)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|e| e.error)?;
        sync_dir(dir)
    };
    write().map_err(|e| Error::io("write", path, e))
}

/// The folder that `path` is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if dir != Path::new("") => dir,
        _ => Path::new("."),
    }
}

/// Makes names that were made or changed in `dir` safe.
pub(super) fn sync_dir(dir: &Path) -> std::io::Result<()> {
    File::open(dir)?.sync_all()
}
