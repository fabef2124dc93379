//! Patterns of aliases: `pci:v00001AF4d00001041sv*sd*bc*sc*i*`.

/// A name or pattern in the form in which they are compared: `-` and `_` are the same outside of brackets.
pub(super) fn plain(alias: &str) -> String {
    let mut is_within = false;
    let plain = alias.chars().map(|c| {
        is_within = match c {
            '[' => true,
            ']' => false,
            _ => is_within,
        };
        match c {
            '-' if !is_within => '_',
            c => c,
        }
    });
    plain.collect()
}

/// Does the pattern stand for this name? `*` is any text, `?` any byte, `[a-c]` one of these bytes. Takes at most the
/// product of their lengths.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut p, mut n) = (0, 0);
    // Behind the last `*`, and where the name went on after it.
    let mut star: Option<(usize, usize)> = None;
    loop {
        if pattern.get(p) == Some(&b'*') {
            p += 1;
            star = Some((p, n));
            continue;
        }
        let next = name.get(n).and_then(|byte| one(&pattern[p..], *byte));
        match (next, star) {
            (Some(length), _) => (p, n) = (p + length, n + 1),
            (None, _) if n == name.len() && p == pattern.len() => return true,
            // The name is at its end: to leave more of it to the `*` does not help.
            (None, Some((after, from))) if n < name.len() => {
                (p, n) = (after, from + 1);
                star = Some((after, from + 1));
            }
            (None, _) => return false,
        }
    }
}

/// The length of what `pattern` begins with, if that stands for this byte.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern.first()? {
        b'?' => Some(1),
        b'[' => {
            let end = pattern.iter().position(|c| *c == b']')?;
            let mut set = &pattern[1..end];
            while let [first, rest @ ..] = set {
                let (last, rest) = match rest {
                    [b'-', last, rest @ ..] => (last, rest),
                    rest => (first, rest),
                };
                if (first..=last).contains(&&byte) {
                    return Some(end + 1);
                }
                set = rest;
            }
            None
        }
        c => (*c == byte).then_some(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_names_as_they_do_for_modprobe() {
        for (pattern, name, is_it) in [
            (
                "pci:v00001AF4d00001041sv*sd*bc*sc*i*",
                "pci:v00001AF4d00001041sv00001AF4sd00000001bc02sc00i00",
                true,
            ),
            ("pci:v00001AF4d*", "pci:v00008086d00001237", false),
            ("acpi*:PNP0501:*", "acpi:PNP0501:", true),
            ("fs-ext4", "fs_ext4", true),
            ("fs-ext4", "fs-ext", false),
            ("fs-ext", "fs-ext4", false),
            ("usb:v04B4p[5-6]*dl*", "usb:v04B4p6560dl0", true),
            ("usb:v04B4p[5-6]*dl*", "usb:v04B4p7560dl0", false),
            ("a?c[xz]*", "abcz", true),
            ("*", "", true),
            ("", "", true),
            ("?", "", false),
            ("a[b", "ab", false),
        ] {
            assert_eq!(
                fits(&plain(pattern), &plain(name)),
                is_it,
                "{pattern} {name}"
            );
        }
    }

    #[test]
    fn a_pattern_of_many_stars_has_an_end() {
        let name = "a".repeat(500);
        assert!(!fits(&"*a".repeat(200).replace("*a", "*a*"), "b"));
        assert!(!fits(&("*a".repeat(100) + "b"), &name));
    }
}
