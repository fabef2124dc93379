//! Tests of headers, right and wrong.

use super::*;
use crate::ErrorKind;

fn read(text: &str) -> Result<Option<Header>> {
    Header::read(Path::new("my-oracle"), text.as_bytes())
}

fn header(text: &str) -> Header {
    read(text).unwrap().unwrap()
}

#[track_caller]
fn refused(text: &str) -> String {
    let error = read(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.hint_text().unwrap().contains("guest=busybox"));
    error.to_string()
}

#[test]
fn the_lines_of_a_header_add_up() {
    let text = "#!/bin/sh\n# Some words.\n# kbisect: guest=busybox-ssh nic=virtio\n\n\
                # kbisect: machine=q35 level=fast,full\ntrue\n";
    let header = header(text);
    assert_eq!(header.guest().unwrap().name(), "busybox-ssh");
    let machine = "machine=q35 disk=none nic=virtio boot=direct";
    assert_eq!(header.hardware().to_string(), machine);
    assert_eq!(header.levels(), [Level::Fast, Level::Full]);
    let text = "guest=busybox-ssh machine=q35 nic=virtio level=fast,full";
    assert_eq!(header.to_string(), text);
}

#[test]
fn a_header_stands_in_comments_of_each_language() {
    for opener in ["#", "##", "//", "--", ";", "  # ", ";;"] {
        let text = format!("{opener} kbisect: nic=e1000\n");
        assert_eq!(header(&text).to_string(), "nic=e1000", "{opener}");
    }
    assert_eq!(header("#kbisect: nic=e1000\r\n").to_string(), "nic=e1000");
}

#[test]
fn a_program_without_such_a_line_has_no_header() {
    for text in [
        "",
        "#!/bin/sh\n# kbisect boot is called\n",
        "kbisect: guest=x\n",
    ] {
        assert_eq!(read(text).unwrap(), None, "{text}");
    }
    let binary = b"\x7fELF\0\n# kbisect: guest=nothing\n";
    assert_eq!(Header::read(Path::new("x"), binary).unwrap(), None);
}

#[test]
fn a_machine_that_cannot_be_is_refused_also_if_the_environment_asks_for_it() {
    let told = refused("# kbisect: guest=debian\n# kbisect: machine=q35 disk=ata\n");
    assert!(
        told.starts_with("my-oracle, line 2: q35 has no IDE"),
        "{told}"
    );
    let header = header("# kbisect: guest=debian machine=microvm disk=virtio\n");
    let error = header.clone().with_environment("nvme", "").unwrap_err();
    assert!(
        error.to_string().starts_with("KBISECT_DISK: microvm"),
        "{error}"
    );
    let error = header.clone().with_environment("floppy", "").unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("disk is one of virtio, nvme, ahci, ata, scsi"),
        "{error}"
    );
    assert!(header.with_environment("virtio", "e1000").is_ok());
}

#[test]
fn by_default_a_guest_starts_by_its_own_init() {
    assert_eq!(header("# kbisect: guest=busybox\n").levels(), [Level::Full]);
}

#[test]
fn a_mistake_is_told_with_its_line_and_with_what_there_is() {
    let told = refused("#!/bin/sh\n# kbisect: guest=busybox cpu=2\n");
    let keys = "`cpu` is none of guest, machine, disk, nic, boot, level";
    assert_eq!(told, format!("my-oracle, line 2: {keys}"));
    let told = refused("# kbisect: guest=busibox\n");
    assert!(
        told.contains("guest=busibox is not known; guest is one of busybox, "),
        "{told}"
    );
    let told = refused("# kbisect: nic=virtio\n# kbisect: nic=ne2000\n");
    assert_eq!(
        told,
        "my-oracle, line 2: nic=ne2000 contradicts nic=virtio in line 1"
    );
    assert!(refused("# kbisect: nic=ne2000\n").contains("nic is one of none, virtio, e1000"));
    for level in ["slow", "", "fast,fast", "fast,"] {
        let told = refused(&format!("# kbisect: level={level}\n"));
        assert!(
            told.ends_with("level is one of fast, full, fast,full"),
            "{told}"
        );
    }
    for text in [
        "# kbisect:\n",
        "# kbisect: guest\n",
        "# kbisect: guest=busybox fast\n",
    ] {
        assert!(
            refused(text).contains("is not of words KEY=VALUE"),
            "{text}"
        );
    }
}

#[test]
fn a_header_whose_mark_is_misspelt_is_refused_and_told_how_to_write_it() {
    for (line, right) in [
        ("# Kbisect: guest=busybox", "guest=busybox"),
        ("# KBISECT: nic=virtio level=fast", "nic=virtio level=fast"),
        ("# kbisect : guest=busybox", "guest=busybox"),
        ("// kbisect guest=busybox", "guest=busybox"),
        ("#kbisect\tthe disk=nvme", "disk=nvme"),
        ("# kbisect Guest=busybox", "Guest=busybox"),
    ] {
        let told = refused(&format!("#!/bin/sh\n{line}\n"));
        assert!(told.starts_with("my-oracle, line 2: `"), "{told}");
        let way = format!("is no header: write `# kbisect: {right}`");
        assert!(told.contains(&way), "{told}");
    }
    for prose in [
        "# kbisect boot --until 'up' --machine=q35 --append root=/dev/vda",
        "# kbisect calls it with KBISECT_LEVEL=fast",
        "# kbisect",
        "# kb\u{e9}sect: guest=busybox",
        "# A header such as guest=busybox",
        "true\n# Kbisect: guest=busybox",
    ] {
        assert_eq!(
            read(&format!("#!/bin/sh\n{prose}\n")).unwrap(),
            None,
            "{prose}"
        );
    }
}

#[test]
fn the_same_said_twice_is_said_once() {
    let twice = "# kbisect: nic=virtio\n# kbisect: nic=virtio\n";
    assert_eq!(header(twice).to_string(), "nic=virtio");
}

#[test]
fn a_header_that_comes_too_late_is_refused_and_a_text_that_only_looks_like_one_is_not() {
    let told = refused("#!/bin/sh\ntrue\n# kbisect: guest=busybox\n");
    assert!(
        told.starts_with("my-oracle, line 3: a header stands in the first"),
        "{told}"
    );
    let text = "#!/bin/sh\ntrue\n# kbisect: see there; x=y\n";
    assert_eq!(read(text).unwrap(), None);
}

#[test]
fn a_disk_and_a_boot_loader_need_a_guest_with_a_disk() {
    let told = refused("# kbisect: guest=busybox\n# kbisect: disk=nvme\n");
    let why = "needs a guest with a disk, and here is guest=busybox";
    assert_eq!(told, format!("my-oracle, line 2: disk=nvme {why}"));
    assert!(refused("# kbisect: guest=busybox boot=grub\n").contains("boot=grub needs"));
    assert!(refused("# kbisect: disk=nvme\n").ends_with("here is no guest"));
}

#[test]
fn the_environment_chooses_among_disks_and_cards_where_there_is_one() {
    let with = |text: &str, nic: &str| header(text).with_environment("", nic);
    let net = "# kbisect: guest=busybox nic=virtio\n";
    assert_eq!(with(net, "").unwrap(), header(net));
    let chosen = with(net, "e1000").unwrap();
    assert_eq!(chosen.to_string(), "guest=busybox nic=e1000");
    let shell = "# kbisect: guest=busybox\n";
    assert_eq!(with(shell, "e1000").unwrap(), header(shell));
    for (value, why) in [
        ("none", "needs a network card"),
        ("ne2000", "one of virtio, e1000"),
    ] {
        let error = with(net, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let text = error.to_string();
        assert!(
            text.starts_with("KBISECT_NIC: ") && text.contains(why),
            "{text}"
        );
    }
}

#[test]
fn a_script_without_its_header_is_what_it_was_before_it_had_one() {
    let script = "#!/bin/sh\n# Words.\n# kbisect: guest=busybox\n#\ntrue\n";
    assert_eq!(without(script), "#!/bin/sh\n# Words.\n#\ntrue\n");
}
