//! Lines as sets of words: exact texts differ in numbers, paths and quotes from machine to machine.

use std::collections::BTreeSet;

/// The texts of errno that consist of common words. Each counts as one word.
const ERRORS: &[(&str, &str)] = &[
    ("address family not supported by protocol", "eafnosupport"),
    ("address family not supported", "eafnosupport"),
    ("cannot allocate memory", "enomem"),
    ("connection refused", "econnrefused"),
    ("exec format error", "enoexec"),
    ("function not implemented", "enosys"),
    ("inappropriate ioctl for device", "enotty"),
    ("invalid argument", "einval"),
    ("network is unreachable", "enetunreach"),
    ("no such device or address", "enxio"),
    ("no such device", "enodev"),
    ("no such file or directory", "enoent"),
    ("operation not permitted", "eperm"),
    ("operation not supported", "eopnotsupp"),
    ("permission denied", "eacces"),
    ("protocol not supported", "eprotonosupport"),
];

/// Words that kbisect or the shells put around others, and those of any sentence.
const COMMON: &[&str] = &[
    "a", "an", "and", "at", "by", "date", "for", "from", "guest", "has", "have", "in", "init",
    "is", "it", "mark", "not", "of", "on", "or", "root", "sh", "that", "the", "this", "time", "to",
    "was", "with",
];

/// Words that tell nothing by themselves, however rare they are in the index.
const VAGUE: &[&str] = &[
    "cannot", "eacces", "einval", "enoent", "eperm", "error", "fail", "failed", "failure",
    "kernel", "missing", "unable", "warning",
];

/// Are there too few words in a line to say anything of it?
pub(super) fn is_vague(words: &BTreeSet<String>) -> bool {
    let is_one = |word: &String| {
        [VAGUE, COMMON]
            .iter()
            .any(|list| list.contains(&word.as_str()))
    };
    words.iter().all(is_one)
}

/// The words of a line: in lower case, without numbers, numbers at their ends and words that are in any line.
pub(super) fn words(line: &str) -> BTreeSet<String> {
    let mut line = line.to_lowercase();
    for (text, word) in ERRORS {
        line = line.replace(text, &format!(" {word} "));
    }
    let words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
    let words = words.map(|word| word.trim_matches(|c: char| c.is_ascii_digit() || c == '_'));
    let words = words.filter(|word| !word.is_empty());
    let all: BTreeSet<String> = words.map(str::to_owned).collect();
    let telling = all.iter().filter(|word| !COMMON.contains(&word.as_str()));
    let telling: BTreeSet<String> = telling.cloned().collect();
    if telling.is_empty() { all } else { telling }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(line: &str) -> String {
        words(line).into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_line_is_its_words_without_numbers_quotes_and_paths() {
        assert_eq!(
            joined("VFS: Cannot open root device \"vda1\" or unknown-block(254,1): error -19"),
            "block cannot device error open unknown vda vfs"
        );
        assert_eq!(
            joined("openpty: No such file or directory"),
            "enoent openpty"
        );
        assert_eq!(
            joined("ifconfig: SIOCSIFADDR: No such device"),
            "enodev ifconfig siocsifaddr"
        );
        assert!(is_vague(&words("error: No such file or directory")) && is_vague(&words("the 12")));
        assert!(!is_vague(&words("Function not implemented")));
        assert_eq!(joined("12 3 !"), "");
        assert_eq!(joined("not in the root"), "in not root the");
    }
}
