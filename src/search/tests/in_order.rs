//! Verdicts in order: every run goes the same way.

use std::sync::{Arc, Mutex};

use super::*;

/// Writes down what another search is told.
struct Recorder {
    inner: Box<dyn Search>,
    told: Arc<Mutex<Vec<(CandidateId, Verdict)>>>,
}

impl Search for Recorder {
    fn heard(&mut self, _: &str) {}

    fn ask(&mut self) -> Ask {
        self.inner.ask()
    }
    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        self.told.lock().unwrap().push((id, verdict));
        self.inner.tell(id, verdict)
    }
    fn withdraw(&mut self, id: CandidateId) {
        self.inner.withdraw(id);
    }
    fn start_judged(&mut self, verdict: Verdict) {
        self.told
            .lock()
            .unwrap()
            .push((CandidateId(u32::MAX), verdict));
        self.inner.start_judged(verdict);
    }
    fn best(&self) -> &RequestSet {
        self.inner.best()
    }
    fn phase(&self) -> crate::model::Phase {
        self.inner.phase()
    }
    fn outlook(&self) -> Outlook {
        self.inner.outlook()
    }
    fn certificate(&self) -> Certificate {
        self.inner.certificate()
    }
}

fn doubting(n: usize, fixed: &RequestSet) -> Box<dyn Search> {
    let (full, confidence) = (RequestSet::full(n), Confidence::default());
    let options = Options::default();
    Box::new(Retesting::new(
        Algorithm::GroupTesting,
        &full,
        fixed,
        options,
        confidence,
    ))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_many_workers_there_are_and_whatever_ends_first_the_run_is_the_same(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        one in schedule(),
        other in schedule(),
        one_in in prop::option::of(2_usize..9),
        algorithm in algorithm(),
    ) {
        let go = |schedule: &Schedule| {
            let told = Arc::new(Mutex::new(Vec::new()));
            let recorder = Recorder { inner: fresh(algorithm, n, &fixed), told: Arc::clone(&told) };
            let mut search = InOrder::new(Box::new(recorder));
            let did = run(&mut search, schedule, |s| oracle.judge(s), nothing_to_see);
            check_minimal(&search, &fixed, &oracle);
            assert!(search.certificate().is_whole());
            check_certificate(&search, &fixed, &did.calls);
            let told = told.lock().unwrap().clone();
            (search.best().clone(), told)
        };
        let other = Schedule { withdraw_one_in: one_in, ..other };
        prop_assert_eq!(go(&one), go(&other));
    }

    #[test]
    fn a_replayed_record_in_order_gives_the_same_state(
        (n, fixed, oracle) in case(|n| any_oracle(n).boxed()),
        schedule in schedule(),
        one_in in prop::option::of(2_usize..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let schedule = Schedule { withdraw_one_in: one_in, ..schedule };
        let state = |s: &dyn Search| (s.best().clone(), s.phase(), s.certificate(), s.outlook());
        let mut states = HashMap::new();
        let mut search = InOrder::new(doubting(n, &fixed));
        let did = run(&mut search, &schedule, |s| oracle.judge(s), |s, run| {
            states.insert(run.calls.len(), state(s));
        });
        check_certificate(&search, &fixed, &did.calls);
        if did.calls.is_empty() {
            return Ok(());
        }
        let len = 1 + cut.index(did.calls.len());
        let mut again = InOrder::new(doubting(n, &fixed));
        check_replay(&mut again, &did.calls, len, &states, state);
    }
}

#[test]
fn what_came_of_the_start_gets_to_the_search_inside() {
    let full = RequestSet::full(3);
    let fixed = RequestSet::empty(3);
    type Wrap = fn(Box<dyn Search>) -> Box<dyn Search>;
    let wraps: [Wrap; 2] = [
        |inner| Box::new(InOrder::new(inner)),
        |inner| Box::new(Rebuilding::new(inner, None, crate::model::Origin::Earlier)),
    ];
    for wrap in wraps {
        let told = Arc::new(Mutex::new(Vec::new()));
        let inner = Recorder {
            inner: fresh(Algorithm::GroupTesting, full.len(), &fixed),
            told: Arc::clone(&told),
        };
        wrap(Box::new(inner)).start_judged(Verdict::Pass);
        assert_eq!(told.lock().unwrap().len(), 1);
    }
}

#[test]
fn a_search_that_was_over_goes_on_when_the_start_is_judged_again() {
    let needed = RequestSet::of(6, [RequestId(1), RequestId(4)]);
    let none = RequestSet::empty(6);
    let end = |search: &mut dyn Search| {
        let schedule = Schedule::in_order(1);
        run(search, &schedule, needs(&needed), nothing_to_see);
        search.start_judged(FAIL);
        search.start_judged(Verdict::Pass);
        search.ask()
    };
    assert!(matches!(end(&mut *doubting(6, &none)), Ask::Evaluate(_)));
    let mut in_order = InOrder::new(doubting(6, &none));
    assert!(matches!(end(&mut in_order), Ask::Evaluate(_)));
}
