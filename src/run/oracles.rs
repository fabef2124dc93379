//! The oracles of a run, and what each needs besides the product.

use std::sync::Arc;

use super::guest_modules::leaves_modules;
use super::guests::Guests;
use super::stand_in;
use crate::guest::Guest;
use crate::identity::Tracked;
use crate::kconfig::Project;
use crate::model::{Origin, contract};
use crate::oracle::{self, Oracle, Written};
use crate::settings::Settings;
use crate::{Error, Result};

/// An oracle, and what it needs.
pub(super) struct Judge {
    pub(super) oracle: Oracle,
    /// The guest that it boots.
    pub(super) guest: Option<Guest>,
    /// Does it boot anything?
    pub(super) boots: bool,
    /// Does its guest boot without the kernel's modules?
    leaves_modules: bool,
}

impl Judge {
    fn new(oracle: Oracle) -> Self {
        let guest = oracle.guest();
        Self {
            boots: guest.is_some() || oracle.boots(),
            leaves_modules: leaves_modules(&oracle),
            guest,
            oracle,
        }
    }

    /// The oracle, which depends on its guest, and on these files if it boots.
    pub(super) fn with_tools(self, guests: &Guests, qemu: &[Arc<Tracked>]) -> Self {
        let mut oracle = self.oracle;
        if let Some(made) = self.guest.as_ref().and_then(|guest| guests.of(guest)) {
            oracle = oracle.booting(made.dir.path()).with_tools(&made.files);
        }
        if self.boots {
            oracle = oracle.with_tools(qemu);
        }
        Self { oracle, ..self }
    }
}

/// Finds the oracles of the settings. One that cannot boot the product is refused.
pub(super) fn find(settings: &Settings, project: &Project) -> Result<Vec<Judge>> {
    let written = Arc::new(Written::of_run(&settings.output));
    let oracles = oracle::find_all(&settings.oracles)?.into_iter();
    let oracles: Vec<Oracle> = oracles.map(|oracle| oracle.noting(&written)).collect();
    let oracles = match &settings.guest {
        Some(name) => with_guest(oracles, name)?,
        None => oracles,
    };
    if let Some(oracle) = oracles.iter().find(|oracle| oracle.reads_build_log()) {
        check_log(oracle, settings)?;
    }
    if let Some(oracle) = oracles.iter().find(|oracle| oracle.names_guest()) {
        check_bootable(oracle, settings, project)?;
    }
    Ok(oracles.into_iter().map(Judge::new).collect())
}

/// Does each kernel have the log of a whole build, which this oracle looks at?
fn check_log(oracle: &Oracle, settings: &Settings) -> Result<()> {
    let name = oracle.name();
    if settings.builds != Origin::Empty {
        return Err(Error::usage(format!(
            "the oracle {name} looks at the log of a whole build, and without --clean-builds a build only compiles \
             what an earlier one did not"
        ))
        .hint("give --clean-builds, too"));
    }
    if stand_in::is_expected(settings) {
        return Err(Error::usage(format!(
            "the oracle {name} looks at the log of a build, and the kernel that stands for the start is not built here"
        ))
        .hint(
            "leave --start-kernel out; with --start package:NAME or running, give --judge-start first, which builds the \
             start",
        ));
    }
    Ok(())
}

/// Does the guest of the settings fit each of their oracles whose header names one, and is there one?
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if not, or if there is no such guest or oracle.
pub(super) fn check_guest(settings: &Settings) -> Result<()> {
    let Some(name) = &settings.guest else {
        return Ok(());
    };
    with_guest(oracle::find_all(&settings.oracles)?, name).map(drop)
}

/// The oracles, with this guest in place of those that their headers name.
fn with_guest(oracles: Vec<Oracle>, name: &str) -> Result<Vec<Oracle>> {
    let guest = Guest::find(name)?;
    if !oracles.iter().any(Oracle::names_guest) {
        let names: Vec<&str> = oracles.iter().map(Oracle::name).collect();
        return Err(Error::usage(format!(
            "--guest has no effect: the header of {} names no guest",
            names.join(", ")
        ))
        .hint(
            "it takes the place of the guest in an oracle's header, such as `# kbisect: guest=busybox`; \
             `kbisect oracles` lists those that have one",
        ));
    }
    let oracles = oracles.into_iter();
    oracles.map(|oracle| oracle.with_guest(&guest)).collect()
}

/// Can an oracle whose header names a guest boot the product?
fn check_bootable(oracle: &Oracle, settings: &Settings, project: &Project) -> Result<()> {
    let (name, arch) = (oracle.name(), settings.arch.as_str());
    match project.name.as_str() {
        "busybox" => Err(Error::usage(format!("{name} boots kernels, not busybox"))
            .hint("give an oracle of your own; examples/busybox has one")),
        "linux" if !matches!(arch, "x86_64" | "x86") => Err(Error::usage(format!(
            "{name} boots x86_64 kernels only, not {}",
            arch.escape_debug()
        ))
        .hint("give an oracle of your own that boots it")),
        _ => Ok(()),
    }
}

/// Can the oracles load modules, if they are kept?
pub(super) fn check_modules(judges: &[Judge], project: &Project) -> Result<()> {
    if project.modules_target.is_none() {
        return Ok(());
    }
    if let Some(judge) = judges.iter().find(|judge| judge.leaves_modules) {
        return Err(Error::usage(format!(
            "--modules keep: the guest of {} is on a disk, and does not get the modules of the kernel",
            judge.oracle.name()
        ))
        .hint(
            "--modules builtin asks for =y where the start has =m; or take an oracle whose guest is in memory, such as \
             ssh-ok",
        ));
    }
    let may_load = |judge: &Judge| judge.boots || judge.oracle.mentions(contract::MODULES);
    // None: nothing is judged.
    if judges.is_empty() || judges.iter().any(may_load) {
        return Ok(());
    }
    let names: Vec<&str> = judges.iter().map(|judge| judge.oracle.name()).collect();
    Err(Error::usage(format!(
        "--modules keep: nothing loads the modules: {} neither calls `kbisect boot` nor uses {}",
        names.join(", "),
        contract::MODULES
    ))
    .hint(format!(
        "--modules builtin asks for =y where the start has =m; or let the oracle put the archive {} into its guest",
        contract::MODULES
    )))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::ErrorKind;
    use crate::oracle::Header;
    use crate::settings::{Machine, PartialSettings};

    /// The oracles of these texts, asked for with this guest.
    pub(in crate::run) fn found(texts: &[&str], guest: Option<&str>) -> Result<Vec<Judge>> {
        let dir = tempfile::tempdir().unwrap();
        let mut names = Vec::new();
        for (number, text) in texts.iter().enumerate() {
            let path = dir.path().join(format!("oracle-{number}"));
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            names.push(toml::Value::from(path.to_str().unwrap()));
        }
        let mut asked = PartialSettings::new().with("oracle", names);
        if texts
            .iter()
            .all(|text| !text.contains("without --clean-builds"))
        {
            asked = asked.with("clean-builds", true);
        }
        if let Some(guest) = guest {
            asked = asked.with("guest", guest);
        }
        let mut settings = Settings::complete(&asked, Machine::here()).unwrap();
        if texts.iter().any(|text| text.contains("with a stand-in")) {
            settings.start_kernel = Some("/boot/vmlinuz".into());
        }
        find(&settings, &linux())
    }

    fn linux() -> Project {
        Project::linux("x86_64").unwrap()
    }

    fn needs(text: &str) -> (Option<String>, bool) {
        let judge = found(&[text], None).unwrap().remove(0);
        let guest = judge.guest.map(|guest| guest.name().to_owned());
        (guest, judge.boots)
    }

    #[test]
    fn what_an_oracle_needs_is_in_its_header_or_else_in_its_words() {
        let busybox = |name: &str| Some(name.to_owned());
        let header = "# kbisect: guest=busybox-ssh";
        assert_eq!(needs(header), (busybox("busybox-ssh"), true));
        assert_eq!(needs("# kbisect: nic=virtio"), (None, true));
        assert_eq!(needs("# kbisect: level=fast"), (None, false));
        assert_eq!(needs("boot $KBISECT_GUEST"), (busybox("busybox"), true));
        assert_eq!(needs("kbisect boot --initrd x"), (None, true));
        assert_eq!(needs("test -s x"), (None, false));
        let both = "# kbisect: nic=virtio\nboot $KBISECT_GUEST";
        assert_eq!(needs(both), (busybox("busybox"), true));
    }

    #[test]
    fn the_log_of_a_build_is_whole_or_refused() {
        let log = "test -s \"$KBISECT_BUILD_LOG\"";
        assert!(found(&[log], None).is_ok());
        let error = found(&[&format!("{log} # without --clean-builds")], None);
        let error = error.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert_eq!(error.hint_text(), Some("give --clean-builds, too"));
        // Of a kernel that was built elsewhere there is none.
        let error = found(&[&format!("{log} # with a stand-in")], None);
        let error = error.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let text = error.to_string();
        assert!(
            text.ends_with("stands for the start is not built here"),
            "{text}"
        );
        assert!(found(&["true # with a stand-in"], None).is_ok());
    }

    #[test]
    fn a_copy_of_a_shipped_oracle_needs_what_that_needs() {
        for shipped in oracle::SHIPPED {
            let (_, text) = shipped.script.split_once('\n').unwrap();
            let header = shipped.header().unwrap();
            let guest = header.as_ref().and_then(Header::guest);
            let guest = guest.map(|guest| guest.name().to_owned());
            assert_eq!(needs(text), (guest, header.is_some()), "{}", shipped.name);
        }
    }

    #[test]
    fn an_archive_takes_the_place_of_a_guest_if_its_file_is_not_named() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("mine.cpio");
        let content = crate::guest::Archive::new().file("init", 0o755, b"x");
        fs::write(&archive, content.finish().unwrap()).unwrap();
        let with = |text: &str| found(&[text], archive.to_str());
        let header = "# kbisect: guest=busybox";
        with(header).unwrap();
        let named = format!("{header}\nboot --initrd $KBISECT_GUEST/shell.cpio");
        let error = with(&named).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let text = error.to_string();
        assert!(text.contains("oracle-0 boots shell.cpio"), "{text}");
        assert!(error.hint_text().unwrap().contains("--initrd"));
        found(&[&named], Some("busybox-ssh")).unwrap();
    }

    #[test]
    fn modules_are_not_kept_for_a_guest_on_a_disk() {
        let (memory, disk) = (
            "# kbisect: guest=busybox",
            "# kbisect: guest=debian disk=virtio",
        );
        let check = |texts: &[&str], project: Project| {
            check_modules(&found(texts, None).unwrap(), &project).map_err(|error| {
                assert_eq!(error.kind(), ErrorKind::Usage);
                error.to_string()
            })
        };
        let keeping = || linux().keeping_modules().unwrap();
        assert_eq!(check(&[memory], keeping()), Ok(()));
        assert_eq!(check(&[memory, disk], linux().without_modules()), Ok(()));
        let own = format!("{disk}\nkbisect boot --initrd x");
        assert_eq!(check(&[&own], keeping()), Ok(()));
        let error = check(&[memory, disk], keeping()).unwrap_err();
        assert!(
            error.contains("the guest of oracle-1 is on a disk"),
            "{error}"
        );
    }

    #[test]
    fn modules_that_no_oracle_loads_are_refused_unless_nothing_is_judged() {
        let keeping = linux().keeping_modules().unwrap();
        let judges = found(&["test -e \"$KBISECT_PRODUCT\""], None).unwrap();
        let error = check_modules(&judges, &keeping).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(
            error.to_string().contains("nothing loads the modules"),
            "{error}"
        );
        // For a report, which only asks Kconfig.
        check_modules(&[], &keeping).unwrap();
    }

    #[test]
    fn another_guest_takes_the_place_of_those_that_headers_name() {
        let texts = ["# kbisect: guest=busybox-ssh", "boot $KBISECT_GUEST"];
        let judges = found(&texts, Some("busybox")).unwrap();
        for judge in judges {
            assert_eq!(judge.guest.unwrap().name(), "busybox");
        }
        let error = |text: &str, guest: &str| {
            let error = found(&[text], Some(guest)).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Usage);
            error.to_string()
        };
        let none = error("boot $KBISECT_GUEST", "busybox");
        assert!(
            none.contains("the header of oracle-0 names no guest"),
            "{none}"
        );
        let unknown = error(texts[0], "busibox");
        assert!(unknown.contains("there is no guest `busibox`"), "{unknown}");
    }
}
