//! Guests of the user: a folder, an archive, a file system in a file, or a list of packages.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::disk::{self, FILES, ROOT_IMAGE, copy, finish, own_files, size_for, with_keys};
use super::ext4::ROOT;
use super::folder::{GuestDir, check_sums, folder_name, hash, write};
use super::format::{Kind, LARGEST_DISK, kind_of, too_large};
use super::grub::{Grub, length};
use super::namespace::system_program;
use super::recipe::{Contents, INIT};
use crate::setup::Setup;
use crate::supervise::{Spec, quote};
use crate::{Error, Result};

/// Part of the version: raise it when what is made of the same files changes.
const FORMAT: u32 = 1;

/// The archive of a guest in memory.
pub(super) const ARCHIVE: &str = "initrd.cpio";

/// A guest of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Own {
    path: PathBuf,
    name: String,
    kind: Kind,
}

impl Own {
    /// What is at `path`, which is read no further than to tell what it is.
    pub(super) fn at(path: &str) -> Result<Self> {
        let real = Path::new(path);
        let absolute = fs::canonicalize(real).map_err(|e| {
            Error::usage(format!("the guest {} cannot be read", real.display())).because(e)
        })?;
        let kind = kind_of(&absolute)?;
        Ok(Self {
            path: absolute,
            name: path.to_owned(),
            kind,
        })
    }

    /// Its path, as it was given.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The recipe, if it is a list of packages.
    pub(super) fn recipe(&self) -> Result<Option<Contents>> {
        if self.kind != Kind::Packages {
            return Ok(None);
        }
        let text = fs::read_to_string(&self.path).map_err(|e| Error::io("read", &self.path, e))?;
        let recipe = Contents::listed(&text).map_err(|e| {
            let text = format!("{}: {e}", self.path.display());
            match e.hint_text() {
                Some(hint) => Error::usage(text).hint(hint),
                None => Error::usage(text),
            }
        })?;
        Ok(Some(recipe))
    }

    /// Its folder, if it is made.
    pub(super) fn made(&self, setup: &Setup<'_>) -> Result<Option<PathBuf>> {
        let path = match self.recipe()? {
            Some(recipe) => disk::folder(setup, PREFIX, &recipe),
            None => setup.cache().join(folder_name(PREFIX, &self.id()?)),
        };
        Ok(path.is_dir().then_some(path))
    }

    /// Its folder; made first if need be.
    pub(super) fn make(&self, setup: &mut Setup<'_>) -> Result<GuestDir> {
        if let Some(recipe) = self.recipe()? {
            return disk::make(setup, PREFIX, &self.name, &recipe);
        }
        let id = self.id()?;
        let folder = folder_name(PREFIX, &id);
        if self.kind == Kind::Archive {
            let path = setup.folder(&folder, |setup, dir| {
                setup.note(&format!("guest {}: copying it", self.name));
                copy(setup, &self.path, &dir.join(ARCHIVE))?;
                check_sums(dir, &[ARCHIVE])
            })?;
            return GuestDir::open(path, id, &[ARCHIVE]);
        }
        let mut path = setup.cache().join(&folder);
        if !path.is_dir() {
            let grub = Grub::get(setup)?;
            path = setup.folder(&folder, |setup, dir| {
                let work = dir.join("work");
                fs::create_dir(&work).map_err(|e| Error::io("make the folder", &work, e))?;
                self.fill(setup, &grub, dir, &work)?;
                fs::remove_dir_all(&work).map_err(|e| Error::io("remove", &work, e))?;
                check_sums(dir, &FILES)
            })?;
        }
        GuestDir::open(path, id, &FILES)
    }

    /// Makes the disk of a folder or an image.
    fn fill(&self, setup: &mut Setup<'_>, grub: &Grub, dir: &Path, work: &Path) -> Result<()> {
        let image = dir.join(ROOT_IMAGE);
        setup.note(&format!("guest {}: making its disk", self.name));
        match self.kind {
            Kind::Folder => ROOT.make(setup, &self.path, &image, size_for(size_of(&self.path)?))?,
            _ => {
                whole(setup, &self.path)?;
                copy(setup, &self.path, &image)?;
                fill_up(&image)?;
            }
        }
        let mut additions = own_files();
        if has(setup, &image, "/etc/ssh")? && has(setup, &image, "/root")? {
            additions = with_keys(setup, additions, dir, work)?;
        }
        additions.make(setup, &image, work)?;
        write(&dir.join("packages"), b"", 0o644)?;
        finish(setup, grub, dir)
    }

    /// Changes with the contents.
    fn id(&self) -> Result<String> {
        let contents = match self.kind {
            Kind::Folder => {
                let mut hasher = blake3::Hasher::new();
                hash_folder(&self.path, &mut hasher)?;
                hasher.finalize()
            }
            _ => {
                let file = File::open(&self.path).map_err(|e| Error::io("read", &self.path, e))?;
                let mut hasher = blake3::Hasher::new();
                hasher
                    .update_reader(file)
                    .map_err(|e| Error::io("read", &self.path, e))?;
                hasher.finalize()
            }
        };
        let format = format!("{FORMAT} {:?}", self.kind);
        let init = match self.kind {
            Kind::Archive => "",
            _ => INIT,
        };
        Ok(hash([
            format.as_bytes(),
            contents.as_bytes().as_slice(),
            init.as_bytes(),
        ]))
    }
}

/// How the name of the folder of such a guest begins.
const PREFIX: &str = "own-";

/// Refuses a damaged file system.
fn whole(setup: &Setup<'_>, image: &Path) -> Result<()> {
    let spec = Spec::new(system_program("e2fsck")?)
        .args(["-f", "-n"])
        .arg(image)
        .env("LC_ALL", "C");
    if setup.run(spec)?.success() {
        return Ok(());
    }
    let kept = setup.apt_failed("e2fsck");
    Err(
        Error::usage(format!("the file system in {} is damaged", image.display()))
            .because(kept)
            .hint(format!(
                "repair it: e2fsck -fy {}",
                quote(&image.display().to_string())
            )),
    )
}

/// Makes the length of an image a multiple of that of a page: a disk has whole sectors.
fn fill_up(image: &Path) -> Result<()> {
    let bytes = length(image)?.next_multiple_of(4096);
    let file = File::options().write(true).open(image);
    file.and_then(|file| file.set_len(bytes))
        .map_err(|e| Error::io("write", image, e))
}

/// Is this path in the file system?
fn has(setup: &Setup<'_>, image: &Path, path: &str) -> Result<bool> {
    let spec = Spec::new(system_program("debugfs")?)
        .args(["-R", &format!("stat {path}")])
        .arg(image);
    let answer = setup.answer(spec)?.unwrap_or_default();
    Ok(answer.contains("Inode:"))
}

/// The bytes of the files in a folder, each rounded up to a block.
fn size_of(folder: &Path) -> Result<u64> {
    let mut sum = 0;
    for (_, path) in entries(folder)? {
        let meta = fs::symlink_metadata(&path).map_err(|e| Error::io("look at", &path, e))?;
        sum += meta.len().next_multiple_of(4096);
        if meta.is_dir() {
            sum += size_of(&path)?;
        }
        if sum > LARGEST_DISK {
            return Err(too_large(folder, sum, LARGEST_DISK).hint("give a folder with less in it"));
        }
    }
    Ok(sum)
}

/// Adds names, owners, permissions and contents of all in a folder.
fn hash_folder(folder: &Path, hasher: &mut blake3::Hasher) -> Result<()> {
    for (name, path) in entries(folder)? {
        let failed = |e| Error::io("read", &path, e);
        let meta = fs::symlink_metadata(&path).map_err(failed)?;
        hasher.update(&name.len().to_le_bytes()).update(&name);
        for number in [
            u64::from(meta.mode()),
            u64::from(meta.uid()),
            u64::from(meta.gid()),
            meta.rdev(),
        ] {
            hasher.update(&number.to_le_bytes());
        }
        if meta.is_symlink() {
            let target = fs::read_link(&path).map_err(failed)?;
            hasher.update(target.as_os_str().as_bytes());
        } else if meta.is_file() {
            hasher.update(&meta.len().to_le_bytes());
            let file = File::open(&path).map_err(failed)?;
            hasher.update_reader(file).map_err(failed)?;
        } else if meta.is_dir() {
            hash_folder(&path, hasher)?;
        }
        // So that the end of a folder and of a name are not taken for each other.
        hasher.update(&[0]);
    }
    Ok(())
}

/// What is in a folder, by the names.
fn entries(folder: &Path) -> Result<BTreeMap<Vec<u8>, PathBuf>> {
    let list = fs::read_dir(folder).map_err(|e| Error::io("read the folder", folder, e))?;
    let mut found = BTreeMap::new();
    for entry in list {
        let entry = entry.map_err(|e| Error::io("read the folder", folder, e))?;
        found.insert(entry.file_name().as_bytes().to_vec(), entry.path());
    }
    Ok(found)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_known_by_names_permissions_links_and_contents() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sbin/init");
        fs::create_dir(dir.path().join("sbin")).unwrap();
        fs::write(&file, "one").unwrap();
        let path = format!("{}/", dir.path().display());
        let id = || Own::at(&path).unwrap().id().unwrap();
        let mut seen = vec![id()];
        fs::write(&file, "two").unwrap();
        seen.push(id());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o711)).unwrap();
        seen.push(id());
        fs::rename(&file, dir.path().join("sbin/inits")).unwrap();
        seen.push(id());
        std::os::unix::fs::symlink("inits", &file).unwrap();
        seen.push(id());
        fs::create_dir(dir.path().join("empty")).unwrap();
        seen.push(id());
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all);
        assert_eq!(id(), id());
    }

    #[test]
    fn a_list_with_nonsense_is_told_with_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine.list");
        fs::write(&path, "a b\n").unwrap();
        let own = Own::at(path.to_str().unwrap()).unwrap();
        let error = own.recipe().unwrap_err().to_string();
        assert!(error.contains("mine.list: line 1: "), "{error}");
    }
}
