//! The guest: busybox and Dropbear from Debian's packages, as archives that a kernel boots.

use std::fs;
use std::path::{Path, PathBuf};

use super::archive::Archive;
use super::folder::{GuestDir, check_sums, contents, folder_name, hash, write};
use super::keys::own_key;
use crate::setup::Setup;
use crate::supervise::Spec;
use crate::{Error, Result};

const INIT: &str = include_str!("../../oracles/guest/init");

/// Part of the version: raise it when what is made of the same packages and init changes.
const RECIPE: u32 = 1;

/// The commands of busybox that the guest has, for init and for whoever logs in.
const COMMANDS: [&str; 22] = [
    "cat", "dmesg", "echo", "grep", "httpd", "id", "ifconfig", "insmod", "kill", "ls", "mount",
    "ping", "poweroff", "ps", "route", "sh", "sleep", "test", "tty", "umount", "uname", "[",
];

/// The device nodes: with them in the archive a kernel needs no devtmpfs.
const DEVICES: [(&str, u32, u32, u32); 9] = [
    ("dev/console", 0o600, 5, 1),
    ("dev/kmsg", 0o600, 1, 11),
    ("dev/null", 0o666, 1, 3),
    ("dev/ptmx", 0o666, 5, 2),
    ("dev/random", 0o666, 1, 8),
    ("dev/tty", 0o666, 5, 0),
    ("dev/ttyS0", 0o600, 4, 64),
    ("dev/urandom", 0o666, 1, 9),
    ("dev/zero", 0o666, 1, 5),
];

/// What the guest is made of.
const FILES: [&str; 6] = [
    "busybox",
    "id_ed25519",
    "known_hosts",
    "packages",
    "shell.cpio",
    "ssh.cpio",
];

/// The guest's folder; made first if need be, which takes apt-get, the network and some seconds, but no root.
///
/// A guest that was made stays as it is, even when Debian has newer packages: verdicts are only worth comparing if
/// they come from the same guest.
pub(super) fn make(setup: &mut Setup<'_>) -> Result<GuestDir> {
    let recipe = recipe();
    let path = setup.folder(&folder_name("", &recipe), fill)?;
    let packages = contents(&path.join("packages"))?;
    let version = hash([recipe.as_bytes(), packages.as_slice()]);
    GuestDir::open(path, version, &FILES)
}

/// Its folder, whether it is made or not.
pub(super) fn folder(setup: &Setup<'_>) -> PathBuf {
    setup.cache().join(folder_name("", &recipe()))
}

fn fill(setup: &mut Setup<'_>, dir: &Path) -> Result<()> {
    setup.note("making the guest of Debian's busybox and Dropbear");
    let work = dir.join("work");
    let (debs, root) = (work.join("debs"), work.join("root"));
    for folder in [&debs, &root] {
        fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, e))?;
    }
    let mut packages = setup.apt_closure(&["dropbear-bin"])?;
    packages.push("busybox-static".to_owned());
    let debs = setup.apt_download(&packages, &debs)?;
    setup.unpack(&debs, &root)?;

    let names: Vec<_> = debs.iter().filter_map(|deb| deb.file_name()).collect();
    let names: String = names
        .iter()
        .map(|n| format!("{}\n", n.to_string_lossy()))
        .collect();
    write(&dir.join("packages"), names.as_bytes(), 0o644)?;

    let busybox =
        contents(&root.join("bin/busybox")).or_else(|_| contents(&root.join("usr/bin/busybox")))?;
    write(&dir.join("busybox"), &busybox, 0o755)?;
    let shell = || shell_archive(&busybox);
    write(&dir.join("shell.cpio"), &shell().finish()?, 0o644)?;
    let dropbear = Dropbear::find(&root)?;
    let ssh = add_dropbear(setup, shell(), &dropbear, dir, &work)?;
    write(&dir.join("ssh.cpio"), &ssh.finish()?, 0o644)?;
    fs::remove_dir_all(&work).map_err(|e| Error::io("remove", &work, e))?;
    check_sums(dir, &FILES)
}

/// Adds Dropbear with its libraries and keys; writes our side of the keys into `dir`.
fn add_dropbear(
    setup: &Setup<'_>,
    archive: Archive,
    dropbear: &Dropbear,
    dir: &Path,
    work: &Path,
) -> Result<Archive> {
    let authorized = own_key(setup, dir)?;

    let host_key = work.join("host_key");
    let generate = dropbear
        .spec(&[], "dropbearkey")?
        .args(["-t", "ed25519", "-f"])
        .arg(&host_key);
    let shown = setup.output(generate)?;
    let host_public = shown
        .lines()
        .find(|line| line.starts_with("ssh-ed25519 "))
        .ok_or_else(|| Error::failed("dropbearkey shows no public key"))?;
    write(
        &dir.join("known_hosts"),
        format!("guest {host_public}\n").as_bytes(),
        0o644,
    )?;

    let mut archive = archive
        .dir("etc", 0o755)
        .file("etc/passwd", 0o644, b"root:*:0:0:root:/root:/bin/sh\n")
        .file("etc/group", 0o644, b"root:*:0:\n")
        .file("etc/shells", 0o644, b"/bin/sh\n")
        .dir("etc/dropbear", 0o700)
        .file("etc/dropbear/host_key", 0o600, &contents(&host_key)?)
        .dir("root/.ssh", 0o700)
        .file("root/.ssh/authorized_keys", 0o600, &authorized)
        .file(
            "bin/dropbear",
            0o755,
            &contents(&dropbear.program("dropbear")?)?,
        )
        .dir("lib64", 0o755)
        .file(
            "lib64/ld-linux-x86-64.so.2",
            0o755,
            &contents(&dropbear.loader)?,
        )
        .dir("lib", 0o755);
    let listed = setup.output(dropbear.spec(&["--list"], "dropbear")?)?;
    for (name, path) in libraries(&listed, &dropbear.root) {
        archive = archive.file(&format!("lib/{name}"), 0o755, &contents(&path)?);
    }
    Ok(archive)
}

/// The packages' Dropbear, and their own dynamic loader to run it with: nothing of the host
/// gets into the guest.
struct Dropbear {
    root: PathBuf,
    loader: PathBuf,
    library_path: String,
}

impl Dropbear {
    fn find(root: &Path) -> Result<Self> {
        let dirs = ["lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"].map(|dir| root.join(dir));
        let loader = dirs
            .iter()
            .map(|dir| dir.join("ld-linux-x86-64.so.2"))
            .find(|path| path.is_file())
            .ok_or_else(|| Error::failed("the package libc6 has no loader for x86-64"))?;
        let library_path = dirs.map(|dir| dir.display().to_string()).join(":");
        Ok(Self {
            root: root.to_owned(),
            loader,
            library_path,
        })
    }

    fn program(&self, name: &str) -> Result<PathBuf> {
        ["usr/sbin", "usr/bin"]
            .iter()
            .map(|dir| self.root.join(dir).join(name))
            .find(|path| path.is_file())
            .ok_or_else(|| Error::failed(format!("the package dropbear-bin has no {name}")))
    }

    /// Runs `program` on the host, with the packages' own libraries and these options for
    /// their loader.
    fn spec(&self, options: &[&str], program: &str) -> Result<Spec> {
        Ok(Spec::new(&self.loader)
            .args(["--library-path", &self.library_path])
            .args(options)
            .arg(self.program(program)?))
    }
}

/// The libraries under `root` in what the loader lists: `libz.so.1 => /root/lib/libz.so.1 (0x7f..)`.
fn libraries(listed: &str, root: &Path) -> Vec<(String, PathBuf)> {
    let parse = |line: &str| {
        let (name, rest) = line.trim().split_once(" => ")?;
        let path = PathBuf::from(rest.rsplit_once(" (")?.0);
        (path.starts_with(root) && !name.contains('/')).then(|| (name.to_owned(), path))
    };
    listed.lines().filter_map(parse).collect()
}

fn shell_archive(busybox: &[u8]) -> Archive {
    let mut archive = Archive::new();
    for dir in ["bin", "dev", "dev/pts", "proc", "sys"] {
        archive = archive.dir(dir, 0o755);
    }
    archive = archive.dir("root", 0o700).dir("tmp", 0o1777);
    for (name, permissions, major, minor) in DEVICES {
        archive = archive.device(name, permissions, major, minor);
    }
    archive = archive.file("bin/busybox", 0o755, busybox);
    for command in COMMANDS {
        archive = archive.link(&format!("bin/{command}"), "busybox");
    }
    archive.file("init", 0o755, INIT.as_bytes())
}

fn recipe() -> String {
    let lists = format!("{RECIPE} {COMMANDS:?} {DEVICES:?}");
    hash([lists.as_bytes(), INIT.as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_libraries_of_the_packages_get_into_the_guest() {
        let listed = "\tlinux-vdso.so.1 (0x00007ffd)\n\
            \tlibz.so.1 => /cache/root/lib/libz.so.1 (0x00007f2e)\n\
            \tlibhost.so.1 => /usr/lib/libhost.so.1 (0x00007f2e)\n\
            \t/lib64/ld-linux-x86-64.so.2 => /cache/root/lib/ld.so (0x00007f2e)\n";
        let libs = libraries(listed, Path::new("/cache/root"));
        assert_eq!(
            libs,
            [(
                "libz.so.1".to_owned(),
                PathBuf::from("/cache/root/lib/libz.so.1")
            )]
        );
    }

    #[test]
    fn the_init_script_needs_only_commands_that_the_guest_has() {
        // The words in command position: the first of an indented line, but for the shell's own
        // and the functions.
        let own = "try hush network exec return export case esac for do done";
        let own: Vec<&str> = own.split(' ').collect();
        for line in INIT.lines().filter(|line| line.starts_with("    ")) {
            let mut words = line.split_whitespace().filter(|word| !own.contains(word));
            let Some(first) = words.next() else { continue };
            let is_command = first.chars().all(|c| c.is_ascii_lowercase());
            assert!(
                !is_command || COMMANDS.contains(&first) || first == "dropbear",
                "init uses {first}"
            );
        }
    }
}
