//! The entries of some runs, as they are kept in a file.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Entry;
use crate::model::understand;
use crate::{Error, Result};

/// The version of [`Index`] that is written, and the newest that is read.
pub const VERSION: u32 = 1;

/// From trials: made by `examples/symptoms.rs`.
const SHIPPED: &str = include_str!("../../oracles/symptoms.json");

/// Not from trials: written by hand.
const KNOWN: &str = include_str!("../../oracles/symptoms-known.json");

/// Failing trials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// The version of the format.
    pub v: u32,
    /// The trials.
    pub entries: Vec<Entry>,
}

impl Default for Index {
    fn default() -> Self {
        let entries = Vec::new();
        Self {
            v: VERSION,
            entries,
        }
    }
}

impl Index {
    /// The index that comes with kbisect.
    ///
    /// # Errors
    /// None, unless it is damaged.
    pub fn shipped() -> Result<Self> {
        let mut index = Self::parse(SHIPPED, Path::new("oracles/symptoms.json"))?;
        index.add(Self::parse(
            KNOWN,
            Path::new("oracles/symptoms-known.json"),
        )?);
        Ok(index)
    }

    /// Reads an index from `text`, the contents of `file`.
    ///
    /// # Errors
    /// It is no index, or that of a newer kbisect.
    pub fn parse(text: &str, file: &Path) -> Result<Self> {
        understand(text.as_bytes(), VERSION, file)?;
        serde_json::from_str(text).map_err(|e| {
            Error::failed(format!("{} is no index of symptoms", file.display())).because(e)
        })
    }

    /// The text of its file, one entry a line.
    ///
    /// # Errors
    /// None that is known.
    pub fn text(&self) -> Result<String> {
        let failed = |e| Error::failed("cannot write JSON").because(e);
        let mut text = format!("{{\"v\": {}, \"entries\": [", self.v);
        for (n, entry) in self.entries.iter().enumerate() {
            text += if n == 0 { "\n" } else { ",\n" };
            text += &serde_json::to_string(entry).map_err(failed)?;
        }
        Ok(text + "\n]}\n")
    }

    /// Adds the entries of another one. Of a run that this one has already, nothing is added.
    pub fn add(&mut self, other: Self) {
        let runs = self.entries.iter().filter_map(|entry| entry.run.clone());
        let runs: HashSet<String> = runs.collect();
        let is_new = |entry: &Entry| entry.run.as_ref().is_none_or(|run| !runs.contains(run));
        self.entries
            .extend(other.entries.into_iter().filter(is_new));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"v\": 1, \"entries\": [\n\
        {\"symbol\":\"FUTEX\",\"carried\":3,\"run\":\"a1\",\"lines\":[\"x\"]},\n\
        {\"symbol\":\"EPOLL\",\"known\":\"literature\",\"lines\":[\"y\"]}\n]}\n";

    #[test]
    fn an_index_is_read_as_it_was_written() {
        let index = Index::parse(TEXT, Path::new("x")).unwrap();
        assert_eq!(index.text().unwrap(), TEXT);
        let empty = Index::default();
        assert_eq!(
            Index::parse(&empty.text().unwrap(), Path::new("x")).unwrap(),
            empty
        );
    }

    #[test]
    fn a_newer_and_a_damaged_one_are_refused() {
        for (text, says) in [
            ("{\"v\": 99, \"entries\": []}", "newer"),
            ("{\"v\": 1, \"entries\": 5}", "no index"),
            ("x", "x.json"),
        ] {
            let error = Index::parse(text, Path::new("x.json")).unwrap_err();
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    #[test]
    fn a_run_counts_once() {
        let mut index = Index::parse(TEXT, Path::new("x")).unwrap();
        let again = index.clone();
        index.add(again);
        let symbols: Vec<&str> = index.entries.iter().map(|e| e.symbol.as_str()).collect();
        assert_eq!(symbols, ["FUTEX", "EPOLL", "EPOLL"]);
    }

    #[test]
    fn what_is_shipped_is_small_and_says_where_it_is_from() {
        assert!(SHIPPED.len() + KNOWN.len() < 300_000);
        let index = Index::shipped().unwrap();
        assert!(!index.entries.is_empty());
        for entry in &index.entries {
            assert!(entry.run.is_some() != entry.known.is_some(), "{entry:?}");
            assert!(!entry.lines.is_empty(), "{entry:?}");
        }
    }
}
