//! Reads the files that people give as a configuration: unpacks them, finds the configuration in a kernel
//! image, merges several.
//!
//! Nothing here knows Kconfig: what comes out is text, for [`kconfig::read`](crate::kconfig::read). What a
//! text means (a whole `.config`, a defconfig, a fragment) is told from the text alone where that can be done:
//! [`is_whole`].

mod image;
mod merge;
mod packing;
mod text;

pub use merge::{Merged, Part, Redefined, merge};
pub use packing::Packing;
pub use text::{architecture, is_whole, version};

use crate::{Error, Result};

/// How many layers a file can have: an image in which a packed kernel has a packed configuration is three.
const LAYERS: usize = 4;

/// A configuration that was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The text of it.
    pub text: Vec<u8>,
    /// How it was found, from the outside to the inside. Empty: the file is the text.
    pub layers: Vec<Layer>,
}

/// What was taken off to come to a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// It was compressed.
    Packed(Packing),
    /// It was in a kernel image, which was built with `CONFIG_IKCONFIG`.
    Image,
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Packed(packing) => write!(f, "compressed with {packing}"),
            Self::Image => f.write_str("from a kernel image"),
        }
    }
}

/// Unpacks the file `name` as far as it has to be, and finds the configuration in it.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when there is none in it: it is damaged, a kernel image without
/// `CONFIG_IKCONFIG`, a script, another binary, or empty.
pub fn unpack(name: &str, bytes: Vec<u8>) -> Result<Unpacked> {
    let mut layers = Vec::new();
    let mut bytes = bytes;
    for _ in 0..LAYERS {
        if let Some(packing) = Packing::of(&bytes) {
            bytes = packing
                .unpack(&bytes)
                .map_err(|e| damaged(name, packing, e))?;
            layers.push(Layer::Packed(packing));
        } else if image::is_image(&bytes) {
            let Some(config) = image::config(&bytes) else {
                return Err(without_config(name));
            };
            layers.push(Layer::Image);
            bytes = config;
        } else {
            text::check(name, &bytes)?;
            return Ok(Unpacked {
                text: bytes,
                layers,
            });
        }
    }
    Err(Error::usage(format!(
        "{name} is compressed more than {LAYERS} times"
    )))
}

fn damaged(name: &str, packing: Packing, error: std::io::Error) -> Error {
    Error::usage(format!(
        "{name} looks compressed with {packing}, but cannot be unpacked"
    ))
    .because(error)
    .hint("it is damaged or cut off: fetch it again")
}

fn without_config(name: &str) -> Error {
    Error::usage(format!("{name} is a program or a kernel without a configuration in it")).hint(
        "a kernel has its configuration in it if it was built with CONFIG_IKCONFIG; else look beside it, for \
         /boot/config-VERSION",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
