//! The state of a run: the one fold of its journal.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::model::{
    Ballot, Candidate, CandidateId, Fingerprint, Judgement, Origin, Phase, Prior, Progress, Proof,
    RequestId, RequestSet, Source, TrialId, Verdict,
};

use super::cache::VerdictCache;
use super::record::{Ending, INTERRUPTED, Line, Record, Taken};

/// A verdict on record.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// The candidate; none for the start.
    pub candidate: Option<CandidateId>,
    /// How often the set was judged before, as the search counts it.
    pub round: u32,
    /// The verdict, and how it was obtained.
    pub judgement: Judgement,
    /// Who made the trial, and when. None if an earlier verdict answered, and in older journals.
    pub by: Option<Taken>,
}

/// The dependents of each request in one set.
#[derive(Debug, Clone, PartialEq)]
pub struct Dependents {
    /// The set.
    pub keep: RequestSet,
    /// For each request, by its number, the requests that fall with it.
    pub carried: Vec<Vec<RequestId>>,
}

/// The state of a run: the one fold of its journal.
///
/// Sessions, the report, the verdict cache and the replayed search are views of it, so they cannot
/// contradict one another. [`Journal`](super::Journal) applies each record that it reads or appends, so the
/// live state of a run is that of its journal, read back.
///
/// It is in this module because the report and the dispatcher both need it and neither uses the other; of the
/// search it therefore knows only which records are [calls](Self::calls). It does not know the number of
/// requests either: a set that lacks none is the start's.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RunState {
    /// How many sessions there were.
    pub sessions: u32,
    /// Wall time of all sessions, up to the last record.
    pub elapsed: Duration,
    /// The verdict by which the start passed last, if it has passed.
    pub start: Option<Judgement>,
    /// The verdict by which a kernel passed that stands for the start, if there is one.
    pub stand_in: Option<Judgement>,
    /// What the start was built from when it passed, before the present search began.
    pub start_origin: Origin,
    /// The files that the oracles left in the trial that others are compared with: path and hash of the contents.
    pub files: BTreeMap<String, String>,
    /// How often the start, or what stands for it, was refused before the present search began.
    pub refused: u32,
    /// The expected cost of trials; empty if nobody could tell.
    pub costs: Vec<u64>,
    /// The prior from a traced boot; empty if there was none.
    pub prior: Prior,
    /// What is known of configs.
    pub verdicts: VerdictCache,
    /// All verdicts on requests, in the order of the journal.
    pub judged: Vec<Judged>,
    /// All verdicts on the kernel that stands for the start, in the order of the journal. They are none on requests.
    pub stood: Vec<Judgement>,
    /// The set of the last record of a best. Not of journals of version 1, which record no sets.
    pub noted: Option<RequestSet>,
    /// The dependents that were recorded last.
    pub depends: Option<Dependents>,
    /// Why each request of the best stays, as the search proved it. Only at the end of a run, and not of
    /// older runs.
    pub certified: Option<BTreeMap<RequestId, Proof>>,
    /// How the run ended, unless it was resumed since.
    pub ending: Option<Ending>,
    /// The chance that the answer is wrong.
    pub risk: Option<f64>,
    /// Why the last session stopped before the end.
    pub stopped: Option<String>,
    /// The places of the records that are calls of the present search: those since it last began anew.
    pub calls: Vec<usize>,
    /// Was the present search told verdicts on other configs of the same image, as before version 6?
    pub relies_on_images: bool,
    /// The trial of the first best, if the start was not judged before it.
    grown: Option<TrialId>,
    /// How many trials of each config began.
    pub begun: HashMap<Fingerprint, u32>,
    /// The number of the last trial.
    last_trial: u32,
    /// How many records there were.
    records: usize,
    /// How often the start, or what stands for it, was refused, at any time.
    refused_ever: u32,
    /// The candidates of the present search.
    proposed: HashMap<CandidateId, Candidate>,
    /// Where its verdicts on them are in `judged`, the last on each.
    told: HashMap<CandidateId, usize>,
    /// The verdicts on the start's set.
    of_start: Ballot,
    /// Those on the kernel that stands for it.
    of_stand_in: Ballot,
    /// The verdicts on other sets.
    of_sets: HashMap<RequestSet, Ballot>,
    /// The smallest set that passed; of no use once a best is noted.
    smallest: Option<RequestSet>,
}

impl RunState {
    /// The state after these records.
    #[must_use]
    pub fn of(lines: &[Line]) -> Self {
        let mut state = Self::default();
        for line in lines {
            state.apply(line);
        }
        state
    }

    /// Goes on by one record.
    pub fn apply(&mut self, line: &Line) {
        let at = self.records;
        self.records += 1;
        self.elapsed = line.elapsed;
        match &line.record {
            Record::Started { .. } => self.sessions += 1,
            Record::Resumed { .. } => {
                self.sessions += 1;
                (self.ending, self.risk) = (None, None);
                (self.stopped, self.certified) = (None, None);
            }
            Record::Start {
                judgement,
                files,
                by,
            } => self.start_judged(at, judgement, files, *by),
            Record::StandIn {
                judgement, files, ..
            } => self.stand_in_judged(judgement, files),
            Record::Costs { millis } => self.costs.clone_from(millis),
            Record::Traced { prior } => self.prior.clone_from(prior),
            Record::Proposed { candidate } => {
                self.proposed.insert(candidate.id, candidate.clone());
                self.calls.push(at);
            }
            Record::Resolved {
                candidate,
                fingerprint,
            } => {
                if let Some(Candidate { keep, .. }) = self.proposed.get(candidate) {
                    self.verdicts.resolved(keep.clone(), *fingerprint);
                }
            }
            Record::Began {
                trial, fingerprint, ..
            } => {
                self.last_trial = self.last_trial.max(trial.0);
                *self.begun.entry(*fingerprint).or_default() += 1;
            }
            Record::Told {
                candidate,
                judgement,
                by,
            } => self.candidate_judged(at, *candidate, judgement, *by),
            Record::Withdrawn { .. } => self.calls.push(at),
            Record::Best {
                keep, trial, files, ..
            } => {
                if self.baseline().is_none() {
                    self.files.clone_from(files);
                }
                // A kernel that stands for the start is the baseline, but was not built.
                if self.start.is_none() {
                    self.grown.get_or_insert(*trial);
                }
                if keep.is_some() {
                    self.noted.clone_from(keep);
                }
            }
            Record::Depends { keep, carried } => {
                self.depends = Some(Dependents {
                    keep: keep.clone(),
                    carried: carried.clone(),
                });
                self.calls.push(at);
            }
            Record::Interrupted { why, .. } => self.stopped = Some(why.clone()),
            Record::Certified { entries } => {
                self.certified = Some(entries.iter().copied().collect());
            }
            Record::Finished { ending, risk, .. } => {
                (self.ending, self.risk) = (Some(*ending), *risk);
            }
            Record::Anew { .. } => {
                // Its candidates are numbered from 0 again, and it is told of all refusals at once.
                self.calls.clear();
                self.proposed.clear();
                self.told.clear();
                self.refused = self.refused_ever;
                self.start_origin = self.start_origin_ever();
                self.relies_on_images = false;
            }
        }
    }

    fn start_judged(
        &mut self,
        at: usize,
        judgement: &Judgement,
        files: &BTreeMap<String, String>,
        by: Option<Taken>,
    ) {
        let is_begun = self.start.is_some();
        if is_begun {
            // It was judged again for its files: the search is told.
            self.calls.push(at);
        }
        self.judged.push(Judged {
            candidate: None,
            round: 0,
            judgement: judgement.clone(),
            by,
        });
        self.of_start.add(judgement);
        match judgement.verdict {
            Verdict::Pass => {
                self.start = Some(judgement.clone());
                self.files.clone_from(files);
                if !is_begun {
                    self.start_origin = judgement.origin;
                }
                self.verdicts.judged(judgement);
            }
            Verdict::Fail(_) => {
                self.refused_ever += 1;
                self.refused += u32::from(!is_begun);
            }
            Verdict::Unresolved => {}
        }
    }

    fn stand_in_judged(&mut self, judgement: &Judgement, files: &BTreeMap<String, String>) {
        self.stood.push(judgement.clone());
        self.of_stand_in.add(judgement);
        match judgement.verdict {
            Verdict::Pass => {
                self.stand_in = Some(judgement.clone());
                self.files.clone_from(files);
            }
            Verdict::Fail(_) => {
                self.refused_ever += 1;
                self.refused += u32::from(self.stand_in.is_none());
            }
            Verdict::Unresolved => {}
        }
    }

    /// All verdicts: what trials said, or other trials for them.
    pub fn all_judged(&self) -> impl Iterator<Item = &Judgement> {
        let judged = self.judged.iter().map(|judged| &judged.judgement);
        self.stood.iter().chain(judged)
    }

    /// [`Origin::Empty`] if the start passed, at any time, when it was built from an empty tree.
    fn start_origin_ever(&self) -> Origin {
        let is_from_empty = |judged: &Judged| {
            let Judgement {
                verdict, origin, ..
            } = judged.judgement;
            judged.candidate.is_none() && verdict.is_pass() && origin == Origin::Empty
        };
        match self.judged.iter().any(is_from_empty) {
            true => Origin::Empty,
            false => Origin::Earlier,
        }
    }

    fn candidate_judged(
        &mut self,
        at: usize,
        id: CandidateId,
        judgement: &Judgement,
        by: Option<Taken>,
    ) {
        self.calls.push(at);
        self.relies_on_images |= judgement.source == Source::SameImage;
        self.told.insert(id, self.judged.len());
        let candidate = self.proposed.get(&id);
        self.judged.push(Judged {
            candidate: Some(id),
            round: candidate.map_or(0, |candidate| candidate.round),
            judgement: judgement.clone(),
            by,
        });
        self.verdicts.judged(judgement);
        let Some(Candidate { keep, origin, .. }) = candidate.cloned() else {
            return;
        };
        self.verdicts.resolved(keep.clone(), judgement.fingerprint);
        let ballot = if is_whole(&keep) {
            &mut self.of_start
        } else {
            self.of_sets.entry(keep.clone()).or_default()
        };
        // A failure of a build from an empty tree is one of builds, not of the oracle, if the set passes.
        let is_of_builds = origin == Origin::Empty && passes(ballot);
        if !is_of_builds || judgement.verdict.is_pass() {
            ballot.add(judgement);
        }
        if self.noted.is_none() {
            self.find_smallest(keep);
        }
    }

    /// Compares the smallest set with `keep`, on which there is another verdict.
    fn find_smallest(&mut self, keep: RequestSet) {
        let is_best = |set: &RequestSet| self.of_sets.get(set).is_some_and(passes);
        let before = self.smallest.take();
        self.smallest = match before {
            Some(set) if !is_best(&set) => {
                // It was taken back.
                let passed = self.of_sets.iter().filter(|(_, ballot)| passes(ballot));
                let order = |(set, ballot): &(&RequestSet, &Ballot)| {
                    let trial = ballot.pass().map(|judgement| judgement.trial);
                    (set.len(), trial, (*set).clone())
                };
                passed.min_by_key(order).map(|(set, _)| set.clone())
            }
            Some(set) if set.len() <= keep.len() => Some(set),
            before if !is_best(&keep) => before,
            _ => Some(keep),
        };
    }

    /// The verdicts on a set. A failure from an empty tree does not count if the set passes otherwise.
    #[must_use]
    pub fn ballot(&self, keep: &RequestSet) -> Option<&Ballot> {
        if is_whole(keep) {
            Some(&self.of_start)
        } else {
            self.of_sets.get(keep)
        }
    }

    /// How many verdicts differ from the majority on the same set, or on the kernel that stands for the start.
    #[must_use]
    pub fn differed(&self) -> u32 {
        let ballots = self.of_sets.values();
        let ballots = ballots.chain([&self.of_start, &self.of_stand_in]);
        ballots.map(|ballot| ballot.counts().1).sum()
    }

    /// The last verdict on a candidate of the present search.
    #[must_use]
    pub fn of_candidate(&self, id: CandidateId) -> Option<&Judgement> {
        self.told.get(&id).map(|at| &self.judged[*at].judgement)
    }

    /// The best of a run with so many requests: the set that the journal names, which may be larger than one that
    /// passed before, if that was taken back. As long as it names none, the smallest that passed. None if nothing
    /// has passed.
    #[must_use]
    pub fn best(&self, requests: usize) -> Option<RequestSet> {
        let full = || RequestSet::full(requests);
        match (&self.start, self.named()) {
            (Some(_), named) => Some(named.map_or_else(full, RequestSet::clone)),
            // What grew may have been taken back, and nothing has passed since.
            (None, Some(named)) => self
                .ballot(named)
                .is_some_and(passes)
                .then(|| named.clone()),
            (None, None) => passes(&self.of_start).then(full),
        }
    }

    /// The set that the journal names as the best, or else the smallest that passed.
    fn named(&self) -> Option<&RequestSet> {
        self.noted.as_ref().or(self.smallest.as_ref())
    }

    /// What oracles compare other kernels with: the trial by which the start passed, or what stands for it, or the
    /// first best of a run that judged neither, and the files that they left there. None before that.
    #[must_use]
    pub fn baseline(&self) -> Option<(TrialId, &BTreeMap<String, String>)> {
        let start = self.start.as_ref().or(self.stand_in.as_ref());
        let start = start.map(|judgement| judgement.trial);
        Some((start.or(self.grown)?, &self.files))
    }

    /// The trial of the first best, if the start was not built before it.
    #[must_use]
    pub fn grown(&self) -> Option<TrialId> {
        self.grown
    }

    /// The verdict by which the set of the start passed first, whether it was judged as the start or as a candidate.
    #[must_use]
    pub fn whole_passed(&self) -> Option<&Judgement> {
        let of_start = passes(&self.of_start).then(|| self.of_start.pass());
        self.start.as_ref().or(of_start.flatten())
    }

    /// The verdict by which the best passed first.
    #[must_use]
    pub fn best_passed(&self) -> Option<&Judgement> {
        let ballot = match self.named() {
            Some(keep) => self.ballot(keep)?,
            None => &self.of_start,
        };
        let counts = self.start.is_some() || passes(ballot);
        ballot.pass().filter(|_| counts)
    }

    /// The config of the start, if it has passed.
    #[must_use]
    pub fn start_config(&self) -> Option<Fingerprint> {
        self.start.as_ref().map(|judgement| judgement.fingerprint)
    }

    /// The number of the next trial.
    #[must_use]
    pub fn next_trial(&self) -> TrialId {
        TrialId(self.last_trial + 1)
    }

    /// Why the last session stopped before the end, unless a person stopped it.
    #[must_use]
    pub fn gave_up(&self) -> Option<&str> {
        self.stopped.as_deref().filter(|why| *why != INTERRUPTED)
    }

    /// How far a run with so many requests has come. The search alone knows the trials to come.
    #[must_use]
    pub fn progress(&self, requests: usize) -> Progress {
        let mut progress = Progress {
            phase: Phase::Start,
            requests,
            lines: self.best_passed().map_or(0, |judgement| judgement.lines),
            passed: 0,
            failed: 0,
            unresolved: 0,
            reused: 0,
            at_least: 0,
            at_most: 0,
            likely: None,
        };
        for judgement in self.all_judged() {
            match judgement.verdict {
                _ if judgement.source == Source::SameConfig => progress.reused += 1,
                Verdict::Pass => progress.passed += 1,
                Verdict::Fail(_) => progress.failed += 1,
                Verdict::Unresolved => progress.unresolved += 1,
            }
        }
        progress
    }
}

/// Does the majority pass?
fn passes(ballot: &Ballot) -> bool {
    ballot.winner().is_some_and(|won| won.verdict.is_pass())
}

/// Is it the set of the start?
fn is_whole(keep: &RequestSet) -> bool {
    keep.len() == keep.capacity()
}

impl VerdictCache {
    /// What these records say of configs.
    #[must_use]
    pub fn of(lines: &[Line]) -> Self {
        RunState::of(lines).verdicts
    }
}

#[cfg(test)]
mod tests;
