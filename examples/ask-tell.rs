//! The search alone, against a closure: `cargo run --example ask-tell`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example")]

use kbisect::model::{RequestId, RequestSet, Stage, Verdict};
use kbisect::search::{Algorithm, Ask, Options};

fn main() {
    let (full, fixed) = (RequestSet::full(12), RequestSet::empty(12));
    let needed = RequestSet::of(12, [2, 6, 10].map(RequestId));
    let mut search = Algorithm::default().search(full, &fixed, Options::new());
    while let Ask::Evaluate(candidate) = search.ask() {
        let verdict = match needed.is_subset(&candidate.keep) {
            true => Verdict::Pass,
            false => Verdict::Fail(Stage::Oracle),
        };
        println!("{:2} left: {verdict}", candidate.keep.len());
        search.tell(candidate.id, verdict);
    }
    println!("needed: {:?}", search.best());
}
