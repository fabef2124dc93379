//! Kernel modules for the guest: finds them, puts each after those that it needs, packs them for its initramfs.
//!
//! No depmod is needed: what a module depends on is in the module itself.

mod aliases;
mod archive;
mod files;
mod info;
mod order;
mod pattern;
mod strip;

pub use aliases::Present;
pub use files::Modules;

/// Which modules are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// All that there are.
    All,
    /// Those of these names, and all that they depend on. `-` and `_` are the same.
    Named(&'a [&'a str]),
}

/// Modules that were packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Their names, in the order in which they are to be loaded.
    pub names: Vec<String>,
    /// Of the modules that were wanted, those that are neither there nor built in.
    pub absent: Vec<String>,
    /// What those that were packed depend on (`depends=`) and is neither there nor built in: they may not load.
    pub unmet: Vec<Unmet>,
    /// A cpio archive (newc) with each of them, unpacked and without debugging information, as `modules/NNNN-NAME.ko`.
    /// Its length is a multiple of 4.
    /// The same modules give the same bytes.
    pub archive: Vec<u8>,
}

/// A module that is missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmet {
    /// Its name.
    pub name: String,
    /// The module that depends on it.
    pub by: String,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
