//! Files that a build leaves in the source tree, where it should write nothing.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::changes::names;
use crate::{Error, Result};

use super::source::SourceTree;

/// How many files a command may name.
const FEW: usize = 8;

/// How a project is built, as far as it matters here.
#[derive(Debug, Clone, Copy)]
pub struct Building<'a> {
    /// The product's path in the build tree.
    pub product: &'a Path,
    /// The variable that tells make where the build tree is.
    pub output_variable: &'a str,
}

impl Building<'_> {
    /// Is this what a build should have written to the build tree: a configuration, an object, the product?
    fn is_output(&self, path: &Path) -> bool {
        let bytes = path.as_os_str().as_bytes();
        let name = path.file_name().map_or(&[][..], OsStr::as_bytes);
        let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end.as_bytes()));
        path == self.product
            || path.file_name() == self.product.file_name()
            || bytes.starts_with(b"include/config")
            || bytes.starts_with(b"include/generated/")
            || name.starts_with(b".config")
            || name == b"auto.conf"
            || name == b"autoconf.h"
            || ends(&[".o", ".a", ".ko", ".cmd", ".d"])
    }

    /// Files that a build of the tree added. If some of them belong into the build tree, all trials would build
    /// in one place.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is so; the error names the files.
    pub fn check(&self, root: &Path, added: &[PathBuf]) -> Result<()> {
        let output: Vec<PathBuf> = added
            .iter()
            .filter(|p| self.is_output(p))
            .cloned()
            .collect();
        if output.is_empty() {
            return Ok(());
        }
        // Those that say most come first.
        let others = added.iter().filter(|p| !output.contains(p)).cloned();
        let all: Vec<PathBuf> = output.iter().cloned().chain(others).collect();
        Err(Error::usage(format!(
            "the build of this project writes to its source tree {}: {}",
            root.display(),
            names(&all)
        ))
        .hint(self.hint(root, &all)))
    }

    /// The source tree is not clean: who left what.
    #[must_use]
    pub fn not_clean(&self, root: &Path, left: &[PathBuf]) -> Option<Error> {
        let there: Vec<PathBuf> = left
            .iter()
            .filter(|p| root.join(p).exists())
            .cloned()
            .collect();
        if there.is_empty() {
            return None;
        }
        let error = Error::usage(format!(
            "the source tree {} is not clean: an earlier build of it left {}",
            root.display(),
            names(&there)
        ));
        Some(error.hint(self.hint(root, &there)))
    }

    fn hint(&self, root: &Path, paths: &[PathBuf]) -> String {
        let variable = self.output_variable.escape_debug();
        let text = format!(
            "make is told where to build by `{variable}=`: is `output-variable` in [project] right? "
        );
        let quote =
            |path: &PathBuf| format!("'{}'", path.display().to_string().replace('\'', "'\\''"));
        if paths.len() <= FEW {
            let files: Vec<String> = paths.iter().map(quote).collect();
            text + &format!(
                "Then: cd {} && rm {}",
                quote(&root.to_owned()),
                files.join(" ")
            )
        } else {
            text + &format!("Then remove what it left in {}", root.display())
        }
    }
}

/// What a build left in the source, for people; they need not do anything.
#[must_use]
pub fn left_by_build(source: &SourceTree, paths: &[PathBuf]) -> String {
    format!(
        "the build of this project writes to its source tree {}: {}. From here on that is part of the source",
        source.root().display(),
        names(paths)
    )
}

/// What builds write in the source each time, for people; they need not do anything.
#[must_use]
pub fn written_by_builds(source: &SourceTree, paths: &[PathBuf]) -> String {
    format!(
        "each build of this project writes to its source tree {}: {}. While this run goes on, an edit of these files is not noticed if it is undone",
        source.root().display(),
        names(paths)
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_build_in_the_source_tree_is_told_from_a_file_that_is_left() {
        let building = Building {
            product: Path::new("arch/boot/image"),
            output_variable: "OUT",
        };
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let root = Path::new("/src");
        building.check(root, &paths(&["version.h"])).unwrap();
        for output in [
            ".config",
            "image",
            "a/b.o",
            "include/config/auto.conf",
            "a/.b.o.cmd",
        ] {
            let error = building
                .check(root, &paths(&["version.h", output]))
                .unwrap_err();
            let expected = format!("source tree /src: {output}, version.h");
            assert!(error.to_string().ends_with(&expected), "{error}");
            assert!(error.hint_text().unwrap().contains("`OUT=`"));
        }
    }
}
