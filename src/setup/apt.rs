//! Debian's package tools: install, download and unpack.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::{Setup, context::interrupted};
use crate::supervise::{Log, Spec, capture, find_program};
use crate::{Error, Result};

/// The last lines of the log, for an error message, are cut to this many bytes.
const TAIL: usize = 600;

impl Setup<'_> {
    /// Installs `packages` for the whole system. Becomes root through `sudo -n` if need be.
    pub(super) fn apt_install(&mut self, packages: &[&str]) -> Result<()> {
        let install = |setup: &mut Self| -> Result<bool> {
            let spec = privileged("apt-get")?
                .args(["install", "-y", "--no-install-recommends"])
                .args(["-o", "DPkg::Lock::Timeout=120"])
                .args(packages);
            setup.run_to_its_end(spec).map(|ended| ended.success())
        };
        self.make_cache()?;
        self.note(&format!("installing {}", packages.join(" ")));
        if have_lists() && install(self)? {
            return Ok(());
        }
        self.apt_update()?;
        if install(self)? {
            Ok(())
        } else {
            Err(self.apt_failed("apt-get install"))
        }
    }

    fn apt_update(&mut self) -> Result<()> {
        self.note("updating the package lists");
        // A list that cannot be had is no reason to stop: the package may be in another one.
        self.run(privileged("apt-get")?.arg("update")).map(drop)
    }

    /// Downloads the newest version of `packages` into the folder `dir`. Only if that fails are the
    /// package lists updated, as root.
    pub(crate) fn apt_download<S: AsRef<OsStr>>(
        &mut self,
        packages: &[S],
        dir: &Path,
    ) -> Result<Vec<PathBuf>> {
        need_apt()?;
        if have_lists() && self.download(packages, dir)? {
            return downloaded(dir);
        }
        self.apt_update()?;
        self.apt_download_listed(packages, dir)
    }

    /// The same for the package lists as they are: they are not updated, which needs root and changes this machine.
    pub(super) fn apt_download_listed<S: AsRef<OsStr>>(
        &mut self,
        packages: &[S],
        dir: &Path,
    ) -> Result<Vec<PathBuf>> {
        match self.download(packages, dir)? {
            true => downloaded(dir),
            false => Err(self.apt_failed("apt-get download")),
        }
    }

    fn download<S: AsRef<OsStr>>(&mut self, packages: &[S], dir: &Path) -> Result<bool> {
        let spec = unprivileged("apt-get")
            .arg("download")
            .args(packages)
            .cwd(dir);
        self.run(spec).map(|ended| ended.success())
    }

    /// `packages` and everything that they depend on.
    pub(crate) fn apt_closure(&mut self, packages: &[&str]) -> Result<Vec<String>> {
        need_apt()?;
        if !have_lists() {
            self.apt_update()?;
        }
        let no = [
            "recommends",
            "suggests",
            "conflicts",
            "breaks",
            "replaces",
            "enhances",
        ];
        let spec = Spec::new("apt-cache")
            .args(["depends", "--recurse"])
            .args(no.map(|kind| format!("--no-{kind}")))
            .args(packages);
        let out = self.output(spec)?;
        // At the start of a line: a package, or, in angle brackets, a virtual one.
        let named = |line: &&str| line.starts_with(|c: char| c.is_ascii_alphanumeric());
        Ok(out.lines().filter(named).map(str::to_owned).collect())
    }

    /// What the package lists, as they are, say of `package` (`NAME` or `NAME=VERSION`); nothing if it is in none.
    pub(super) fn listed(&self, package: &str) -> Result<Option<Listed>> {
        let spec = Spec::new("apt-cache").args(["show", "--no-all-versions", package]);
        Ok(self.answer(spec)?.as_deref().and_then(Listed::parse))
    }

    /// The versions of `package` that the lists have, the newest first.
    pub(super) fn versions(&self, package: &str) -> Result<Vec<String>> {
        let spec = Spec::new("apt-cache").args(["show", "--all-versions", package]);
        let answer = self.answer(spec)?.unwrap_or_default();
        let versions = answer
            .lines()
            .filter_map(|line| line.strip_prefix("Version: "));
        Ok(versions.map(|version| version.trim().to_owned()).collect())
    }

    /// The names in the lists that begin with `prefix`.
    pub(super) fn names_like(&self, prefix: &str) -> Result<Vec<String>> {
        let answer = self.answer(Spec::new("apt-cache").args(["pkgnames", prefix]))?;
        Ok(answer
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect())
    }

    /// Do the package lists, as they are, have `package` (`NAME` or `NAME=VERSION`)?
    pub(crate) fn has_package(&self, package: &str) -> Result<bool> {
        self.listed(package).map(|found| found.is_some())
    }

    /// The first thing that `package` depends on.
    pub(super) fn apt_depends(&mut self, package: &str) -> Result<Option<String>> {
        need_apt()?;
        let out = self.output(Spec::new("apt-cache").args(["depends", package]))?;
        let depends = out
            .lines()
            .find_map(|line| line.trim().strip_prefix("Depends: "));
        Ok(depends.map(str::to_owned))
    }

    /// Unpacks the packages `debs` over each other into the folder `dir`.
    pub(crate) fn unpack(&mut self, debs: &[PathBuf], dir: &Path) -> Result<()> {
        for deb in debs {
            if !self
                .run(Spec::new("dpkg-deb").arg("-x").args([deb.as_path(), dir]))?
                .success()
            {
                return Err(self.apt_failed("dpkg-deb"));
            }
        }
        Ok(())
    }

    /// What `spec` wrote to its standard output, if it ended with status 0; for questions of which the answer may
    /// well be none.
    pub(crate) fn answer(&self, spec: Spec) -> Result<Option<String>> {
        let spec = spec.log(Log::Append(self.log_path())).env("LC_ALL", "C");
        let (ended, out) = capture(&spec, self.cancel)?;
        if self.cancel.is_cancelled() {
            return Err(interrupted());
        }
        Ok((ended.success()).then(|| String::from_utf8_lossy(&out).into_owned()))
    }

    /// What `spec` wrote to its standard output; an error unless it ended with status 0.
    pub(crate) fn output(&self, spec: Spec) -> Result<String> {
        let program = spec.program.display().to_string();
        let spec = spec.log(Log::Append(self.log_path())).env("LC_ALL", "C");
        let (ended, out) = capture(&spec, self.cancel)?;
        if self.cancel.is_cancelled() {
            return Err(interrupted());
        }
        if !ended.success() {
            return Err(self.apt_failed(&program));
        }
        Ok(String::from_utf8_lossy(&out).into_owned())
    }

    /// The error that `what` failed, with what it said last.
    pub(crate) fn apt_failed(&self, what: &str) -> Error {
        let log = fs::read(self.log_path()).unwrap_or_default();
        let tail = String::from_utf8_lossy(&log[log.len().saturating_sub(TAIL)..]).into_owned();
        let tail: Vec<&str> = tail.lines().rev().take(3).collect();
        let said: Vec<&str> = tail.into_iter().rev().collect();
        let message = format!("{what} failed: {}", said.join(" / "));
        Error::failed(crate::model::sanitize_line(&message, TAIL)).hint(format!(
            "all that it said is in {}",
            self.log_path().display()
        ))
    }

    pub(crate) fn make_cache(&self) -> Result<()> {
        fs::create_dir_all(&self.cache).map_err(|e| Error::io("make the folder", &self.cache, e))
    }
}

/// A package in the lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) version: String,
    /// The packages that it depends on, alternatives included, each with the version if it must be just that.
    depends: Vec<(String, Option<String>)>,
}

impl Listed {
    /// The first package that `apt-cache show` writes.
    fn parse(text: &str) -> Option<Self> {
        let paragraph = text.split("\n\n").next()?;
        let field = |name: &str| {
            let mut lines = paragraph.lines();
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        };
        let one = |depends: &str| {
            let (name, rest) = match depends.trim().split_once(' ') {
                Some((name, rest)) => (name, rest.trim()),
                None => (depends.trim(), ""),
            };
            let version = rest
                .strip_prefix("(=")
                .and_then(|rest| rest.strip_suffix(')'));
            // Of another architecture it would be `NAME:ARCH`.
            let name = name.split(':').next().unwrap_or(name).to_owned();
            (name, version.map(|version| version.trim().to_owned()))
        };
        let depends = field("Depends").unwrap_or_default();
        Some(Self {
            name: field("Package")?.trim().to_owned(),
            version: field("Version")?.trim().to_owned(),
            depends: depends.split([',', '|']).map(one).collect(),
        })
    }

    /// The packages that it depends on whose names begin like this, with their versions.
    pub(super) fn depends_on<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
        let all = self.depends.iter();
        let named = all.filter(move |(name, _)| name.starts_with(prefix));
        named.map(|(name, version)| (name.as_str(), version.as_deref()))
    }
}

/// The packages in the folder `dir`.
fn downloaded(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut found: Vec<PathBuf> = fs::read_dir(dir)
        .map_err(|e| Error::io("read the folder", dir, e))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.extension().is_some_and(|e| e == "deb"))
        .collect();
    found.sort();
    Ok(found)
}

/// Are there package lists at all? A fresh container image has none.
fn have_lists() -> bool {
    fs::read_dir("/var/lib/apt/lists").is_ok_and(|dir| {
        dir.flatten()
            .any(|entry| entry.file_name().to_string_lossy().contains("_Packages"))
    })
}

fn has_apt() -> bool {
    find_program("apt-get").is_some() && find_program("dpkg-deb").is_some()
}

/// Refuses `what` where there is no apt-get.
pub(super) fn need_apt_for(what: &str) -> Result<()> {
    match has_apt() {
        true => Ok(()),
        false => Err(Error::usage(format!(
            "{what} is downloaded with apt-get, and there is none here"
        ))),
    }
}

fn need_apt() -> Result<()> {
    if has_apt() {
        return Ok(());
    }
    Err(
        Error::failed("the guest is made of Debian's packages, and there is no apt-get here")
            .hint("make it on a Debian or Ubuntu machine, and copy its cache folder here"),
    )
}

pub(crate) fn is_root() -> bool {
    // A process owns its own folder there.
    fs::metadata("/proc/self").is_ok_and(|meta| meta.uid() == 0)
}

fn unprivileged(program: &str) -> Spec {
    let spec = Spec::new(program).env("LC_ALL", "C");
    // Root's downloads are done by the user _apt, who may not write into root's cache folder.
    if is_root() {
        spec.args(["-o", "APT::Sandbox::User=root"])
    } else {
        spec
    }
}

/// `program`, as root.
fn privileged(program: &str) -> Result<Spec> {
    const ENV: &str = "DEBIAN_FRONTEND=noninteractive";
    if is_root() {
        return Ok(Spec::new("env").args([ENV, "LC_ALL=C", program]));
    }
    if find_program("sudo").is_some() {
        return Ok(Spec::new("sudo").args(["-n", "env", ENV, "LC_ALL=C", program]));
    }
    let user = env::var("USER").unwrap_or_else(|_| "this user".to_owned());
    Err(Error::failed(format!("{user} may not install packages"))
        .hint("let root run what `kbisect doctor` prints"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_as_apt_cache_shows_it() {
        let text = "Package: linux-image-amd64\nVersion: 6.1.192-3\nProvides: x\n\
            Depends: linux-image-6.1.0-57-amd64 (= 6.1.192-3), kmod, linux-base (>= 4.3~) | \
            linux-modules-a:any\nDescription: Linux\n\nPackage: older\nVersion: 1\n";
        let listed = Listed::parse(text).unwrap();
        assert_eq!(listed.name, "linux-image-amd64");
        assert_eq!(listed.version, "6.1.192-3");
        let of = |prefix| -> Vec<(String, Option<String>)> {
            let all = listed.depends_on(prefix);
            all.map(|(n, v)| (n.to_owned(), v.map(str::to_owned)))
                .collect()
        };
        let image = (
            "linux-image-6.1.0-57-amd64".to_owned(),
            Some("6.1.192-3".to_owned()),
        );
        assert_eq!(of("linux-image-"), [image]);
        assert_eq!(of("linux-modules-"), [("linux-modules-a".to_owned(), None)]);
        assert_eq!(of("linux-base"), [("linux-base".to_owned(), None)]);
        assert_eq!(Listed::parse(""), None);
        assert_eq!(Listed::parse("Package: x\n"), None);
    }
}
