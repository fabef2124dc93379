//! The archive of modules: a part of an initramfs.

use std::io::Cursor;

use cpio::newc::{Builder, ModeFileType};

use crate::{Error, Result};

/// The folder in which the guest finds its modules.
const FOLDER: &str = "modules";

/// An archive with these modules, names and contents, in this order.
pub(super) fn write(modules: Vec<(String, Vec<u8>)>) -> Result<Vec<u8>> {
    let entry = |name: &str, kind, permissions| {
        let header = Builder::new(name).mode(permissions);
        header.set_mode_file_type(kind)
    };
    let mut entries = vec![(
        entry(FOLDER, ModeFileType::Directory, 0o755),
        Cursor::new(Vec::new()),
    )];
    for (number, (name, contents)) in modules.into_iter().enumerate() {
        let name = format!("{FOLDER}/{number:04}-{name}.ko");
        let header = entry(&name, ModeFileType::Regular, 0o644);
        entries.push((header, Cursor::new(contents)));
    }
    let mut bytes = cpio::write_cpio(entries.into_iter(), Vec::new())
        .map_err(|e| Error::failed("cannot make an archive of the modules").because(e))?;
    // So that another archive may follow: the kernel looks for it at a multiple of 4.
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    Ok(bytes)
}
