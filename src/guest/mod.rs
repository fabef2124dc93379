//! The guests that kernels boot: which there are, and how each is made.

mod about;
mod archive;
mod busybox;
mod disk;
mod ext4;
mod folder;
mod format;
mod grub;
mod keys;
mod namespace;
mod own;
mod packages;
mod recipe;

use std::path::{Path, PathBuf};

use crate::model::near;
use crate::setup::{GUEST, Need, OWN_DISK, Setup};
use crate::{Error, Result};

use format::Kind;
use recipe::Contents;

pub use about::{About, about};
pub use archive::Archive;
pub use folder::GuestDir;
pub use own::Own;

/// A guest that comes with kbisect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Its name, as `guest=NAME` in the header of an oracle has it.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub description: &'static str,
    /// What it boots from.
    pub medium: Medium,
}

/// What a guest boots from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// An initial RAM disk: this file of its folder.
    Ram {
        /// The archive.
        initrd: &'static str,
    },
    /// A disk.
    Disk,
}

/// All guests that come with kbisect, the smallest first.
pub const RECIPES: &[Recipe] = &[
    Recipe {
        name: "busybox",
        description: "Debian's busybox in an initial RAM disk.",
        medium: Medium::Ram {
            initrd: "shell.cpio",
        },
    },
    Recipe {
        name: "busybox-ssh",
        description: "The same with Dropbear, an ssh server.",
        medium: Medium::Ram { initrd: "ssh.cpio" },
    },
    Recipe {
        name: "debian",
        description: "Debian with sysvinit, udev, elogind, OpenSSH, rsyslog, cron, NTPsec.",
        medium: Medium::Disk,
    },
    Recipe {
        name: "debian-systemd",
        description: "Debian with systemd, D-Bus, logind, OpenSSH.",
        medium: Medium::Disk,
    },
    Recipe {
        name: "debian-docker",
        description: "The same with Docker, and an image to run.",
        medium: Medium::Disk,
    },
];

/// A guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guest {
    /// One that comes with kbisect.
    Shipped(&'static Recipe),
    /// One of the user's.
    Own(Own),
}

impl Guest {
    /// The guest of this name, or, if it has a `/`, at this path.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when there is none, or what is there is none.
    pub fn find(name: &str) -> Result<Self> {
        if name.contains('/') {
            return Own::at(name).map(Self::Own);
        }
        if let Some(recipe) = RECIPES.iter().find(|recipe| recipe.name == name) {
            return Ok(Self::Shipped(recipe));
        }
        let error = Error::usage(format!("there is no guest `{}`", name.escape_debug()));
        if Path::new(name).exists() {
            return Err(error.hint(format!("of a path it is ./{}", name.escape_debug())));
        }
        match near(name, RECIPES.iter().map(|recipe| recipe.name)).first() {
            Some(near) => Err(error.hint(format!("did you mean {near}?"))),
            None => Err(error.hint("try: kbisect guest list")),
        }
    }

    /// Its name, or its path as it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Shipped(recipe) => recipe.name,
            Self::Own(own) => own.name(),
        }
    }

    /// What it boots from.
    #[must_use]
    pub fn medium(&self) -> Medium {
        match self {
            Self::Shipped(recipe) => recipe.medium,
            Self::Own(own) if own.kind() == Kind::Archive => Medium::Ram {
                initrd: own::ARCHIVE,
            },
            Self::Own(_) => Medium::Disk,
        }
    }

    /// The initial RAM disk in its folder, if it boots from one.
    #[must_use]
    pub fn initrd(&self, folder: &Path) -> Option<PathBuf> {
        match self.medium() {
            Medium::Ram { initrd } => Some(folder.join(initrd)),
            Medium::Disk => None,
        }
    }

    /// What must be installed to make it, besides what a run needs anyway.
    #[must_use]
    pub fn needs(&self) -> &'static [Need] {
        match self {
            Self::Shipped(recipe) if recipe.medium == Medium::Disk => GUEST,
            Self::Own(own) => match own.kind() {
                Kind::Packages => GUEST,
                Kind::Archive => &[],
                _ => OWN_DISK,
            },
            Self::Shipped(_) => &[],
        }
    }

    /// Its folder, if it is made already.
    ///
    /// # Errors
    /// A guest of the user's cannot be read.
    pub fn made(&self, setup: &Setup<'_>) -> Result<Option<PathBuf>> {
        let path = match self {
            Self::Own(own) => return own.made(setup),
            Self::Shipped(recipe) => match recipe.medium {
                Medium::Ram { .. } => busybox::folder(setup),
                Medium::Disk => {
                    disk::folder(setup, &prefix(recipe), &Contents::shipped(recipe.name)?)
                }
            },
        };
        Ok(path.is_dir().then_some(path))
    }

    /// The folder with its files; made first if need be.
    ///
    /// # Errors
    /// A package cannot be had, or the cache folder cannot be written.
    pub fn make(&self, setup: &mut Setup<'_>) -> Result<GuestDir> {
        match self {
            Self::Own(own) => own.make(setup),
            Self::Shipped(recipe) => match recipe.medium {
                Medium::Ram { .. } => busybox::make(setup),
                Medium::Disk => {
                    let contents = Contents::shipped(recipe.name)?;
                    disk::make(setup, &prefix(recipe), recipe.name, &contents)
                }
            },
        }
    }

    /// The recipe of a guest that is made of Debian's packages.
    fn recipe(&self) -> Result<Option<Contents>> {
        match self {
            Self::Own(own) => own.recipe(),
            Self::Shipped(recipe) if recipe.medium == Medium::Disk => {
                Contents::shipped(recipe.name).map(Some)
            }
            Self::Shipped(_) => Ok(None),
        }
    }
}

/// How the name of a guest's folder begins.
fn prefix(recipe: &Recipe) -> String {
    format!("{}-", recipe.name)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_is_found_by_its_name_and_a_wrong_name_is_told_with_a_near_one() {
        for recipe in RECIPES {
            assert_eq!(Guest::find(recipe.name).unwrap().name(), recipe.name);
        }
        let error = Guest::find("debain").unwrap_err();
        assert_eq!(error.to_string(), "there is no guest `debain`");
        assert_eq!(error.hint_text(), Some("did you mean debian?"));
        assert!(
            Guest::find("./no/such/place")
                .unwrap_err()
                .to_string()
                .contains("cannot be read")
        );
    }

    #[test]
    fn each_guest_on_a_disk_has_a_recipe() {
        for recipe in RECIPES {
            let guest = Guest::Shipped(recipe);
            let is_disk = recipe.medium == Medium::Disk;
            assert_eq!(
                guest.recipe().unwrap().is_some(),
                is_disk,
                "{}",
                recipe.name
            );
            assert_eq!(guest.needs().is_empty(), !is_disk, "{}", recipe.name);
        }
    }
}
