//! Counts the judgements on one set of requests; the majority wins.

use super::{Judgement, Source, Verdict};

/// The judgements on one config, one image or one set of requests. There can be several, because an
/// oracle may err and be asked again.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ballot {
    pass: Option<(Judgement, u32)>,
    fail: Option<(Judgement, u32)>,
    /// The side that was first.
    first: Option<Verdict>,
}

impl Ballot {
    /// Counts a judgement. An unresolved one does not count; one taken from an earlier trial is stored
    /// but not counted.
    pub fn add(&mut self, judgement: &Judgement) {
        let side = match judgement.verdict {
            Verdict::Pass => &mut self.pass,
            Verdict::Fail(_) => &mut self.fail,
            Verdict::Unresolved => return,
        };
        let (_, votes) = side.get_or_insert_with(|| (judgement.clone(), 0));
        *votes += u32::from(judgement.source == Source::Tested);
        self.first.get_or_insert(judgement.verdict);
    }

    /// The first judgement of the majority. In a tie, that of the side that came first.
    #[must_use]
    pub fn winner(&self) -> Option<&Judgement> {
        let votes = |side: &Option<(Judgement, u32)>| side.as_ref().map(|(_, votes)| *votes);
        let passes = match votes(&self.pass).cmp(&votes(&self.fail)) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => self.first.is_some_and(Verdict::is_pass),
            std::cmp::Ordering::Greater => true,
        };
        let side = if passes { &self.pass } else { &self.fail };
        side.as_ref().map(|(judgement, _)| judgement)
    }

    /// The first judgement that passed, even if the majority failed.
    #[must_use]
    pub fn pass(&self) -> Option<&Judgement> {
        self.pass.as_ref().map(|(judgement, _)| judgement)
    }

    /// The first judgement that failed, even if the majority passed.
    #[must_use]
    pub fn fail(&self) -> Option<&Judgement> {
        self.fail.as_ref().map(|(judgement, _)| judgement)
    }

    /// The number of judgements, and the number of those in the minority.
    #[must_use]
    pub fn counts(&self) -> (u32, u32) {
        let votes = |side: &Option<(Judgement, u32)>| side.as_ref().map_or(0, |(_, votes)| *votes);
        let (passes, fails) = (votes(&self.pass), votes(&self.fail));
        (passes + fails, passes.min(fails))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fingerprint, Stage, Timings, TrialId};

    fn judgement(trial: u32, verdict: Verdict, source: Source) -> Judgement {
        Judgement {
            trial: TrialId(trial),
            fingerprint: Fingerprint([0; 32]),
            verdict,
            source,
            evidence: None,
            image: None,
            image_size: None,
            lines: 1,
            timings: Timings::default(),
            origin: crate::model::Origin::Earlier,
        }
    }

    #[test]
    fn the_majority_wins_and_when_even_who_was_first() {
        let fail = Verdict::Fail(Stage::Oracle);
        let mut ballot = Ballot::default();
        assert_eq!(ballot.winner(), None);
        ballot.add(&judgement(1, fail, Source::Tested));
        ballot.add(&judgement(2, Verdict::Pass, Source::Tested));
        assert_eq!(ballot.winner().map(|j| j.trial), Some(TrialId(1)));
        ballot.add(&judgement(3, Verdict::Pass, Source::Tested));
        assert_eq!(ballot.winner().map(|j| j.trial), Some(TrialId(2)));
        assert_eq!(ballot.counts(), (3, 1));
    }

    #[test]
    fn what_was_taken_over_is_remembered_and_has_no_vote() {
        let fail = Verdict::Fail(Stage::Oracle);
        let mut ballot = Ballot::default();
        ballot.add(&judgement(1, Verdict::Unresolved, Source::Tested));
        assert_eq!(ballot.winner(), None);
        for _ in 0..3 {
            ballot.add(&judgement(2, fail, Source::SameConfig));
        }
        assert_eq!(ballot.winner().map(|j| j.trial), Some(TrialId(2)));
        ballot.add(&judgement(3, Verdict::Pass, Source::Tested));
        assert_eq!(ballot.winner().map(|j| j.trial), Some(TrialId(3)));
    }
}
