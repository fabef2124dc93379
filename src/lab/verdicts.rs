//! What a trial came to, and why a run cannot go on.

use crate::model::{Judgement, ResolvedConfig, Source, TrialId, Verdict};
use crate::trial::{TrialResult, advice};
use crate::{Error, ErrorKind};

pub(super) fn no_workers() -> Error {
    Error::failed("all workers are gone").hint("this is a bug of kbisect; `kbisect resume` goes on")
}

/// Somebody stopped the run.
pub(super) fn interrupted() -> Error {
    Error::new(ErrorKind::Interrupted, "interrupted")
}

/// The machine gave out for the last time.
pub(super) fn starved_twice(why: &str) -> Error {
    Error::failed(format!(
        "trouble on this machine stopped a trial twice, the second time with nothing else running: {why}"
    ))
    .hint(advice(why))
}

/// The result with a complaint of an oracle taken for what it is: that the machine gave out, or no verdict if it gave out
/// `before`, so that this trial had it to itself.
pub(super) fn believed(result: TrialResult, before: u32) -> TrialResult {
    match result {
        TrialResult::Complained { evidence, .. } if before == 0 => TrialResult::Starved(evidence),
        TrialResult::Complained {
            evidence,
            image,
            timings,
            origin,
        } => TrialResult::Judged {
            verdict: Verdict::Unresolved,
            evidence: Some(evidence),
            image,
            timings,
            origin,
        },
        result => result,
    }
}

pub(super) fn why(judgement: &Judgement) -> &str {
    judgement
        .evidence
        .as_deref()
        .unwrap_or("it does not say why")
}

/// The judgement of a trial that gave a verdict.
pub(super) fn judgement(
    trial: TrialId,
    config: &ResolvedConfig,
    result: TrialResult,
) -> Option<Judgement> {
    let TrialResult::Judged {
        verdict,
        evidence,
        image,
        timings,
        origin,
    } = result
    else {
        return None;
    };
    let (image, image_size) = image.unzip();
    Some(Judgement {
        trial,
        fingerprint: config.fingerprint,
        verdict,
        source: Source::Tested,
        evidence,
        image,
        image_size,
        // A config has some thousands of lines.
        lines: config.config.len() as u32,
        timings,
        origin,
    })
}
