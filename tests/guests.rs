//! `kbisect guest` from outside. The tests that install Debian take minutes, mmdebstrap and the network:
//! `cargo nextest run --profile guests --run-ignored all`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use kbisect::guest::Archive;
use serde_json::Value;

/// A folder to work in, with a cache of its own.
struct Place(tempfile::TempDir);

struct Done {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn cache(&self) -> PathBuf {
        self.path().join("cache")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kbisect"));
        command
            .args(args)
            .current_dir(self.path())
            .env("KBISECT_CACHE", self.cache())
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        done(&mut self.command(args))
    }

    /// The event that a command prints.
    fn json(&self, args: &[&str]) -> Value {
        let args = [&["--message-format", "json"], args].concat();
        let done = self.run(&args);
        assert_eq!(done.code, Some(0), "{}", done.err);
        serde_json::from_str(done.out.lines().last().unwrap()).unwrap()
    }
}

fn done(command: &mut Command) -> Done {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Done {
        code: output.status.code(),
        out: text(&output.stdout),
        err: text(&output.stderr),
    }
}

#[test]
fn all_guests_are_listed_and_none_is_made_by_it() {
    let place = Place::new();
    let said = place.run(&["guest", "list"]).out;
    let names: Vec<&str> = said.lines().filter_map(|l| l.split(' ').next()).collect();
    assert_eq!(
        names,
        [
            "busybox",
            "busybox-ssh",
            "debian",
            "debian-systemd",
            "debian-docker"
        ]
    );
    assert_eq!(said.matches("not made").count(), 5);
    let shown = place.json(&["guest", "show", "debian"]);
    assert_eq!(shown["event"], "guest");
    assert_eq!(shown["folder"], Value::Null);
    let wanted = shown["wanted"].as_array().unwrap();
    assert!(wanted.iter().any(|name| name == "sysvinit-core"));
    assert!(!place.cache().join("guest").exists());
}

#[test]
fn a_guest_that_there_is_not_is_refused() {
    let place = Place::new();
    fs::write(place.path().join("disk"), "text").unwrap();
    for (name, says) in [
        ("debain", "did you mean debian?"),
        ("disk", "of a path it is ./disk"),
        ("./disk", "is nothing that can be booted"),
        ("./none", "cannot be read"),
    ] {
        for command in ["build", "show"] {
            let done = place.run(&["guest", command, name]);
            assert_eq!(done.code, Some(2), "{name}");
            assert!(done.err.contains(says), "{name}: {}", done.err);
        }
    }
}

#[test]
fn without_mmdebstrap_the_command_that_installs_it_is_told() {
    let place = Place::new();
    let done = done(
        place
            .command(&["guest", "build", "debian"])
            .env("PATH", "/none"),
    );
    assert_eq!(done.code, Some(1));
    for words in ["needs mmdebstrap", "apt-get install", "--setup"] {
        assert!(done.err.contains(words), "{words}: {}", done.err);
    }
}

#[test]
fn an_archive_of_ones_own_is_a_guest_that_is_known_by_its_contents() {
    let place = Place::new();
    let write = |init: &[u8]| {
        let archive = Archive::new().file("init", 0o755, init).finish().unwrap();
        fs::write(place.path().join("mine.cpio"), &archive).unwrap();
        archive
    };
    let archive = write(b"one");
    let first = place.json(&["guest", "build", "./mine.cpio"]);
    let folder = Path::new(first["folder"].as_str().unwrap());
    assert_eq!(fs::read(folder.join("initrd.cpio")).unwrap(), archive);
    assert_eq!(first["medium"], "memory");
    write(b"two");
    let second = place.json(&["guest", "build", "./mine.cpio"]);
    assert_ne!(second["version"], first["version"]);
    write(b"one");
    assert_eq!(
        place.json(&["guest", "show", "./mine.cpio"])["version"],
        first["version"]
    );
    // Somebody writes to the copy.
    fs::write(folder.join("initrd.cpio"), "x").unwrap();
    let done = place.run(&["guest", "build", "./mine.cpio"]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("initrd.cpio was changed"), "{}", done.err);
}

/// The file `path` of the file system `image`.
fn read(image: &Path, path: &str) -> Vec<u8> {
    let debugfs = ["debugfs", "/usr/sbin/debugfs", "/sbin/debugfs"];
    let debugfs = debugfs
        .iter()
        .find(|name| Command::new(name).arg("-V").output().is_ok());
    let output = Command::new(debugfs.unwrap())
        .args(["-R", &format!("cat {path}")])
        .arg(image)
        .output()
        .unwrap();
    output.stdout
}

/// The root file system of a guest, without its keys, and the blocks in which it is another than `other`.
fn without_keys(folder: &Path) -> Vec<u8> {
    let image = folder.join("root.img");
    let mut bytes = fs::read(&image).unwrap();
    for path in [
        "/root/.ssh/authorized_keys",
        "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ed25519_key.pub",
    ] {
        let key = read(&image, path);
        assert!(key.len() > 50, "{path}");
        // A file of less than a block.
        let mut at = 0;
        for block in bytes.chunks_exact_mut(4096) {
            if block.starts_with(&key) {
                block[..key.len()].fill(0);
                at += 1;
            }
        }
        assert_eq!(at, 1, "{path}");
    }
    bytes
}

/// Builds a guest twice in different caches, and compares.
fn is_the_same_twice(name: &str) {
    let places = [Place::new(), Place::new()];
    let mut versions = Vec::new();
    let mut folders = Vec::new();
    for place in &places {
        let built = place.json(&["guest", "build", name]);
        versions.push(built["version"].clone());
        folders.push(PathBuf::from(built["folder"].as_str().unwrap()));
    }
    assert_eq!(versions[0], versions[1]);
    let boot = |at: usize| fs::read(folders[at].join("boot.img")).unwrap();
    assert!(boot(0) == boot(1), "boot.img differs");
    let (one, other) = (without_keys(&folders[0]), without_keys(&folders[1]));
    assert_eq!(one.len(), other.len());
    let blocks = one.chunks(4096).zip(other.chunks(4096)).enumerate();
    let differing: Vec<usize> = blocks
        .filter(|(_, (a, b))| a != b)
        .map(|(i, _)| i)
        .collect();
    assert_eq!(differing, [0; 0], "blocks of root.img that differ");
    // Nothing but the guest and GRUB is left.
    let left = fs::read_dir(places[0].cache().join("guest")).unwrap();
    assert_eq!(left.count(), 2);
}

#[test]
#[ignore = "installs Debian twice: some minutes"]
fn debian_is_the_same_disk_each_time() {
    is_the_same_twice("debian");
}

#[test]
#[ignore = "installs Debian twice: some minutes"]
fn debian_with_docker_is_the_same_disk_each_time() {
    is_the_same_twice("debian-docker");
}

#[test]
#[ignore = "downloads GRUB"]
fn a_folder_of_ones_own_becomes_a_disk() {
    let place = Place::new();
    let root = place.path().join("mine");
    let files = BTreeMap::from([
        ("sbin/init", "#!/bin/sh\n"),
        ("etc/ssh/sshd_config", ""),
        ("root/note", "x"),
    ]);
    for (path, text) in files {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let built = place.json(&["guest", "build", "./mine"]);
    let folder = PathBuf::from(built["folder"].as_str().unwrap());
    let image = folder.join("root.img");
    assert_eq!(read(&image, "/root/note"), b"x");
    assert!(read(&image, "/kbisect/init").starts_with(b"#!/bin/sh"));
    let known = fs::read_to_string(folder.join("known_hosts")).unwrap();
    let key = read(&image, "/etc/ssh/ssh_host_ed25519_key.pub");
    assert!(known.ends_with(&String::from_utf8(key).unwrap()));
    // The image is itself a guest.
    fs::copy(&image, place.path().join("mine.img")).unwrap();
    let again = place.json(&["guest", "build", "./mine.img"]);
    assert_ne!(again["version"], built["version"]);
}

#[test]
#[ignore = "asks Debian's archive"]
fn a_package_that_does_not_exist_is_named() {
    let place = Place::new();
    fs::write(
        place.path().join("mine.packages"),
        "no-such-package-at-all\n",
    )
    .unwrap();
    let done = place.run(&["guest", "build", "./mine.packages"]);
    assert_eq!(done.code, Some(2), "{}", done.err);
    let says = "the package no-such-package-at-all cannot be had";
    assert!(done.err.contains(says), "{}", done.err);
    let left = fs::read_dir(place.cache().join("guest")).unwrap();
    assert_eq!(left.count(), 1, "GRUB alone");
}
