//! Which objects Kbuild puts into an image, read from its makefiles.
//!
//! `obj-$(CONFIG_X) += foo.o bar/` and what goes with it, as `scripts/Makefile.lib` and
//! `Documentation/kbuild/makefiles.rst` say. What a makefile adds by rules of its own is not seen.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::makefile::{Makefile, Scope};
use crate::model::{Config, Symbol, Tristate, Value};

/// Folders are within each other; by mistake, within themselves.
const DEEPEST: usize = 40;

/// The makefiles of a source, read as they are needed.
#[derive(Debug)]
pub struct Kbuild {
    source: PathBuf,
    /// What `arch` has a folder of.
    arch: String,
    files: Mutex<HashMap<PathBuf, Option<Arc<Makefile>>>>,
}

/// Beginnings of the top makefile's lists.
const TOP: &[&str] = &["core-", "drivers-", "net-", "libs-", "virt-"];

impl Kbuild {
    /// The makefiles in `source`, for this `ARCH`.
    #[must_use]
    pub fn new(source: &Path, arch: &str) -> Self {
        // As the top makefile has it.
        let arch = match arch {
            "i386" | "x86_64" => "x86",
            "sparc32" | "sparc64" => "sparc",
            "parisc64" => "parisc",
            other => other,
        };
        Self {
            source: source.to_owned(),
            arch: arch.to_owned(),
            files: Mutex::default(),
        }
    }

    /// The objects of C and assembler sources that are in the image of this config; paths in the
    /// tree. None at all if the top makefile is none of Linux's.
    #[must_use]
    pub fn objects(&self, config: &Config) -> BTreeSet<String> {
        let outside = |name: &str| self.outside(name, config);
        let files = |path: &str| {
            let path = path.strip_prefix("./").unwrap_or(path);
            self.makefile(Path::new(path))
        };
        let mut scope = Scope::new(&outside, &files);
        if let Some(makefile) = files("Makefile") {
            // Of the rest of it there is nothing that is wanted, and much that is odd.
            scope.assign_only(&makefile, |name| {
                TOP.iter().any(|top| name.starts_with(top))
            });
        }
        if let Some(makefile) = files(&format!("arch/{}/Makefile", self.arch)) {
            scope.run(&makefile);
        }
        let list = |names: &[&str]| {
            let lists: Vec<String> = names.iter().map(|name| scope.value(name)).collect();
            lists.join(" ")
        };
        let (core, libs) = (list(&["core-y"]), list(&["libs-y"]));
        let drivers = list(&["drivers-y", "net-y", "virt-y"]);
        let mut walk = Walk {
            outside: &|name| match name {
                "ARCH_CORE" => Some(core.clone()),
                "ARCH_LIB" => Some(libs.clone()),
                "ARCH_DRIVERS" => Some(drivers.clone()),
                _ => outside(name),
            },
            files: &files,
            seen: BTreeSet::new(),
            found: BTreeSet::new(),
        };
        // Before Linux 6.1 the lists of the top makefile had all folders.
        for folder in format!("{core} {libs} {drivers}").split_whitespace() {
            if let Some(folder) = folder.strip_suffix('/') {
                walk.folder(folder, 0);
            }
        }
        walk.folder("", 0);
        walk.found
    }

    fn outside(&self, name: &str, config: &Config) -> Option<String> {
        if let Some(symbol) = name.strip_prefix("CONFIG_") {
            let value = config.get(&Symbol::new(symbol).ok()?);
            return match value {
                Value::Tristate(Tristate::N) => None,
                Value::Tristate(Tristate::M) => Some("m".to_owned()),
                Value::Tristate(Tristate::Y) => Some("y".to_owned()),
                Value::Number(text) | Value::Text(text) => Some(text.clone()),
            };
        }
        let is_64 = || Symbol::new("64BIT").is_ok_and(|symbol| !config.get(&symbol).is_no());
        match name {
            "SRCARCH" => Some(self.arch.clone()),
            "srctree" | "objtree" => Some(".".to_owned()),
            "BITS" => Some(if is_64() { "64" } else { "32" }.to_owned()),
            _ => None,
        }
    }

    /// Nothing when there is no such file in the source.
    fn makefile(&self, path: &Path) -> Option<Arc<Makefile>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = files.get(path) {
            return known.clone();
        }
        let text = fs::read(self.source.join(path)).ok();
        let makefile = text.map(|text| Arc::new(Makefile::parse(&String::from_utf8_lossy(&text))));
        files.insert(path.to_owned(), makefile.clone());
        makefile
    }
}

struct Walk<'a> {
    outside: &'a dyn Fn(&str) -> Option<String>,
    files: &'a dyn Fn(&str) -> Option<Arc<Makefile>>,
    seen: BTreeSet<String>,
    found: BTreeSet<String>,
}

impl Walk<'_> {
    /// Adds what a folder and those below it give.
    fn folder(&mut self, folder: &str, depth: usize) {
        if depth > DEEPEST || !self.seen.insert(folder.to_owned()) {
            return;
        }
        let (here, files) = if folder.is_empty() {
            // The makefile beside it is the top one, with other things in it.
            (".", &["Kbuild"][..])
        } else {
            (folder, &["Kbuild", "Makefile"][..])
        };
        let mut files = files.iter().map(|name| format!("{here}/{name}"));
        let makefile = files.find_map(|path| (self.files)(&path));
        let Some(makefile) = makefile else { return };
        let mut scope = Scope::new(self.outside, self.files);
        scope.set("obj", here);
        scope.set("src", here);
        scope.run(&makefile);
        let mut below = Vec::new();
        for list in ["obj-y", "lib-y", "extra-y"] {
            for word in scope.value(list).split_whitespace() {
                if let Some(name) = word.strip_suffix('/') {
                    below.push(join(folder, name));
                } else if word.ends_with(".o") {
                    self.object(&scope, folder, word);
                }
            }
        }
        drop(scope);
        for folder in below.into_iter().flatten() {
            self.folder(&folder, depth + 1);
        }
    }

    /// Adds an object, or those that it is put together from.
    fn object(&mut self, scope: &Scope<'_>, folder: &str, object: &str) {
        let stem = object.strip_suffix(".o").unwrap_or(object);
        let parts = ["-objs", "-y"].map(|suffix| scope.value(&format!("{stem}{suffix}")));
        let parts: Vec<&str> = parts.iter().flat_map(|p| p.split_whitespace()).collect();
        let is_composite = !parts.is_empty() || !scope.value(&format!("{stem}-")).trim().is_empty();
        let objects = if is_composite { parts } else { vec![object] };
        for object in objects.into_iter().filter(|object| object.ends_with(".o")) {
            self.found.extend(join(folder, object));
        }
    }
}

/// The path of `name` in `folder`; nothing when it leads out of the tree.
fn join(folder: &str, name: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(name.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn config(symbols: &[&str]) -> Config {
        let set = |s: &&str| (Symbol::new(s).unwrap(), Value::YES);
        symbols.iter().map(set).collect()
    }

    fn source(files: &[(&str, &str)]) -> (tempfile::TempDir, Kbuild) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let kbuild = Kbuild::new(dir.path(), "x86_64");
        (dir, kbuild)
    }

    fn names(kbuild: &Kbuild, symbols: &[&str]) -> String {
        let objects: Vec<String> = kbuild.objects(&config(symbols)).into_iter().collect();
        objects.join(" ")
    }

    #[test]
    fn objects_are_found_through_the_folders_that_are_entered() {
        let (_dir, kbuild) = source(&[
            (
                "Makefile",
                "VERSION = 6\nlibs-y := lib/\nifdef odd\nendif\n",
            ),
            (
                "arch/x86/Makefile",
                "libs-y += arch/x86/lib/\ndrivers-$(CONFIG_PCI) += arch/x86/pci/\n",
            ),
            (
                "Kbuild",
                "obj-y += kernel/ $(ARCH_LIB)\nobj-$(CONFIG_NET) += net/\nobj-y += $(ARCH_DRIVERS)\n",
            ),
            (
                "kernel/Makefile",
                "obj-y = fork.o\nobj-$(CONFIG_SMP) += smp.o\n",
            ),
            ("net/Makefile", "obj-y := core/ ../kernel/net.o\n"),
            ("net/core/Kbuild", "obj-y := sock.o\n"),
            ("lib/Makefile", "lib-y := string.o\n"),
            (
                "arch/x86/lib/Makefile",
                "lib-y := copy_$(BITS).o\nextra-y := head.o\n",
            ),
            ("arch/x86/pci/Makefile", "obj-y := early.o\n"),
        ]);
        assert_eq!(
            names(&kbuild, &["64BIT"]),
            "arch/x86/lib/copy_64.o arch/x86/lib/head.o kernel/fork.o lib/string.o"
        );
        assert_eq!(
            names(&kbuild, &["NET", "PCI", "SMP"]),
            "arch/x86/lib/copy_32.o arch/x86/lib/head.o arch/x86/pci/early.o kernel/fork.o \
             kernel/net.o kernel/smp.o lib/string.o net/core/sock.o"
        );
    }

    #[test]
    fn an_object_may_be_put_together_from_others() {
        let (_dir, kbuild) = source(&[
            ("Kbuild", "obj-y := fs/\n"),
            (
                "fs/Makefile",
                "obj-y := ext4.o plain.o none.o\next4-y := a.o b/c.o\n\
                 ext4-$(CONFIG_ACL) += acl.o\nnone-$(CONFIG_ACL) := d.o\n",
            ),
        ]);
        assert_eq!(names(&kbuild, &[]), "fs/a.o fs/b/c.o fs/plain.o");
        assert_eq!(
            names(&kbuild, &["ACL"]),
            "fs/a.o fs/acl.o fs/b/c.o fs/d.o fs/plain.o"
        );
    }

    #[test]
    fn what_is_no_linux_has_no_objects_and_circles_come_to_an_end() {
        let (_dir, kbuild) = source(&[("Makefile", "all:\n\techo obj-y\n")]);
        assert_eq!(names(&kbuild, &[]), "");
        let (_dir, kbuild) = source(&[
            ("Kbuild", "obj-y := ./ a/ ../x.o ../../\ninclude Kbuild\n"),
            (
                "a/Kbuild",
                "obj-y = $(obj-y) ../a/ ../ y.o\nobj-y += $(obj-y)\n",
            ),
        ]);
        assert_eq!(names(&kbuild, &[]), "a/y.o");
    }
}
