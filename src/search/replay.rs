//! Restores the state of an earlier search from a record of its calls.

use std::collections::BTreeMap;

use crate::model::{Candidate, CandidateId, Verdict};

use super::{Ask, Depends, Search};

/// A call of an earlier search that changed its state.
///
/// An [`Ask::Wait`] or [`Ask::Done`] changes nothing and needs no record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// [`Search::ask`] gave this candidate.
    Proposed(Candidate),
    /// [`Search::tell`].
    Told(CandidateId, Verdict),
    /// [`Search::withdraw`].
    Withdrawn(CandidateId),
    /// [`Search::heard`].
    Heard(String),
    /// [`Search::learn_depends`].
    Learnt(Depends),
    /// [`Search::start_judged`].
    StartJudged(Verdict),
}

/// Where the earlier search stood.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Proposed, and neither told nor withdrawn; in ascending order of their ids. They must be
    /// tried (or withdrawn) now.
    pub in_flight: Vec<Candidate>,
    /// The number of calls, without [`Call::Heard`].
    pub calls: usize,
}

/// The record does not fit the search.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// The search went another way than the record: another algorithm, other options or
    /// another version of it.
    #[error(
        "call {at} of the record cannot be repeated: candidate {recorded} was another one; the \
         run was begun with another search algorithm or with another version of it"
    )]
    Diverged {
        /// The number of the call, from 1.
        at: usize,
        /// The candidate in the record.
        recorded: CandidateId,
    },
    /// A candidate was told or withdrawn that was not in flight.
    #[error("call {at} of the record is about candidate {id}, which was not in flight")]
    NotInFlight {
        /// The number of the call, from 1.
        at: usize,
        /// The candidate.
        id: CandidateId,
    },
}

/// Repeats `calls` on `search`, which must be as new.
///
/// # Errors
/// When the search proposes something else than the record says, or the record is not in order.
/// The search is of no use then.
pub fn replay(
    calls: impl IntoIterator<Item = Call>,
    search: &mut dyn Search,
) -> Result<Replayed, ReplayError> {
    let mut in_flight = BTreeMap::new();
    let mut count = 0;
    for call in calls {
        // What was heard goes with the verdict that follows it.
        count += usize::from(!matches!(call, Call::Heard(_)));
        let at = count;
        match call {
            Call::Proposed(candidate) => {
                // Older versions built all of them from what was there.
                let is_recorded = |next: &Candidate| {
                    let origin = candidate.origin;
                    Candidate {
                        origin,
                        ..next.clone()
                    } == candidate
                };
                let next = match search.ask() {
                    Ask::Evaluate(next) if is_recorded(&next) => next,
                    _ => {
                        return Err(ReplayError::Diverged {
                            at,
                            recorded: candidate.id,
                        });
                    }
                };
                if next.origin != candidate.origin {
                    search.built_from(candidate.id, candidate.origin);
                }
                in_flight.insert(candidate.id, candidate);
            }
            Call::Told(id, _) | Call::Withdrawn(id) if in_flight.remove(&id).is_none() => {
                return Err(ReplayError::NotInFlight { at, id });
            }
            Call::Told(id, verdict) => {
                search.tell(id, verdict);
            }
            Call::Heard(evidence) => search.heard(&evidence),
            Call::Withdrawn(id) => search.withdraw(id),
            Call::Learnt(depends) => search.learn_depends(&depends),
            Call::StartJudged(verdict) => search.start_judged(verdict),
        }
    }
    Ok(Replayed {
        in_flight: in_flight.into_values().collect(),
        calls: count,
    })
}
