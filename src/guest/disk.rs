//! Guests on a disk, made of Debian's packages: the root file system, and the beginning of a disk that boots it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::ext4::{Additions, ROOT, no_room, settle_times};
use super::folder::{GuestDir, check_sums, contents, folder_name, hash, write};
use super::grub::{Grub, length};
use super::keys::{host_key, own_key};
use super::namespace::as_root;
use super::packages;
use super::recipe::{CUSTOMISE, Contents, IMAGE, INIT};
use crate::setup::Setup;
use crate::supervise::Spec;
use crate::{Error, Result};

/// What a guest on a disk is made of.
pub(super) const FILES: [&str; 5] = [
    "boot.img",
    "id_ed25519",
    "known_hosts",
    "packages",
    "root.img",
];

/// The image of its root file system.
pub(super) const ROOT_IMAGE: &str = "root.img";

/// The device nodes: with them on the disk a kernel needs no devtmpfs.
const DEVICES: [(&str, u32, u32, u32); 10] = [
    ("/dev/console", 0o600, 5, 1),
    ("/dev/full", 0o666, 1, 7),
    ("/dev/kmsg", 0o600, 1, 11),
    ("/dev/null", 0o666, 1, 3),
    ("/dev/ptmx", 0o666, 5, 2),
    ("/dev/random", 0o666, 1, 8),
    ("/dev/tty", 0o666, 5, 0),
    ("/dev/ttyS0", 0o600, 4, 64),
    ("/dev/urandom", 0o666, 1, 9),
    ("/dev/zero", 0o666, 1, 5),
];

/// The folder of a guest, whether it is made or not; `prefix` is how its name begins.
pub(super) fn folder(setup: &Setup<'_>, prefix: &str, recipe: &Contents) -> PathBuf {
    setup.cache().join(name_of(prefix, &recipe.id()))
}

/// The name of the folder: of the recipe, and of the small init.
fn name_of(prefix: &str, id: &str) -> String {
    let init = hash([INIT.as_bytes()]);
    format!("{}-{}", folder_name(prefix, id), &init[..8])
}

/// The folder of a guest; made first if need be, which takes minutes, mmdebstrap and the network.
///
/// A guest that was made stays as it is, even when Debian has newer packages.
pub(super) fn make(
    setup: &mut Setup<'_>,
    prefix: &str,
    name: &str,
    recipe: &Contents,
) -> Result<GuestDir> {
    let id = recipe.id();
    let folder = name_of(prefix, &id);
    let mut path = setup.cache().join(&folder);
    if let (false, Some(earlier)) = (path.is_dir(), earlier(&path, prefix, &id)) {
        path = setup.folder(&folder, |setup, dir| renew(setup, name, &earlier, dir))?;
    } else if !path.is_dir() {
        packages::check(setup)?;
        let grub = Grub::get(setup)?;
        path = setup.folder(&folder, |setup, dir| {
            let work = dir.join("work");
            fs::create_dir(&work).map_err(|e| Error::io("make the folder", &work, e))?;
            let filled = fill(setup, name, recipe, &grub, dir, &work);
            // Not all of it need be ours.
            let remove = as_root("rm").arg("-rf").arg(&work);
            setup.run_to_its_end(remove).and(filled)?;
            check_sums(dir, &FILES)
        })?;
    }
    let packages = contents(&path.join("packages"))?;
    let version = hash([id.as_bytes(), INIT.as_bytes(), packages.as_slice()]);
    GuestDir::open(path, version, &FILES)
}

/// A guest of the same recipe with another init, which another version of kbisect made.
fn earlier(path: &Path, prefix: &str, id: &str) -> Option<PathBuf> {
    let name = folder_name(prefix, id);
    let start = format!("{}-", Path::new(&name).file_name()?.to_string_lossy());
    let entries = fs::read_dir(path.parent()?).ok()?.flatten();
    let mut found = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&start));
    found.find_map(|entry| {
        let path = entry.path();
        check_sums(&path, &FILES).ok().map(|()| path)
    })
}

/// Makes a guest of an earlier one: the same packages and keys, and today's init.
fn renew(setup: &mut Setup<'_>, name: &str, earlier: &Path, dir: &Path) -> Result<()> {
    setup.note(&format!(
        "guest {name}: giving the one in {} a new init",
        earlier.display()
    ));
    let work = dir.join("work");
    fs::create_dir(&work).map_err(|e| Error::io("make the folder", &work, e))?;
    for file in FILES {
        copy(setup, &earlier.join(file), &dir.join(file))?;
    }
    let key = dir.join("id_ed25519");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600))
        .map_err(|e| Error::io("write", &key, e))?;
    let image = dir.join(ROOT_IMAGE);
    own_files().make(setup, &image, &work)?;
    settle_times(&image, ROOT.offset)?;
    fs::remove_dir_all(&work).map_err(|e| Error::io("remove", &work, e))?;
    check_sums(dir, &FILES)
}

/// Copies a file, with its holes.
pub(super) fn copy(setup: &Setup<'_>, from: &Path, to: &Path) -> Result<()> {
    let spec = Spec::new("cp")
        .args(["--sparse=always", "--reflink=auto", "--no-preserve=all"])
        .args([from, to])
        .env("LC_ALL", "C");
    match setup.run(spec)?.success() {
        true => Ok(()),
        false => Err(no_room(setup, "cp", to, length(from).unwrap_or_default())),
    }
}

fn fill(
    setup: &mut Setup<'_>,
    name: &str,
    recipe: &Contents,
    grub: &Grub,
    dir: &Path,
    work: &Path,
) -> Result<()> {
    setup.note(&format!(
        "guest {name}: installing Debian {} with mmdebstrap, which takes minutes",
        recipe.release
    ));
    let tar = work.join("tree.tar");
    packages::install(setup, recipe, &tar, work)?;
    setup.note(&format!("guest {name}: making its disk"));
    let tree = tree(setup, recipe, &tar, work)?;
    let status = contents(&tree.join("var/lib/dpkg/status"))?;
    let installed = installed(&String::from_utf8_lossy(&status));
    let list = installed + &grub.packages()?;
    write(&dir.join("packages"), list.as_bytes(), 0o644)?;

    let image = dir.join(ROOT_IMAGE);
    ROOT.make(setup, &tree, &image, size_for(length(&tar)?))?;
    let mut additions = with_keys(setup, own_files(), dir, work)?;
    for (path, permissions, major, minor) in DEVICES {
        additions = additions.device(path, permissions, major, minor);
    }
    additions.make(setup, &image, work)?;
    settle_times(&image, ROOT.offset)?;
    finish(setup, grub, dir)
}

/// Unpacks the packages, and puts the files of the recipe over them.
fn tree(setup: &mut Setup<'_>, recipe: &Contents, tar: &Path, work: &Path) -> Result<PathBuf> {
    let (overlay, tree) = (work.join("overlay"), work.join("tree"));
    fs::create_dir(&overlay).map_err(|e| Error::io("make the folder", &overlay, e))?;
    let place = |path: &str| -> Result<PathBuf> {
        let path = overlay.join(path);
        let parent = path.parent().unwrap_or(&overlay);
        fs::create_dir_all(parent).map_err(|e| Error::io("make the folder", parent, e))?;
        Ok(path)
    };
    for (path, text) in &recipe.files {
        write(&place(path)?, text.as_bytes(), 0o644)?;
    }
    for (path, target) in &recipe.links {
        let path = place(path)?;
        std::os::unix::fs::symlink(target, &path).map_err(|e| Error::io("write", &path, e))?;
    }
    let script = |name: &str, text: &str| -> Result<Spec> {
        let path = work.join(name);
        write(&path, text.as_bytes(), 0o644)?;
        Ok(as_root("sh").arg(&path).env("LC_ALL", "C"))
    };
    let spec = script("customise", CUSTOMISE)?.args([tar, &overlay, &tree]);
    if !setup.run(spec)?.success() {
        let bytes = length(tar).unwrap_or_default();
        return Err(no_room(setup, "unpacking the guest", &tree, bytes));
    }
    if recipe.image {
        let spec = script("image", IMAGE)?.args([&tree, &work.join("image-work")]);
        if !setup.run(spec)?.success() {
            return Err(setup.apt_failed("making the image for Docker"));
        }
    }
    Ok(tree)
}

/// The size of a file system for files of so many bytes: a quarter more, and what its tables take.
pub(super) fn size_for(contents: u64) -> u64 {
    const STEP: u64 = 16 << 20;
    (contents + contents / 4 + (64 << 20)).next_multiple_of(STEP)
}

/// What each guest on a disk has of kbisect's.
pub(super) fn own_files() -> Additions {
    Additions::default()
        .dir("/kbisect", 0o755)
        .file("/kbisect/init", 0o755, INIT.as_bytes())
}

/// Adds the keys to what is written into the image; our side of them is written into the folder `dir`.
pub(super) fn with_keys(
    setup: &Setup<'_>,
    additions: Additions,
    dir: &Path,
    work: &Path,
) -> Result<Additions> {
    let authorized = own_key(setup, dir)?;
    let private = work.join("host_key");
    let public = host_key(setup, &private, dir)?;
    Ok(additions
        .dir("/root/.ssh", 0o700)
        .file("/root/.ssh/authorized_keys", 0o600, &authorized)
        .file("/etc/ssh/ssh_host_ed25519_key", 0o600, &contents(&private)?)
        .file("/etc/ssh/ssh_host_ed25519_key.pub", 0o644, &public))
}

/// Makes the beginning of the disk, and gives back the space of the blocks of zeros.
pub(super) fn finish(setup: &Setup<'_>, grub: &Grub, dir: &Path) -> Result<()> {
    let image = dir.join(ROOT_IMAGE);
    grub.make(setup, &dir.join("boot.img"), length(&image)?)?;
    for name in [ROOT_IMAGE, "boot.img"] {
        // Where it cannot be done they take more space.
        let spec = Spec::new("fallocate")
            .arg("--dig-holes")
            .arg(dir.join(name));
        setup.run(spec)?;
    }
    Ok(())
}

/// The packages in dpkg's status file with their versions, a line each.
fn installed(status: &str) -> String {
    let mut lines = Vec::new();
    for paragraph in status.split("\n\n") {
        let field = |name: &str| {
            let mut lines = paragraph.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let is_installed = field("Status").is_some_and(|status| status.ends_with(" installed"));
        if let (true, Some(name), Some(version)) =
            (is_installed, field("Package"), field("Version"))
        {
            lines.push(format!("{name} {version}\n"));
        }
    }
    lines.sort_unstable();
    lines.concat()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_earlier_guest_is_one_of_the_same_recipe_that_nobody_changed() {
        let dir = tempfile::tempdir().unwrap();
        let id = hash([b"recipe".as_slice()]);
        let other = hash([b"another".as_slice()]);
        let make = |name: &str| {
            let folder = dir.path().join(name);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(ROOT_IMAGE), name).unwrap();
            check_sums(&folder, &FILES).unwrap();
            folder
        };
        let path = dir.path().join(name_of("debian-", &id));
        make(&format!("{}-00000000", folder_name("debian-", &other)));
        let find = || earlier(&path, "debian-", &id);
        assert_eq!(find(), None);
        let folder = make(&format!("{}-00000000", folder_name("debian-", &id)));
        assert_eq!(find(), Some(folder.clone()));
        fs::write(folder.join(ROOT_IMAGE), "changed").unwrap();
        assert_eq!(find(), None);
    }

    #[test]
    fn only_installed_packages_are_listed() {
        let status = "Package: b\nStatus: install ok installed\nVersion: 1:2-3\n\n\
            Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n\
            Package: a\nStatus: install ok installed\nVersion: 4\nDescription: x\n Package: y\n";
        assert_eq!(installed(status), "a 4\nb 1:2-3\n");
        assert_eq!(installed(""), "");
    }

    #[test]
    fn a_file_system_has_room_for_more_than_its_files() {
        assert_eq!(size_for(0), 64 << 20);
        assert_eq!(size_for(200 << 20), 320 << 20);
    }
}
