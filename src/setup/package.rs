//! A distribution's kernel package: configuration, kernel and modules, downloaded and unpacked, not installed.

use std::fs;
use std::path::{Path, PathBuf};

use super::Setup;
use super::apt::{Listed, need_apt_for};
use super::source::installed_tarball;
use crate::model::near;
use crate::supervise::Spec;
use crate::{Error, Result};

/// The folder of packages, in the cache.
const PACKAGES: &str = "packages";

/// How the name of a package of a kernel begins.
const IMAGE: &str = "linux-image-";

/// How the name of a package of modules alone begins: some distributions split it off the one of the kernel.
const MODULES: &str = "linux-modules-";

/// A package may depend on one that depends on the kernel.
const DEEPEST: usize = 4;

/// So many versions or names are shown.
const SHOWN: usize = 5;

/// The name of a package, and its version if not just the newest will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackageName {
    name: String,
    version: Option<String>,
}

impl PackageName {
    /// From `NAME` or `NAME=VERSION`.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): it is no name of a package.
    pub fn parse(text: &str) -> Result<Self> {
        let (name, version) = match text.split_once('=') {
            Some((name, version)) => (name, Some(version)),
            None => (text, None),
        };
        let is_of = |text: &str, more: &str| {
            let mut chars = text.chars();
            chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
                && chars.all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        if !is_of(name, "+.-") || version.is_some_and(|version| !is_of(version, "+.-:~")) {
            return Err(Error::usage(format!(
                "`{}` is no name of a package",
                text.escape_debug()
            ))
            .hint("write package:NAME or package:NAME=VERSION, such as package:linux-image-cloud-amd64"));
        }
        Ok(Self {
            name: name.to_owned(),
            version: version.map(str::to_owned),
        })
    }
}

/// The files of a package with a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackagedKernel {
    /// The package that has the kernel in it, which need not be the one that was asked for.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The configuration.
    pub config: PathBuf,
    /// The boot image.
    pub image: PathBuf,
    /// The folder of its modules (`lib/modules/VERSION`), if it has any.
    pub modules: Option<PathBuf>,
}

impl Setup<'_> {
    /// The kernel in a package, or in one that it depends on: downloaded, and unpacked into a folder of the cache of
    /// its name and version, which is used again. Nothing is installed.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when there is no such package or version, it has no kernel in it,
    /// or there is no apt-get; else it cannot be downloaded or unpacked.
    pub fn packaged_kernel(&mut self, asked: &PackageName) -> Result<PackagedKernel> {
        if let PackageName {
            name,
            version: Some(version),
        } = asked
        {
            // It is complete: nobody has to be asked.
            let folder = self.cache.join(folder_of(name, version));
            if folder.is_dir() {
                return in_folder(&folder, name, version);
            }
        }
        need_apt_for(&format!("the package {}", asked.name)).map_err(|e| {
            e.hint(
                "unpack the package elsewhere (dpkg-deb -x), and give --start boot/config-VERSION --start-kernel \
                 boot/vmlinuz-VERSION --start-modules lib/modules/VERSION",
            )
        })?;
        self.make_cache()?;
        let found = self.with_kernel(asked)?;
        let (name, version) = (found.name.clone(), found.version.clone());
        let folder = self.folder(&folder_of(&name, &version), |setup, dir| {
            setup.note(&format!("downloading the package {name} {version}"));
            let modules = found.depends_on(MODULES);
            let own = format!("{name}={version}");
            let all: Vec<String> = [own].into_iter().chain(modules.map(exactly)).collect();
            setup.unpack_packages(&all, dir)?;
            in_folder(dir, &name, &version).map(drop)
        })?;
        in_folder(&folder, &name, &version)
    }

    /// The tarball of the source that a kernel of the series `series` (`6.1`) in a package of this version was built
    /// from, if the distribution has it: as it is installed, or else downloaded.
    ///
    /// # Errors
    /// It cannot be downloaded or unpacked.
    pub fn source_of_package(&mut self, series: &str, version: &str) -> Result<Option<PathBuf>> {
        let package = format!("linux-source-{series}");
        let is_installed = self.installed_version(&package)?.as_deref() == Some(version);
        if is_installed && let Some(tarball) = installed_tarball(&package) {
            return Ok(Some(tarball));
        }
        let wanted = format!("{package}={version}");
        let folder = folder_of(&package, version);
        if !self.cache.join(&folder).is_dir() && self.listed(&wanted)?.is_none() {
            return Ok(None);
        }
        let folder = self.folder(&folder, |setup, dir| {
            setup.note(&format!(
                "downloading the source of that kernel ({package} {version})"
            ));
            setup.unpack_packages(&[wanted], dir)
        })?;
        Ok(super::source::newest_tarball(&folder.join("usr/src")))
    }

    /// Downloads packages and unpacks them into a folder.
    fn unpack_packages(&mut self, packages: &[String], dir: &Path) -> Result<()> {
        let failed = |e: Error| {
            let log = e.hint_text().unwrap_or_default().to_owned();
            e.hint(format!(
                "is there a network? Are the package lists new enough (apt-get update)? {log}"
            ))
        };
        let debs = self.apt_download_listed(packages, dir).map_err(failed)?;
        self.unpack(&debs, dir)?;
        debs.iter()
            .try_for_each(|deb| fs::remove_file(deb).map_err(|e| Error::io("remove", deb, e)))
    }

    /// The package that has the kernel in it: the one that was asked for, or one that it depends on.
    fn with_kernel(&self, asked: &PackageName) -> Result<Listed> {
        let PackageName { name, version } = asked;
        let mut wanted = match version {
            Some(version) => format!("{name}={version}"),
            None => name.clone(),
        };
        let mut found = self
            .listed(&wanted)?
            .ok_or(())
            .or_else(|()| Err(self.unknown(asked)?))?;
        for _ in 0..DEEPEST {
            let Some(depends) = found.depends_on(IMAGE).next() else {
                break;
            };
            wanted = exactly(depends);
            found = self.listed(&wanted)?.ok_or_else(|| {
                Error::failed(format!("{name} depends on {wanted}, which cannot be had"))
                    .hint("update the package lists: apt-get update")
            })?;
        }
        Ok(found)
    }

    /// The error that there is no such package or version.
    fn unknown(&self, asked: &PackageName) -> Result<Error> {
        let PackageName { name, version } = asked;
        let versions = self.versions(name)?;
        if let (Some(version), false) = (version, versions.is_empty()) {
            let some: Vec<&str> = versions.iter().map(String::as_str).take(SHOWN).collect();
            return Ok(Error::usage(format!(
                "there is no version {version} of the package {name}"
            ))
            .hint(format!("there is {}", some.join(", "))));
        }
        let names = self.names_like(IMAGE)?;
        let like = near(name, names.iter().map(String::as_str));
        let like = match like.as_slice() {
            [] => String::new(),
            like => format!(
                "; names like it: {}",
                like[..like.len().min(SHOWN)].join(", ")
            ),
        };
        Ok(Error::usage(format!("there is no package {name}")).hint(format!(
            "`apt-cache search --names-only ^{IMAGE}` lists the packages with kernels{like}. If there are no package \
             lists, or old ones: apt-get update"
        )))
    }

    /// The version of a package that is installed.
    fn installed_version(&self, package: &str) -> Result<Option<String>> {
        let spec =
            Spec::new("dpkg-query").args(["-W", "-f=${db:Status-Status} ${Version}", package]);
        let answer = self.answer(spec)?;
        Ok(answer.and_then(|text| text.strip_prefix("installed ").map(|v| v.trim().to_owned())))
    }
}

/// The folder of a package, in the cache.
fn folder_of(name: &str, version: &str) -> String {
    // As the names of Debian's files have it.
    format!("{PACKAGES}/{name}_{}", version.replace(':', "%3a"))
}

/// `NAME` or `NAME=VERSION`.
fn exactly((name, version): (&str, Option<&str>)) -> String {
    match version {
        Some(version) => format!("{name}={version}"),
        None => name.to_owned(),
    }
}

/// The files of a kernel in the folder of a package.
fn in_folder(folder: &Path, name: &str, version: &str) -> Result<PackagedKernel> {
    let boot = folder.join("boot");
    let lacks = |what: &str| {
        Error::usage(format!("the package {name} {version} has no {what} in it")).hint(format!(
            "give a package with a kernel: `apt-cache search --names-only ^{IMAGE}` lists them"
        ))
    };
    let image =
        beginning_with(&boot, "vmlinuz-").ok_or_else(|| lacks("kernel (boot/vmlinuz-*)"))?;
    let config =
        beginning_with(&boot, "config-").ok_or_else(|| lacks("configuration (boot/config-*)"))?;
    let places = ["lib/modules", "usr/lib/modules"].iter();
    let modules = places
        .filter_map(|place| beginning_with(&folder.join(place), ""))
        .find(|path| path.is_dir());
    Ok(PackagedKernel {
        name: name.to_owned(),
        version: version.to_owned(),
        config,
        image,
        modules,
    })
}

/// The first entry of a folder whose name begins like this.
fn beginning_with(folder: &Path, prefix: &str) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let names = entries.map(|entry| entry.file_name());
    let names = names.filter(|name| name.to_string_lossy().starts_with(prefix));
    names.min().map(|name| folder.join(name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_named_with_or_without_a_version() {
        let parse = |text| PackageName::parse(text).map(|p| (p.name, p.version));
        assert_eq!(
            parse("linux-image-cloud-amd64").unwrap(),
            ("linux-image-cloud-amd64".to_owned(), None)
        );
        assert_eq!(
            parse("g++=4:12.2.0-3~bpo1+b2").unwrap(),
            ("g++".to_owned(), Some("4:12.2.0-3~bpo1+b2".to_owned()))
        );
        for text in [
            "",
            "-o=x",
            "a b",
            "a=",
            "a=-1",
            "../a",
            "a=1/../..",
            "a;b",
            "ä",
        ] {
            let error = parse(text).unwrap_err();
            assert!(
                error.to_string().contains("is no name of a package"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_version_with_an_epoch_gives_the_name_of_a_folder() {
        assert_eq!(folder_of("a", "1:2-3"), "packages/a_1%3a2-3");
    }

    #[test]
    fn the_files_of_a_kernel_are_found_wherever_its_modules_are() {
        let dir = tempfile::tempdir().unwrap();
        let says = || in_folder(dir.path(), "p", "1").unwrap_err().to_string();
        assert_eq!(
            says(),
            "the package p 1 has no kernel (boot/vmlinuz-*) in it"
        );
        fs::create_dir_all(dir.path().join("boot")).unwrap();
        fs::write(dir.path().join("boot/vmlinuz-6.1"), "").unwrap();
        assert_eq!(
            says(),
            "the package p 1 has no configuration (boot/config-*) in it"
        );
        fs::write(dir.path().join("boot/config-6.1"), "").unwrap();
        let modules = || in_folder(dir.path(), "p", "1").unwrap().modules;
        assert_eq!(modules(), None);
        for place in ["usr/lib/modules/6.1", "lib/modules/6.1"] {
            fs::create_dir_all(dir.path().join(place)).unwrap();
            assert_eq!(modules(), Some(dir.path().join(place)));
        }
    }
}
