//! What follows from the end of a trial: its verdict is written down, told to the search, and acted on.

use std::collections::BTreeMap;

use super::flights::Trial;
use super::{Run, on};
use crate::journal::{Record, RunDir, Taken};
use crate::lab::retry::{Next, Wanted};
use crate::lab::verdicts::interrupted;
use crate::model::{Candidate, CandidateId, Event, Judgement, Source, Verdict, WorkerId};
use crate::trial::{TrialResult, files_in};
use crate::{Error, Result};

impl Run<'_, '_> {
    /// A trial ended.
    pub(super) fn judged(
        &mut self,
        worker: Option<WorkerId>,
        taken: Option<Taken>,
        mut trial: Trial,
        result: TrialResult,
    ) -> Result<()> {
        let wanted = match trial.cancelled {
            true => Wanted::No,
            false => Wanted::Yes,
        };
        let next = trial.tries.next(trial.id, &trial.config, result, wanted)?;
        let judgement = match next {
            Next::Counts(judgement) => judgement,
            Next::Alone(why) => {
                let alone = match self.busy() {
                    0 => "",
                    _ => ", when nothing else is under way",
                };
                self.lab
                    .warn(format!("trial {} is tried again{alone}: {why}", trial.id));
                self.starved.push_back((worker, trial));
                return Ok(());
            }
            Next::Again(why) => {
                self.lab
                    .warn(format!("trial {} is tried again: {why}", trial.id));
                return self.begin(on(worker), trial.candidates, trial.config, trial.tries);
            }
            Next::Cancelled => {
                self.lab.emit(&Event::TrialCancelled { trial: trial.id });
                if !trial.cancelled {
                    // The run itself was: what was in flight is tried again after a resume.
                    return Err(interrupted());
                }
                return trial
                    .candidates
                    .iter()
                    .try_for_each(|candidate| self.withdraw(candidate));
            }
        };
        self.trials += 1;
        match judgement.verdict {
            Verdict::Pass => self.progress.passed += 1,
            Verdict::Fail(_) => self.progress.failed += 1,
            Verdict::Unresolved => self.progress.unresolved += 1,
        }
        for (i, candidate) in trial.candidates.iter().enumerate() {
            let mut judgement = judgement.clone();
            if i > 0 {
                judgement.source = Source::SameConfig;
                self.progress.reused += 1;
            }
            let worker = worker.filter(|_| i == 0);
            self.note(candidate, &judgement, taken.filter(|_| i == 0))?;
            if i == 0 {
                // Only what is on disk answers others.
                self.lab.cache.judged(&judgement);
                if let Some(text) = self.products.judged(&judgement) {
                    self.lab.emit(&Event::Warning { text });
                }
            }
            self.tell(candidate, &judgement, worker)?;
            // It is the best, or will be as soon as the search believes it.
            let is_near = candidate.keep.len() <= self.search.best().len();
            if i == 0 && judgement.verdict.is_pass() && is_near {
                self.lab.site.promote(trial.config.fingerprint);
            }
        }
        Ok(())
    }

    /// An earlier verdict answers a candidate.
    pub(super) fn answer(&mut self, candidate: &Candidate, known: &Judgement) -> Result<()> {
        self.progress.reused += 1;
        let judgement = Judgement {
            source: Source::SameConfig,
            ..known.clone()
        };
        self.note(candidate, &judgement, None)?;
        self.tell(candidate, &judgement, None)
    }

    /// Writes a verdict down, before anybody uses it.
    fn note(
        &mut self,
        candidate: &Candidate,
        judgement: &Judgement,
        by: Option<Taken>,
    ) -> Result<()> {
        self.lab.journal.append(&Record::Told {
            candidate: candidate.id,
            judgement: judgement.clone(),
            by,
        })
    }

    /// Tells the search a verdict that is on disk, and does what follows from it.
    fn tell(
        &mut self,
        candidate: &Candidate,
        judgement: &Judgement,
        worker: Option<WorkerId>,
    ) -> Result<()> {
        self.pointless.remove(&candidate.id);
        let before = self.search.reliability().differed;
        if let Some(evidence) = judgement.why_failed() {
            self.search.heard(evidence);
        }
        let told = self.search.tell(candidate.id, judgement.verdict);
        self.lab.emit(&Event::TrialEnded {
            worker,
            candidate: Some(candidate.id),
            requests: candidate.keep.len(),
            round: candidate.round,
            judgement: judgement.clone(),
        });
        self.warn_of_errors(before);
        self.note_best()?;
        self.tell_depends()?;
        self.give_up(&told.pointless);
        let phase = self.search.phase();
        if phase != self.progress.phase {
            self.progress.phase = phase;
            self.lab.emit(&Event::PhaseBegun { phase });
        }
        self.tell_leaves();
        self.tell_progress();
        Ok(())
    }

    /// Tells the search what depends on what in the best, if it would like to know.
    pub(super) fn tell_depends(&mut self) -> Result<()> {
        // More than once, if what it learns lets it take in verdicts that waited for it.
        while self.search.wants_depends() {
            let best = self.search.best().clone();
            let depends = (self.lab.depends)(&best)?;
            self.lab.journal.append(&Record::Depends {
                keep: best,
                carried: depends.lists(),
            })?;
            self.search.learn_depends(&depends);
            self.note_best()?;
        }
        Ok(())
    }

    /// Keeps the files of the best up to date. It may be another one than that which was told
    /// last: the search decides when a verdict is believed, and may take it back.
    pub(super) fn note_best(&mut self) -> Result<()> {
        if !self.search.has_passed() || self.written.as_ref() == Some(self.search.best()) {
            return Ok(());
        }
        let best = self.search.best().clone();
        let requests = best.len();
        let Some(judgement) = self.lab.write_best(&best)? else {
            return Err(Error::failed("the best has no verdict")
                .hint("this is a bug of kbisect; `kbisect resume` makes it again"));
        };
        let (trial, lines) = (judgement.trial, judgement.lines);
        let is_first = self.baseline.is_none();
        self.lab.journal.append(&Record::Best {
            trial,
            requests,
            lines,
            keep: Some(best.clone()),
            files: match is_first {
                true => files_in(&RunDir::trial_dir(self.lab.dir.path(), trial))?,
                false => BTreeMap::new(),
            },
        })?;
        self.written = Some(best);
        if is_first {
            self.lab.start = trial;
            self.baseline = Some(self.lab.baseline());
        }
        (self.progress.requests, self.progress.lines) = (requests, lines);
        self.lab.emit(&Event::NewBest {
            trial,
            requests,
            lines,
        });
        Ok(())
    }

    /// Cancels trials that can teach nothing any more.
    fn give_up(&mut self, pointless: &[CandidateId]) {
        self.pointless.extend(pointless);
        for (key, trial) in self.flights.trials() {
            let mut candidates = trial.candidates.iter();
            if !trial.cancelled && candidates.all(|c| self.pointless.contains(&c.id)) {
                trial.cancelled = true;
                self.lab.workers.retract(key);
            }
        }
    }

    pub(super) fn withdraw(&mut self, candidate: &Candidate) -> Result<()> {
        self.pointless.remove(&candidate.id);
        self.lab.journal.append(&Record::Withdrawn {
            candidate: candidate.id,
        })?;
        self.search.withdraw(candidate.id);
        self.tell_depends()
    }
}
