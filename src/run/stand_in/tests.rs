//! Tests of the kernel that stands for the start.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::model::contract;
use crate::settings::{Machine, Settings};

fn settings() -> Settings {
    Settings::defaults(Machine::here())
}

fn find_in(settings: &mut Settings) -> Result<()> {
    find(settings, &CancelToken::new(), &mut |_| {})
}

#[test]
fn a_kernel_that_stands_for_the_start_is_checked_and_the_start_not_built_first_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let kernel = dir.path().join("vmlinuz");
    let mut named = settings();
    named.start_kernel = Some(kernel.clone());
    let error = find_in(&mut named).unwrap_err();
    assert!(
        error.to_string().contains("cannot read the kernel"),
        "{error}"
    );
    fs::write(&kernel, "").unwrap();
    find_in(&mut named).unwrap_err();
    fs::write(&kernel, "kernel").unwrap();
    let error = find_in(&mut named).unwrap_err().to_string();
    assert!(error.contains("is no kernel image"), "{error}");
    fs::write(&kernel, [&[0; 0x202][..], b"HdrS"].concat()).unwrap();
    find_in(&mut named).unwrap();
    named.judge_start = JudgeStart::First;
    let error = find_in(&mut named).unwrap_err().to_string();
    assert!(error.contains("--start-kernel stands for it"), "{error}");

    let mut without = settings();
    assert!(!is_expected(&without) && is_expected(&named));
    without.start = vec!["package:linux-image-x".into()];
    assert!(is_expected(&without));
    without.judge_start = JudgeStart::First;
    assert!(!is_expected(&without));
    without = settings();
    find_in(&mut without).unwrap();
    assert_eq!(without, settings());
    without.start_modules = Some(dir.path().to_owned());
    let error = find_in(&mut without).unwrap_err().to_string();
    assert!(error.contains("without --start-kernel"), "{error}");
}

#[test]
fn modules_that_a_guest_on_a_disk_does_not_load_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let oracle = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::write(&path, format!("#!/bin/sh\n# kbisect: {text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        crate::oracle::find(path.to_str().unwrap()).unwrap()
    };
    let memory = oracle("memory", "guest=busybox");
    let disk = oracle("disk", "guest=debian disk=virtio");
    let nvme = oracle("nvme", "guest=debian disk=nvme");
    let kernel = |modules: bool, installed: bool| StandIn {
        image: "vmlinuz".into(),
        modules: modules.then(|| "modules.cpio".into()),
        installed: installed.then(|| "6.1".into()),
    };
    let told = |kernel: &StandIn, oracles: &[&Oracle]| {
        let oracles: Vec<Oracle> = oracles.iter().copied().cloned().collect();
        unloaded(Some(kernel), &oracles)
    };
    let whole = kernel(true, true);
    let text = told(&whole, &[&memory, &disk]).unwrap();
    assert!(text.contains("the guest of disk is on a disk"), "{text}");
    assert!(text.contains("KBISECT_DISK=nvme"), "{text}");
    let text = told(&whole, &[&nvme]).unwrap();
    assert!(!text.contains(contract::DISK), "{text}");
    assert!(text.contains("--judge-start first"), "{text}");
    assert!(
        told(&kernel(false, false), &[&disk]).is_some(),
        "nobody knows"
    );
    assert_eq!(told(&kernel(false, true), &[&disk]), None);
    assert_eq!(told(&whole, &[&memory]), None);
    assert_eq!(unloaded(None, &[disk]), None);
}

#[test]
fn modules_are_found_in_the_root_of_a_system_with_one_kernel() {
    let dir = tempfile::tempdir().unwrap();
    let says = |folder: &Path| folder_of_modules(folder).unwrap_err().to_string();
    assert!(says(dir.path()).contains("no kernel modules"));
    let one = dir.path().join("usr/lib/modules/6.1");
    fs::create_dir_all(one.join("kernel")).unwrap();
    std::os::unix::fs::symlink("usr/lib", dir.path().join("lib")).unwrap();
    let found = dir.path().join("lib/modules/6.1");
    assert_eq!(folder_of_modules(dir.path()).unwrap(), found);
    assert_eq!(folder_of_modules(&one).unwrap(), one);
    let above = dir.path().join("usr/lib/modules");
    assert_eq!(folder_of_modules(&above).unwrap(), one);
    fs::create_dir_all(above.join("6.2/kernel")).unwrap();
    assert!(says(dir.path()).contains("of 2 kernels"));
}

#[test]
fn what_is_missing_of_the_modules_is_told() {
    let (dir, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let folder = dir.path().join("6.1");
    fs::create_dir_all(folder.join("kernel")).unwrap();
    let put = |name: &str, info: &str| {
        let module = crate::kmod::tests::module(&[info]);
        fs::write(folder.join("kernel").join(name), module).unwrap();
    };
    let mut with = settings();
    with.start_kernel = Some("vmlinuz".into());
    with.start_modules = Some(folder.clone());
    let told = || {
        let mut said = Vec::new();
        let mut tell = |event: &crate::model::Event| {
            if let crate::model::Event::Warning { text } = event {
                said.push(text.clone());
            }
        };
        of(&with, work.path(), &mut tell).unwrap();
        said.join("\n")
    };
    let said = told();
    assert!(said.contains("none of the modules in"), "{said}");
    put("virtio_net.ko", "depends=net_failover");
    let said = told();
    assert!(
        said.contains("net_failover (for virtio_net)") && said.contains("--start-modules"),
        "{said}"
    );
    put("net_failover.ko", "depends=");
    assert_eq!(told(), "");
}

#[test]
fn a_source_of_another_version_is_told_with_the_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let makefile =
        "# SPDX\nVERSION = 6\nPATCHLEVEL = 1\nSUBLEVEL = 192\nEXTRAVERSION =\nNAME = X\n";
    fs::write(dir.path().join("Makefile"), makefile).unwrap();
    let config = |version: &str| {
        format!(
            "#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 {version} Kernel Configuration\n#\n"
        )
    };
    let mut with = settings();
    with.start_kernel = Some("vmlinuz".into());
    let told = |settings: &Settings, version: &str| {
        let (text, mut said) = (config(version), Vec::new());
        let mut tell = |event: &crate::model::Event| said.push(format!("{event:?}"));
        tell_version(settings, &[text.as_bytes()], dir.path(), &mut tell);
        said.concat()
    };
    let said = told(&with, "6.1.170");
    assert!(
        said.contains("of Linux 6.1.170, and the source is Linux 6.1.192"),
        "{said}"
    );
    assert!(
        said.contains("package:NAME=VERSION") && said.contains("--source"),
        "{said}"
    );
    assert_eq!(told(&with, "6.1.192"), "");
    assert_eq!(told(&settings(), "6.1.170"), "");
    assert!(told(&settings(), "6.18.44").contains("of Linux 6.18.44"));
}
