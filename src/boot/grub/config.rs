//! The configuration of GRUB that boots one kernel.

use crate::{Error, Result};

/// Boots `/vmlinuz` with this command line, and `/initrd` if there is one. If GRUB cannot, it says so and restarts,
/// which ends QEMU. Before, it says that it is there: `grub-ok` looks for that.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when GRUB could not hand the command line to the kernel as it is.
pub(super) fn config(command_line: &str, initrd: Option<&str>) -> Result<String> {
    let words = words(command_line).map_err(|what| {
        Error::usage(format!(
            "GRUB cannot hand this to the kernel: {}",
            command_line.escape_debug()
        ))
        .hint(format!(
            "leave out {what}, or boot without GRUB (boot=direct)"
        ))
    })?;
    // Within single quotes nothing means anything to GRUB, and no word has one in it.
    let words: String = words.iter().map(|word| format!(" '{word}'")).collect();
    let initrd = initrd.map(|file| format!("    initrd {file} || reboot\n"));
    Ok(format!(
        "# Written by kbisect for each boot.\n\
         set timeout=0\n\
         serial --unit=0 --speed=115200\n\
         terminal_input serial\n\
         terminal_output serial\n\
         echo 'GRUB loads the kernel'\n\
         if linux /vmlinuz{words}; then\n{}    boot\n\
         fi\n\
         echo 'guest: failed: GRUB cannot boot the kernel'\n\
         reboot\n",
        initrd.unwrap_or_default()
    ))
}

/// The words of a kernel's command line, as GRUB is to get them. It puts double quotes around a word with a blank in
/// it, as the kernel wants, and a backslash before each quote or backslash, as the kernel does not.
///
/// # Errors
/// What GRUB would spoil, in words.
fn words(command_line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let (mut word, mut is_quoted) = (String::new(), false);
    for character in command_line.chars() {
        match character {
            '\'' | '\\' => return Err("the single quote or backslash"),
            '"' => is_quoted = !is_quoted,
            ' ' if is_quoted => {}
            _ if character.is_ascii_whitespace() && !is_quoted => {
                words.push(std::mem::take(&mut word));
                continue;
            }
            _ if character.is_control() => return Err("the control character"),
            _ => {}
        }
        word.push(character);
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words.into_iter().map(unquoted).collect()
}

/// The word without the quotes around it, or around its value: these the kernel takes away.
fn unquoted(word: String) -> Result<String, &'static str> {
    let Some((before, rest)) = word.split_once('"') else {
        return Ok(word);
    };
    let begins = before.is_empty() || before.find('=') == Some(before.len() - 1);
    match rest.strip_suffix('"') {
        Some(inner) if begins && !inner.contains('"') => Ok(format!("{before}{inner}")),
        _ => Err("the double quote that is not around a whole word or value"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_booted_with_each_word_quoted() {
        let text = config("console=ttyS0  panic=-1\nroot=/dev/vda2", None).unwrap();
        let line =
            "if linux /vmlinuz 'console=ttyS0' 'panic=-1' 'root=/dev/vda2'; then\n    boot\n";
        assert!(text.contains(line), "{text}");
        // It is known by this that GRUB was there.
        assert!(text.contains("\necho 'GRUB loads the kernel'\n"), "{text}");
        assert!(!text.contains("initrd"), "{text}");
        let text = config("quiet", Some("/initrd")).unwrap();
        assert!(text.contains("'quiet'; then\n    initrd /initrd || reboot\n    boot\n"));
    }

    #[test]
    fn nothing_in_the_command_line_is_more_than_a_word_to_grub() {
        for bad in [
            "a;reboot", "$root", "${root}", "a|b", "{", "}", "#", "<x>", "a&b", "\u{e9}",
        ] {
            let text = config(bad, None).unwrap();
            assert!(
                text.contains(&format!("if linux /vmlinuz '{bad}'; then\n")),
                "{text}"
            );
        }
        // A line of its own is a word of its own.
        let text = config("a\nreboot\r\n}", None).unwrap();
        assert!(
            text.contains("linux /vmlinuz 'a' 'reboot' '}'; then\n"),
            "{text}"
        );
    }

    #[test]
    fn what_grub_would_spoil_is_a_wrong_call() {
        for bad in [
            "it's",
            "'; reboot; '",
            "a\\b",
            "a\u{1b}b",
            "x=\"a\nb\"",
            "a\"b",
            "x=\"a\"b",
            "a=b\"c d\"",
        ] {
            let error = config(bad, None).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Usage, "{bad}");
        }
    }

    #[test]
    fn a_value_with_blanks_stays_one_word() {
        let line = "dyndbg=\"file a.c +p\" \"x=y z\" quiet=\"1\"";
        assert_eq!(
            words(line).unwrap(),
            ["dyndbg=file a.c +p", "x=y z", "quiet=1"]
        );
    }
}
