//! What there is to say of a guest: for the lists and pages of `kbisect guest`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Guest, Medium};
use crate::Result;
use crate::setup::Setup;

/// A guest, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct About {
    /// Its name, or its path.
    pub name: String,
    /// What it is, in one sentence.
    pub description: String,
    /// `memory` or `disk`.
    pub medium: &'static str,
    /// Its folder, if it is made.
    pub folder: Option<PathBuf>,
    /// The space that the folder takes, in bytes, if it is made.
    pub bytes: Option<u64>,
    /// The release of Debian that it is made of, if it is made of one.
    pub release: Option<String>,
    /// The packages that the recipe asks for; they bring others along.
    pub wanted: Vec<String>,
    /// The packages that it is made of, with their versions, if it is made.
    pub packages: Vec<String>,
}

/// What there is to say of `guest`. Nothing is made.
///
/// # Errors
/// A guest of the user's cannot be read.
pub fn about(guest: &Guest, setup: &Setup<'_>) -> Result<About> {
    let folder = guest.made(setup)?;
    let recipe = guest.recipe()?;
    let list = folder.as_ref().map(|folder| folder.join("packages"));
    let list = list.and_then(|path| fs::read_to_string(path).ok());
    let description = match guest {
        Guest::Shipped(recipe) => recipe.description.to_owned(),
        Guest::Own(own) => own.kind().words().to_owned(),
    };
    Ok(About {
        name: guest.name().to_owned(),
        description,
        medium: match guest.medium() {
            Medium::Ram { .. } => "memory",
            Medium::Disk => "disk",
        },
        bytes: folder.as_deref().map(space),
        folder,
        release: recipe.as_ref().map(|recipe| recipe.release.clone()),
        wanted: recipe.map(|recipe| recipe.packages).unwrap_or_default(),
        packages: list
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect(),
    })
}

/// The space that the files of a folder take, in bytes.
fn space(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| Some(entry.metadata().ok()?.blocks() * 512));
    sizes.sum()
}
