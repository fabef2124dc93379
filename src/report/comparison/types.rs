//! A comparison: its columns, rows and cells.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::Serialize;

use crate::model::{Stage, Symbol, TrialId, Value};
use crate::report::{Report, Status};

/// The version of [`Comparison`].
pub const COMPARISON_VERSION: u32 = 1;

/// A run that is to be compared.
#[derive(Debug, Clone)]
pub struct ComparedRun {
    /// Its folder, as it is shown.
    pub dir: PathBuf,
    /// Its result.
    pub report: Report,
    /// The symbols of its start's requests. None if only the result is known.
    pub asked: Option<HashSet<Symbol>>,
}

/// The answers of several runs side by side.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The version of the format.
    pub v: u32,
    /// By what the runs differ, as far as their results tell.
    pub differ: Vec<Dimension>,
    /// The runs, in the order in which they were given.
    pub columns: Vec<Column>,
    /// The requests that at least one answer has: those of most answers first, then in menu order of the first run
    /// that has them.
    pub rows: Vec<Row>,
    /// How many are needed by whom.
    pub summary: Summary,
    /// What a reader must know of single runs, in words.
    pub notes: Vec<String>,
}

/// Something by which runs can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dimension {
    /// The oracles.
    Oracle,
    /// The source tree.
    Source,
    /// The guest.
    Guest,
    /// The start.
    Start,
}

impl Dimension {
    /// Its name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Oracle => "oracle",
            Self::Source => "source",
            Self::Guest => "guest",
            Self::Start => "start",
        }
    }
}

/// A run of a comparison. All texts are safe to show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Column {
    /// Its name: unique, and as short as that allows.
    pub name: String,
    /// Its folder.
    pub dir: String,
    /// Its oracles.
    pub oracle: String,
    /// Its source tree.
    pub source: String,
    /// Its guest.
    pub guest: String,
    /// Its start.
    pub start: String,
    /// How it ended.
    pub status: Status,
    /// The number of requests of its answer.
    pub requests: usize,
}

/// A symbol, in each of the runs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The symbol.
    pub symbol: Symbol,
    /// A cell for each column.
    pub cells: Vec<Cell>,
}

impl Row {
    /// The value, if all answers that have the request ask for the same one.
    #[must_use]
    pub fn value(&self) -> Option<&Value> {
        let mut values = self.cells.iter().filter_map(|cell| cell.value.as_ref());
        let first = values.next()?;
        values.all(|value| value == first).then_some(first)
    }

    /// The number of answers that have it.
    #[must_use]
    pub fn answers(&self) -> usize {
        let has_it = |cell: &&Cell| cell.state.is_in_answer();
        self.cells.iter().filter(has_it).count()
    }
}

/// What one run says of one symbol.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cell {
    /// How it stands in the answer.
    pub state: State,
    /// The value that is asked for, if it is in the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The trial that failed without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trial: Option<TrialId>,
    /// Where that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// How that failed; safe to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// The needed request that depends on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<Symbol>,
}

/// How a symbol stands in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// The trial without it failed.
    Needed,
    /// A needed request depends on it.
    Implied,
    /// `--keep`: it was never tested.
    Kept,
    /// There is no verdict, or none yet.
    Unproved,
    /// The answer passes without the request. Its symbol can still be set, by its default or a `select`.
    Absent,
    /// The same, and the start did not ask for it.
    NotAsked,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Needed,
        Self::Implied,
        Self::Kept,
        Self::Unproved,
        Self::Absent,
        Self::NotAsked,
    ];

    /// Does the answer have the request?
    #[must_use]
    pub fn is_in_answer(self) -> bool {
        !matches!(self, Self::Absent | Self::NotAsked)
    }

    /// Is it known that the request is needed?
    #[must_use]
    pub fn is_needed(self) -> bool {
        matches!(self, Self::Needed | Self::Implied)
    }

    /// The word in a cell.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Needed => "needed",
            Self::Implied => "implied",
            Self::Kept => "kept",
            Self::Unproved => "unproved",
            Self::Absent => "-",
            Self::NotAsked => "not asked",
        }
    }

    /// What the word means.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Needed => "the trial without it failed",
            Self::Implied => "a needed request depends on it",
            Self::Kept => "--keep: it was never tested",
            Self::Unproved => "no verdict yet",
            Self::Absent => "not in the answer",
            Self::NotAsked => "not in the answer, as the start does not ask for it",
        }
    }
}

/// How many requests are needed by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Needed by all runs.
    pub all: usize,
    /// Needed by at least one, while the answer of another does without.
    pub some: usize,
    /// The others: some answer has it, but it is unproved or kept there.
    pub undecided: usize,
    /// Those of `some` that a single run needs, and no other answer has: an entry for each column that has such.
    pub only: Vec<OnlyBy>,
}

/// The requests that only one run needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OnlyBy {
    /// The name of its column.
    pub column: String,
    /// The symbols, in the order of the rows.
    pub symbols: Vec<Symbol>,
}
