//! Measures the start and the answer, and compares the builds of the answer.

use super::{Rebuilt, SameProduct, Size};
use crate::journal::RunState;
use crate::model::{Judgement, Origin, Source, TrialId};

/// The size of the config of this judgement.
pub(super) fn size(judgement: &Judgement, requests: usize, state: &RunState) -> Size {
    // The first boot of a run finds nothing in the machine's memory, and the judgement on an image
    // that was known took none: so the shortest of all that were made.
    let boots = tested_passes(state).filter(|other| {
        let image = other.image.as_ref();
        image.is_some() && image == judgement.image.as_ref()
    });
    let boot = boots.map(|other| other.timings.oracle_wall).min();
    Size {
        trial: judgement.trial,
        requests,
        lines: judgement.lines,
        image: judgement.image_size,
        oracle_seconds: boot.unwrap_or(judgement.timings.oracle_wall).as_secs_f64(),
    }
}

/// The size of a start that was not built.
pub(super) fn unbuilt(requests: usize, lines: u32) -> Size {
    Size {
        trial: TrialId(0),
        requests,
        lines,
        image: None,
        oracle_seconds: 0.0,
    }
}

/// The last build of the best from an empty tree that passed. `best` is the judgement by which it passed first.
pub(super) fn rebuilt(state: &RunState, best: &Judgement) -> Option<Rebuilt> {
    let of_best = tested_passes(state).filter(|other| other.fingerprint == best.fingerprint);
    let of_best: Vec<&Judgement> = of_best.collect();
    let mut from_empty = of_best.iter().rev();
    let from_empty = from_empty.find(|judgement| judgement.origin == Origin::Empty)?;
    let is_other = of_best.iter().any(|other| other.image != from_empty.image);
    Some(Rebuilt {
        trial: from_empty.trial,
        product: match is_other {
            true => SameProduct::Other,
            false => SameProduct::Same,
        },
    })
}

/// The judgements that passed in a trial of their own.
fn tested_passes(state: &RunState) -> impl Iterator<Item = &Judgement> {
    let all = state.judged.iter().map(|judged| &judged.judgement);
    all.filter(|judgement| judgement.source == Source::Tested && judgement.verdict.is_pass())
}
