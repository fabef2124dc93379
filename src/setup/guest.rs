//! The guest: busybox and Dropbear from Debian's packages, as archives that a kernel boots.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::archive::{Archive, contents};
use super::{Setup, context};
use crate::supervise::{Spec, run};
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

/// The list of their hashes.
const SUMS: &str = "sums";

/// The folder with the prepared guest, which an oracle sees as `KBISECT_GUEST`:
///
/// | file | what |
/// | --- | --- |
/// | `shell.cpio` | busybox and init |
/// | `ssh.cpio` | the same and Dropbear, with its host key and our public key |
/// | `id_ed25519`, `known_hosts` | our private key; the host key, for the name `guest` |
/// | `busybox` | the guest's busybox, to be run on the host |
/// | `packages` | of which packages it is made |
/// | `sums` | the BLAKE3 of each of these files, as it was made |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestDir {
    path: PathBuf,
    version: String,
}

impl GuestDir {
    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Changes when a guest of other contents is made: the hash of init, recipe and package
    /// versions. The keys, which differ everywhere, have no part in it.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Its files, by their names.
    #[must_use]
    pub fn files(&self) -> Vec<(&'static str, PathBuf)> {
        let file = |name: &&'static str| (*name, self.path.join(name));
        FILES.iter().map(file).collect()
    }
}

impl Setup<'_> {
    /// The prepared guest; made first if need be, which takes apt-get, the network and some
    /// seconds, but no root.
    ///
    /// A guest that was made stays as it is, even when Debian has newer packages: verdicts
    /// are only worth comparing if they come from the same guest.
    ///
    /// # Errors
    /// A package cannot be had, or the cache folder cannot be written.
    pub fn guest(&mut self) -> Result<GuestDir> {
        let recipe = recipe();
        let path = self.folder(&folder_name(&recipe), Self::make_guest)?;
        check_sums(&path)?;
        let packages = contents(&path.join("packages"))?;
        let version = hash([recipe.as_bytes(), packages.as_slice()]);
        Ok(GuestDir { path, version })
    }

    /// Is the guest made already?
    pub(super) fn has_guest(&self) -> bool {
        self.cache.join(folder_name(&recipe())).is_dir()
    }

    fn make_guest(&mut self, dir: &Path) -> Result<()> {
        self.note("making the guest of Debian's busybox and Dropbear");
        let work = dir.join("work");
        let (debs, root) = (work.join("debs"), work.join("root"));
        for folder in [&debs, &root] {
            fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, e))?;
        }
        let mut packages = self.apt_closure(&["dropbear-bin"])?;
        packages.push("busybox-static".to_owned());
        let debs = self.apt_download(&packages, &debs)?;
        self.unpack(&debs, &root)?;

        let names: Vec<_> = debs.iter().filter_map(|deb| deb.file_name()).collect();
        let names: String = names
            .iter()
            .map(|n| format!("{}\n", n.to_string_lossy()))
            .collect();
        write(&dir.join("packages"), names.as_bytes(), 0o644)?;

        let busybox = contents(&root.join("bin/busybox"))
            .or_else(|_| contents(&root.join("usr/bin/busybox")))?;
        write(&dir.join("busybox"), &busybox, 0o755)?;
        let shell = || shell_archive(&busybox);
        write(&dir.join("shell.cpio"), &shell().finish()?, 0o644)?;
        let dropbear = Dropbear::find(&root)?;
        let ssh = self.add_dropbear(shell(), &dropbear, dir, &work)?;
        write(&dir.join("ssh.cpio"), &ssh.finish()?, 0o644)?;
        fs::remove_dir_all(&work).map_err(|e| Error::io("remove", &work, e))?;
        check_sums(dir)
    }

    /// Adds Dropbear with its libraries and keys; writes our side of the keys into `dir`.
    fn add_dropbear(
        &self,
        archive: Archive,
        dropbear: &Dropbear,
        dir: &Path,
        work: &Path,
    ) -> Result<Archive> {
        let key = dir.join("id_ed25519");
        let keygen = Spec::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "kbisect", "-f"])
            .arg(&key);
        self.done(&keygen, "make a key with ssh-keygen")?;
        let public = dir.join("id_ed25519.pub");
        let authorized = contents(&public)?;
        fs::remove_file(&public).map_err(|e| Error::io("remove", &public, e))?;

        let host_key = work.join("host_key");
        let generate = dropbear
            .spec(&[], "dropbearkey")?
            .args(["-t", "ed25519", "-f"])
            .arg(&host_key);
        let shown = self.output(generate)?;
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
        let listed = self.output(dropbear.spec(&["--list"], "dropbear")?)?;
        for (name, path) in libraries(&listed, &dropbear.root) {
            archive = archive.file(&format!("lib/{name}"), 0o755, &contents(&path)?);
        }
        Ok(archive)
    }

    fn done(&self, spec: &Spec, doing: &str) -> Result<()> {
        let ended = run(spec, self.cancel)?;
        if self.cancel.is_cancelled() {
            return Err(context::interrupted());
        }
        if ended.success() {
            Ok(())
        } else {
            Err(Error::failed(format!("cannot {doing}")))
        }
    }
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

/// Are the files of the guest in `dir` what they were when it was made? They are noted if they were not yet.
fn check_sums(dir: &Path) -> Result<()> {
    let mut sums = String::new();
    for name in FILES {
        // One that is not there has the hash of nothing: an oracle that needs it will say so.
        let bytes = fs::read(dir.join(name)).unwrap_or_default();
        sums += &format!("{} {name}\n", blake3::hash(&bytes).to_hex());
    }
    let path = dir.join(SUMS);
    let Ok(noted) = fs::read_to_string(&path) else {
        // In a cache that nobody may write to nobody changes it either.
        let _ = write(&path, sums.as_bytes(), 0o644);
        return Ok(());
    };
    let differs = |(is, was): &(&str, &str)| is != was;
    let changed = sums.lines().zip(noted.lines()).filter(differs);
    let names: Vec<&str> = changed.filter_map(|(is, _)| is.split(' ').nth(1)).collect();
    if names.is_empty() && sums.lines().count() == noted.lines().count() {
        return Ok(());
    }
    Err(Error::failed(format!(
        "the guest in {} is not what was made: {} was changed",
        dir.display(),
        if names.is_empty() {
            SUMS.to_owned()
        } else {
            names.join(", ")
        }
    ))
    .hint(format!(
        "remove it, and it is made anew: rm -r {}",
        dir.display()
    )))
}

fn folder_name(recipe: &str) -> String {
    format!("guest/{}", &recipe[..12])
}

fn recipe() -> String {
    let lists = format!("{RECIPE} {COMMANDS:?} {DEVICES:?}");
    hash([lists.as_bytes(), INIT.as_bytes()])
}

fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // The length keeps the parts apart.
        hasher.update(&part.len().to_le_bytes()).update(part);
    }
    hasher.finalize().to_hex().to_string()
}

fn write(path: &Path, contents: &[u8], permissions: u32) -> Result<()> {
    fs::write(path, contents)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(permissions)))
        .map_err(|e| Error::io("write", path, e))
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
    fn an_edited_guest_is_noticed() -> Result<()> {
        let dir = tempfile::tempdir().map_err(|e| Error::failed("no folder").because(e))?;
        for name in FILES {
            write(&dir.path().join(name), name.as_bytes(), 0o644)?;
        }
        // As one that an earlier version made.
        check_sums(dir.path())?;
        check_sums(dir.path())?;
        write(&dir.path().join("shell.cpio"), b"another", 0o644)?;
        let error = check_sums(dir.path()).err().map(|e| e.to_string());
        assert!(error.is_some_and(|text| text.contains("shell.cpio was changed")));
        Ok(())
    }

    #[test]
    fn parts_of_a_hash_are_kept_apart() {
        assert_ne!(
            hash([b"ab".as_slice(), b"c"]),
            hash([b"a".as_slice(), b"bc"])
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
