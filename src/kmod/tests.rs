use std::fs;
use std::path::Path;

use super::*;
use crate::ErrorKind;

/// A module that says this of itself: an ELF file with nothing but `.modinfo`.
pub(crate) fn module(info: &[&str]) -> Vec<u8> {
    let info: Vec<u8> = info
        .iter()
        .flat_map(|entry| [entry.as_bytes(), b"\0"].concat())
        .collect();
    of_sections(&[(".modinfo", &info)])
}

/// A relocatable ELF file for x86-64 with these sections, names and contents.
pub(super) fn of_sections(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut names = b"\0".to_vec();
    let mut body = vec![0; 64];
    let mut headers = vec![0; 64];
    let mut add = |name: &str, kind: u32, names: &mut Vec<u8>, contents: Option<&[u8]>| {
        let name_at = names.len() as u32;
        names.extend([name.as_bytes(), b"\0"].concat());
        let contents = contents.unwrap_or(names).to_vec();
        let mut header = [name_at.to_le_bytes(), kind.to_le_bytes()].concat();
        for value in [0, 0, body.len() as u64, contents.len() as u64, 0, 1, 0] {
            header.extend(value.to_le_bytes());
        }
        headers.extend(header);
        body.extend(contents);
    };
    for (name, contents) in sections {
        add(name, 1, &mut names, Some(contents));
    }
    add(".shstrtab", 3, &mut names, None);
    body.resize(body.len().next_multiple_of(8), 0);
    let table = body.len() as u64;
    let mut header = b"\x7fELF\x02\x01\x01".to_vec();
    header.resize(16, 0);
    // Relocatable, x86-64, version 1; no entry, no segments.
    header.extend([1, 0, 62, 0, 1, 0, 0, 0]);
    header.extend([0; 16]);
    header.extend(table.to_le_bytes());
    header.extend([0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 64, 0]);
    let count = sections.len() as u16 + 2;
    header.extend(count.to_le_bytes());
    header.extend((count - 1).to_le_bytes());
    body[..64].copy_from_slice(&header);
    body.extend(headers);
    body
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

pub(super) fn put(folder: &Path, file: &str, contents: &[u8]) {
    let path = folder.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, contents).unwrap();
}

/// `virtio_net` depends on `net_failover`, which depends on `failover`, which is compressed.
fn installed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let net = module(&["depends=net-failover,core_is_built_in", "license=GPL"]);
    put(dir.path(), "kernel/drivers/net/virtio_net.ko", &net);
    let failover = module(&["depends=failover"]);
    put(dir.path(), "kernel/drivers/net/net_failover.ko", &failover);
    let packed = gzip(&module(&["depends="]));
    put(dir.path(), "kernel/net/core/failover.ko.gz", &packed);
    put(
        dir.path(),
        "modules.builtin",
        b"kernel/fs/ext4/ext4.ko\nkernel/a/core-is-built-in.ko\n",
    );
    dir
}

/// The names and contents of the files in an archive.
fn files(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut reader = cpio::NewcReader::new(archive).unwrap();
    while !reader.entry().is_trailer() {
        let name = reader.entry().name().to_owned();
        let mut contents = Vec::new();
        std::io::Read::read_to_end(&mut reader, &mut contents).unwrap();
        found.push((name, contents));
        reader = cpio::NewcReader::new(reader.finish().unwrap()).unwrap();
    }
    found
}

#[test]
fn a_wanted_module_comes_unpacked_after_all_that_it_needs() {
    let dir = installed();
    let modules = Modules::installed(dir.path()).unwrap();
    let packed = modules.pack(Wanted::Named(&["virtio-net"])).unwrap();
    assert_eq!(packed.names, ["failover", "net_failover", "virtio_net"]);
    let files = files(&packed.archive);
    let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = [
        "modules",
        "modules/0000-failover.ko",
        "modules/0001-net_failover.ko",
        "modules/0002-virtio_net.ko",
    ];
    assert_eq!(names, wanted);
    assert_eq!(files[1].1, module(&["depends="]));
    assert_eq!(packed.archive.len() % 4, 0);
}

#[test]
fn of_wanted_modules_those_that_are_nowhere_are_named_and_those_built_in_are_not() {
    let dir = installed();
    let modules = Modules::installed(dir.path()).unwrap();
    let wanted = Wanted::Named(&["failover", "ext4", "no-such"]);
    let packed = modules.pack(wanted).unwrap();
    assert_eq!(packed.names, ["failover"]);
    assert_eq!(packed.absent, ["no_such"]);
}

#[test]
fn what_a_module_depends_on_and_is_nowhere_is_named_and_what_it_only_wishes_for_is_not() {
    let dir = installed();
    let modules = || Modules::installed(dir.path()).unwrap();
    let packed = || modules().pack(Wanted::Named(&["virtio_net"])).unwrap();
    assert!(packed().unmet.is_empty(), "one of its needs is built in");
    fs::remove_file(dir.path().join("kernel/net/core/failover.ko.gz")).unwrap();
    let wishes = module(&["depends=failover,lost-too", "softdep=pre: no_such"]);
    put(dir.path(), "kernel/drivers/net/net_failover.ko", &wishes);
    let unmet: Vec<(String, String)> = packed()
        .unmet
        .into_iter()
        .map(|Unmet { name, by }| (name, by))
        .collect();
    let of = |name: &str| (name.to_owned(), "net_failover".to_owned());
    assert_eq!(unmet, [of("failover"), of("lost_too")]);
    // Nobody asks for those that would need it.
    let packed = modules().pack(Wanted::Named(&["ext4"])).unwrap();
    assert!(packed.unmet.is_empty());
}

#[test]
fn all_modules_come_in_the_order_in_which_they_are_linked_but_after_their_needs() {
    let dir = installed();
    put(dir.path(), "kernel/z.ko", &module(&["alias=crc32c"]));
    let soft = module(&["softdep=pre: crc32c post: virtio_net"]);
    put(dir.path(), "kernel/a.ko", &soft);
    put(
        dir.path(),
        "modules.order",
        b"kernel/net/core/failover.ko\nkernel/a.ko\nkernel/gone.ko\n",
    );
    let modules = Modules::installed(dir.path()).unwrap();
    let packed = modules.pack(Wanted::All).unwrap();
    let order = ["failover", "z", "a", "net_failover", "virtio_net"];
    assert_eq!(packed.names, order);
    assert_eq!(modules.pack(Wanted::All).unwrap(), packed);
}

#[test]
fn an_added_module_replaces_the_one_of_the_kernel() {
    let dir = installed();
    let added = module(&["depends=", "version=2"]);
    put(dir.path(), "updates/dkms/failover.ko", &added);
    let modules = Modules::installed(dir.path()).unwrap();
    let packed = modules.pack(Wanted::Named(&["failover"])).unwrap();
    assert_eq!(files(&packed.archive)[1].1, added);
}

#[test]
fn modules_of_a_build_are_those_in_its_list_whatever_else_lies_in_the_tree() {
    for list in ["net/a.ko\n", "net/a.o\n", "kernel/net/a.ko\n"] {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "net/a.ko", &module(&["depends="]));
        put(
            dir.path(),
            "net/of_an_earlier_build.ko",
            &module(&["depends="]),
        );
        put(dir.path(), "modules.order", list.as_bytes());
        let modules = Modules::built(dir.path()).unwrap();
        assert_eq!(modules.pack(Wanted::All).unwrap().names, ["a"], "{list}");
    }
    let empty = tempfile::tempdir().unwrap();
    assert!(Modules::built(empty.path()).unwrap().is_empty());
}

#[test]
fn a_module_that_is_listed_and_was_not_built_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    put(dir.path(), "modules.order", b"net/a.ko\n");
    let error = Modules::built(dir.path()).unwrap_err();
    assert!(error.to_string().contains("net/a.ko"), "{error}");
}

#[test]
fn a_damaged_module_is_named() {
    let dir = installed();
    put(dir.path(), "kernel/bad.ko", b"no module");
    put(dir.path(), "kernel/worse.ko.gz", b"\x1f\x8b\x08 cut off");
    let modules = Modules::installed(dir.path()).unwrap();
    for name in ["bad", "worse"] {
        let error = modules.pack(Wanted::Named(&[name])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Failed);
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_folder_of_modules_may_be_a_link_and_other_links_lead_nowhere() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), installed());
    let link =
        |to: &Path, name: &str| std::os::unix::fs::symlink(to, dir.path().join(name)).unwrap();
    link(&elsewhere.path().join("kernel"), "kernel");
    link(elsewhere.path(), "build");
    let modules = Modules::installed(dir.path()).unwrap();
    let packed = modules.pack(Wanted::Named(&["virtio_net"])).unwrap();
    assert_eq!(packed.names, ["failover", "net_failover", "virtio_net"]);
    std::fs::remove_file(dir.path().join("kernel")).unwrap();
    assert!(Modules::installed(dir.path()).unwrap().is_empty());
    // A circle has an end.
    link(dir.path(), "kernel");
    assert!(Modules::installed(dir.path()).unwrap().is_empty());
}

#[test]
fn a_pipe_among_modules_is_refused_and_never_read() {
    use nix::sys::stat::Mode;
    let pipe = |path: &Path| nix::unistd::mkfifo(path, Mode::S_IRWXU).unwrap();
    let dir = installed();
    let module = dir.path().join("kernel/drivers/net/virtio_net.ko");
    fs::remove_file(&module).unwrap();
    pipe(&module);
    for list in ["modules.alias", "modules.order", "modules.builtin.modinfo"] {
        pipe(&dir.path().join(list));
    }
    let modules = Modules::installed(dir.path()).unwrap();
    let error = modules.pack(Wanted::All).unwrap_err().to_string();
    assert!(error.contains("virtio_net.ko is no file"), "{error}");
    let loaded = ["virtio_net".to_owned()].into();
    assert_eq!(
        Present::of(dir.path(), &loaded)
            .unwrap()
            .named("virtio_net"),
        None
    );

    // Of a build.
    let tree = tempfile::tempdir().unwrap();
    fs::write(tree.path().join("modules.order"), "net/a.o\n").unwrap();
    fs::create_dir(tree.path().join("net")).unwrap();
    pipe(&tree.path().join("net/a.ko"));
    let error = Modules::built(tree.path()).unwrap_err().to_string();
    assert!(error.contains("a module that was not built"), "{error}");
}
