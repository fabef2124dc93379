//! The objects that Kbuild puts into an image, read from its makefiles.
//!
//! `obj-$(CONFIG_X) += foo.o bar/` and what goes with it, as `scripts/Makefile.lib` and
//! `Documentation/kbuild/makefiles.rst` say. What a makefile adds by rules of its own is not seen.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::make_scope::Scope;
use super::makefile::{Line, Makefile};
use super::remembered::Remembered;
use super::walk::{Listed, Walk, Walked};
use crate::model::{Config, Symbol, Tristate, Value};

/// The makefiles of a source, read as they are needed.
#[derive(Debug)]
pub struct Kbuild {
    source: PathBuf,
    /// What `arch` has a folder of.
    arch: String,
    files: Mutex<HashMap<PathBuf, Option<Arc<Makefile>>>>,
    /// The lists of the top makefile and the architecture's: what is at the core, libraries, drivers.
    top: Remembered<[String; 3]>,
    folders: Remembered<Listed>,
    /// The last walk through all folders.
    last: Mutex<Option<Arc<Walked>>>,
}

/// Beginnings of the top makefile's lists.
const TOP: &[&str] = &["core-", "drivers-", "net-", "libs-", "virt-"];

/// The folder below `arch` for this `ARCH`, as Linux's top makefile has it.
#[must_use]
pub fn arch_folder(arch: &str) -> &str {
    match arch {
        "i386" | "x86_64" => "x86",
        "sparc32" | "sparc64" => "sparc",
        "parisc64" => "parisc",
        other => other,
    }
}

impl Kbuild {
    /// The makefiles in `source`, for this `ARCH`.
    #[must_use]
    pub fn new(source: &Path, arch: &str) -> Self {
        Self {
            source: source.to_owned(),
            arch: arch_folder(arch).to_owned(),
            files: Mutex::default(),
            top: Remembered::default(),
            folders: Remembered::default(),
            last: Mutex::default(),
        }
    }

    /// The objects of C and assembler sources that are in the image of this config; paths in the
    /// tree. None at all if the top makefile is none of Linux's.
    #[must_use]
    pub fn objects(&self, config: &Config) -> BTreeSet<String> {
        let outside = |name: &str| self.outside(name, config);
        let files = |path: &str| self.makefile(Path::new(path.strip_prefix("./").unwrap_or(path)));
        let lists = self.top.get("", &outside, |outside| {
            let mut scope = Scope::new(outside, &files);
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
            [
                list(&["core-y"]),
                list(&["libs-y"]),
                list(&["drivers-y", "net-y", "virt-y"]),
            ]
        });
        let [core, libs, drivers] = &lists.value;
        let last = self.last().clone();
        let near = last.as_deref().filter(|last| last.lists == lists.value);
        let near = near.map(|last| (last, last.touched(config)));
        // What differs much is walked through anew, and others that follow may be near to that.
        let near = near.filter(|(last, touched)| touched.len() * 4 < last.given.len());
        let mut walk = Walk {
            known: &self.folders,
            outside: &|name| match name {
                "ARCH_CORE" => Some(core.clone()),
                "ARCH_LIB" => Some(libs.clone()),
                "ARCH_DRIVERS" => Some(drivers.clone()),
                _ => outside(name),
            },
            files: &files,
            near,
            given: HashMap::new(),
        };
        // Before Linux 6.1 the lists of the top makefile had all folders.
        for folder in format!("{core} {libs} {drivers}").split_whitespace() {
            if let Some(folder) = folder.strip_suffix('/') {
                walk.folder(folder, 0);
            }
        }
        walk.folder("", 0);
        let Walk { near, given, .. } = walk;
        if let Some((last, _)) = near
            && let Some(found) = last.found_with(&given)
        {
            return found;
        }
        let walked = Walked::new(config, &lists.value, given);
        let found = walked.found.clone();
        *self.last() = Some(Arc::new(walked));
        found
    }

    /// The options (without `CONFIG_`) by which the makefile beside an object's source lists it, as it is written:
    /// `obj-$(CONFIG_X) += foo.o`. None if it is listed whatever the configuration is.
    #[must_use]
    pub fn options_of(&self, object: &str) -> BTreeSet<String> {
        let path = Path::new(object);
        let is_within = path.components().all(|c| matches!(c, Component::Normal(_)));
        let (Some(folder), Some(file), true) = (path.parent(), path.file_name(), is_within) else {
            return BTreeSet::new();
        };
        let mut makefiles = ["Kbuild", "Makefile"].iter();
        let makefile = makefiles.find_map(|name| self.makefile(&folder.join(name)));
        let lines = makefile.iter().flat_map(|makefile| &makefile.lines);
        let lists = lines.filter_map(|line| match line {
            Line::Assign(name, _, value) if name.starts_with("obj-") => Some((name, value)),
            _ => None,
        });
        let lists = lists.filter(|(_, value)| value.split_whitespace().any(|word| word == file));
        let names = lists.filter_map(|(name, _)| {
            let (_, rest) = name.split_once("$(CONFIG_")?;
            Some(rest.split_once(')')?.0.to_owned())
        });
        names.collect()
    }

    fn last(&self) -> MutexGuard<'_, Option<Arc<Walked>>> {
        // It is replaced as a whole.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
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
    fn the_options_of_an_object_stand_in_the_makefile_beside_it() {
        let (_dir, kbuild) = source(&[
            (
                "drivers/net/Makefile",
                "obj-$(CONFIG_VIRTIO_NET) += virtio_net.o\nobj-$(CONFIG_A) += a.o \\\n\tb.o c/\n\
                 obj-$(subst m,y,$(CONFIG_B)) += b.o\nobj-y += always.o\na-$(CONFIG_C) += part.o\n",
            ),
            ("fs/Kbuild", "obj-$(CONFIG_EXT4_FS) := ext4.o\n"),
        ]);
        let of = |object: &str| {
            let names: Vec<String> = kbuild.options_of(object).into_iter().collect();
            names.join(" ")
        };
        assert_eq!(of("drivers/net/virtio_net.o"), "VIRTIO_NET");
        assert_eq!(of("drivers/net/b.o"), "A B");
        assert_eq!(of("fs/ext4.o"), "EXT4_FS");
        for object in [
            "drivers/net/always.o",
            "drivers/net/part.o",
            "gone/x.o",
            "x.o",
            "/",
            "",
            "..",
        ] {
            assert_eq!(of(object), "", "{object}");
        }
    }

    #[test]
    fn objects_of_modules_are_listed_and_so_are_their_folders() {
        let (_dir, kbuild) = source(&[
            ("Kbuild", "obj-$(CONFIG_NET) += net/\nobj-y += main.o\n"),
            (
                "net/Makefile",
                "obj-$(CONFIG_NET) += card.o one.o\ncard-y := a.o b.o\n",
            ),
        ]);
        let net = (Symbol::new("NET").unwrap(), Value::MODULE);
        let objects = kbuild.objects(&[net].into_iter().collect());
        let objects: Vec<&String> = objects.iter().collect();
        assert_eq!(objects, ["main.o", "net/a.o", "net/b.o", "net/one.o"]);
    }

    #[test]
    fn what_was_listed_before_is_listed_again_for_the_same_values_only() {
        let (_dir, kbuild) = source(&[
            ("Makefile", "libs-$(CONFIG_LIB) := lib/\n"),
            ("Kbuild", "obj-y := net/ $(ARCH_LIB)\n"),
            (
                "net/Makefile",
                "include net/more\nobj-$(CONFIG_A) += a.o\nifdef CONFIG_B\nobj-$(CONFIG_C) += c.o\nendif\n",
            ),
            ("net/more", "obj-$(CONFIG_D) += d.o\n"),
            ("lib/Makefile", "lib-y := string.o\n"),
        ]);
        let all: [&[&str]; 7] = [
            &[],
            &["A"],
            &["C"],
            &["B", "C"],
            &["A", "D"],
            &["LIB"],
            &["A", "B", "C", "D", "LIB"],
        ];
        for _ in 0..2 {
            for symbols in all {
                let afresh = Kbuild::new(&kbuild.source, "x86_64");
                assert_eq!(
                    names(&kbuild, symbols),
                    names(&afresh, symbols),
                    "{symbols:?}"
                );
            }
        }
        // It never asked for C where B was not.
        let known = kbuild.folders.0.lock().unwrap();
        assert_eq!(known["net"].len(), 5);
    }

    #[test]
    fn what_differs_little_from_what_was_listed_before_is_listed_as_if_it_were_the_first() {
        let mut files: Vec<(String, String)> = (0..12)
            .map(|i| {
                let text = format!(
                    "obj-y := own{i}.o ../all.o\nobj-$(CONFIG_A{i}) += a.o a.o\nobj-$(CONFIG_B{i}) += below/\n\
                     obj-$(CONFIG_C{i}) += ../c.o\nobj-$(CONFIG_64BIT) += bits$(BITS).o\n"
                );
                (format!("d{i}/Makefile"), text)
            })
            .collect();
        let below = (0..12).map(|i| {
            let text =
                format!("obj-y := one.o\nobj-$(CONFIG_A{i}) += ../a.o\nobj-$(CONFIG_D) += d.o\n");
            (format!("d{i}/below/Makefile"), text)
        });
        files.extend(below);
        let folders: String = (0..12)
            .map(|i| format!("obj-$(CONFIG_F{i}) += d{i}/\n"))
            .collect();
        files.push(("Kbuild".to_owned(), folders));
        let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (&**p, &**t)).collect();
        let (_dir, kbuild) = source(&files);
        let all: Vec<String> = (0..12)
            .flat_map(|i| ["A", "B", "C", "F"].map(|of| format!("{of}{i}")))
            .chain(["D", "64BIT"].map(str::to_owned))
            .collect();
        let without = |gone: &[usize]| -> Vec<&str> {
            let left = (0..all.len()).filter(|at| !gone.contains(at));
            left.map(|at| &*all[at]).collect()
        };
        for gone in
            (0..all.len()).flat_map(|at| [vec![], vec![at], vec![at, (at * 7 + 3) % all.len()]])
        {
            let symbols = without(&gone);
            let afresh = Kbuild::new(&kbuild.source, "x86_64");
            assert_eq!(
                names(&kbuild, &symbols),
                names(&afresh, &symbols),
                "{gone:?}"
            );
        }
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
