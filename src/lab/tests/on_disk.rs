//! A verdict is on disk before anybody acts on it.

use std::path::PathBuf;

use super::*;
use crate::model::CandidateId;
use crate::search::{Ask, Certificate, Depends, Outlook, Reliability, Update};

/// A search that looks into the journal when it is told something.
struct Suspicious {
    inner: Box<dyn Search>,
    run: PathBuf,
}

impl Search for Suspicious {
    fn heard(&mut self, evidence: &str) {
        self.inner.heard(evidence);
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        let (_, lines) = RunDir::read(&self.run).unwrap();
        let is_it = |record: &Record| {
            matches!(record, Record::Told { candidate, judgement, .. }
                if *candidate == id && judgement.verdict == verdict)
        };
        assert!(lines.iter().any(|line| is_it(&line.record)), "{id:?}");
        self.inner.tell(id, verdict)
    }

    fn ask(&mut self) -> Ask {
        self.inner.ask()
    }

    fn withdraw(&mut self, id: CandidateId) {
        self.inner.withdraw(id);
    }

    fn start_judged(&mut self, verdict: Verdict) {
        self.inner.start_judged(verdict);
    }

    fn best(&self) -> &RequestSet {
        self.inner.best()
    }

    fn phase(&self) -> Phase {
        self.inner.phase()
    }

    fn outlook(&self) -> Outlook {
        self.inner.outlook()
    }

    fn certificate(&self) -> Certificate {
        self.inner.certificate()
    }

    fn wants_depends(&self) -> bool {
        self.inner.wants_depends()
    }

    fn learn_depends(&mut self, depends: &Depends) {
        self.inner.learn_depends(depends);
    }

    fn reliability(&self) -> Reliability {
        self.inner.reliability()
    }
}

#[test]
fn a_verdict_is_on_disk_before_the_search_knows_it_and_before_the_next_trial_begins() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let oracle = needs(&["B", "G"]);
    let mut judged: Vec<Fingerprint> = Vec::new();
    let judge = |_, config: &Config| {
        let (_, lines) = RunDir::read(&run).unwrap();
        for before in &judged {
            let is_it = |record: &Record| matches!(record, Record::Told { judgement, .. } if judgement.fingerprint == *before);
            assert!(lines.iter().any(|line| is_it(&line.record)), "{before}");
        }
        judged.push(config.fingerprint());
        says(oracle(config))
    };
    let mut workers = FakeWorkers::new(1, judge);
    let search = Suspicious {
        inner: new_search(&info()),
        run: run.clone(),
    };
    let (_sender, signals) = unbounded();
    let (budget, events) = (Budget::default(), &mut Vec::new());
    let outcome = session_of(
        Box::new(search),
        &run,
        &mut workers,
        budget,
        &signals,
        events,
    )
    .unwrap();
    assert_eq!(names(&outcome.best), ["B", "G"]);
    drop(workers);
    assert!(judged.len() > 10);
}
