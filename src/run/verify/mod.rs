//! Verifies a result from nothing: judges it and each removal anew, and compares.

mod claim;
mod compare;
#[cfg(test)]
mod tests;

pub use claim::Claim;
pub use compare::{Differences, Held, Verified};

use claim::{another_result, not_whole, read, remove, requests_of_here, same_requests, settings};
use compare::{compare, differences, other_config, tell_differences};

use crate::journal::{RunDir, RunState};
use crate::kconfig::parse_config;
use crate::model::{ContentId, RunKey};
use crate::report::{RESULT, Report, Status};
use crate::run::files::{MINIMAL_CONFIG, MINIMAL_FRAGMENT};
use crate::run::tell::{Watcher, note};
use crate::run::{Context, Control, End, Ended, Plan, WhenEmpty, search_within, stored};
use crate::{Error, Result};

/// What came of a verification.
#[derive(Debug, Clone)]
pub struct Verification {
    /// The result that was verified.
    pub claimed: Report,
    /// The run that judged it anew.
    pub found: Ended,
    /// What verdicts depend on and is not the same here.
    pub differs: Differences,
    /// How the two compare.
    pub verdict: Verified,
}

/// Verifies a result: builds its fragment from empty trees, judges it, and removes each request alone. A
/// verification in the output that was interrupted goes on; one that is finished is compared, and nothing is built.
///
/// # Errors
/// There is no whole result, its files contradict one another, the output has a verification of another result in
/// it, or as for [`search`](super::search). A result that does not hold is no error.
pub fn verify(
    claim: &Claim<'_>,
    control: &Control,
    tell: &mut Watcher<'_>,
) -> Result<Verification> {
    let result = claim.dir.join(RESULT);
    if !result.exists() {
        return Err(not_whole(format!(
            "there is no result in {}",
            claim.dir.display()
        )));
    }
    let claimed = stored::read(&result)?;
    let fragment = read(&claim.dir.join(MINIMAL_FRAGMENT))?;
    same_requests(&claimed, &fragment)?;
    let config = read(&claim.dir.join(MINIMAL_CONFIG))?;
    let config = parse_config(&String::from_utf8_lossy(&config)).fingerprint();
    let mut key = RunKey::from_json(&claimed.key)
        .map_err(|e| Error::failed(format!("the key in {RESULT} cannot be read")).because(e))?;
    // It stands for the start, which a verification has nothing to do with.
    key.start_kernel = None;
    let settings = settings(&claimed, claim, tell)?;
    another_result(&claimed, claim.output)?;
    let id = serde_json::to_value(&claimed)
        .map_err(|e| Error::failed("cannot write the result").because(e))?;
    let plan = Plan {
        when_missing: claim.when_missing,
        when_empty: match claimed.kept.is_empty() {
            true => WhenEmpty::Judge,
            false => WhenEmpty::Refuse,
        },
        ..Plan::new(&settings)
    };
    let context = Context {
        check: &|requests| requests_of_here(&claimed, requests),
        another: Some(remove(claim.output)),
        verifies: Some(ContentId::of(&id)),
        ..Context::ALONE
    };
    let found = search_within(&plan, &context, control, tell);
    let read = RunDir::read(claim.output);
    let differs = match &read {
        Ok((info, _)) => differences(&key, &info.key),
        Err(_) => Differences::default(),
    };
    // These may explain an error, too.
    tell_differences(&differs, tell);
    let found = found?;
    let verdict = match compare(&claimed, &found.report) {
        _ if is_open(&found) => Verified::Open,
        Verified::Holds(_) if RunState::of(&read?.1).start_config() != Some(config) => {
            other_config(&differs)
        }
        verdict => verdict,
    };
    if found.end == End::OverBefore {
        let output = claim.output.display();
        let text = format!(
            "the verification in {output} was finished before: it is compared with the result, and nothing is \
             built. To verify once more, remove {output} or give another --output"
        );
        note(tell, text);
    }
    Ok(Verification {
        claimed,
        found,
        differs,
        verdict,
    })
}

/// Was the run stopped, or did it prove less than a whole certificate?
fn is_open(found: &Ended) -> bool {
    matches!(found.end, End::Stopped(_)) || found.report.status != Status::Minimal
}
