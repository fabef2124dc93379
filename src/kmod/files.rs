//! Modules in a folder: installed ones, or those of a build.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::info::{self, Info, plain};
use super::{Packed, Unmet, Wanted, archive, order, strip};
use crate::input::Packing;
use crate::{Error, Result};

/// The list of modules in the order in which they are linked, or would be if they were built in.
const ORDER: &str = "modules.order";

/// The list of what would be modules and is built in.
pub(super) const BUILT_IN: &str = "modules.builtin";

/// The modules of one kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Modules {
    /// The file of each, by its plain name.
    files: BTreeMap<String, PathBuf>,
    /// Their names, in the order of [`ORDER`], then those that it does not have.
    names: Vec<String>,
    /// The names of those that are built in.
    built_in: BTreeSet<String>,
    /// Other names of modules, from `modules.alias`.
    aliases: BTreeMap<String, Vec<String>>,
}

impl Modules {
    /// Those that are installed in `folder`, `lib/modules/VERSION`.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn installed(folder: &Path) -> Result<Self> {
        let mut found = all_files(folder)?;
        let place = |path: &PathBuf| {
            let path = path.strip_prefix(folder).unwrap_or(path);
            // What was added replaces what came with the kernel, as for depmod.
            let is_added = path.starts_with("updates") || path.starts_with("extra");
            (!is_added, path.to_owned())
        };
        found.sort_by_key(place);
        let mut files = BTreeMap::new();
        for path in &found {
            if let Some(name) = name_of(path) {
                files.entry(name).or_insert_with(|| path.clone());
            }
        }
        let list = |name: &str| String::from_utf8_lossy(&list(&folder.join(name))).into_owned();
        let names = |text: &str| -> Vec<String> {
            text.lines().filter_map(|l| name_of(Path::new(l))).collect()
        };
        let built_in = names(&list(BUILT_IN)).into_iter().collect();
        let mut aliases: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in list("modules.alias").lines() {
            let mut words = line.split_whitespace();
            if let (Some("alias"), Some(alias), Some(name)) =
                (words.next(), words.next(), words.next())
            {
                let names = aliases.entry(plain(alias)).or_default();
                names.push(plain(name));
            }
        }
        Ok(Self::new(files, names(&list(ORDER)), built_in, aliases))
    }

    /// Those that were built in the build tree `tree`: what its `modules.order` lists. There are none if there is no
    /// such list.
    ///
    /// # Errors
    /// The list cannot be read, or a module that it has is not there.
    pub fn built(tree: &Path) -> Result<Self> {
        let path = tree.join(ORDER);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(Error::io("read", &path, e)),
        };
        let mut files = BTreeMap::new();
        let mut names = Vec::new();
        for line in text.lines() {
            // Since Linux 6.3 it lists the objects; up to 5.2 as they would be installed.
            let listed = tree.join(line).with_extension("ko");
            let short = line.strip_prefix("kernel/");
            let file = match short.map(|line| tree.join(line).with_extension("ko")) {
                Some(short) if !listed.is_file() => short,
                _ => listed,
            };
            if !file.is_file() {
                return Err(Error::failed(format!(
                    "{ORDER} lists a module that was not built: {}",
                    file.display()
                )));
            }
            if let Some(name) = name_of(&file) {
                files.insert(name.clone(), file);
                names.push(name);
            }
        }
        Ok(Self::new(files, names, BTreeSet::new(), BTreeMap::new()))
    }

    fn new(
        files: BTreeMap<String, PathBuf>,
        listed: Vec<String>,
        built_in: BTreeSet<String>,
        aliases: BTreeMap<String, Vec<String>>,
    ) -> Self {
        let mut met = BTreeSet::new();
        let names = listed.into_iter().chain(files.keys().cloned());
        let names = names.filter(|name| files.contains_key(name) && met.insert(name.clone()));
        Self {
            names: names.collect(),
            files,
            built_in,
            aliases,
        }
    }

    /// Are there none?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Packs those that are wanted, and what they depend on.
    ///
    /// # Errors
    /// A module cannot be read or unpacked, or is none.
    pub fn pack(&self, wanted: Wanted<'_>) -> Result<Packed> {
        let wanted: Vec<String> = match wanted {
            Wanted::All => self.names.clone(),
            Wanted::Named(names) => {
                let names: BTreeSet<String> = names.iter().map(|name| plain(name)).collect();
                names.into_iter().collect()
            }
        };
        let (there, absent): (Vec<String>, Vec<String>) = wanted
            .into_iter()
            .partition(|name| self.files.contains_key(name));
        let mut read = BTreeMap::new();
        self.read_all(&there, &mut read)?;
        let needs = self.needs(&read);
        let names = order::in_order(&there, &needs);
        let unmet = self.unmet(&read);
        let contents = |name: &String| {
            // Each was read: `order` has those that were wanted and what they need.
            let (_, bytes) = read.remove(name).unwrap_or_default();
            (name.clone(), strip::without_debugging(bytes))
        };
        let archive = archive::write(names.iter().map(contents).collect())?;
        let absent = absent.into_iter();
        let absent = absent.filter(|name| !self.built_in.contains(name));
        Ok(Packed {
            absent: absent.collect(),
            unmet,
            names,
            archive,
        })
    }

    /// Reads these modules and all that they need.
    fn read_all(
        &self,
        names: &[String],
        read: &mut BTreeMap<String, (Info, Vec<u8>)>,
    ) -> Result<()> {
        let mut left = names.to_vec();
        while let Some(name) = left.pop() {
            let Some(path) = self.files.get(&name).filter(|_| !read.contains_key(&name)) else {
                continue;
            };
            let bytes = contents(path)?;
            let info = info::read(&bytes).ok_or_else(|| {
                Error::failed(format!("{} is no kernel module", path.display()))
                    .hint("it is damaged, or was compressed in a way that is not known")
            })?;
            left.extend(info.depends.iter().cloned());
            left.extend(info.before.iter().flat_map(|name| self.named(name)));
            read.insert(name, (info, bytes));
        }
        Ok(())
    }

    /// What the modules that were read depend on, and is missing.
    fn unmet(&self, read: &BTreeMap<String, (Info, Vec<u8>)>) -> Vec<Unmet> {
        let is_missing =
            |name: &&String| !self.files.contains_key(*name) && !self.built_in.contains(*name);
        let of = |(by, (info, _)): (&String, &(Info, Vec<u8>))| {
            let missing = info.depends.iter().filter(is_missing);
            let unmet = missing.map(|name| Unmet {
                name: name.clone(),
                by: by.clone(),
            });
            unmet.collect::<Vec<_>>()
        };
        let mut unmet: Vec<Unmet> = read.iter().flat_map(of).collect();
        unmet.sort();
        unmet
    }

    /// The modules that a name or an alias stands for.
    fn named(&self, name: &str) -> Vec<String> {
        if self.files.contains_key(name) {
            return vec![name.to_owned()];
        }
        self.aliases.get(name).cloned().unwrap_or_default()
    }

    /// What must be loaded before each of the modules that were read.
    fn needs(&self, read: &BTreeMap<String, (Info, Vec<u8>)>) -> BTreeMap<String, Vec<String>> {
        let mut offered: BTreeMap<String, Vec<&String>> = BTreeMap::new();
        for (name, (info, _)) in read {
            for alias in &info.aliases {
                offered.entry(plain(alias)).or_default().push(name);
            }
        }
        let needed = |(name, (info, _)): (&String, &(Info, Vec<u8>))| {
            let soft = info.before.iter().flat_map(|wish| {
                let offering = offered.get(wish).into_iter().flatten();
                let offering = offering.map(|name| (*name).clone());
                self.named(wish).into_iter().chain(offering)
            });
            let all = info.depends.iter().cloned().chain(soft);
            let all = all.filter(|needed| needed != name && read.contains_key(needed));
            (name.clone(), all.collect())
        };
        read.iter().map(needed).collect()
    }
}

/// The contents of a module, unpacked if it is compressed.
pub(super) fn contents(path: &Path) -> Result<Vec<u8>> {
    let of = fs::metadata(path).map_err(|e| Error::io("read the module", path, e))?;
    // To read a pipe would never end.
    if !of.is_file() {
        return Err(Error::failed(format!(
            "the module {} is no file",
            path.display()
        )));
    }
    let bytes = fs::read(path).map_err(|e| Error::io("read the module", path, e))?;
    match Packing::of(&bytes) {
        None => Ok(bytes),
        Some(packing) => packing.unpack(&bytes).map_err(|e| {
            Error::failed(format!(
                "cannot unpack the module {} ({packing})",
                path.display()
            ))
            .because(e)
        }),
    }
}

/// The plain name of the module in a file of this name. None if it is no module.
pub(super) fn name_of(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let name = [".ko", ".ko.gz", ".ko.xz", ".ko.zst", ".o"]
        .iter()
        .find_map(|end| file.strip_suffix(end))?;
    Some(plain(name))
}

/// The contents of a list that depmod or a build made; empty if there is none. To read a pipe would never end.
pub(super) fn list(path: &Path) -> Vec<u8> {
    let is_file = fs::metadata(path).is_ok_and(|of| of.is_file());
    let bytes = is_file.then(|| fs::read(path).ok()).flatten();
    bytes.unwrap_or_default()
}

/// The folders of modules beside which `build` and `source` lead out of the folder.
const FOLDERS: [&str; 3] = ["kernel", "updates", "extra"];

/// All files of modules in `folder`. Its folders of modules may be links to folders; no other link to one is followed.
pub(super) fn all_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    walk(folder, &mut found)?;
    for name in FOLDERS {
        let below = folder.join(name);
        // Of others the files were found.
        if below.is_symlink() && below.is_dir() {
            walk(&below, &mut found)?;
        }
    }
    Ok(found)
}

/// All files below `folder`, without those that links to folders lead to.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let wrong = |e| Error::io("read the folder of modules", folder, e);
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        if entry.file_type().map_err(wrong)?.is_dir() {
            walk(&entry.path(), found)?;
        } else {
            found.push(entry.path());
        }
    }
    Ok(())
}
