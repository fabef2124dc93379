//! Which files and folders are no part of what is built: what version control, editors and Python keep for themselves.

use std::fs::{DirEntry, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Is the file or folder at `path`, relative to a source tree, no part of what is built? Each of these is written to
/// while its user works, or while an editor is merely open, and a build has no reason to read it:
///
/// - what version control keeps: a build at most asks for the commit, which names the product and changes
///   nothing in it;
/// - copies that editors make of what they edit, and their marks of what is open: of Emacs `x~`, `#x#` and `.#x`, of vim
///   `x~` and `.x.swp` (and see [`is_probe`]), of JetBrains `x___jb_tmp___`, of GNOME `.goutputstream-x`, of Kate
///   `.x.kate-swp`. They are there for moments, and what is edited is watched itself;
/// - what editors, language servers and desktops know of a folder: nobody but these knows the names;
/// - what Python makes of its sources, and makes again where they are newer;
/// - what NFS keeps of a file that was removed while it was open.
pub(super) fn is_nothing_to_a_build(path: &Path) -> bool {
    const NAMES: &[&[u8]] = &[
        b".git",
        b".hg",
        b".svn",
        b"__pycache__",
        b".ccls-cache",
        b".clangd",
        b".idea",
        b".vscode",
        b".DS_Store",
    ];
    const BEGINS: &[&[u8]] = &[b".#", b".goutputstream-", b".nfs0"];
    const ENDS: &[&[u8]] = &[
        b"~",
        b".pyc",
        b".swp",
        b".swo",
        b".swn",
        b".swx",
        b".kate-swp",
        b"___jb_tmp___",
        b"___jb_old___",
    ];
    let Some(name) = path.file_name().map(OsStrExt::as_bytes) else {
        return false;
    };
    let is_autosave = name.len() > 2 && name.starts_with(b"#") && name.ends_with(b"#");
    NAMES.contains(&name)
        || BEGINS.iter().any(|begin| name.starts_with(begin))
        || ENDS.iter().any(|end| name.ends_with(end))
        || is_autosave
        || path.ends_with(".cache/clangd")
}

/// Is it the empty file `4913`, by which vim tries whether it may write to the folder, or has it gone by now? One
/// with something in it is somebody's.
pub(super) fn is_probe(entry: &DirEntry) -> bool {
    let is_empty = |meta: Metadata| meta.is_file() && meta.len() == 0;
    entry.file_name() == "4913" && entry.metadata().map_or(true, is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_editor_that_is_open_leaves_nothing_that_is_built() {
        for path in [
            ".cache/clangd",
            "mm/#slab.c#",
            "mm/.#slab.c",
            "mm/.slab.c.swp",
            "mm/slab.c___jb_tmp___",
            "mm/slab.c___jb_old___",
            "mm/.goutputstream-AB12",
            ".idea",
            ".vscode",
        ] {
            assert!(is_nothing_to_a_build(Path::new(path)), "{path}");
        }
        for path in [
            "mm/slab.c",
            ".cache",
            "clangd",
            "#",
            "##",
            "49130",
            ".config",
            "",
        ] {
            assert!(!is_nothing_to_a_build(Path::new(path)), "{path}");
        }
    }
}
