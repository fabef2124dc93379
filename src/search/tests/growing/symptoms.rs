//! Failing guesses that say what they lack.

use super::*;
use crate::model::Symptom;

/// Goes through a search with an oracle that says `evidence` when it refuses.
fn drive(search: &mut dyn Search, oracle: &Oracle, evidence: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    loop {
        if search.wants_depends() {
            search.learn_depends(&Depends::none());
            calls.push(Call::Learnt(Depends::none()));
        }
        let candidate = match search.ask() {
            Ask::Evaluate(candidate) => candidate,
            Ask::Done => return calls,
            Ask::Wait => panic!("nothing is in flight"),
        };
        let verdict = oracle.judge(&candidate.keep);
        calls.push(Call::Proposed(candidate.clone()));
        if verdict.is_fail() {
            search.heard(evidence);
            calls.push(Call::Heard(evidence.to_owned()));
        }
        calls.push(Call::Told(candidate.id, verdict));
        let _ = search.tell(candidate.id, verdict);
    }
}

/// The sets that were proposed until one passed.
fn grown(calls: &[Call]) -> Vec<RequestSet> {
    let is_pass = |call: &&Call| matches!(call, Call::Told(_, Verdict::Pass));
    let before = calls.iter().take_while(|call| !is_pass(call));
    let sets = before.filter_map(|call| match call {
        Call::Proposed(candidate) => Some(candidate.keep.clone()),
        _ => None,
    });
    let mut sets: Vec<RequestSet> = sets.collect();
    sets.dedup();
    sets
}

fn symptom(text: &str, n: usize, ids: &[u32]) -> Symptom {
    let requests = RequestSet::of(n, ids.iter().copied().map(RequestId));
    let text = text.to_owned();
    Symptom { text, requests }
}

#[test]
fn a_guess_that_says_what_it_lacks_gets_that_next_with_what_it_depends_on() {
    let n = 200;
    let oracle = Oracle::Needs(vec![0, 1, 150]);
    let mut chances = vec![0.1; n];
    chances[..4].fill(0.9);
    let options = Options::new()
        .prior(Prior::new(chances))
        .depends(Depends::of_pairs(n, [(RequestId(150), RequestId(140))]))
        .symptoms(vec![
            symptom("no network", n, &[150]),
            symptom("no disk", n, &[199]),
        ]);
    for takes in [Takes::AsTheyCome, Takes::Doubting] {
        let grown_with = |evidence: &str| -> Vec<usize> {
            let mut search = growing(Algorithm::GroupTesting, &none(n), &options, takes);
            let calls = drive(&mut *search, &oracle, evidence);
            assert!(oracle.passes(search.best()) && search.best().len() == 3);
            grown(&calls).iter().map(RequestSet::len).collect()
        };
        let without = grown_with("guest: failed");
        assert!(without.len() > 4 && without[..2] == [4, 16], "{without:?}");
        let heard = grown_with("the guest has no network card");
        assert_eq!(heard, [4, 6]);
        // What is no help costs one trial.
        let wrong = grown_with("the guest has no disk");
        assert_eq!(
            (wrong[..3].to_vec(), wrong.len()),
            (vec![4, 5, 17], without.len() + 1)
        );
    }
}

#[test]
fn every_wrapper_but_the_deterministic_one_passes_on_what_was_heard() {
    let n = 200;
    let oracle = Oracle::Needs(vec![150]);
    let options = Options::new().symptoms(vec![symptom("x", n, &[150])]);
    let second = |search: &mut dyn Search| grown(&drive(search, &oracle, "x"))[1].len();
    let doubting = || growing(Algorithm::GroupTesting, &none(n), &options, Takes::Doubting);
    assert_eq!(second(&mut *doubting()), 13);
    let sure = Some(Confidence::default());
    let mut built = Rebuilding::new(doubting(), sure, crate::model::Origin::Earlier);
    assert_eq!(second(&mut built), 13);
    assert_eq!(second(&mut InOrder::new(doubting())), 24);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_symptom_costs_one_trial_at_most_and_a_replay_goes_the_same_way(
        ((n, fixed, oracle), options) in hinted(|n| ids(n, 8).prop_map(Oracle::Needs).boxed()),
        lacking in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 1..4), 1..4),
        algorithm in algorithm(),
        takes in prop::sample::select(&[Takes::AsTheyCome, Takes::Doubting][..]),
        cut in any::<prop::sample::Index>(),
    ) {
        let symptoms: Vec<Symptom> = lacking
            .iter()
            .map(|ids| symptom("x", n, &ids.iter().map(|id| id.index(n) as u32).collect::<Vec<_>>()))
            .collect();
        let with = options.clone().symptoms(symptoms);
        let fresh = || growing(algorithm, &fixed, &with, takes);
        let mut search = fresh();
        let calls = drive(&mut *search, &oracle, "xyz");
        prop_assert!(search.has_passed() && search.certificate().is_whole());
        let Oracle::Needs(needed) = &oracle else { unreachable!() };
        let needed = RequestSet::of(n, needed.iter().copied().map(RequestId));
        prop_assert_eq!(search.best(), &needed.union(&fixed));
        let sets = grown(&calls);
        prop_assert!(sets.windows(2).all(|two| two[0].is_subset(&two[1]) && two[0] != two[1]));
        let mut deaf = growing(algorithm, &fixed, &options, takes);
        let before = grown(&drive(&mut *deaf, &oracle, "xyz"));
        // All say the same: what one of them names comes with the others.
        prop_assert!(sets.len() <= before.len() + 1);

        let len = cut.index(calls.len() + 1);
        let mut again = fresh();
        prop_assert!(replay(calls[..len].iter().cloned(), &mut *again).is_ok());
        if let Some(Call::Proposed(candidate)) = calls.get(len) {
            prop_assert_eq!(again.ask(), Ask::Evaluate(candidate.clone()));
        }
    }
}
