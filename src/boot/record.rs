//! `boot.json`: the figures of a boot, for people and for the limits of later boots.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Accel, Finished};
use crate::model::understand;
use crate::{Error, Result};

/// The version that is written, and the newest that is understood.
const VERSION: u32 = 1;

/// The content of `boot.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Version of the format.
    v: u32,
    /// What executed the guest.
    pub accel: Accel,
    /// Wall time until the outcome, in seconds.
    pub wall_s: f64,
    /// CPU time of QEMU, in seconds.
    pub cpu_s: f64,
    /// CPU time of QEMU when the first byte came from the console, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_cpu_s: Option<f64>,
    /// The longest time that the guest slept without a word before the mark, in seconds. Older records have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub longest_silence_s: Option<f64>,
    /// One word: what came of it.
    pub outcome: String,
    /// The line of the console that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<String>,
}

impl Record {
    /// The record of a boot.
    #[must_use]
    pub fn new(accel: Accel, finished: &Finished) -> Self {
        Self {
            v: VERSION,
            accel,
            wall_s: seconds(finished.wall),
            cpu_s: seconds(finished.cpu),
            first_byte_cpu_s: finished.first_byte_cpu.map(seconds),
            longest_silence_s: finished.longest_silence.map(seconds),
            outcome: finished.outcome.word().to_owned(),
            matched: finished.outcome.line().map(str::to_owned),
        }
    }

    /// Reads a record; `None` if there is none.
    ///
    /// # Errors
    /// It cannot be read, is damaged, or was written by a newer kbisect.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let text = match fs::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", path, error)),
        };
        let damaged =
            |error| Error::failed(format!("{} is damaged", path.display())).because(error);
        understand(&text, VERSION, path)?;
        serde_json::from_slice(&text).map(Some).map_err(damaged)
    }

    /// Writes the record.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        // Numbers and strings: nothing that JSON has no word for.
        let mut text = serde_json::to_vec(self).map_err(|error| {
            Error::failed(format!("cannot write {}", path.display())).because(error)
        })?;
        text.push(b'\n');
        fs::write(path, text).map_err(|error| Error::io("write", path, error))
    }
}

fn seconds(time: Duration) -> f64 {
    // Milliseconds are enough, and make short numbers.
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::{Limit, Outcome};
    use super::*;

    #[test]
    fn a_record_comes_back_as_it_was_written() {
        let path = tempfile::tempdir().unwrap().keep().join("boot.json");
        let finished = Finished {
            outcome: Outcome::Reached("up".to_owned()),
            wall: Duration::from_micros(1_234_567),
            cpu: Duration::from_secs(1),
            first_byte_cpu: None,
            longest_silence: Some(Duration::from_millis(400)),
            last_line: String::new(),
        };
        let record = Record::new(Accel::Tcg, &finished);
        record.write(&path).unwrap();
        assert_eq!(Record::read(&path).unwrap(), Some(record));
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "{\"v\":1,\"accel\":\"tcg\",\"wall_s\":1.235,\"cpu_s\":1.0,\
             \"longest_silence_s\":0.4,\"outcome\":\"until\",\"matched\":\"up\"}\n"
        );
        fs::remove_dir_all(path.parent().unwrap()).unwrap();
    }

    #[test]
    fn a_record_of_before_silences_were_measured_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boot.json");
        let old = r#"{"v":1,"accel":"tcg","wall_s":1.2,"cpu_s":1.0,"outcome":"until"}"#;
        fs::write(&path, old).unwrap();
        let record = Record::read(&path).unwrap().unwrap();
        assert_eq!(record.longest_silence_s, None);
        assert_eq!(serde_json::to_string(&record).unwrap(), old);
    }

    #[test]
    fn a_missing_record_is_none_and_a_newer_or_damaged_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("boot.json");
        assert_eq!(Record::read(&path).unwrap(), None);
        fs::write(&path, "{\"v\":2,\"new\":true}").unwrap();
        assert!(
            Record::read(&path)
                .unwrap_err()
                .to_string()
                .contains("newer")
        );
        fs::write(&path, "{\"v\":1").unwrap();
        assert!(
            Record::read(&path)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }

    #[test]
    fn a_limit_has_a_word_and_no_line() {
        let outcome = Outcome::Limit(Limit::Silent);
        assert_eq!((outcome.word(), outcome.line()), ("silent", None));
    }
}
