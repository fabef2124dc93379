//! Checks that a journal belongs to its run: all its requests are the run's.

use std::path::Path;

use super::record::{Line, Record};
use crate::model::{Proof, RequestId, RequestSet};
use crate::{Error, Result};

/// Checks that these records, read from `path`, are of a run with so many requests.
///
/// # Errors
/// One names a request that the run does not have, or a set of other requests.
pub(super) fn check(lines: &[Line], requests: usize, path: &Path) -> Result<()> {
    match lines.iter().position(|line| !fits(&line.record, requests)) {
        None => Ok(()),
        Some(at) => Err(Error::failed(format!(
            "{} is not the journal of the run.json beside it: record {} has other requests",
            path.display(),
            at + 1
        ))
        .hint("put back the file that was there, or start a new run with another --output")),
    }
}

fn fits(record: &Record, requests: usize) -> bool {
    let set = |keep: &RequestSet| keep.capacity() == requests;
    let id = |id: &RequestId| id.index() < requests;
    match record {
        Record::Proposed { candidate } => set(&candidate.keep),
        Record::Best { keep, .. } => keep.as_ref().is_none_or(set),
        Record::Depends { keep, carried } => {
            set(keep) && carried.len() <= requests && carried.iter().flatten().all(id)
        }
        Record::Costs { millis } => millis.len() <= requests,
        Record::Certified { entries } => entries.iter().all(|(of, proof)| {
            let by = match proof {
                Proof::Implied(by) => id(by),
                Proof::Tested(_) | Proof::Missing => true,
            };
            id(of) && by
        }),
        _ => true,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::TrialId;

    #[test]
    fn a_record_of_other_requests_is_named() {
        let best = |capacity| Line {
            elapsed: Duration::ZERO,
            record: Record::Best {
                trial: TrialId(1),
                requests: 0,
                lines: 0,
                keep: Some(RequestSet::empty(capacity)),
                files: Default::default(),
            },
        };
        let certified = |of, by| Line {
            elapsed: Duration::ZERO,
            record: Record::Certified {
                entries: vec![(RequestId(of), Proof::Implied(RequestId(by)))],
            },
        };
        let path = Path::new("journal.jsonl");
        assert!(check(&[best(3), certified(0, 2)], 3, path).is_ok());
        for line in [best(2), best(4), certified(3, 0), certified(0, 3)] {
            let error = check(&[best(3), line], 3, path).unwrap_err().to_string();
            assert!(error.contains("record 2 has other requests"), "{error}");
        }
    }
}
