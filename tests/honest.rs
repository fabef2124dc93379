//! What kbisect certifies is true, also where the machine, the oracle or the source misbehaves:
//! toy projects, end to end.
#![allow(clippy::unwrap_used)]

mod toy;

use toy::{Spec, TWELVE_NEEDED, Toy, set};

#[test]
fn a_steady_oracle_gets_the_certified_answer_that_brute_force_finds() {
    let toy = Toy::new(&Spec::twelve());
    let ended = toy.run(&[]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    assert_eq!(toy.answer(), set(&TWELVE_NEEDED));
    assert_eq!(ended.result.unwrap()["status"], "minimal");
}
