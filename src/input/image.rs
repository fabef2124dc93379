//! Kernel images: finds the configuration that `CONFIG_IKCONFIG` puts into them.
//!
//! After `scripts/extract-ikconfig` of the kernel's source, but for the compressions that are not among
//! [`Packing`]. Of an x86 image the boot protocol says where the kernel is (`payload_offset`, see
//! `Documentation/x86/boot.rst`); of others any place that looks compressed is tried.

use memchr::memmem;

use super::packing::Packing;

/// What is before and behind the compressed configuration.
const BEGIN: &[u8] = b"IKCFG_ST";
const END: &[u8] = b"IKCFG_ED";

/// So many places are tried: each costs an attempt to unpack.
const PLACES: usize = 1000;

/// Is this a kernel, as a file for a boot loader or as an object file?
pub(super) fn is_image(bytes: &[u8]) -> bool {
    let at = |place: usize, magic: &[u8]| bytes.get(place..).is_some_and(|b| b.starts_with(magic));
    // ELF; x86's boot protocol; arm64's image; arm's zImage; RISC-V's image; an EFI program.
    at(0, b"\x7fELF")
        || at(0x202, b"HdrS")
        || at(0x38, b"ARM\x64")
        || at(0x24, &0x016f_2818_u32.to_le_bytes())
        || at(0x38, b"RSC\x05")
        || at(0, b"MZ")
}

/// The configuration in an image; none if it has none, or is compressed in a way that is not known here.
pub(super) fn config(image: &[u8]) -> Option<Vec<u8>> {
    if let Some(config) = plain(image) {
        return Some(config);
    }
    if let Some(kernel) = payload(image)
        && let Some(packing) = Packing::of(kernel)
        && let Ok(kernel) = packing.unpack_first(kernel)
    {
        return plain(&kernel);
    }
    places(image).find_map(|(packing, bytes)| plain(&packing.unpack_first(bytes).ok()?))
}

/// The configuration in a kernel that is not compressed.
fn plain(kernel: &[u8]) -> Option<Vec<u8>> {
    memmem::find_iter(kernel, BEGIN).find_map(|at| {
        let rest = &kernel[at + BEGIN.len()..];
        let end = memmem::find(rest, END)?;
        Packing::Gzip.unpack_first(&rest[..end]).ok()
    })
}

/// The compressed kernel in an image for x86's boot protocol 2.08 or later.
fn payload(image: &[u8]) -> Option<&[u8]> {
    let number = |at: usize| {
        let bytes: [u8; 4] = image.get(at..at + 4)?.try_into().ok()?;
        usize::try_from(u32::from_le_bytes(bytes)).ok()
    };
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let sectors = match image.get(0x1f1)? {
        // As the protocol has it.
        0 => 4,
        n => usize::from(*n),
    };
    let begin = (sectors + 1) * 512 + number(0x248)?;
    image.get(begin..begin.checked_add(number(0x24c)?)?)
}

/// Where something compressed may begin.
fn places(image: &[u8]) -> impl Iterator<Item = (Packing, &[u8])> {
    let of = move |packing: Packing| {
        memmem::find_iter(image, packing.magic())
            .take(PLACES)
            .map(move |at| (packing, &image[at..]))
            .collect::<Vec<_>>()
    };
    Packing::ALL.into_iter().flat_map(of)
}
