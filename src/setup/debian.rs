//! Other packages of Debian: a kernel that is known to work, and the source of BusyBox.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Need, Setup, missing};
use crate::supervise::{Spec, find_program};
use crate::{Error, Result};

/// Debian's kernel for cloud machines: small, generic and known to work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudKernel {
    /// The boot image.
    pub image: PathBuf,
    /// Its config.
    pub config: PathBuf,
    /// The folder of its modules (`lib/modules/VERSION`).
    pub modules: PathBuf,
}

/// The command that installs `packages`, each named once.
#[must_use]
pub fn install_command(packages: &[&str]) -> String {
    let mut named = HashSet::new();
    let packages: Vec<&str> = packages
        .iter()
        .copied()
        .filter(|name| named.insert(*name))
        .collect();
    format!(
        "apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

impl Setup<'_> {
    /// Installs what is missing of `needs`, and nothing else.
    ///
    /// # Errors
    /// This is no Debian, or we may not install, or a package cannot be had; the hint has the
    /// command to be run by hand.
    pub fn ensure(&mut self, needs: &[Need]) -> Result<()> {
        let lacking = missing(needs, self.cancel)?;
        if lacking.is_empty() {
            return Ok(());
        }
        let mut packages: Vec<&str> = lacking
            .iter()
            .flat_map(|need| need.packages)
            .copied()
            .collect();
        packages.sort_unstable();
        packages.dedup();
        let by_hand = format!("as root: {}", install_command(&packages));
        if !is_debian() {
            let names: Vec<&str> = lacking.iter().map(|need| need.name).collect();
            return Err(
                Error::failed(format!("missing: {}", names.join(", "))).hint(format!(
                    "install them with your package manager; on Debian it is: {}",
                    install_command(&packages)
                )),
            );
        }
        self.apt_install(&packages)
            .map_err(|e| e.hint(by_hand.clone()))?;
        match missing(needs, self.cancel)?.first() {
            None => Ok(()),
            Some(need) => {
                Err(Error::failed(format!("{} is still missing", need.name)).hint(by_hand))
            }
        }
    }

    /// Debian's cloud kernel, downloaded and unpacked, not installed.
    ///
    /// # Errors
    /// The package cannot be had.
    pub fn cloud_kernel(&mut self) -> Result<CloudKernel> {
        let dir = self.folder("cloud-kernel", |setup, dir| {
            setup.note("downloading Debian's cloud kernel");
            let package = setup
                .apt_depends("linux-image-cloud-amd64")?
                .ok_or_else(|| Error::failed("linux-image-cloud-amd64 depends on no kernel"))?;
            let debs = setup.apt_download(&[package], dir)?;
            setup.unpack(&debs, dir)?;
            debs.iter()
                .try_for_each(|deb| fs::remove_file(deb).map_err(|e| Error::io("remove", deb, e)))
        })?;
        Ok(CloudKernel {
            image: only(&dir.join("boot"), "vmlinuz-")?,
            config: only(&dir.join("boot"), "config-")?,
            modules: only(&dir.join("lib/modules"), "")
                .or_else(|_| only(&dir.join("usr/lib/modules"), ""))?,
        })
    }

    /// The source of Debian's busybox, unpacked: another project that is configured with
    /// Kconfig, and builds in a minute.
    ///
    /// Source packages are rarely listed in a machine's own apt sources. The lists for this one
    /// download are kept apart; the mirror is the machine's own.
    ///
    /// # Errors
    /// The package cannot be had.
    pub fn busybox_source(&mut self) -> Result<PathBuf> {
        self.folder("busybox-source", |setup, dir| {
            setup.note("downloading the source of Debian's busybox");
            let work = dir.join(".download");
            let lists = work.join("lists");
            fs::create_dir_all(lists.join("partial"))
                .map_err(|e| Error::io("make the folder", &lists, e))?;
            let listed = setup.output(Spec::new("apt-get").args([
                "indextargets",
                "--format",
                "$(REPO_URI) $(RELEASE) $(ORIGIN)",
                "Created-By: Packages",
                "Component: main",
            ]))?;
            let sources = work.join("sources.list");
            fs::write(&sources, deb_src(&listed)).map_err(|e| Error::io("write", &sources, e))?;
            let apt = |command: &[&str]| {
                Spec::new("apt-get")
                    .args([
                        "-o",
                        "APT::Sandbox::User=root",
                        "-o",
                        "Dir::Etc::SourceParts=/dev/null",
                    ])
                    .args(["-o", &format!("Dir::Etc::SourceList={}", sources.display())])
                    .args(["-o", &format!("Dir::State::Lists={}", lists.display())])
                    .args(["-o", &format!("Dir::Cache={}", work.display())])
                    .args(command)
                    .env("LC_ALL", "C")
                    .cwd(&work)
            };
            setup.run(apt(&["update"]))?;
            if !setup
                .run(apt(&["source", "--download-only", "busybox"]))?
                .success()
            {
                return Err(setup.apt_failed("apt-get source"));
            }
            let tarball = orig(&work)?;
            setup.untar(&tarball, dir)?;
            fs::remove_dir_all(&work).map_err(|e| Error::io("remove", &work, e))
        })
    }
}

fn is_debian() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let named = |line: &str| {
        let value = line
            .strip_prefix("ID=")
            .or_else(|| line.strip_prefix("ID_LIKE="))?;
        let mut words = value.trim_matches('"').split_whitespace();
        words
            .any(|word| word == "debian" || word == "ubuntu")
            .then_some(())
    };
    release.lines().any(|line| named(line).is_some()) && find_program("apt-get").is_some()
}

/// The source entries for what `apt-get indextargets` lists: `URI RELEASE ORIGIN` a line.
fn deb_src(listed: &str) -> String {
    const DEBIAN_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let mut lines: Vec<String> = Vec::new();
    for line in listed.lines() {
        let mut words = line.split_whitespace();
        let (Some(uri), Some(release), Some(origin)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let keys = match origin {
            "Debian" if Path::new(DEBIAN_KEYS).is_file() => format!("[signed-by={DEBIAN_KEYS}] "),
            // apt has Ubuntu's own keys by itself.
            "Debian" | "Ubuntu" => String::new(),
            _ => continue,
        };
        lines.push(format!("deb-src {keys}{uri} {release} main\n"));
    }
    lines.concat()
}

/// The one entry of `dir` whose name starts with `prefix`.
fn only(dir: &Path, prefix: &str) -> Result<PathBuf> {
    let found = entries(dir)?
        .into_iter()
        .filter(|path| file_name(path).starts_with(prefix))
        .collect::<Vec<_>>();
    match <[PathBuf; 1]>::try_from(found) {
        Ok([path]) => Ok(path),
        Err(found) => Err(Error::failed(format!(
            "{} has {} entries `{prefix}*`, not one",
            dir.display(),
            found.len()
        ))),
    }
}

/// The upstream tarball of a source package.
fn orig(dir: &Path) -> Result<PathBuf> {
    entries(dir)?
        .into_iter()
        .find(|path| file_name(path).contains(".orig.tar.") && !file_name(path).ends_with(".asc"))
        .ok_or_else(|| Error::failed("the source package has no upstream tarball"))
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(dir).map_err(|e| Error::io("read the folder", dir, e))?;
    Ok(list.flatten().map(|entry| entry.path()).collect())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_two_needs_have_is_installed_once() {
        let command = install_command(&["gcc", "make", "gcc"]);
        assert!(command.ends_with("-recommends gcc make"), "{command}");
    }

    #[test]
    fn only_the_distributions_own_archives_are_asked_for_sources() {
        let listed = "http://mirror/debian/ stable Debian\n\
            http://elsewhere/node nodistro nodesource\n\
            http://mirror/ubuntu/ noble-updates Ubuntu\n\
            short line\n";
        let lists = deb_src(listed);
        let ends: Vec<&str> = lists
            .lines()
            .map(|line| &line[line.find("http").unwrap_or(0)..])
            .collect();
        assert_eq!(
            ends,
            [
                "http://mirror/debian/ stable main",
                "http://mirror/ubuntu/ noble-updates main"
            ]
        );
    }
}
