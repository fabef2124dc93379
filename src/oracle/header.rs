//! The header of an oracle: what it needs, said in the first comment lines of its program.

use std::fmt;
use std::path::Path;

use super::files::text;
use crate::boot::{Hardware, Loader};
use crate::guest::{Guest, Medium, RECIPES};
use crate::model::{Level, contract};
use crate::{Error, Result};

/// How a comment begins, in the languages that oracles are written in.
const OPENERS: [&str; 4] = ["#", "//", "--", ";"];

/// What a line of a header begins with, behind the opener.
const MARK: &str = "kbisect:";

/// The keys that are no part of the [machine](Hardware::KEYS).
const GUEST: &str = "guest";
const LEVEL: &str = "level";

/// What an oracle says that it needs: lines such as `# kbisect: guest=busybox nic=virtio level=fast,full`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    guest: Option<Guest>,
    hardware: Hardware,
    levels: Vec<Level>,
}

/// A key and its value, with the line where they are.
struct Word<'t> {
    line: usize,
    key: &'t str,
    value: &'t str,
}

impl Header {
    /// The header in the text of an oracle, which people know as `name`. None if there is none, or if it is no text.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): an unknown word, two values for a key, or needs that no machine
    /// meets. The error names the line.
    pub fn read(name: &Path, program: &[u8]) -> Result<Option<Self>> {
        let Some(text) = text(program) else {
            return Ok(None);
        };
        let wrong = |line: usize, what: &str| {
            Error::usage(format!("{}, line {line}: {what}", name.display())).hint(hint())
        };
        let words = words(&text).map_err(|(line, what)| wrong(line, &what))?;
        if words.is_empty() {
            return Ok(None);
        }
        let mut header = Self {
            guest: None,
            hardware: Hardware::default(),
            levels: vec![Level::default()],
        };
        for (at, word) in words.iter().enumerate() {
            let mut before = words[..at].iter();
            if let Some(first) = before.find(|first| first.key == word.key) {
                if first.value == word.value {
                    continue;
                }
                let (key, first_line) = (word.key, first.line);
                return Err(wrong(
                    word.line,
                    &format!(
                        "{key}={} contradicts {key}={} in line {first_line}",
                        word.value.escape_debug(),
                        first.value.escape_debug()
                    ),
                ));
            }
            header
                .set(word.key, word.value)
                .map_err(|what| wrong(word.line, &what))?;
        }
        header.check().map_err(|(keys, what)| {
            let about = words.iter().find(|word| keys.contains(&word.key));
            wrong(about.map_or(words[0].line, |word| word.line), &what)
        })?;
        Ok(Some(header))
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            GUEST => self.guest = Some(shipped_guest(value)?),
            LEVEL => self.levels = levels(value)?,
            _ if Hardware::KEYS.contains(&key) => self.hardware.set(key, value)?,
            _ => {
                return Err(format!(
                    "`{}` is none of {}",
                    key.escape_debug(),
                    keys().join(", ")
                ));
            }
        }
        Ok(())
    }

    /// Do guest and machine fit together? If not: the keys that are to blame, and why.
    fn check(&self) -> Result<(), (&'static [&'static str], String)> {
        let disk = self.part("disk");
        let name = self.guest.as_ref().map(Guest::name);
        match (name, self.guest.as_ref().map(Guest::medium)) {
            (Some(name), Some(Medium::Disk)) if self.hardware.disk.is_none() => Err((
                &[GUEST],
                format!("guest={name} boots from a disk: add disk=virtio, or another kind of disk"),
            )),
            (_, Some(Medium::Disk)) => self.is_possible(),
            (name, _) => {
                let guest = name.map_or("no guest".to_owned(), |name| format!("guest={name}"));
                let why = format!("needs a guest with a disk, and here is {guest}");
                if self.hardware.disk.is_some() {
                    return Err((&["disk"], format!("{disk} {why}")));
                }
                match self.hardware.loader {
                    Loader::Grub => Err((&["boot"], format!("boot=grub {why}"))),
                    Loader::Direct => self.is_possible(),
                }
            }
        }
    }

    /// Can there be such a machine?
    fn is_possible(&self) -> Result<(), (&'static [&'static str], String)> {
        let machine = &Hardware::KEYS;
        self.hardware
            .check()
            .map_err(|why| (machine.as_slice(), why))
    }

    /// The same with what the user's environment says of the disk and the network card, where the oracle has one.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): an unknown value, or `none`.
    pub(super) fn with_environment(mut self, disk: &str, nic: &str) -> Result<Self> {
        let parts = [
            ("disk", contract::DISK, disk, self.hardware.disk.is_some()),
            ("nic", contract::NIC, nic, self.hardware.nic.is_some()),
        ];
        for (key, variable, value, is_there) in parts {
            if value.is_empty() || !is_there {
                continue;
            }
            let wrong = |what: &str| {
                Error::usage(format!("{variable}: {what}"))
                    .hint(format!("unset {variable}, and the oracle decides"))
            };
            if value == "none" {
                return Err(wrong(&format!(
                    "the oracle needs a {}",
                    if key == "nic" { "network card" } else { key }
                )));
            }
            let replaced = self.hardware.replace(key, value);
            replaced.map_err(|what| wrong(&what))?;
            self.hardware.check().map_err(|what| wrong(&what))?;
        }
        Ok(self)
    }

    /// The same with another guest, if it has one.
    ///
    /// # Errors
    /// The guest does not fit the machine: why.
    pub(super) fn with_guest(mut self, guest: &Guest) -> Result<Self, String> {
        if self.guest.is_some() {
            self.guest = Some(guest.clone());
        }
        self.check().map_err(|(_, why)| why)?;
        Ok(self)
    }

    /// The guest.
    #[must_use]
    pub fn guest(&self) -> Option<&Guest> {
        self.guest.as_ref()
    }

    /// The machine.
    #[must_use]
    pub fn hardware(&self) -> Hardware {
        self.hardware
    }

    /// The levels at which it is asked, in this order; at least one.
    #[must_use]
    pub fn levels(&self) -> &[Level] {
        &self.levels
    }

    /// The levels as the header has them: `fast,full`.
    #[must_use]
    pub fn levels_text(&self) -> String {
        let words: Vec<String> = self.levels.iter().map(Level::to_string).collect();
        words.join(",")
    }

    /// A part of the machine: `disk=nvme`.
    fn part(&self, key: &str) -> String {
        let all = self.hardware.to_string();
        let part = all.split(' ').find(|word| is_of(word, key));
        part.unwrap_or(key).to_owned()
    }
}

/// What is not as it would be without a word: `guest=busybox nic=virtio`.
impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (all, usual) = (self.hardware.to_string(), Hardware::default().to_string());
        let mut words: Vec<String> = Vec::new();
        words.extend(self.guest.iter().map(|g| format!("{GUEST}={}", g.name())));
        let parts = all.split(' ').zip(usual.split(' '));
        words.extend(
            parts
                .filter(|(is, usual)| is != usual)
                .map(|(is, _)| is.into()),
        );
        if self.levels != [Level::default()] || words.is_empty() {
            words.push(format!("{LEVEL}={}", self.levels_text()));
        }
        f.write_str(&words.join(" "))
    }
}

/// A script without the lines of its header: what it was before it had one.
pub(super) fn without(script: &str) -> String {
    let lines = script.split_inclusive('\n');
    lines.filter(|line| said(line).is_none()).collect()
}

/// The words of the header of a text, or the line of a mistake and what it is.
fn words(text: &str) -> Result<Vec<Word<'_>>, (usize, String)> {
    let mut words = Vec::new();
    let mut is_begin = true;
    for (line, content) in (1..).zip(text.lines()) {
        let is_comment = OPENERS.iter().any(|o| content.trim_start().starts_with(*o));
        is_begin &= is_comment || content.trim().is_empty();
        let Some(said) = said(content) else {
            if is_begin && let Some(what) = misspelt(content) {
                return Err((line, what));
            }
            continue;
        };
        let pairs = said.split_whitespace().map(|word| word.split_once('='));
        let pairs: Option<Vec<(&str, &str)>> = pairs.collect();
        let all_known = |pairs: &Vec<(&str, &str)>| {
            !pairs.is_empty() && pairs.iter().all(|(key, _)| keys().contains(key))
        };
        match (is_begin, pairs) {
            (true, Some(pairs)) if !pairs.is_empty() => {
                words.extend(
                    pairs
                        .into_iter()
                        .map(|(key, value)| Word { line, key, value }),
                );
            }
            (true, _) => {
                let what = format!("`{}` is not of words KEY=VALUE", said.trim().escape_debug());
                return Err((line, what));
            }
            // It would not be heard, and whoever wrote it would not know.
            (false, Some(pairs)) if all_known(&pairs) => {
                let what = "a header stands in the first comment lines, before anything else";
                return Err((line, what.to_owned()));
            }
            (false, _) => {}
        }
    }
    Ok(words)
}

/// What a line of a header says: what follows the mark.
fn said(line: &str) -> Option<&str> {
    comment(line)?.strip_prefix(MARK)
}

/// What a line says that is a comment.
fn comment(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let opener = OPENERS.iter().find(|opener| line.starts_with(*opener))?;
    Some(line.trim_start_matches(*opener).trim_start())
}

/// What is wrong with a comment that would be a line of a header if its mark were right. Nobody would hear it
/// otherwise, and the oracle be asked without what it needs.
fn misspelt(line: &str) -> Option<String> {
    let said = comment(line)?;
    let name = MARK.trim_end_matches(':');
    let begin = said.get(..name.len())?;
    let rest = said[name.len()..].trim_start_matches([' ', '\t', ':']);
    let keys = keys();
    let is_pair = |word: &&str| {
        let key = word.split_once('=').map(|(key, _)| key);
        key.is_some_and(|key| keys.iter().any(|known| known.eq_ignore_ascii_case(key)))
    };
    let pairs: Vec<&str> = rest.split_whitespace().filter(is_pair).collect();
    (begin.eq_ignore_ascii_case(name) && !pairs.is_empty()).then(|| {
        format!(
            "`{}` is no header: write `# {MARK} {}`, or begin a comment that is none with another word",
            said.trim_end().escape_debug(),
            pairs.join(" ").escape_debug()
        )
    })
}

fn is_of(word: &str, key: &str) -> bool {
    word.split_once('=').is_some_and(|(is, _)| is == key)
}

fn keys() -> Vec<&'static str> {
    let own = [GUEST, LEVEL];
    let (first, last) = own.split_at(1);
    [first, &Hardware::KEYS, last].concat()
}

fn hint() -> String {
    format!(
        "a header is of lines such as `# {MARK} guest=busybox nic=virtio`; its keys are {}; oracles/README.md has more",
        keys().join(", ")
    )
}

/// The guest of this name, of those that come with kbisect.
fn shipped_guest(name: &str) -> Result<Guest, String> {
    let names = || RECIPES.iter().map(|recipe| recipe.name);
    let known = names().any(|known| known == name);
    let found = known.then(|| Guest::find(name).ok()).flatten();
    found.ok_or_else(|| {
        let all: Vec<&str> = names().collect();
        format!(
            "guest={} is not known; guest is one of {} (another one: --guest)",
            name.escape_debug(),
            all.join(", ")
        )
    })
}

/// The levels of `fast`, `full` or `fast,full`, the fast one first.
fn levels(text: &str) -> Result<Vec<Level>, String> {
    let levels: Result<Vec<Level>, String> = text.split(',').map(str::parse).collect();
    let has = |level| levels.as_ref().is_ok_and(|all| all.contains(&level));
    let all = [Level::Fast, Level::Full];
    let asked: Vec<Level> = all.into_iter().filter(|level| has(*level)).collect();
    match &levels {
        Ok(levels) if levels.len() == asked.len() => Ok(asked),
        _ => Err(format!(
            "level={} is not known; level is one of fast, full, fast,full",
            text.escape_debug()
        )),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
