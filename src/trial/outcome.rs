//! What came of a trial, in a form that can be sent from another machine.

use std::collections::BTreeSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::names_below;
use super::spec::{TrialKey, VERSION};
use crate::build::is_clock_skew;
use crate::model::{Origin, ResolvedConfig, Timings, Verdict};

/// What came of a trial, and what it left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialOutcome {
    /// The version of this form.
    pub v: u32,
    /// Of which trial.
    pub key: TrialKey,
    /// What came of it.
    pub result: TrialResult,
    /// The names of the files in its folder, relative to that: logs, and what oracles left. Of a trial of this
    /// machine they are not listed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub files: BTreeSet<String>,
}

impl TrialOutcome {
    /// Of a trial that left no files.
    #[must_use]
    pub fn new(key: TrialKey, result: TrialResult) -> Self {
        Self {
            v: VERSION,
            key,
            result,
            files: BTreeSet::new(),
        }
    }

    /// The same with the names of the files in the trial's folder, for another machine, which cannot look into that.
    #[must_use]
    pub fn with_files_of(self, folder: &Path) -> Self {
        Self {
            files: names_below(folder),
            ..self
        }
    }
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrialResult {
    /// The config that Kconfig makes of a fragment.
    Resolved(ResolvedConfig),
    /// A verdict.
    Judged {
        /// What it is.
        verdict: Verdict,
        /// One clean line: why it failed.
        evidence: Option<String>,
        /// BLAKE3 of the built image, in hex, and its size in bytes.
        image: Option<(String, u64)>,
        /// Where the time went.
        timings: Timings,
        /// What it was built from.
        origin: Origin,
    },
    /// The machine gave out (memory, disk, time for a build): no verdict.
    Starved(String),
    /// An oracle failed, and says that the machine gave out; nothing else shows that. At first that is believed, and
    /// where it says so again with the machine to itself there is no verdict.
    Complained {
        /// One clean line: what it says.
        evidence: String,
        /// As of [`TrialResult::Judged`].
        image: Option<(String, u64)>,
        /// Where the time went.
        timings: Timings,
        /// What it was built from.
        origin: Origin,
    },
    /// It was cancelled.
    Cancelled,
}

impl TrialResult {
    /// Is it a pass or a failure?
    #[must_use]
    pub fn has_verdict(&self) -> bool {
        matches!(self, Self::Judged { verdict, .. } if *verdict != Verdict::Unresolved)
    }
}

/// What to do about a machine that gave out for this reason, so that trials can be made again.
#[must_use]
pub fn advice(why: &str) -> &'static str {
    if is_clock_skew(why) {
        "files are newer than the clock of this machine says, and make may not make anew what depends on them: set the \
         clock right, or `touch` the files; then `kbisect resume`"
    } else {
        "free memory or disk, raise the limit (ulimit), or use a smaller -j; then `kbisect resume`"
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{Config, Fragment, Stage};
    use crate::trial::Work;

    #[test]
    fn an_outcome_that_was_sent_is_the_same() {
        let fragment = Fragment::default();
        let key = Work::Resolve { fragment }.key(0, 0);
        let (timings, origin) = (Timings::default(), Origin::Empty);
        let results = [
            TrialResult::Resolved(ResolvedConfig::new("# none\n".into(), Config::default())),
            TrialResult::Judged {
                verdict: Verdict::Fail(Stage::Oracle),
                evidence: Some("no shell".into()),
                image: Some(("12ab".into(), 7)),
                timings,
                origin,
            },
            TrialResult::Starved("No space left on device".into()),
            TrialResult::Complained {
                evidence: "Cannot fork".into(),
                image: None,
                timings,
                origin,
            },
            TrialResult::Cancelled,
        ];
        for result in results {
            let mut outcome = TrialOutcome::new(key, result);
            outcome.files.insert("build.log".into());
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(
                serde_json::from_str::<TrialOutcome>(&text).unwrap(),
                outcome
            );
        }
    }
}
