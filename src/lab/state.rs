//! What the dispatcher owns, and how a run ends.

use std::fs;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::attempts::Attempts;
use super::queue::Workers;
use super::site::Site;
use crate::journal::{Journal, Record, RunDir, VerdictCache};
use crate::model::{
    Candidate, Config, ContentId, Event, Fragment, Origin, Request, RequestSet, ResolvedConfig,
    TrialId,
};
use crate::search::{Certificate, Depends, Rebuilt, Reliability};
use crate::supervise::Signal;
use crate::trial::{Baseline, CONFIG, Needs, Role, TrialSpec, Work};
use crate::{Error, Result};

/// How much a run may take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Wall time, all sessions together.
    pub time: Option<Duration>,
    /// Trials, the start's included, all sessions together.
    pub trials: Option<u32>,
}

/// Why a run stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// The user, or the system, wants it to.
    Interrupted,
    /// [`Budget::time`].
    Time,
    /// [`Budget::trials`].
    Trials,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The smallest set of requests that passed.
    pub best: RequestSet,
    /// Why each of them stays.
    pub certificate: Certificate,
    /// How far the oracle can be relied on.
    pub reliability: Reliability,
    /// None: the search came to its end.
    pub stopped: Option<Stopped>,
    /// The resolved config of `best`; none if the run was stopped.
    pub config: Option<String>,
    /// Whether the start and the answer have different products.
    pub product: Product,
    /// How the answer stands once it is built from an empty tree; none if the search does not see to that.
    pub rebuilt: Option<Rebuilt>,
}

/// What the way from the start to the answer changed of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// It is another one, or nothing was taken away.
    Other,
    /// Their configurations differ, and their products do not, nor does any other that was built: it may be
    /// the wrong file.
    Same,
    /// No request is left, and the product is not reproducible: it cannot be told whether it has anything to do with the
    /// configuration.
    Unknown,
}

/// What may be the cause if the start does not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What is suspected.
    pub text: String,
    /// What can be done about it.
    pub way_out: String,
}

/// A run: everything that the dispatcher owns.
pub struct Lab<'a> {
    /// Those who make trials.
    pub workers: &'a mut dyn Workers,
    /// Where the best is built.
    pub site: &'a dyn Site,
    /// The run directory.
    pub dir: &'a RunDir,
    /// Its journal.
    pub journal: &'a mut Journal,
    /// What is known already.
    pub cache: VerdictCache,
    /// The start's requests.
    pub requests: &'a [Request],
    /// What its trials need.
    pub needs: &'a Needs,
    /// The trials that there were.
    pub attempts: Attempts,
    /// How much the run may take.
    pub budget: Budget,
    /// Requests to stop.
    pub signals: &'a Receiver<Signal>,
    /// Told of everything that happens.
    pub sink: &'a mut dyn FnMut(&Event),
    /// The number of the next trial.
    pub next_trial: TrialId,
    /// The trial that oracles compare others with: of the start, of what stands for it, or of the first best.
    pub start: TrialId,
    /// Resolves a fragment over the base.
    pub resolve: &'a dyn Fn(&Fragment) -> Result<ResolvedConfig>,
    /// Tells what depends on what in a set of requests; with nobody to ask, nothing.
    pub depends: &'a dyn Fn(&RequestSet) -> Result<Depends>,
    /// What may be the cause if the oracle refuses a kernel of this config that is the start.
    pub cause: &'a dyn Fn(&Config) -> Option<Cause>,
    /// What the journal says is the best. None: nothing has passed yet.
    pub written: Option<RequestSet>,
    /// How often the oracle refused the start before it accepted it.
    pub refused: u32,
    /// What stands before the requests in the fragment of the best: comments and the base.
    pub header: &'a str,
    /// Somebody wants the run to stop.
    pub is_stopping: bool,
}

impl Lab<'_> {
    pub(super) fn emit(&mut self, event: &Event) {
        (self.sink)(event);
    }

    pub(super) fn warn(&mut self, text: String) {
        self.emit(&Event::Warning { text });
    }

    /// Notes that somebody wants the run to stop.
    pub(super) fn stop(&mut self) {
        self.is_stopping = true;
        self.emit(&Event::Note {
            text: "stopping; once more to kill".into(),
        });
    }

    fn take_trial(&mut self) -> TrialId {
        let id = self.next_trial;
        self.next_trial = TrialId(id.0 + 1);
        id
    }

    /// Makes the folder of a trial, with the config in it, and notes that it begins: what is to be done then.
    pub(super) fn begin_trial(
        &mut self,
        candidate: Option<&Candidate>,
        role: Role,
        config: &ResolvedConfig,
        baseline: Option<&Baseline>,
    ) -> Result<(TrialId, TrialSpec)> {
        let trial = self.take_trial();
        let dir = self.dir.make_trial_dir(trial)?;
        let path = dir.join(CONFIG);
        fs::write(&path, &config.text).map_err(|e| Error::io("write", &path, e))?;
        self.journal.append(&Record::Began {
            trial,
            candidate: candidate.map(|c| c.id),
            fingerprint: config.fingerprint,
            worker: None,
        })?;
        let work = Work::Judge {
            trial,
            config: config.clone(),
            origin: candidate.map_or(Origin::Earlier, |c| c.origin),
            baseline: baseline.cloned(),
            role,
        };
        let key = self.attempts.key(&work, candidate.map_or(0, |c| c.round));
        Ok((trial, TrialSpec::new(key, work, self.needs)))
    }

    /// What oracles compare other kernels with: what they left in the trial of the start, or of the first best.
    pub(super) fn baseline(&self) -> Baseline {
        let known = self.journal.state().baseline();
        let known = known.filter(|(trial, _)| *trial == self.start);
        let files = known.map(|(_, files)| files);
        Baseline {
            trial: self.start,
            files: ContentId::of(&serde_json::json!(files)),
        }
    }
}
