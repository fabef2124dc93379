//! The guests that kernels boot: which there are, and how each is made.

use std::path::Path;

use crate::model::near;
use crate::setup::{GuestDir, Setup};
use crate::{Error, Result};

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
];

/// A guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Guest {
    /// One that comes with kbisect.
    Shipped(&'static Recipe),
}

impl Guest {
    /// The guest of this name.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when there is none.
    pub fn find(name: &str) -> Result<Self> {
        if let Some(recipe) = RECIPES.iter().find(|recipe| recipe.name == name) {
            return Ok(Self::Shipped(recipe));
        }
        let error = Error::usage(format!("there is no guest `{}`", name.escape_debug()));
        match near(name, RECIPES.iter().map(|recipe| recipe.name)).first() {
            Some(near) => Err(error.hint(format!("did you mean {near}?"))),
            None => Err(error.hint("try: kbisect guest list")),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Shipped(recipe) => recipe.name,
        }
    }

    /// What it boots from.
    #[must_use]
    pub fn medium(&self) -> Medium {
        match self {
            Self::Shipped(recipe) => recipe.medium,
        }
    }

    /// The initial RAM disk in its folder, if it boots from one.
    #[must_use]
    pub fn initrd(&self, folder: &Path) -> Option<std::path::PathBuf> {
        match self.medium() {
            Medium::Ram { initrd } => Some(folder.join(initrd)),
            Medium::Disk => None,
        }
    }

    /// The folder with its files; made first if need be.
    ///
    /// # Errors
    /// A package cannot be had, or the cache folder cannot be written.
    pub fn make(&self, setup: &mut Setup<'_>) -> Result<GuestDir> {
        setup.guest()
    }
}
