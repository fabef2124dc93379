//! Brings the search of a recorded toy to its end, with verdicts of the toy's rule.

use std::collections::BTreeSet;

use kbisect::model::{Candidate, RequestId, RequestSet, Stage, Verdict};
use kbisect::search::{Ask, Search};

use crate::make::{SYMBOLS, rule};
use crate::state::Recording;

/// The symbols that are on when these requests are laid over nothing: of what the toy's Kconfig
/// says, `depends on` and `select`.
fn on(recording: &Recording, keep: &RequestSet) -> BTreeSet<String> {
    let asked = keep
        .iter()
        .map(|id| recording.info.requests[id.index()].symbol.to_string());
    let asked: BTreeSet<String> = asked.collect();
    let mut on = BTreeSet::new();
    // What a symbol depends on is before it.
    for (symbol, attributes) in SYMBOLS {
        let needs = attributes
            .lines()
            .filter_map(|l| l.strip_prefix("depends on "));
        let mut needs = needs.flat_map(|needs| needs.split(" && "));
        if asked.contains(symbol) && needs.all(|need| on.contains(need)) {
            on.insert(symbol.to_owned());
            let selects = attributes.lines().filter_map(|l| l.strip_prefix("select "));
            on.extend(selects.map(str::to_owned));
        }
    }
    on
}

/// Does the toy's oracle accept it?
fn passes(recording: &Recording, keep: &RequestSet) -> bool {
    rule().holds(&on(recording, keep))
}

/// Tries what is in flight, and then what the search asks for, until it is over.
pub(super) fn drive(recording: &Recording, search: &mut dyn Search, in_flight: Vec<Candidate>) {
    let mut pending = in_flight.into_iter();
    // Some hundred are enough.
    for _ in 0..10_000 {
        recording.tell_depends(search);
        let candidate = match pending.next() {
            Some(candidate) => candidate,
            None => match search.ask() {
                Ask::Evaluate(candidate) => candidate,
                Ask::Done => return,
                Ask::Wait => panic!("it waits, and nothing is in flight"),
            },
        };
        recording.tell_depends(search);
        let verdict = if passes(recording, &candidate.keep) {
            Verdict::Pass
        } else {
            Verdict::Fail(Stage::Oracle)
        };
        search.tell(candidate.id, verdict);
    }
    panic!("it comes to no end");
}

/// The best is accepted, and without any one of its requests it is not.
pub(super) fn assert_certified(recording: &Recording, search: &dyn Search) {
    let best = search.best();
    let name = &recording.name;
    assert!(passes(recording, best), "{name}: {best:?}");
    assert!(search.certificate().is_whole(), "{name}: {best:?}");
    let ids: Vec<RequestId> = best.iter().collect();
    for id in ids {
        assert!(
            !passes(recording, &best.without(id)),
            "{name}: {best:?} without {id:?}"
        );
    }
}
