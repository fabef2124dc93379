//! What a run would go on from: the folds of its journal, and the search that is brought back.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use kbisect::journal::{Journal, Line, Record, RunDir, RunInfo, RunState, VerdictCache};
use kbisect::lab::calls;
use kbisect::model::{CandidateId, Origin, RequestSet, Source};
use kbisect::run::search_for_answer;
use kbisect::search::{self, Ask, Cores, Depends, Options, Proof, Rebuilding, Search};
use kbisect::settings::Settings;

/// A recorded run.
pub(super) struct Recording {
    pub(super) name: String,
    pub(super) info: RunInfo,
    pub(super) settings: Settings,
    pub(super) lines: Vec<Line>,
    /// Bytes at the end of the journal that are no record.
    torn: u64,
}

impl Recording {
    pub(super) fn path(&self) -> PathBuf {
        super::folder().join(&self.name)
    }

    pub(super) fn read(path: &Path) -> Self {
        let (info, lines) = RunDir::read(path).unwrap();
        let torn = Journal::read(&path.join("journal.jsonl")).unwrap().torn;
        Self {
            name: path.file_name().unwrap().to_str().unwrap().to_owned(),
            // As a resumed run reads them.
            settings: info.settings.read().unwrap(),
            info,
            lines,
            torn,
        }
    }

    /// Was it made by this version of the search, so that this one goes the same way?
    pub(super) fn is_of_this_version(&self) -> bool {
        !self.name.starts_with("version-")
    }

    /// The search as a resumed run begins it, new; it is told what these records say.
    pub(super) fn search(&self, lines: &[Line]) -> Box<dyn Search> {
        let info = &self.info;
        let n = info.requests.len();
        let known = RunState::of(lines);
        let prior = if known.prior.is_empty() {
            &info.prior
        } else {
            &known.prior
        };
        let options = Options::new()
            .depends(Depends::of_lists(&info.carried, n).unwrap())
            .selectors(info.selectors.clone())
            .certify(self.settings.certify)
            .refused(known.refused)
            .prior(prior.clone())
            .cost(known.costs.iter().map(|ms| *ms as f64).collect())
            .cores(Cores::Shared);
        let search = search_for_answer(info, &self.settings, options).unwrap();
        if self.is_rebuilt() {
            let (confidence, start) = (self.settings.confidence, known.start_origin);
            Box::new(Rebuilding::new(search, confidence, start))
        } else {
            search
        }
    }

    /// Was it made since answers are built from an empty tree?
    fn is_rebuilt(&self) -> bool {
        let state = RunState::of(&self.lines);
        let origins = state.judged.iter().map(|judged| judged.judgement.origin);
        origins.into_iter().any(|origin| origin == Origin::Empty)
    }

    fn names(&self, set: &RequestSet) -> String {
        let names = set
            .iter()
            .map(|id| self.info.requests[id.index()].symbol.to_string());
        names.collect::<Vec<_>>().join(" ")
    }

    /// All of it, as text.
    pub(super) fn state(&self) -> String {
        let mut text = String::new();
        let (lines, n) = (self.lines.len(), self.info.requests.len());
        writeln!(
            text,
            "{lines} records, then {} bytes that are none",
            self.torn
        )
        .unwrap();
        writeln!(text, "{n} requests: {}", self.names(&RequestSet::full(n))).unwrap();
        self.known(&mut text);
        self.cache(&mut text);
        self.replayed(&mut text);
        text
    }

    fn known(&self, text: &mut String) {
        let state = RunState::of(&self.lines);
        let (start, start_config) = (state.start.as_ref().map(|s| s.trial), state.start_config());
        let best = state.best_passed().map(|judgement| judgement.fingerprint);
        let (next_trial, progress) = (state.next_trial(), state.progress(self.info.requests.len()));
        let RunState {
            noted,
            costs,
            refused,
            prior,
            files,
            ..
        } = state;
        writeln!(text, "\nwhat is known").unwrap();
        let mut line = |name: &str, value: String| writeln!(text, "  {name}: {value}").unwrap();
        line(
            "start",
            format!("trial {start:?}, config {start_config:?}, refused {refused} times"),
        );
        line("next trial", next_trial.to_string());
        line("smallest that passed", format!("{best:?}"));
        let written = noted.map_or_else(|| "none".to_owned(), |set| self.names(&set));
        line("best that was noted", written);
        line("costs", format!("{costs:?}"));
        line("prior", serde_json::to_string(&prior).unwrap());
        // Older ones noted none.
        if !files.is_empty() {
            line("files of the start", format!("{files:?}"));
        }
        line("progress", serde_json::to_string(&progress).unwrap());
    }

    /// What is answered without a trial.
    fn cache(&self, text: &mut String) {
        writeln!(text, "\nwhat is answered").unwrap();
        let cache = VerdictCache::of(&self.lines);
        let mut seen: Vec<&RequestSet> = Vec::new();
        for line in &self.lines {
            let Record::Proposed { candidate } = &line.record else {
                continue;
            };
            if seen.contains(&&candidate.keep) {
                continue;
            }
            seen.push(&candidate.keep);
            let answer = cache.fingerprint(&candidate.keep).map(|config| {
                let answer = cache.of_config(&config);
                let answer = answer.map(|j| format!("{} by trial {}", j.verdict, j.trial));
                let passed = cache
                    .passed(&config)
                    .map(|j| format!("; passed in trial {}", j.trial));
                let answer = answer.unwrap_or_else(|| "no answer".to_owned());
                format!("{config:?}: {answer}{}", passed.unwrap_or_default())
            });
            let answer = answer.unwrap_or_else(|| "not resolved".to_owned());
            writeln!(text, "  {}: {answer}", written(&candidate.keep)).unwrap();
        }
    }

    fn replayed(&self, text: &mut String) {
        writeln!(text, "\nthe search").unwrap();
        let judges_start = !self.info.begins_with_guess();
        if judges_start && RunState::of(&self.lines).start.is_none() {
            writeln!(text, "  is not begun: the start has not passed").unwrap();
            return;
        }
        let mut search = self.search(&self.lines);
        match search::replay(calls(&self.lines), search.as_mut()) {
            Ok(replayed) if !self.relies_on_images() => {
                writeln!(text, "  goes on after {} moves", replayed.calls).unwrap();
                for candidate in replayed.in_flight {
                    let (id, round) = (candidate.id, candidate.round);
                    let keep = written(&candidate.keep);
                    writeln!(text, "  in flight: {id}, round {round}: {keep}").unwrap();
                }
            }
            Ok(_) | Err(search::ReplayError::Diverged { .. }) => {
                search = self.search(&self.lines);
                let (at_once, again) = self.answered(search.as_mut());
                writeln!(
                    text,
                    "  begins anew; {at_once} candidates are answered at once, and {again} that are asked again \
                     are told the same"
                )
                .unwrap();
            }
            Err(other) => panic!("{}: {other}", self.name),
        }
        describe(text, self, search.as_mut());
    }

    /// Was the search told verdicts on other configurations of the same image? It begins anew then.
    fn relies_on_images(&self) -> bool {
        self.lines.iter().any(|line| match &line.record {
            Record::Told { judgement, .. } => judgement.source == Source::SameImage,
            _ => false,
        })
    }

    /// Answers what the verdicts of the journal answer, until something else is asked: how many
    /// candidates, and how many that were asked before.
    fn answered(&self, search: &mut dyn Search) -> (usize, usize) {
        let cache = VerdictCache::of(&self.lines);
        let (mut at_once, mut again) = (0, 0);
        loop {
            self.tell_depends(search);
            let Ask::Evaluate(candidate) = search.ask() else {
                return (at_once, again);
            };
            self.tell_depends(search);
            let known = cache.fingerprint(&candidate.keep);
            let Some(known) = known.and_then(|config| cache.of_config(&config)) else {
                search.withdraw(candidate.id);
                return (at_once, again);
            };
            search.tell(candidate.id, known.verdict);
            if candidate.round == 0 {
                at_once += 1;
            } else {
                again += 1;
            }
        }
    }

    /// Tells the search what depends on what in its best, if it would like to know, as the journal
    /// has it: nothing of a set that it does not have.
    pub(super) fn tell_depends(&self, search: &mut dyn Search) {
        while search.wants_depends() {
            let best = search.best().clone();
            let of_best = |line: &Line| match &line.record {
                Record::Depends { keep, carried } if *keep == best => {
                    Depends::of_lists(carried, keep.capacity())
                }
                _ => None,
            };
            let depends = self.lines.iter().rev().find_map(of_best);
            search.learn_depends(&depends.unwrap_or_default());
        }
    }
}

/// As the journal has it.
fn written(set: &RequestSet) -> String {
    serde_json::to_string(set)
        .unwrap()
        .trim_matches('"')
        .to_owned()
}

/// What can be seen of a search, and what it asks next.
fn describe(text: &mut String, recording: &Recording, search: &mut dyn Search) {
    let mut line = |name: &str, value: String| writeln!(text, "  {name}: {value}").unwrap();
    line("phase", format!("{:?}", search.phase()));
    line("best", recording.names(search.best()));
    let symbol = |id: kbisect::model::RequestId| &recording.info.requests[id.index()].symbol;
    let certificate = search.certificate();
    line("certificate", format!("{:?}", certificate.coverage()));
    for (id, proof) in certificate.entries() {
        let proof = match proof {
            Proof::Tested(CandidateId(id)) => format!("tested as {id}"),
            Proof::Implied(by) => format!("implied by {}", symbol(*by)),
            Proof::Missing => "missing".to_owned(),
        };
        line(&format!("  {}", symbol(*id)), proof);
    }
    let outlook = search.outlook();
    let (least, most) = (outlook.at_least, outlook.at_most);
    line(
        "trials to come",
        format!("{least} to {most}, likely {:?}", outlook.likely),
    );
    let reliability = search.reliability();
    let (again, differed) = (reliability.again, reliability.differed);
    let risk = reliability.risk.map(|risk| format!("{risk:.6}"));
    line(
        "judged again",
        format!("{again}, of which {differed} differed; risk {risk:?}"),
    );
    let next = match search.ask() {
        Ask::Evaluate(candidate) => {
            let (id, round) = (candidate.id, candidate.round);
            format!("{id}, round {round}: {}", written(&candidate.keep))
        }
        Ask::Wait => "nothing yet".to_owned(),
        Ask::Done => "nothing: it is over".to_owned(),
    };
    line("next", next);
}
