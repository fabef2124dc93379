//! The kernel that stands for a start that is not built: of a package, of this machine, or named.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::given::{RUNNING, is_linux};
use super::guest_modules::{self, leaves_modules};
use super::lists::few;
use super::tell::{Watcher, note, warn};
use crate::boot::Interface;
use crate::input;
use crate::kmod::Packed;
use crate::oracle::Oracle;
use crate::settings::{ARCH, JudgeStart, Settings};
use crate::setup::{PackageName, PackagedKernel, Setup};
use crate::supervise::CancelToken;
use crate::trial::StandIn;
use crate::{Error, Result};

/// How a start begins that is a package.
const PACKAGE: &str = "package:";

/// What a folder with the modules of one kernel has.
const OF_MODULES: [&str; 3] = ["modules.order", "modules.dep", "kernel"];

/// So many missing modules are named.
const SHOWN: usize = 5;

const KERNEL: &str = "--start-kernel is the boot image of a kernel, such as /boot/vmlinuz-VERSION";

/// Where modules are, in the root of a system.
const PLACES: [&str; 2] = ["lib/modules", "usr/lib/modules"];

/// Replaces packages in the settings by their files, finds the kernel that stands for the start, and checks it. With
/// one the start itself is built only if nothing smaller passes.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when there is no such package, kernel or folder of modules; a package
/// cannot be downloaded or unpacked; an interruption.
pub(crate) fn find(
    settings: &mut Settings,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<()> {
    let is_alone = settings.start.len() == 1;
    let is_named = settings.start_kernel.is_some() || settings.start_modules.is_some();
    let is_built = settings.judge_start == JudgeStart::First;
    if is_built && is_named {
        return Err(Error::usage(
            "--judge-start first builds the start, and --start-kernel stands for it",
        )
        .hint("leave one of them out"));
    }
    for at in 0..settings.start.len() {
        let Some(name) = package_of(&settings.start[at]) else {
            continue;
        };
        let kernel = fetch(&PackageName::parse(&name)?, settings, cancel, tell)?;
        settings.start[at].clone_from(&kernel.config);
        // Files that are merged may ask for more than that kernel has.
        if is_named {
            continue;
        }
        if is_alone && !is_built {
            (settings.start_kernel, settings.start_modules) = (Some(kernel.image), kernel.modules);
        } else {
            let why = match is_built {
                true => "--judge-start first builds the start",
                false => "the start is merged from several",
            };
            note(
                tell,
                format!("the kernel of the package is not booted: {why}"),
            );
        }
    }
    if is_alone && !is_named && !is_built && is_running(&settings.start[0]) {
        (settings.start_kernel, settings.start_modules) = of_this_machine(tell);
    }
    let Some(kernel) = &settings.start_kernel else {
        if settings.start_modules.is_some() {
            return Err(
                Error::usage("--start-modules has no effect without --start-kernel")
                    .hint("give the kernel that they are of, too"),
            );
        }
        return Ok(());
    };
    readable(kernel)?;
    // QEMU's words for any other file are hard to understand.
    if is_linux(settings) && settings.arch == ARCH && !is_boot_image(kernel) {
        let text = format!("{} is no kernel image (bzImage)", kernel.display());
        return Err(Error::usage(text).hint(KERNEL));
    }
    if let Some(modules) = &settings.start_modules {
        settings.start_modules = Some(folder_of_modules(modules)?);
    }
    Ok(())
}

/// Will a kernel stand for the start, as far as that is known before [`find`] has found it?
pub(crate) fn is_expected(settings: &Settings) -> bool {
    let is_package = || match settings.start.as_slice() {
        [start] => settings.judge_start != JudgeStart::First && package_of(start).is_some(),
        _ => false,
    };
    settings.start_kernel.is_some() || is_package()
}

/// The kernel of the settings that stands for the start. Its modules are packed into the folder `work`.
pub(crate) fn of(
    settings: &Settings,
    work: &Path,
    tell: &mut Watcher<'_>,
) -> Result<Option<StandIn>> {
    let Some(image) = settings.start_kernel.clone() else {
        return Ok(None);
    };
    let Some(folder) = &settings.start_modules else {
        return Ok(Some(StandIn {
            image,
            modules: None,
            installed: None,
        }));
    };
    let (archive, packed) = guest_modules::pack(folder, work)?;
    let count = packed.names.len();
    let text = format!(
        "the guest of {} gets {count} of its modules",
        image.display()
    );
    note(tell, text);
    tell_missing(folder, &packed, tell);
    Ok(Some(StandIn {
        image,
        modules: (count > 0).then_some(archive),
        installed: Some(folder.clone()),
    }))
}

/// Warns if a guest lacks modules: without them the kernel may not find its disk or network.
fn tell_missing(folder: &Path, packed: &Packed, tell: &mut Watcher<'_>) {
    let folder = folder.display();
    if packed.names.is_empty() && !packed.absent.is_empty() {
        let absent = packed.absent.iter().map(String::as_str);
        let some: Vec<&str> = absent.take(SHOWN).collect();
        let text = format!(
            "none of the modules in {folder} is one that the guest may need: all of them must be built into the \
             kernel (there is no {})",
            some.join(", ")
        );
        warn(tell, text);
    }
    if !packed.unmet.is_empty() {
        let unmet = packed.unmet.iter();
        let unmet: Vec<String> = unmet
            .map(|of| format!("{} (for {})", of.name, of.by))
            .collect();
        let text = format!(
            "modules are missing in {folder}, and those that depend on them cannot be loaded: {}. Is the folder \
             whole (--start-modules)?",
            few(&unmet, SHOWN)
        );
        warn(tell, text);
    }
}

/// What to know before the kernel that stands for the start is booted, if it may have modules and an oracle boots it
/// without them.
pub(super) fn unloaded(kernel: Option<&StandIn>, oracles: &[Oracle]) -> Option<String> {
    let kernel = kernel?;
    // The guest needs none of those that it has.
    if kernel.modules.is_none() && kernel.installed.is_some() {
        return None;
    }
    let without = || oracles.iter().filter(|oracle| leaves_modules(oracle));
    let names: Vec<&str> = without().map(Oracle::name).collect();
    if names.is_empty() {
        return None;
    }
    let has_nvme = |oracle: &Oracle| {
        let header = oracle.header();
        header.is_some_and(|header| header.hardware().disk == Some(Interface::Nvme))
    };
    let another_disk = match without().all(has_nvme) {
        true => "",
        false => {
            "attach the disk by a driver that is (KBISECT_DISK=nvme for Debian's cloud kernel); or "
        }
    };
    Some(format!(
        "the guest of {} is on a disk and does not load the modules of {}: all drivers that it needs must be built into \
         that kernel. If they are not, {another_disk}let the start be built and judged (--judge-start first, without \
         --start-kernel)",
        names.join(", "),
        kernel.image.display()
    ))
}

/// The package that a start names.
fn package_of(start: &Path) -> Option<String> {
    let name = start.to_str()?.strip_prefix(PACKAGE)?;
    (!start.exists()).then(|| name.to_owned())
}

/// Downloads and unpacks a package, and its source if the settings name none.
fn fetch(
    name: &PackageName,
    settings: &mut Settings,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<PackagedKernel> {
    let mut line = |text: &str| note(tell, text);
    let mut setup = Setup::new(&mut line, cancel)?;
    let kernel = setup.packaged_kernel(name)?;
    if settings.source.is_none() && is_linux(settings) {
        let text = fs::read(&kernel.config).map_err(|e| Error::io("read", &kernel.config, e))?;
        let version = input::version(&text).unwrap_or_default();
        settings.source = setup.source_of_package(&series(version), &kernel.version)?;
    }
    let PackagedKernel { name, version, .. } = &kernel;
    note(tell, format!("start: the package {name} {version}"));
    Ok(kernel)
}

/// `6.1` of `6.1.192`.
fn series(version: &str) -> String {
    let parts: Vec<&str> = version.split('.').take(2).collect();
    parts.join(".")
}

fn is_running(start: &Path) -> bool {
    start == Path::new(RUNNING) && !start.exists()
}

/// The kernel of this machine and its modules, as far as they can be read.
fn of_this_machine(tell: &mut Watcher<'_>) -> (Option<PathBuf>, Option<PathBuf>) {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    let image = PathBuf::from(format!("/boot/vmlinuz-{release}"));
    // Some distributions let only root read it.
    let is_there = image.exists();
    let image = Some(image).filter(|image| File::open(image).is_ok());
    if is_there && image.is_none() {
        let text = "the kernel of this machine cannot be read, and is not judged first: run as root, or give a copy of \
                    /boot/vmlinuz-* by --start-kernel";
        note(tell, text.to_owned());
    }
    let modules = PathBuf::from(format!("/lib/modules/{release}"));
    let modules = Some(modules).filter(|modules| image.is_some() && is_of_modules(modules));
    (image, modules)
}

/// Does the file have the header of a boot image for x86 (the kernel's Documentation/arch/x86/boot.rst)?
fn is_boot_image(kernel: &Path) -> bool {
    const AT: u64 = 0x202;
    let mut magic = [0; 4];
    let read = File::open(kernel).and_then(|file| file.read_exact_at(&mut magic, AT));
    read.is_ok() && &magic == b"HdrS"
}

/// Refuses a kernel that cannot be read.
fn readable(kernel: &Path) -> Result<()> {
    let wrong =
        || Error::usage(format!("cannot read the kernel {}", kernel.display())).hint(KERNEL);
    match File::open(kernel).and_then(|file| file.metadata()) {
        Ok(of) if of.is_file() && of.len() > 0 => Ok(()),
        Ok(_) => Err(wrong()),
        Err(e) => Err(wrong().because(e)),
    }
}

fn is_of_modules(folder: &Path) -> bool {
    OF_MODULES.iter().any(|name| folder.join(name).exists())
}

/// The folder of the modules of one kernel: this one, or the only one in it.
fn folder_of_modules(folder: &Path) -> Result<PathBuf> {
    if is_of_modules(folder) {
        return Ok(folder.to_owned());
    }
    let within = PLACES.iter().map(|place| folder.join(place));
    let within = within.chain([folder.to_owned()]);
    let entries = within.filter_map(|place| fs::read_dir(place).ok());
    let paths = entries.flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<PathBuf> = paths.filter(|path| is_of_modules(path)).collect();
    // On many systems `lib` is a link to `usr/lib`.
    found.sort_by_key(|path| path.file_name().map(ToOwned::to_owned));
    found.dedup_by_key(|path| path.file_name().map(ToOwned::to_owned));
    match <[PathBuf; 1]>::try_from(found) {
        Ok([one]) => Ok(one),
        Err(found) if found.is_empty() => Err(Error::usage(format!(
            "there are no kernel modules in {}",
            folder.display()
        ))
        .hint("--start-modules is the folder lib/modules/VERSION, or the root of a system with one kernel")),
        Err(found) => Err(Error::usage(format!(
            "{} has the modules of {} kernels in it",
            folder.display(),
            found.len()
        ))
        .hint(format!("name one of them, such as {}", found[0].display()))),
    }
}

/// Warns if the start, or the kernel that stands for it, is of another version than the source.
pub(crate) fn tell_version(
    settings: &Settings,
    configs: &[&[u8]],
    source: &Path,
    tell: &mut Watcher<'_>,
) {
    let version = configs.iter().find_map(|text| input::version(text));
    let (Some(version), Some(tree)) = (version, version_of(source)) else {
        return;
    };
    // A later patch of a stable series matters only beside a kernel of it. `-rc1` and the like are in both.
    let is_other = match settings.start_kernel {
        Some(_) => version != tree,
        None => series(version) != series(&tree),
    };
    if is_other {
        warn(
            tell,
            format!(
                "the start is the configuration of Linux {version}, and the source is Linux {tree}: options that are \
                 not in the source are left out. Give a package of that version (package:NAME=VERSION), or the source \
                 of this one (--source)"
            ),
        );
    }
}

/// The version of a source tree of Linux, as its Makefile has it.
fn version_of(source: &Path) -> Option<String> {
    let text = fs::read_to_string(source.join("Makefile")).ok()?;
    let value = |name: &str| {
        let mut lines = text.lines().take(20);
        let line = lines.find(|line| line.split('=').next().is_some_and(|n| n.trim() == name))?;
        Some(line.split_once('=')?.1.trim().to_owned())
    };
    let extra = value("EXTRAVERSION").unwrap_or_default();
    let (major, minor, patch) = (value("VERSION")?, value("PATCHLEVEL")?, value("SUBLEVEL")?);
    Some(format!("{major}.{minor}.{patch}{extra}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
