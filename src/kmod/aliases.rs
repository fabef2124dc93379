//! What a running kernel has of its modules, built in or loaded, and which of them answer to an alias: to the name of a
//! device, a filesystem, a family of sockets.
//!
//! Modules say it themselves (`.modinfo`), and `modules.builtin.modinfo` says it of what is built in: no depmod is needed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::files::{BUILT_IN, all_files, contents, list, name_of};
use super::info;
use super::pattern::{fits, plain};
use crate::Result;

/// What is built in says of itself, all in one.
const OF_BUILT_IN: &str = "modules.builtin.modinfo";

/// The folder of the modules that came with the kernel.
const OWN: &str = "kernel";

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Present {
    /// By plain name.
    modules: BTreeMap<String, Module>,
}

/// One that is present.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Module {
    /// The path of its object in the source.
    object: String,
    /// Its aliases, in the form in which they are compared.
    aliases: Vec<String>,
}

impl Present {
    /// Of the kernel whose modules are installed in `folder` (`lib/modules/VERSION`): what is built in, and of its own
    /// modules those that are loaded. Names that it does not have are passed over, and so are modules that cannot be
    /// read.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn of(folder: &Path, loaded: &BTreeSet<String>) -> Result<Self> {
        let loaded: BTreeSet<String> = loaded.iter().map(|name| info::plain(name)).collect();
        let mut modules = built_in(folder);
        for path in all_files(folder)? {
            let name = name_of(&path).filter(|name| loaded.contains(name));
            let (Some(name), Ok(within)) = (name, path.strip_prefix(folder.join(OWN))) else {
                continue;
            };
            let info = contents(&path).ok().and_then(|bytes| info::read(&bytes));
            let Some(info) = info else { continue };
            let module = Module {
                object: object_of(within),
                aliases: info.aliases.iter().map(|alias| plain(alias)).collect(),
            };
            modules.insert(name, module);
        }
        Ok(Self { modules })
    }

    /// The object of the module of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&str> {
        let module = self.modules.get(&info::plain(name))?;
        Some(&module.object)
    }

    /// The objects of those that answer to an alias.
    pub fn answering(&self, alias: &str) -> impl Iterator<Item = &str> {
        let alias = plain(alias);
        let answers = move |module: &&Module| module.aliases.iter().any(|of| fits(of, &alias));
        let modules = self.modules.values().filter(answers);
        modules.map(|module| module.object.as_str())
    }
}

/// What is built in, with what it says of itself.
fn built_in(folder: &Path) -> BTreeMap<String, Module> {
    let list = |name: &str| list(&folder.join(name));
    let mut modules = BTreeMap::new();
    for line in String::from_utf8_lossy(&list(BUILT_IN)).lines() {
        let path = Path::new(line);
        if let (Some(name), Ok(within)) = (name_of(path), path.strip_prefix(OWN)) {
            let object = object_of(within);
            let aliases = Vec::new();
            modules.insert(name, Module { object, aliases });
        }
    }
    for entry in list(OF_BUILT_IN).split(|byte| *byte == 0) {
        let entry = String::from_utf8_lossy(entry);
        if let Some((name, rest)) = entry.split_once('.')
            && let Some(alias) = rest.strip_prefix("alias=")
            && let Some(module) = modules.get_mut(&info::plain(name))
        {
            module.aliases.push(plain(alias));
        }
    }
    modules
}

/// `drivers/net/virtio_net.o` of `drivers/net/virtio_net.ko.xz`.
fn object_of(path: &Path) -> String {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = file.split_once(".ko").map_or(&*file, |(stem, _)| stem);
    let object: PathBuf = path.with_file_name(format!("{stem}.o"));
    object.to_string_lossy().into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::tests::{module, put};
    use super::*;

    #[test]
    fn what_is_built_in_or_loaded_answers_to_its_aliases_and_the_rest_is_silent() {
        let dir = tempfile::tempdir().unwrap();
        let put = |file: &str, bytes: &[u8]| put(dir.path(), file, bytes);
        let net = module(&["alias=virtio:d00000001v*", "alias=net-card"]);
        put("kernel/drivers/net/virtio-net.ko", &net);
        put(
            "kernel/drivers/block/virtio_blk.ko",
            &module(&["alias=virtio:d00000002v*"]),
        );
        put("updates/other.ko", &module(&["alias=virtio:d*"]));
        put("kernel/fs/broken.ko", b"half");
        put(
            BUILT_IN,
            b"kernel/fs/ext4/ext4.ko\nkernel/net/unix/unix.ko\n../odd.ko\n",
        );
        put(
            OF_BUILT_IN,
            b"ext4.alias=fs-ext4\0ext4.file=fs/ext4/ext4\0unix.alias=net-pf-1\0gone.alias=fs-x\0\xff",
        );
        let loaded = ["virtio_net", "broken", "other", "nowhere"].map(str::to_owned);
        let present = Present::of(dir.path(), &loaded.into()).unwrap();
        let of = |alias: &str| present.answering(alias).collect::<Vec<_>>().join(" ");
        assert_eq!(of("virtio:d00000001v00001AF4"), "drivers/net/virtio-net.o");
        assert_eq!(of("net_card"), "drivers/net/virtio-net.o");
        assert_eq!(of("fs-ext4"), "fs/ext4/ext4.o");
        assert_eq!(of("net-pf-1"), "net/unix/unix.o");
        for alias in ["virtio:d00000002v00001AF4", "net-pf-10", "fs-x", ""] {
            assert_eq!(of(alias), "", "{alias}");
        }
        assert_eq!(
            present.named("virtio-net"),
            Some("drivers/net/virtio-net.o")
        );
        assert_eq!(present.named("virtio_blk"), None);
        // A package may have no lists.
        let empty = tempfile::tempdir().unwrap();
        let present = Present::of(empty.path(), &BTreeSet::new()).unwrap();
        assert_eq!(present, Present::default());
    }
}
