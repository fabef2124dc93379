//! The recipes of the guests on disks: which packages of Debian, and which files over them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::folder::hash;
use crate::setup::PackageName;
use crate::{Error, Result};

/// Part of the version: raise it when what is made of the same recipe changes.
const FORMAT: u32 = 1;

/// What turns an archive of packages into the root of a guest.
pub(super) const CUSTOMISE: &str = include_str!("../../oracles/guest/debian/customise");

/// What makes the image for Docker.
pub(super) const IMAGE: &str = include_str!("../../oracles/guest/debian-docker/image");

/// The small init.
pub(super) const INIT: &str = include_str!("../../oracles/guest/debian/init");

/// The recipes as they are written, by their names.
const WRITTEN: [(&str, &str); 4] = [
    (
        "common",
        include_str!("../../oracles/guest/debian/common.toml"),
    ),
    (
        "debian",
        include_str!("../../oracles/guest/debian/recipe.toml"),
    ),
    (
        "debian-systemd",
        include_str!("../../oracles/guest/debian-systemd/recipe.toml"),
    ),
    (
        "debian-docker",
        include_str!("../../oracles/guest/debian-docker/recipe.toml"),
    ),
];

/// A line of a package list that names the guest on which it builds begins like this.
const LIKE: &str = "# kbisect: guest=";

/// The guest on which a package list builds that names none.
const LIKE_DEFAULT: &str = "debian";

/// How a guest on a disk is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contents {
    /// The recipe that this one adds to.
    like: Option<String>,
    /// Debian's release, by its code name.
    #[serde(default)]
    pub(super) release: String,
    /// The packages: `NAME` or `NAME=VERSION`. Those that they depend on come along.
    #[serde(default)]
    pub(super) packages: Vec<String>,
    /// Packages that must not come along.
    #[serde(default)]
    pub(super) never: Vec<String>,
    /// Text files, by their paths.
    #[serde(default)]
    pub(super) files: BTreeMap<String, String>,
    /// Symbolic links: their paths and targets.
    #[serde(default)]
    pub(super) links: BTreeMap<String, String>,
    /// Has it an image for Docker?
    #[serde(default)]
    pub(super) image: bool,
}

impl Contents {
    /// The shipped recipe of this name.
    pub(super) fn shipped(name: &str) -> Result<Self> {
        let text = WRITTEN.iter().find(|(of, _)| *of == name);
        let (_, text) = text.ok_or_else(|| {
            let names: Vec<&str> = WRITTEN[1..].iter().map(|(name, _)| *name).collect();
            Error::usage(format!("there is no recipe `{}`", name.escape_debug()))
                .hint(format!("there is {}", names.join(", ")))
        })?;
        let own: Self = toml::from_str(text)
            .map_err(|e| Error::failed(format!("the recipe {name} is not valid")).because(e))?;
        match own.like.clone() {
            Some(like) => Ok(Self::shipped(&like)?.and(own)),
            None => Ok(own),
        }
    }

    /// The recipe of a list of packages, one a line, on top of a shipped recipe: that which a line
    /// `# kbisect: guest=NAME` names, else `debian`.
    pub(super) fn listed(text: &str) -> Result<Self> {
        let mut like = LIKE_DEFAULT;
        let mut packages = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if let Some(name) = line.trim().strip_prefix(LIKE) {
                like = name.trim();
                continue;
            }
            let package = line.split('#').next().unwrap_or_default().trim();
            if package.is_empty() {
                continue;
            }
            PackageName::parse(package).map_err(|e| {
                Error::usage(format!("line {}: {e}", number + 1))
                    .hint("a package list has one package of Debian a line: NAME or NAME=VERSION")
            })?;
            packages.push(package.to_owned());
        }
        if packages.is_empty() {
            return Err(Error::usage("it names no package").hint(
                "a package list has one package of Debian a line; lines that begin with # are comments",
            ));
        }
        let own = Self {
            packages,
            ..Self::default()
        };
        Ok(Self::shipped(like)?.and(own))
    }

    /// This recipe, and what `own` adds to it.
    fn and(mut self, own: Self) -> Self {
        if !own.release.is_empty() {
            self.release = own.release;
        }
        self.packages.extend(own.packages);
        self.packages.sort_unstable();
        self.packages.dedup();
        self.never.extend(own.never);
        self.files.extend(own.files);
        self.links.extend(own.links);
        self.image |= own.image;
        self.like = None;
        self
    }

    /// Changes with everything that goes into the guest, but for the packages' versions and the small init.
    pub(super) fn id(&self) -> String {
        let text = format!("{FORMAT} {self:?}");
        let image = if self.image { IMAGE } else { "" };
        let parts = [text.as_str(), CUSTOMISE, image];
        hash(parts.map(str::as_bytes))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_recipe_is_valid_and_stands_on_what_all_have_in_common() {
        for (name, _) in &WRITTEN[1..] {
            let recipe = Contents::shipped(name).unwrap();
            assert_eq!(recipe.release, "bookworm", "{name}");
            assert_eq!(recipe.like, None, "{name}");
            for package in ["openssh-server", "udev", "kmod"] {
                assert!(
                    recipe.packages.iter().any(|p| p == package),
                    "{name} {package}"
                );
            }
            let paths = recipe.files.keys().chain(recipe.links.keys());
            // A path that leads out of the guest would be written on this machine.
            for path in paths {
                let parts: Vec<&str> = path.split('/').collect();
                assert!(
                    ["etc", "var"].contains(&parts[0]) && !parts.contains(&".."),
                    "{path}"
                );
            }
        }
    }

    #[test]
    fn sysvinit_and_systemd_do_not_come_together() {
        let sysvinit = Contents::shipped("debian").unwrap();
        assert_eq!(sysvinit.never, ["systemd-sysv"]);
        let systemd = Contents::shipped("debian-docker").unwrap();
        assert!(systemd.packages.iter().any(|p| p == "systemd-sysv"));
        assert!(systemd.image && !sysvinit.image);
    }

    #[test]
    fn a_package_list_adds_to_a_recipe() {
        let listed = Contents::listed("# mine\nnginx-light # a server\n\nzsh=5.9-4+b2\n").unwrap();
        let mut expected = Contents::shipped("debian").unwrap();
        expected
            .packages
            .extend(["nginx-light", "zsh=5.9-4+b2"].map(str::to_owned));
        expected.packages.sort_unstable();
        assert_eq!(listed, expected);
        assert_ne!(listed.id(), Contents::shipped("debian").unwrap().id());
        let on = Contents::listed("# kbisect: guest=debian-systemd\nzsh\n").unwrap();
        assert!(on.packages.iter().any(|p| p == "systemd-sysv"));
    }

    #[test]
    fn a_package_list_without_packages_or_with_nonsense_is_refused() {
        let says = |text: &str| Contents::listed(text).unwrap_err().to_string();
        assert_eq!(says("# nothing\n"), "it names no package");
        assert!(says("zsh\n-o=x\n").starts_with("line 2: "));
        assert!(says("# kbisect: guest=deban\nzsh\n").contains("no recipe `deban`"));
    }
}
