//! Tests of reading what people give.

use std::io::Write;

use super::*;
use crate::ErrorKind;

const TEXT: &[u8] = b"# Linux\nCONFIG_PCI=y\n";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

/// [`TEXT`], by `xz --x86 --lzma2`, as the kernel's build has it.
const XZ: &[u8] = include_bytes!("tests/text.xz");

/// [`TEXT`], by `zstd`.
const ZSTD: &[u8] = include_bytes!("tests/text.zst");

fn text_of(bytes: &[u8]) -> Unpacked {
    unpack("this", bytes.to_vec()).unwrap()
}

fn refusal(bytes: &[u8]) -> String {
    let error = unpack("this", bytes.to_vec()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    error.to_string()
}

#[test]
fn text_is_taken_as_it_is() {
    let found = text_of(TEXT);
    assert_eq!((found.text.as_slice(), found.layers), (TEXT, vec![]));
}

#[test]
fn compressed_text_is_unpacked() {
    for (bytes, packing) in [
        (gzip(TEXT).as_slice(), Packing::Gzip),
        (XZ, Packing::Xz),
        (ZSTD, Packing::Zstd),
    ] {
        let found = text_of(bytes);
        assert_eq!(found.text, TEXT, "{packing}");
        assert_eq!(found.layers, [Layer::Packed(packing)]);
    }
}

/// [`TEXT`] in each way.
fn packed() -> [(Vec<u8>, Packing); 3] {
    [
        (gzip(TEXT), Packing::Gzip),
        (XZ.to_vec(), Packing::Xz),
        (ZSTD.to_vec(), Packing::Zstd),
    ]
}

#[test]
fn what_follows_the_compressed_kernel_in_an_image_is_left_alone() {
    for (bytes, packing) in packed() {
        let longer = [&*bytes, b"\x12\x34more"].concat();
        assert_eq!(packing.unpack_first(&longer).unwrap(), TEXT, "{packing}");
    }
}

#[test]
fn a_file_of_several_compressed_parts_is_unpacked_whole() {
    for (bytes, packing) in packed() {
        let twice = [&*bytes, &*bytes].concat();
        assert_eq!(text_of(&twice).text, [TEXT, TEXT].concat(), "{packing}");
        let text = refusal(&[&*bytes, b"\x12\x34more"].concat());
        assert!(text.contains("cannot be unpacked"), "{packing}: {text}");
        let text = refusal(&[&*bytes, &bytes[..bytes.len() - 3]].concat());
        assert!(text.contains("cannot be unpacked"), "{packing}: {text}");
    }
}

#[test]
fn a_damaged_file_is_refused() {
    for (bytes, packing) in packed() {
        for at in 4..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            if let Ok(unpacked) = unpack("this", damaged) {
                // A name, a time, or the size of a window.
                assert_eq!(unpacked.text, TEXT, "{packing}: byte {at}");
            }
        }
    }
}

#[test]
fn a_file_that_is_cut_off_is_refused() {
    for bytes in [gzip(TEXT).as_slice(), XZ, ZSTD] {
        for end in 6..bytes.len() - 12 {
            let text = refusal(&bytes[..end]);
            assert!(text.contains("cannot be unpacked"), "{text}");
        }
    }
}

#[test]
fn a_small_file_that_unpacks_to_a_huge_one_is_refused() {
    let packed = gzip(&vec![0; 3 << 20]);
    let error = Packing::Gzip.unpack_up_to(2 << 20, &packed).unwrap_err();
    assert_eq!(error.to_string(), "it unpacks to more than 2 MiB");
    assert!(Packing::Gzip.unpack_up_to(3 << 20, &packed).is_ok());
}

/// The part of a kernel that has the configuration in it.
fn kernel() -> Vec<u8> {
    [
        b"\x7fELF....IKCFG_ST, says this text; IKCFG_ED".as_slice(),
        b"....IKCFG_ST",
        &gzip(TEXT),
        b"IKCFG_ED....",
    ]
    .concat()
}

/// An image for x86's boot protocol, which has `payload`.
fn bz_image(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 3 * 512 + 100];
    image[0x1f1] = 2;
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x248..0x24c].copy_from_slice(&100_u32.to_le_bytes());
    let length = u32::try_from(payload.len()).unwrap();
    image[0x24c..0x250].copy_from_slice(&length.to_le_bytes());
    image.extend(payload);
    image.extend(b"\x1f\x8b\x08 behind it");
    image
}

#[test]
fn the_configuration_in_a_kernel_image_is_found() {
    let zipped = gzip(&kernel());
    let arm = [
        vec![0; 0x38],
        b"ARM\x64 \x1f\x8b\x08\x00".to_vec(),
        zipped.clone(),
    ]
    .concat();
    for (image, what) in [
        (kernel(), "vmlinux"),
        (bz_image(&zipped), "bzImage"),
        (bz_image(&kernel()), "a bzImage that is not compressed"),
        (arm, "an image that packs itself out"),
    ] {
        let found = text_of(&image);
        assert_eq!(found.text, TEXT, "{what}");
        assert_eq!(found.layers, [Layer::Image]);
    }
    // arm64's Image.gz is just a compressed image.
    let found = text_of(&gzip(&kernel()));
    assert_eq!(found.layers, [Layer::Packed(Packing::Gzip), Layer::Image]);
    assert_eq!(found.text, TEXT);
}

#[test]
fn a_kernel_image_without_a_configuration_says_so() {
    for image in [bz_image(&gzip(b"\x7fELF")), b"\x7fELF".to_vec()] {
        let text = refusal(&image);
        assert_eq!(
            text,
            "this is a program or a kernel without a configuration in it"
        );
    }
}

#[test]
fn what_is_no_configuration_is_named() {
    for (bytes, what) in [
        (b"".as_slice(), "this is empty"),
        (b" \n", "this is empty"),
        (b"#!/bin/sh\necho\n", "this is a script"),
        (
            b"BM\x00\x01",
            "this is a binary file in which no configuration is known",
        ),
        (&gzip(b""), "this is empty"),
    ] {
        assert_eq!(refusal(bytes), what);
    }
}

#[test]
fn a_whole_config_is_told_by_its_header() {
    let whole =
        b"#\n# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.0\n#\nCONFIG_X86=y\n";
    assert!(is_whole(whole));
    assert!(is_whole(
        b"#\n# Automatically generated make config: don't edit\n"
    ));
    assert!(!is_whole(TEXT));
    // A value that says so is no header.
    assert!(!is_whole(
        b"CONFIG_X=\"Automatically generated file; DO NOT EDIT\"\n"
    ));
}

fn part(name: &str, text: &str) -> Part {
    Part {
        name: name.to_owned(),
        text: text.as_bytes().to_vec(),
    }
}

#[test]
fn later_files_replace_what_earlier_ones_set() {
    let merged = merge(&[
        part(
            "a",
            "CONFIG_A=y\nCONFIG_B=m\n# CONFIG_C is not set\n# CONFIG_A is a word\nCONFIG_AB=1",
        ),
        part(
            "b",
            "CONFIG_B=y\nCONFIG_C=y\n\n# CONFIG_A is not set\nCONFIG_AB=1\n",
        ),
    ]);
    assert_eq!(
        String::from_utf8(merged.text).unwrap(),
        "# CONFIG_A is a word\nCONFIG_B=y\nCONFIG_C=y\n# CONFIG_A is not set\nCONFIG_AB=1\n"
    );
    assert_eq!(merged.places, [(0, 4), (1, 1), (1, 2), (1, 4), (1, 5)]);
    let changes: Vec<String> = (merged.redefined.iter())
        .map(|r| format!("{} -> {} ({})", r.before, r.after, r.by))
        .collect();
    assert_eq!(
        changes,
        [
            "CONFIG_A=y -> # CONFIG_A is not set (1)",
            "CONFIG_B=m -> CONFIG_B=y (1)",
            "# CONFIG_C is not set -> CONFIG_C=y (1)",
        ]
    );
}
