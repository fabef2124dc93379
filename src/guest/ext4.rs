//! File systems in files: made without a mount, the same bytes of the same files.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::folder::write;
use super::namespace::{as_root, system_program};
use crate::setup::Setup;
use crate::supervise::Spec;
use crate::{Error, Result};

/// The time of everything that has no older one: 2025-01-01, in seconds.
pub(super) const EPOCH: u32 = 1_735_689_600;

/// A file system that is to be made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    kind: &'static str,
    features: &'static str,
    block: u64,
    inode: u64,
    /// A file for each so many bytes.
    ratio: u64,
    uuid: &'static str,
    /// Where in the file it begins, in bytes.
    pub(super) offset: u64,
}

/// The root file system of a guest. It has no journal, because it is never written to, and no checksums, because the
/// times in it are set afterwards.
pub(super) const ROOT: Layout = Layout {
    kind: "ext4",
    features: "none,dir_index,dir_nlink,ext_attr,extent,extra_isize,filetype,huge_file,large_file,sparse_super",
    block: 4096,
    inode: 256,
    ratio: 8192,
    uuid: "6b626973-6563-4774-8000-000000000001",
    offset: 0,
};

/// `/boot`.
pub(super) const BOOT: Layout = Layout {
    kind: "ext2",
    features: "none,ext_attr,filetype,large_file,sparse_super",
    block: 1024,
    inode: 128,
    ratio: 16384,
    uuid: "6b626973-6563-4774-8000-000000000002",
    offset: 1 << 20,
};

impl Layout {
    /// Makes the file system, `bytes` long, with the files of the folder `from`, in the file `image`, which need not be
    /// there.
    pub(super) fn make(
        &self,
        setup: &Setup<'_>,
        from: &Path,
        image: &Path,
        bytes: u64,
    ) -> Result<()> {
        File::options()
            .create(true)
            .append(true)
            .open(image)
            .and_then(|file| file.set_len(self.offset + bytes))
            .map_err(|e| Error::io("write", image, e))?;
        let mke2fs = system_program("mke2fs")?;
        let spec = as_root(&mke2fs.display().to_string())
            .args(["-q", "-F", "-t", self.kind, "-O", self.features, "-m", "0"])
            .args(["-b", &self.block.to_string(), "-I", &self.inode.to_string()])
            .args(["-i", &self.ratio.to_string(), "-U", self.uuid])
            .arg("-E")
            .arg(format!(
                "hash_seed={},offset={},nodiscard,root_owner=0:0",
                self.uuid, self.offset
            ))
            .arg("-d")
            .args([from, image])
            .arg((bytes / self.block).to_string());
        if !setup.run(steady(spec))?.success() {
            return Err(no_room(setup, "mke2fs", image, bytes));
        }
        Ok(())
    }
}

/// `spec`, for which it is always the same time.
pub(super) fn steady(spec: Spec) -> Spec {
    spec.env("LC_ALL", "C")
        .env("MKE2FS_CONFIG", "/dev/null")
        .env("SOURCE_DATE_EPOCH", EPOCH.to_string())
        .env("E2FSPROGS_FAKE_TIME", EPOCH.to_string())
}

/// The error of a program that may have met a full disk.
pub(super) fn no_room(setup: &Setup<'_>, program: &str, path: &Path, bytes: u64) -> Error {
    let error = setup.apt_failed(program);
    let folder = path.parent().unwrap_or(path);
    match nix::sys::statvfs::statvfs(folder) {
        Ok(stat) if stat.blocks_available() * stat.fragment_size() < bytes => {
            error.hint(format!(
                "{} may have too little space for {} MiB: free some, or name another folder by KBISECT_CACHE",
                folder.display(),
                bytes >> 20
            ))
        }
        _ => error,
    }
}

/// Sets what depends on when and how the file system was made: the count of written bytes, and of each inode all times
/// but that of the last modification, which must not be later than [`EPOCH`]. For file systems without checksums: those
/// that are made here.
pub(super) fn settle_times(image: &Path, offset: u64) -> Result<()> {
    let failed = |e| Error::io("set the times in", image, e);
    let file = OpenOptions::new().read(true).write(true).open(image);
    let file = file.map_err(failed)?;
    let damaged = || Error::failed(format!("{} is no file system", image.display()));
    let mut head = [0; 1024];
    file.read_exact_at(&mut head, offset + 1024)
        .map_err(failed)?;
    let le32 = |bytes: &[u8], at: usize| {
        bytes
            .get(at..at + 4)
            .and_then(|four| four.try_into().ok())
            .map(u32::from_le_bytes)
            .ok_or_else(damaged)
    };
    // How much was ever written to it.
    file.write_all_at(&[0; 8], offset + 1024 + 0x178)
        .map_err(failed)?;
    let inodes = u64::from(le32(&head, 0)?);
    let block = 1024_u64 << le32(&head, 24)?.min(6);
    let first_block = u64::from(le32(&head, 20)?);
    let per_group = u64::from(le32(&head, 40)?).max(1);
    let size = u64::from(u16::from_le_bytes([head[88], head[89]])).max(128);
    for group in 0..inodes.div_ceil(per_group) {
        let mut entry = [0; 32];
        let table = offset + (first_block + 1) * block;
        file.read_exact_at(&mut entry, table + group * 32)
            .map_err(failed)?;
        let start = offset + u64::from(le32(&entry, 8)?) * block;
        let mut table = vec![0; usize::try_from(per_group * size).map_err(|_| damaged())?];
        file.read_exact_at(&mut table, start).map_err(failed)?;
        let mut changed = false;
        for inode in table.chunks_exact_mut(usize::try_from(size).map_err(|_| damaged())?) {
            // One without a mode is not in use.
            if inode[..2] != [0, 0] {
                settle(inode);
                changed = true;
            }
        }
        if changed {
            file.write_all_at(&table, start).map_err(failed)?;
        }
    }
    Ok(())
}

/// Sets the times of one inode.
fn settle(inode: &mut [u8]) {
    let was = [inode[16], inode[17], inode[18], inode[19]];
    let time = u32::from_le_bytes(was).min(EPOCH).to_le_bytes();
    // Last access, change, modification.
    for at in [8, 12, 16] {
        inode[at..at + 4].copy_from_slice(&time);
    }
    if inode.len() >= 160 {
        // Their parts below a second, and the time of creation.
        inode[132..144].fill(0);
        inode[144..148].copy_from_slice(&time);
        inode[148..152].fill(0);
    }
}

/// Writes files into a file system by `debugfs`, as its own user, without a mount.
#[derive(Debug, Default)]
pub(super) struct Additions {
    commands: String,
    nodes: Vec<Node>,
}

/// What is to be at a path, owned by root.
#[derive(Debug)]
struct Node {
    path: String,
    permissions: u32,
    kind: NodeKind,
}

#[derive(Debug)]
enum NodeKind {
    Dir,
    File(Vec<u8>),
    /// A character device: major and minor number.
    Device(u32, u32),
}

impl NodeKind {
    /// The type in the mode of an inode.
    fn bits(&self) -> u32 {
        match self {
            Self::Dir => 0o040_000,
            Self::File(_) => 0o100_000,
            Self::Device(..) => 0o020_000,
        }
    }

    /// The type in the words of debugfs.
    fn word(&self) -> &'static str {
        match self {
            Self::Dir => "directory",
            Self::File(_) => "regular",
            Self::Device(..) => "character special",
        }
    }
}

impl Node {
    /// Is it there, as `debugfs` shows the inode of its path in `stat`?
    fn is_in(&self, stat: &str) -> bool {
        let field = |name: &str| Some(stat.split_once(name)?.1.trim_start());
        let number = |name: &str, radix: u32| {
            let text = field(name)?.split(|c: char| !c.is_ascii_digit()).next()?;
            u32::from_str_radix(text, radix).ok()
        };
        let is_device = match self.kind {
            // In decimal digits, and then once more in others.
            NodeKind::Device(major, minor) => field("major/minor number:")
                .is_some_and(|text| text.starts_with(&format!("{major:02}:{minor:02} "))),
            _ => true,
        };
        is_device
            && field("Type:").is_some_and(|text| text.starts_with(self.kind.word()))
            && number("Mode:", 8) == Some(self.permissions)
            && [number("User:", 10), number("Group:", 10)] == [Some(0); 2]
    }

    /// The path whose inode shows that it is there: a file with the mode of a folder has no `.`.
    fn shown_by(&self) -> String {
        match self.kind {
            NodeKind::Dir => format!("{}/.", self.path),
            _ => self.path.clone(),
        }
    }
}

/// The file from which the node of this number is written.
fn source_of(node: usize) -> String {
    format!("add-{node}")
}

impl Additions {
    /// Adds a folder. The one above it is there.
    pub(super) fn dir(mut self, path: &str, permissions: u32) -> Self {
        self.commands += &format!("mkdir {path}\n");
        self.owned(path, permissions, NodeKind::Dir)
    }

    /// Adds a file, or puts it in the place of another.
    pub(super) fn file(mut self, path: &str, permissions: u32, contents: &[u8]) -> Self {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        let source = source_of(self.nodes.len());
        self.commands += &format!("cd {dir}/\nrm {name}\nwrite {source} {name}\n");
        self.owned(path, permissions, NodeKind::File(contents.to_vec()))
    }

    /// Adds a character device.
    pub(super) fn device(mut self, path: &str, permissions: u32, major: u32, minor: u32) -> Self {
        let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
        self.commands += &format!("cd {dir}/\nmknod {name} c {major} {minor}\n");
        self.owned(path, permissions, NodeKind::Device(major, minor))
    }

    fn owned(mut self, path: &str, permissions: u32, kind: NodeKind) -> Self {
        for (field, value) in [
            ("mode", format!("0{:o}", kind.bits() | permissions)),
            ("uid", "0".to_owned()),
            ("gid", "0".to_owned()),
        ] {
            self.commands += &format!("set_inode_field {path} {field} {value}\n");
        }
        self.nodes.push(Node {
            path: path.to_owned(),
            permissions,
            kind,
        });
        self
    }

    /// Makes them in `image`; `work` is a folder for this. debugfs does not tell of what fails, so each path is read
    /// again: its type, mode, owner and device number, and what is in a file.
    pub(super) fn make(self, setup: &Setup<'_>, image: &Path, work: &Path) -> Result<()> {
        for (number, node) in self.nodes.iter().enumerate() {
            if let NodeKind::File(contents) = &node.kind {
                write(&work.join(source_of(number)), contents, 0o600)?;
            }
        }
        write(&work.join("commands"), self.commands.as_bytes(), 0o600)?;
        let debugfs = system_program("debugfs")?;
        let spec = Spec::new(&debugfs)
            .args(["-w", "-f", "commands"])
            .arg(image)
            .cwd(work);
        let done = setup.run(steady(spec))?.success();
        let ask = |what: &str| {
            let spec = Spec::new(&debugfs).args(["-R", what]).arg(image).cwd(work);
            steady(spec)
        };
        for node in &self.nodes {
            let path = &node.path;
            let stat = setup.answer(ask(&format!("stat {}", node.shown_by())))?;
            let mut is_there = done && node.is_in(&stat.unwrap_or_default());
            if let (true, NodeKind::File(contents)) = (is_there, &node.kind) {
                let back = work.join("back");
                let _ = fs::remove_file(&back);
                setup.run(ask(&format!("dump {path} back")))?;
                is_there = fs::read(&back).is_ok_and(|is| is == *contents);
            }
            if !is_there {
                return Err(
                    setup.apt_failed(&format!("debugfs, which writes {path} into an image,"))
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::supervise::CancelToken;
    use std::time::{Duration, SystemTime};

    /// A file system with a file that was written and read `ago`, and something added.
    fn image(ago: Duration) -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let (tree, work) = (dir.path().join("tree"), dir.path().join("work"));
        fs::create_dir(&tree).unwrap();
        fs::create_dir(&work).unwrap();
        for (name, age) in [
            ("new", Duration::ZERO),
            ("old", Duration::from_secs(2_000_000_000)),
        ] {
            let file = File::create(tree.join(name)).unwrap();
            let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(3_000_000_000);
            let times = fs::FileTimes::new()
                .set_modified(epoch - age)
                .set_accessed(epoch - ago);
            file.set_times(times).unwrap();
        }
        let cancel = CancelToken::new();
        let mut note = |_: &str| {};
        let setup = Setup::at(dir.path(), &mut note, &cancel);
        let path = dir.path().join("image");
        ROOT.make(&setup, &tree, &path, 16 << 20).unwrap();
        Additions::default()
            .dir("/kbisect", 0o755)
            .file("/kbisect/init", 0o755, b"#!/bin/sh\n")
            .file("/old", 0o600, b"another")
            .device("/console", 0o600, 5, 1)
            .make(&setup, &path, &work)
            .unwrap();
        settle_times(&path, 0).unwrap();
        let stat = |name: &str| {
            let spec = Spec::new(system_program("debugfs").unwrap())
                .args(["-R", &format!("stat {name}")])
                .arg(&path);
            setup.answer(spec).unwrap().unwrap()
        };
        assert!(stat("/kbisect/init").contains("Mode:  0755"));
        assert!(stat("/console").contains("Type: character special"));
        // 0x6774... is the start of 2025; `new` was later.
        let time = format!("mtime: 0x{EPOCH:08x}:00000000");
        assert!(stat("/new").contains(&time), "{}", stat("/new"));
        fs::read(&path).unwrap()
    }

    #[test]
    fn the_same_files_give_the_same_bytes_whenever_they_were_written() {
        let (one, other) = (image(Duration::from_secs(9)), image(Duration::ZERO));
        assert!(one == other);
    }

    #[test]
    fn what_cannot_be_written_into_an_image_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let cancel = CancelToken::new();
        let mut note = |_: &str| {};
        let setup = Setup::at(dir.path(), &mut note, &cancel);
        let (tree, path) = (dir.path().join("tree"), dir.path().join("image"));
        fs::create_dir(&tree).unwrap();
        fs::write(tree.join("file"), "x").unwrap();
        let fails = |additions: Additions, name: &str| {
            let _ = fs::remove_file(&path);
            ROOT.make(&setup, &tree, &path, 16 << 20).unwrap();
            let error = additions.make(&setup, &path, dir.path()).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        };
        let none = Additions::default;
        fails(
            none().file("/no/such/folder/file", 0o600, b"x"),
            "/no/such/folder/file",
        );
        fails(none().dir("/no/folder", 0o755), "/no/folder");
        fails(none().device("/no/console", 0o600, 5, 1), "/no/console");
        // Something else is there.
        fails(none().dir("/file", 0o755), "/file");
        fails(none().device("/file", 0o600, 5, 1), "/file");
        let twice = none().device("/tty", 0o600, 5, 1);
        fails(twice.device("/tty", 0o600, 4, 64), "/tty");
    }

    #[test]
    fn a_path_is_there_if_type_mode_owner_and_number_are_right() {
        let node = Node {
            path: "/dev/ttyS0".to_owned(),
            permissions: 0o620,
            kind: NodeKind::Device(4, 64),
        };
        let stat = "Inode: 12   Type: character special    Mode:  0620   Flags: 0x0\n\
            User:     0   Group:     0   Project:     0   Size: 0\n\
            Device major/minor number: 04:64 (hex 04:40)\n";
        assert!(node.is_in(stat));
        for (is, other) in [
            ("character", "block"),
            ("0620", "0600"),
            ("User:     0", "User:  1000"),
            ("Group:     0", "Group:  1000"),
            ("04:64", "05:01"),
        ] {
            assert!(!node.is_in(&stat.replace(is, other)), "{other}");
        }
        assert!(!node.is_in("/dev/ttyS0: File not found by ext2_lookup"));
    }
}
