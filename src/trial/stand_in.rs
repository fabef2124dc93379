//! A kernel that was not built here and stands for a start that is not built.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::model::Hashes;
use crate::{Error, Result};

/// A kernel that was not built here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandIn {
    /// Its boot image, or another project's product.
    pub image: PathBuf,
    /// The archive of its modules for the guest, if it needs any.
    pub modules: Option<PathBuf>,
    /// The folder where all its modules are installed, if it is known: it tells what they are for.
    pub installed: Option<PathBuf>,
}

impl StandIn {
    /// The folder that looks like a build tree, in that of its trial.
    pub(super) const TREE: &'static str = "stand-in";

    /// What it is by its contents: hashes by name.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn key(&self) -> Result<Hashes> {
        let mut key = Hashes::from([("kernel".to_owned(), hash(&self.image)?)]);
        if let Some(modules) = &self.modules {
            key.insert("modules".to_owned(), hash(modules)?);
        }
        Ok(key)
    }
}

/// The hash of a file's contents, as far as it tells files apart.
fn hash(path: &Path) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    let read = File::open(path).and_then(|file| hasher.update_reader(file).map(drop));
    read.map_err(|e| Error::io("read", path, e))?;
    Ok(hasher.finalize().to_hex().as_str()[..32].to_owned())
}
