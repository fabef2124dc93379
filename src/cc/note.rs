//! What was done for each object of a build: a line that the compiler launcher adds to a file, and
//! that whoever ran the build reads.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// How an object was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// By the compiler.
    Compiled,
    /// From the cache: the files and values that its call reads are known.
    Known,
    /// From the cache: its preprocessed text is known.
    SameText,
}

impl Means {
    const ALL: [(Self, &'static str); 3] = [
        (Self::Compiled, "compiled"),
        (Self::Known, "known"),
        (Self::SameText, "same-text"),
    ];
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its path in the build tree.
    pub object: String,
    /// How it was made.
    pub means: Means,
    /// CPU time that this took.
    pub cpu: Duration,
    /// CPU time that it takes, or took when it was compiled, to compile it.
    pub worth: Duration,
}

impl Note {
    /// Adds it to the file, in one write, so that the lines of compilers that run at the same time
    /// do not mix. A note that cannot be written is lost, and the build goes on.
    pub(super) fn add_to(&self, file: &Path) {
        let word = Means::ALL.iter().find(|(means, _)| *means == self.means);
        let word = word.map_or("", |(_, word)| word);
        let (cpu, worth) = (self.cpu.as_micros(), self.worth.as_micros());
        let line = format!("{word} {cpu} {worth} {}\n", self.object);
        let file = File::options().create(true).append(true).open(file);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }

    fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ')?;
        let (cpu, rest) = rest.split_once(' ')?;
        let (worth, object) = rest.split_once(' ')?;
        let micros = |text: &str| text.parse().ok().map(Duration::from_micros);
        let (means, _) = Means::ALL.iter().find(|(_, w)| *w == word)?;
        Some(Self {
            object: object.to_owned(),
            means: *means,
            cpu: micros(cpu)?,
            worth: micros(worth)?,
        })
    }
}

/// All notes of a build; what is no note is left out, and without a file there are none.
#[must_use]
pub fn read_notes(file: &Path) -> Vec<Note> {
    let bytes = fs::read(file).unwrap_or_default();
    String::from_utf8_lossy(&bytes)
        .lines()
        .filter_map(Note::parse)
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_as_they_were_written_and_a_torn_one_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("notes");
        assert_eq!(read_notes(&file), []);
        let notes = [Means::Compiled, Means::Known, Means::SameText].map(|means| Note {
            object: "kernel/fork.o".to_owned(),
            means,
            cpu: Duration::from_micros(1234),
            worth: Duration::from_micros(567_890),
        });
        notes.iter().for_each(|note| note.add_to(&file));
        let mut bytes = fs::read(&file).unwrap();
        bytes.extend_from_slice(b"compiled 12");
        fs::write(&file, bytes).unwrap();
        assert_eq!(read_notes(&file), notes);
    }
}
