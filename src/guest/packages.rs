//! Installs Debian's packages into an archive, by mmdebstrap.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::ext4::EPOCH;
use super::namespace;
use super::recipe::Contents;
use crate::model::sanitize_line;
use crate::setup::{GUEST, Setup, install_command, is_root, missing};
use crate::supervise::{CancelToken, Spec, quote};
use crate::{Error, Result};

/// Where the keys of Debian's archive are.
const KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Folders of documentation, which no guest needs.
const EXCLUDED: [&str; 8] = [
    "/usr/share/doc/*",
    "/usr/share/info/*",
    "/usr/share/lintian/*",
    "/usr/share/locale/*",
    "/usr/share/man/*",
    "/usr/share/bug/*",
    "/usr/share/doc-base/*",
    "/usr/share/i18n/*",
];

/// How long mmdebstrap may take to tidy up when it is stopped.
const GRACE: Duration = Duration::from_secs(20);

/// Refuses what cannot work, before anything takes time.
pub(super) fn check(setup: &mut Setup<'_>) -> Result<()> {
    let lacking = missing(GUEST, &CancelToken::new())?;
    if let Some(need) = lacking.first() {
        let packages: Vec<&str> = lacking.iter().flat_map(|n| n.packages).copied().collect();
        return Err(Error::failed(format!(
            "a guest with Debian on a disk needs {}, which is not on this machine",
            need.name
        ))
        .hint(format!(
            "as root: {}; a run with --setup does it",
            install_command(&packages)
        )));
    }
    setup.make_cache()?;
    namespace::check(setup)
}

/// Installs the packages of `recipe` into a new archive `tar`; `work` is a folder for this.
pub(super) fn install(
    setup: &mut Setup<'_>,
    recipe: &Contents,
    tar: &Path,
    work: &Path,
) -> Result<()> {
    let (sources, is_same) = sources(setup, &recipe.release)?;
    if is_same {
        // mmdebstrap would tell of it after minutes.
        for package in &recipe.packages {
            if !setup.has_package(package)? {
                return Err(no_package(package, ""));
            }
        }
    }
    let given = |option: &str, value: &str| format!("--{option}={value}");
    let mut spec = Spec::new("mmdebstrap")
        .args(["--variant=minbase", "--format=tar", "--architectures=amd64"])
        .arg(format!("--mode={}", namespace::mode()))
        .arg(given("aptopt", "Acquire::Languages \"none\""))
        .arg(given("aptopt", "Acquire::Retries \"3\""))
        .args(EXCLUDED.map(|path| given("dpkgopt", &format!("path-exclude={path}"))))
        .arg(format!("--include={}", recipe.packages.join(",")));
    if !recipe.never.is_empty() {
        let pin = |name: &String| format!("Package: {name}\nPin: release *\nPin-Priority: -1\n\n");
        let pins: String = recipe.never.iter().map(pin).collect();
        spec = spec.arg(format!(
            "--setup-hook=mkdir -p \"$1/etc/apt/preferences.d\" && printf %s {} > \"$1/etc/apt/preferences.d/kbisect\"",
            quote(&pins)
        ));
    }
    spec = spec.arg(&recipe.release).arg(tar).args(sources);
    spec = spec
        .env("SOURCE_DATE_EPOCH", EPOCH.to_string())
        .env("LC_ALL", "C");
    if is_root() {
        // Its folder goes with ours, and what it mounts with its processes. Elsewhere other users must reach its folder.
        spec = spec.env("TMPDIR", work);
        let program = std::mem::replace(&mut spec.program, "unshare".into());
        let first = ["--mount", "--propagation", "private", "--"].map(OsString::from);
        let rest = std::mem::take(&mut spec.args);
        spec.args.extend(first);
        spec.args.push(program.into());
        spec.args.extend(rest);
    }
    spec.grace = GRACE;
    let before = fs::metadata(setup.log_path()).map_or(0, |meta| meta.len());
    if setup.run(spec)?.success() {
        return Ok(());
    }
    let log = fs::read(setup.log_path()).unwrap_or_default();
    let own = log.get(usize::try_from(before).unwrap_or(0)..);
    let said = String::from_utf8_lossy(own.unwrap_or_default()).into_owned();
    Err(explained(&said, setup.apt_failed("mmdebstrap")))
}

/// The error that there is no such package; `more` is added to what can be done.
fn no_package(package: &str, more: &str) -> Error {
    let name = package.split('=').next().unwrap_or(package);
    Error::usage(format!("the package {package} cannot be had")).hint(format!(
        "is it spelled right (`apt-cache policy {name}`), and in the component main of this release? {more}"
    ))
}

/// Debian's archives as this machine's own apt has them, for another release: lines of a `sources.list`. Also whether
/// that release is this machine's.
fn sources(setup: &mut Setup<'_>, release: &str) -> Result<(Vec<String>, bool)> {
    let format = "$(REPO_URI) $(CODENAME) $(ORIGIN)";
    let listed = setup.output(Spec::new("apt-get").args([
        "indextargets",
        "--format",
        format,
        "Created-By: Packages",
        "Component: main",
    ]))?;
    let keys = match Path::new(KEYS).is_file() {
        true => format!("[signed-by={KEYS}] "),
        false => String::new(),
    };
    let lines = lines_of(&listed, release, &keys);
    if lines.is_empty() {
        return Err(Error::failed(
            "the guest is made of Debian's packages, and no archive of Debian is among the sources of apt here",
        )
        .hint(
            "update the package lists (apt-get update); on another distribution make the guest on a Debian machine, and \
             copy its folder in the cache here (`kbisect guest show NAME` tells it)",
        ));
    }
    let is_same = listed
        .lines()
        .any(|line| line.split_whitespace().skip(1).eq([release, "Debian"]));
    Ok((lines, is_same))
}

/// The lines for what `apt-get indextargets` lists: `URI CODENAME ORIGIN` a line.
fn lines_of(listed: &str, release: &str, keys: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in listed.lines() {
        let mut words = line.split_whitespace();
        let (Some(uri), Some(codename), Some("Debian")) =
            (words.next(), words.next(), words.next())
        else {
            continue;
        };
        // `bookworm`, `bookworm-security`, `bookworm-updates`; no backports.
        let suffix = codename.find('-').map_or("", |at| &codename[at..]);
        if ["", "-security", "-updates"].contains(&suffix) {
            let line = format!("deb {keys}{uri} {release}{suffix} main");
            if !lines.contains(&line) {
                lines.push(line);
            }
        }
    }
    lines
}

/// The error of mmdebstrap, in our words where we know them.
fn explained(said: &str, error: Error) -> Error {
    let after = |words: &str| {
        let line = said.lines().find(|line| line.contains(words))?;
        let rest = line.split(words).nth(1)?.trim();
        Some(sanitize_line(rest.split_whitespace().next()?, 100))
    };
    let quoted_before = |words: &str| {
        let line = said.lines().find(|line| line.contains(words))?;
        let name = line.split('\'').nth(1)?;
        Some(sanitize_line(name, 100))
    };
    let package = after("Unable to locate package")
        .or_else(|| quoted_before("has no installation candidate"));
    let kept = error.hint_text().unwrap_or_default().to_owned();
    if let Some(package) = package {
        return no_package(&package, &kept);
    }
    if let Some(line) = said
        .lines()
        .find(|line| line.contains("was not found") && line.contains("Version '"))
    {
        return Error::usage(sanitize_line(line.trim_start_matches("E: "), 200)).hint(format!(
            "an archive has few versions of a package: leave the version out. {kept}"
        ));
    }
    if said.contains("No space left on device") {
        return error.hint(
            "free some space, or name another folder by KBISECT_CACHE: a guest takes up to 3 GiB while it is made",
        );
    }
    let network = [
        "Could not resolve",
        "Temporary failure resolving",
        "Could not connect",
        "Failed to fetch",
        "Network is unreachable",
        "Connection timed out",
    ];
    if network.iter().any(|words| said.contains(words)) {
        return Error::failed("Debian's archive cannot be reached")
            .because(error)
            .hint(format!(
                "is there a network? Does `apt-get update` work? {kept}"
            ));
    }
    error
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_own_mirror_is_used_for_the_release_of_the_recipe() {
        let listed = "http://mirror/debian/ trixie Debian\n\
            http://mirror/debian/ trixie-updates Debian\n\
            http://mirror/debian/ trixie-updates Debian\n\
            http://mirror/debian/ trixie-backports Debian\n\
            http://security/ trixie-security Debian\n\
            http://elsewhere/node nodistro nodesource\n\
            short line\n";
        assert_eq!(
            lines_of(listed, "bookworm", "[k] "),
            [
                "deb [k] http://mirror/debian/ bookworm main",
                "deb [k] http://mirror/debian/ bookworm-updates main",
                "deb [k] http://security/ bookworm-security main",
            ]
        );
    }

    #[test]
    fn it_is_told_why_packages_cannot_be_installed() {
        let says = |said: &str| {
            let error = explained(said, Error::failed("mmdebstrap failed").hint("log"));
            (error.to_string(), error.hint_text().unwrap().to_owned())
        };
        let (text, hint) = says("E: Unable to locate package nginks\nE: more\n");
        assert_eq!(text, "the package nginks cannot be had");
        assert!(hint.contains("apt-cache policy nginks"), "{hint}");
        let (text, _) = says("E: Package 'x-y' has no installation candidate\n");
        assert_eq!(text, "the package x-y cannot be had");
        let (text, _) = says("E: Version '9' for 'zsh' was not found\n");
        assert_eq!(text, "Version '9' for 'zsh' was not found");
        let (text, _) = says("Err:1 http://m x\n  Temporary failure resolving 'm'\n");
        assert_eq!(text, "Debian's archive cannot be reached");
        let (_, hint) = says("tar: cannot write: No space left on device\n");
        assert!(hint.starts_with("free some space"), "{hint}");
        assert_eq!(says("strange\n").0, "mmdebstrap failed");
    }
}
