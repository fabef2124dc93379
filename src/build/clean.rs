//! Removes what failed from a build tree, so that make makes it from clean objects.

use std::fs;
use std::path::{Component, Path, PathBuf};

use super::failure::Failure;
use crate::error::unless_absent;
use crate::{Error, Result};

/// What Kbuild links from other objects, wherever it is: if a link failed, one of these may be at fault.
const LINKED: [&str; 6] = [
    "built-in.a",
    "built-in.o",
    "lib.a",
    "vmlinux.a",
    "vmlinux.o",
    "vmlinux",
];

/// What Kbuild's links of the kernel leave, at the top of the tree.
const PARTIAL_LINK: &str = ".tmp_vmlinux";

/// Where Kbuild keeps programs of its own: what was made with them would be made anew.
const TOOLS: [&str; 2] = ["tools", "scripts"];

/// Removes the targets that make names and, if a link failed, the objects that the linker names and what Kbuild
/// links; but not `config`, a path in the tree, nor what is outside of the tree.
///
/// # Errors
/// A file cannot be removed.
pub(super) fn remove_failed(tree: &Path, config: &Path, failure: &Failure) -> Result<()> {
    let mut files: Vec<PathBuf> = failure.targets().map(PathBuf::from).collect();
    let mut links = failure.links().peekable();
    if links.peek().is_some() {
        files.extend(links.flat_map(objects_in));
        find_links(tree, Path::new(""), &mut files);
    }
    for file in files {
        let Some(path) = within(tree, &file).filter(|path| *path != tree.join(config)) else {
            continue;
        };
        if fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_file()) {
            unless_absent(fs::remove_file(&path)).map_err(|e| Error::io("remove", &path, e))?;
        }
    }
    Ok(())
}

/// Names of objects and archives in a line.
fn objects_in(line: &str) -> impl Iterator<Item = PathBuf> {
    let ends = |c: char| c.is_whitespace() || ":()[]`'\",;".contains(c);
    let words = line.split(ends);
    let is_object = |word: &&str| [".o", ".a", ".ko"].iter().any(|end| word.ends_with(end));
    words.filter(is_object).map(PathBuf::from)
}

/// The place in the tree of what is named so, without a look at what is there.
fn within(tree: &Path, file: &Path) -> Option<PathBuf> {
    let inner = file.strip_prefix(tree).unwrap_or(file);
    let is_plain = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    (inner.components().all(is_plain) && inner.file_name().is_some()).then(|| tree.join(inner))
}

fn find_links(tree: &Path, folder: &Path, found: &mut Vec<PathBuf>) {
    // What cannot be looked at cannot be removed either.
    let Ok(entries) = fs::read_dir(tree.join(folder)) else {
        return;
    };
    let is_top = folder.as_os_str().is_empty();
    for entry in entries.flatten() {
        let name = entry.file_name();
        let is = |names: &[&str]| names.iter().any(|n| name == *n);
        let is_partial = is_top && name.to_string_lossy().starts_with(PARTIAL_LINK);
        // Does not follow links.
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            if !(is_top && is(&TOOLS)) {
                find_links(tree, &folder.join(&name), found);
            }
        } else if is(&LINKED) || is_partial {
            found.push(folder.join(&name));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Removes what failed from a tree of these files; what is left.
    fn left(files: &[&str], errors: &[&str], makes: &[&str]) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree");
        for file in files {
            let path = tree.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let owned = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        let failure = Failure {
            errors: owned(errors),
            makes: owned(makes),
            ..Failure::default()
        };
        remove_failed(&tree, Path::new(".config"), &failure).unwrap();
        let is_left = |file: &&&str| tree.join(file).exists();
        files.iter().filter(is_left).map(|&f| f.into()).collect()
    }

    #[test]
    fn what_make_could_not_make_goes() {
        let makes = [
            "make[2]: *** [scripts/Makefile.build:250: fs/x.o] Error 1",
            "make[1]: *** [Makefile:9: fs] Error 2",
        ];
        let files = ["fs/x.o", "fs/y.o", "built-in.a", "vmlinux"];
        assert_eq!(
            left(&files, &["a.c:1: error: x"], &makes),
            ["fs/y.o", "built-in.a", "vmlinux"]
        );
    }

    #[test]
    fn after_a_failed_link_what_was_linked_and_what_the_linker_names_goes() {
        let files = [
            "fs/x.o",
            "fs/y.o",
            "fs/built-in.a",
            ".tmp_vmlinux.kallsyms1",
            "vmlinux.o",
            "tools/lib/lib.a",
        ];
        let error = "ld: fs/x.o: in function `f': x.c:(.text+0x1): undefined reference to `g'";
        assert_eq!(left(&files, &[error], &[]), ["fs/y.o", "tools/lib/lib.a"]);
    }

    #[test]
    fn the_configuration_and_what_is_elsewhere_stays() {
        let makes = ["make: *** [Makefile:1: .config] Error 1"];
        assert_eq!(left(&[".config"], &[], &makes), [".config"]);
        let tree = Path::new("/trees/t");
        for name in ["/etc/passwd", "../u/x.o", "a/../../x.o", "/", ".", ""] {
            assert_eq!(within(tree, Path::new(name)), None, "{name}");
        }
        let inside = Some(PathBuf::from("/trees/t/x.o"));
        for name in ["/trees/t/x.o", "x.o", "./x.o"] {
            assert_eq!(within(tree, Path::new(name)), inside, "{name}");
        }
    }
}
