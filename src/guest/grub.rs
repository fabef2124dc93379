//! The beginning of a disk that GRUB boots: the boot sector, GRUB, the partition `/boot`, and room for a root behind it.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::ext4::{self, BOOT, settle_times};
use super::folder::{contents, folder_name, hash, write};
use crate::setup::Setup;
use crate::supervise::Spec;
use crate::{Error, Result};

/// Part of the version: raise it when what is made of the same packages changes.
const FORMAT: u32 = 1;

/// The packages with GRUB's parts; the last ones have libraries that grub-mkimage needs.
const PACKAGES: [&str; 4] = [
    "grub-pc-bin",
    "grub-common",
    "libdevmapper1.02.1",
    "liblzma5",
];

/// The modules that are in GRUB's own image: it finds the others in `/boot`.
const MODULES: [&str; 12] = [
    "biosdisk",
    "part_msdos",
    "ext2",
    "linux",
    "serial",
    "terminal",
    "echo",
    "boot",
    "normal",
    "configfile",
    "search",
    "test",
];

/// What GRUB does first: talks on the serial port, and reads its configuration.
const EARLY: &str = "\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set root=(hd0,msdos1)
set prefix=(hd0,msdos1)/grub
configfile (hd0,msdos1)/grub/grub.cfg
";

/// Stands in `/boot` until a trial puts its kernel there.
const PLACEHOLDER: &str = "\
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
echo 'there is no kernel in /boot'
";

/// GRUB as it is packaged, in a folder of the cache.
#[derive(Debug, Clone)]
pub(super) struct Grub {
    folder: PathBuf,
}

/// The length of `/boot`, in bytes.
const BOOT_BYTES: u64 = 64 << 20;

/// The bytes of a sector.
const SECTOR: u64 = 512;

/// The files of GRUB's folder, besides its modules.
const BOOT_SECTOR: &str = "boot-sector";
const CORE: &str = "core.img";
const NAMES: &str = "packages";
const TREE: &str = "boot";

impl Grub {
    /// Downloads and unpacks GRUB, once; nothing is installed.
    pub(super) fn get(setup: &mut Setup<'_>) -> Result<Self> {
        let recipe = format!("{FORMAT} {PACKAGES:?} {MODULES:?} {EARLY} {PLACEHOLDER}");
        let name = folder_name("grub-", &hash([recipe.as_bytes()]));
        let folder = setup.folder(&name, fill)?;
        Ok(Self { folder })
    }

    /// The names of the packages' files, which have their versions in them.
    pub(super) fn packages(&self) -> Result<String> {
        let names = contents(&self.folder.join(NAMES))?;
        Ok(String::from_utf8_lossy(&names).into_owned())
    }

    /// Makes the image, for a root file system of `root` bytes that comes right behind it.
    pub(super) fn make(&self, setup: &Setup<'_>, image: &Path, root: u64) -> Result<()> {
        BOOT.make(setup, &self.folder.join(TREE), image, BOOT_BYTES)?;
        settle_times(image, BOOT.offset)?;
        let core = contents(&self.folder.join(CORE))?;
        let sector = contents(&self.folder.join(BOOT_SECTOR))?;
        let failed = |e| Error::io("write", image, e);
        let room = usize::try_from(BOOT.offset - SECTOR).unwrap_or(usize::MAX);
        if core.len() > room || sector.len() < 440 {
            return Err(Error::failed(
                "GRUB's image is not of the size that it should be",
            ));
        }
        let file = OpenOptions::new().write(true).open(image).map_err(failed)?;
        file.write_all_at(&master_boot_record(&sector, root), 0)
            .and_then(|()| file.write_all_at(&core, SECTOR))
            .map_err(failed)
    }
}

/// The first sector: the code of `boot_sector`, and the partitions `/boot` and root.
fn master_boot_record(boot_sector: &[u8], root: u64) -> [u8; 512] {
    let mut sector = [0; 512];
    sector[..440].copy_from_slice(&boot_sector[..440]);
    sector[440..444].copy_from_slice(b"kbis");
    let start = BOOT.offset / SECTOR;
    let partitions = [
        (0x80, start, BOOT_BYTES / SECTOR),
        (0, start + BOOT_BYTES / SECTOR, root / SECTOR),
    ];
    for (at, (flag, start, length)) in [446, 462].into_iter().zip(partitions) {
        let entry = &mut sector[at..at + 16];
        // The old addresses by cylinder say that they do not apply; 0x83 is Linux.
        entry[..8].copy_from_slice(&[flag, 0xfe, 0xff, 0xff, 0x83, 0xfe, 0xff, 0xff]);
        let saturate = |n: u64| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        entry[8..12].copy_from_slice(&saturate(start));
        entry[12..].copy_from_slice(&saturate(length));
    }
    sector[510..].copy_from_slice(&[0x55, 0xaa]);
    sector
}

fn fill(setup: &mut Setup<'_>, dir: &Path) -> Result<()> {
    setup.note("downloading GRUB");
    let work = dir.join("work");
    let (debs, tree) = (work.join("debs"), work.join("tree"));
    let modules = dir.join(TREE).join("grub/i386-pc");
    for folder in [&debs, &tree, &modules] {
        fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, e))?;
    }
    let debs = setup.apt_download(&PACKAGES, &debs)?;
    setup.unpack(&debs, &tree)?;
    let name = |deb: &PathBuf| {
        let name = deb.file_name().unwrap_or_default().to_string_lossy();
        // The libraries only run on this machine.
        name.starts_with("grub").then(|| format!("{name}\n"))
    };
    let names: String = debs.iter().filter_map(name).collect();
    write(&dir.join(NAMES), names.as_bytes(), 0o644)?;

    let parts = tree.join("usr/lib/grub/i386-pc");
    copy_modules(&parts, &modules)?;
    let config = dir.join(TREE).join("grub/grub.cfg");
    write(&config, PLACEHOLDER.as_bytes(), 0o644)?;
    let boot = contents(&parts.join("boot.img"))?;
    write(&dir.join(BOOT_SECTOR), &boot, 0o644)?;
    let early = work.join("early.cfg");
    write(&early, EARLY.as_bytes(), 0o644)?;
    let libraries = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"];
    let libraries = libraries.map(|dir| tree.join(dir).display().to_string());
    let spec = Spec::new(tree.join("usr/bin/grub-mkimage"))
        .args(["-O", "i386-pc", "-p", "(hd0,msdos1)/grub", "-d"])
        .arg(&parts)
        .arg("-c")
        .arg(&early)
        .arg("-o")
        .arg(dir.join(CORE))
        .args(MODULES)
        .env("LD_LIBRARY_PATH", libraries.join(":"));
    if !setup.run(ext4::steady(spec))?.success() {
        return Err(setup.apt_failed("grub-mkimage"));
    }
    fs::remove_dir_all(&work).map_err(|e| Error::io("remove", &work, e))
}

/// Copies GRUB's modules and their lists.
fn copy_modules(from: &Path, to: &Path) -> Result<()> {
    let entries = fs::read_dir(from).map_err(|e| Error::io("read the folder", from, e))?;
    for path in entries.flatten().map(|entry| entry.path()) {
        let is_one = path.extension().is_some_and(|e| e == "mod" || e == "lst");
        if let (true, Some(name)) = (is_one, path.file_name()) {
            fs::copy(&path, to.join(name)).map_err(|e| Error::io("copy", &path, e))?;
        }
    }
    Ok(())
}

/// The length of a file, in bytes.
pub(super) fn length(path: &Path) -> Result<u64> {
    let length = File::open(path).and_then(|file| Ok(file.metadata()?.len()));
    length.map_err(|e| Error::io("look at", path, e))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_root_partition_begins_right_behind_the_image() {
        let sector = master_boot_record(&[0xcc; 512], 300 << 20);
        assert_eq!(&sector[..440], [0xcc; 440]);
        assert_eq!(sector[446], 0x80);
        let number = |at: usize| u32::from_le_bytes(sector[at..at + 4].try_into().unwrap());
        assert_eq!((number(454), number(458)), (2048, 64 * 2048));
        let end = u32::try_from((BOOT.offset + BOOT_BYTES) / SECTOR).unwrap();
        assert_eq!((number(470), number(474)), (end, 300 * 2048));
        assert_eq!(sector[510..], [0x55, 0xaa]);
    }
}
