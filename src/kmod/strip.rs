//! Takes the debugging information out of a module: it is most of its size, and the guest has to hold all of it.

use std::ops::Range;

/// The length of an ELF header, and of a section header, of 64 bits.
const HEADER: usize = 64;

/// Types of sections: none, and one that takes no place in the file.
const NULL: u64 = 0;
const NO_BITS: u64 = 8;

/// The fields of a section header: where each is in it.
const NAME: Range<usize> = 0..4;
const KIND: Range<usize> = 4..8;
const OFFSET: Range<usize> = 24..32;
const SIZE: Range<usize> = 32..40;
const ALIGNMENT: Range<usize> = 48..56;

/// The module without its debugging information. The sections keep their numbers, by which others name them; those that
/// are gone are empty. A module that is not of 64 bits (little-endian), or is signed, stays as it is.
pub(super) fn without_debugging(module: Vec<u8>) -> Vec<u8> {
    stripped(&module).unwrap_or(module)
}

/// None if there is nothing to be taken out, or the file is not as expected.
fn stripped(module: &[u8]) -> Option<Vec<u8>> {
    let is_known = module.starts_with(b"\x7fELF\x02\x01");
    // The signature is behind the file, and would not fit any more.
    if !is_known || module.ends_with(b"~Module signature appended~\n") {
        return None;
    }
    let table = at(number(module, 40..48)?)?;
    if number(module, 58..60)? != HEADER as u64 {
        return None;
    }
    let (count, names) = (number(module, 60..62)?, number(module, 62..64)?);
    let mut headers = Vec::new();
    for index in 0..at(count)? {
        let start = table.checked_add(index.checked_mul(HEADER)?)?;
        headers.push(module.get(start..start.checked_add(HEADER)?)?.to_vec());
    }
    let names = contents(module, headers.get(at(names)?)?)?;
    let mut is_stripped = false;
    for header in &mut headers {
        let name = names.get(at(number(header, NAME)?)?..)?;
        if name.starts_with(b".debug_") || name.starts_with(b".rela.debug_") {
            // Without a name, too: it may be the end of another's.
            header.fill(0);
            is_stripped = true;
        }
    }
    if !is_stripped {
        return None;
    }
    let mut order: Vec<usize> = (0..headers.len()).collect();
    order.sort_by_key(|index| number(&headers[*index], OFFSET));
    let mut new = module.get(..HEADER)?.to_vec();
    for index in order {
        let header = &mut headers[index];
        let kind = number(header, KIND)?;
        if kind == NULL || kind == NO_BITS {
            continue;
        }
        let alignment = at(number(header, ALIGNMENT)?)?.max(1);
        if alignment > 1 << 16 {
            return None;
        }
        new.resize(new.len().next_multiple_of(alignment), 0);
        let contents = contents(module, header)?;
        header[OFFSET].copy_from_slice(&(new.len() as u64).to_le_bytes());
        new.extend(contents);
    }
    new.resize(new.len().next_multiple_of(8), 0);
    let table = new.len() as u64;
    new[40..48].copy_from_slice(&table.to_le_bytes());
    new.extend(headers.concat());
    Some(new)
}

/// What a section holds.
fn contents<'a>(module: &'a [u8], header: &[u8]) -> Option<&'a [u8]> {
    let start = at(number(header, OFFSET)?)?;
    module.get(start..start.checked_add(at(number(header, SIZE)?)?)?)
}

fn number(bytes: &[u8], field: Range<usize>) -> Option<u64> {
    let mut number = [0; 8];
    let field = bytes.get(field)?;
    number.get_mut(..field.len())?.copy_from_slice(field);
    Some(u64::from_le_bytes(number))
}

fn at(number: u64) -> Option<usize> {
    usize::try_from(number).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use object::{Object, ObjectSection};

    use super::super::tests::of_sections;
    use super::*;

    #[test]
    fn what_is_left_is_what_it_was_under_the_same_numbers() {
        let all: [(&str, &[u8]); 5] = [
            (".text", b"code"),
            (".debug_info", &[7; 1000]),
            (".modinfo", b"depends=\0"),
            (".rela.debug_info", &[8; 500]),
            (".rodata", b"constants"),
        ];
        let module = of_sections(&all);
        let left = without_debugging(module.clone());
        assert!(left.len() < module.len() - 1400);
        let file = object::File::parse(&*left).unwrap();
        for (name, contents) in [all[0], all[2], all[4]] {
            let section = file.section_by_name(name).unwrap();
            assert_eq!(section.data().unwrap(), contents, "{name}");
            let before = object::File::parse(&*module).unwrap();
            let before = before.section_by_name(name).unwrap();
            assert_eq!(section.index(), before.index(), "{name}");
        }
        assert!(file.section_by_name(".debug_info").is_none());
        assert_eq!(without_debugging(left.clone()), left, "nothing to do");
    }

    #[test]
    fn what_is_signed_or_cut_off_stays_as_it_is() {
        let module = of_sections(&[(".debug_info", &[7; 100]), (".text", b"code")]);
        let signed = [&module, &b"~Module signature appended~\n"[..]].concat();
        assert_eq!(without_debugging(signed.clone()), signed);
        for length in (0..module.len()).step_by(7) {
            let cut = module[..length].to_vec();
            assert_eq!(without_debugging(cut.clone()), cut, "{length}");
        }
    }
}
