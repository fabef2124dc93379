//! Beside a build tree: the configuration that is completely built in it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::contents::Contents;
use super::plan::{Product, product_at};
use crate::error::unless_absent;
use crate::model::Fingerprint;
use crate::supervise::boot_id;
use crate::{Error, Result};

const VERSION: u32 = 2;

/// Missing while something is under way, so that after a crash no half-built tree is taken for a whole one.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Stamp {
    v: u32,
    /// Of the configuration.
    pub(super) fingerprint: Fingerprint,
    /// The start of the host since which it was built: after a power cut files may be empty that
    /// were written before the stamp.
    boot_id: String,
    /// What was built. Stamps of older versions lack it, and are not used: an oracle may have changed the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    product: Option<StampedProduct>,
    /// [`Contents::digest`] of the tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contents: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct StampedProduct {
    /// In the tree.
    path: PathBuf,
    /// Its [hash](Product::hash).
    hash: String,
    /// The archive of its modules, in the tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    modules: Option<PathBuf>,
}

impl StampedProduct {
    /// Is it still there in `tree`?
    fn is_in(&self, tree: &Path) -> bool {
        let product = product_at(&tree.join(&self.path));
        let product = match &self.modules {
            Some(archive) => product.and_then(|p| p.with_modules(tree.join(archive))),
            None => product,
        };
        // What cannot be read is not what it was.
        product.is_ok_and(|now| now.hash == self.hash)
    }
}

impl Stamp {
    /// Of the tree `tree`, which holds `contents`.
    pub(super) fn new(
        tree: &Path,
        fingerprint: Fingerprint,
        product: &Product,
        contents: &Contents,
    ) -> Self {
        let within = |path: &Path| path.strip_prefix(tree).unwrap_or(path).to_owned();
        Self {
            v: VERSION,
            fingerprint,
            boot_id: boot_id(),
            product: Some(StampedProduct {
                path: within(&product.path),
                hash: product.hash.clone(),
                modules: product.modules.as_deref().map(within),
            }),
            contents: Some(contents.digest()),
        }
    }

    /// Reads the stamp of `tree`. None if it was written by another version, or before the host was started anew. It
    /// does not say whether anybody wrote to the tree since: see [`Stamp::is_of`].
    pub(super) fn read(tree: &Path) -> Option<Self> {
        let text = fs::read(path_of(tree)).ok()?;
        let stamp: Self = serde_json::from_slice(&text).ok()?;
        let holds = stamp.v == VERSION && stamp.boot_id == boot_id();
        holds.then_some(stamp)
    }

    /// Is the tree as it was when it was built?
    pub(super) fn is_of(&self, tree: &Path) -> bool {
        let (Some(product), Some(contents)) = (&self.product, &self.contents) else {
            return false;
        };
        product.is_in(tree) && Contents::of(tree).is_ok_and(|now| now.digest() == *contents)
    }

    /// The same of a tree that now holds `contents`.
    pub(super) fn with(self, contents: &Contents) -> Self {
        let contents = Some(contents.digest());
        Self { contents, ..self }
    }

    /// Writes it beside `tree`.
    pub(super) fn write(&self, tree: &Path) -> Result<()> {
        let path = path_of(tree);
        let text = serde_json::to_vec(self)
            .map_err(|e| Error::failed("cannot write a tree's stamp").because(e))?;
        fs::write(&path, text).map_err(|e| Error::io("write", &path, e))
    }

    /// Removes that of `tree`, if there is one.
    pub(super) fn remove(tree: &Path) -> Result<()> {
        let path = path_of(tree);
        unless_absent(fs::remove_file(&path)).map_err(|e| Error::io("remove", &path, e))
    }
}

fn path_of(tree: &Path) -> PathBuf {
    tree.with_extension("json")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A tree with a product, and its stamp.
    fn built() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let tree = dir.path().join("tree-000");
        let image = tree.join("arch/image");
        fs::create_dir_all(image.parent().unwrap()).unwrap();
        fs::write(&image, "built").unwrap();
        let (product, contents) = (product_at(&image).unwrap(), Contents::of(&tree).unwrap());
        let stamp = Stamp::new(&tree, Fingerprint([1; 32]), &product, &contents);
        stamp.write(&tree).unwrap();
        (dir, tree, image)
    }

    fn holds(tree: &Path) -> bool {
        Stamp::read(tree).is_some_and(|stamp| stamp.is_of(tree))
    }

    #[test]
    fn a_tree_is_known_until_somebody_writes_to_it() {
        let (_dir, tree, image) = built();
        assert!(holds(&tree));
        fs::write(tree.join("poison"), "").unwrap();
        assert!(!holds(&tree));
        fs::remove_file(tree.join("poison")).unwrap();
        assert!(holds(&tree));
        fs::write(image, "patched").unwrap();
        assert!(!holds(&tree));
    }

    #[test]
    fn a_product_that_was_patched_is_known_by_its_hash() {
        let (_dir, tree, image) = built();
        fs::write(image, "patch").unwrap();
        let stamp = Stamp::read(&tree).unwrap();
        let stamp = stamp.with(&Contents::of(&tree).unwrap());
        assert!(!stamp.is_of(&tree));
    }

    #[test]
    fn modules_that_were_patched_are_known_by_their_hash() {
        let (_dir, tree, image) = built();
        let archive = tree.join("modules");
        fs::write(&archive, "built").unwrap();
        let product = product_at(&image).unwrap();
        let product = product.with_modules(archive.clone()).unwrap();
        let contents = || Contents::of(&tree).unwrap();
        let stamp = Stamp::new(&tree, Fingerprint([1; 32]), &product, &contents());
        stamp.write(&tree).unwrap();
        assert!(holds(&tree));
        fs::write(&archive, "patch").unwrap();
        let stamp = Stamp::read(&tree).unwrap().with(&contents());
        assert!(!stamp.is_of(&tree));
        fs::remove_file(&archive).unwrap();
        assert!(!stamp.with(&contents()).is_of(&tree));
    }

    #[test]
    fn a_stamp_of_a_version_that_noted_no_product_does_not_hold() {
        let (_dir, tree, _) = built();
        let path = path_of(&tree);
        let mut stamp: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for field in ["product", "contents"] {
            stamp.as_object_mut().unwrap().remove(field).unwrap();
        }
        fs::write(&path, stamp.to_string()).unwrap();
        assert!(Stamp::read(&tree).is_some());
        assert!(!holds(&tree));
    }
}
