//! The verdict cache: known verdicts by config.

use std::collections::{HashMap, HashSet};

use crate::model::{Ballot, Fingerprint, Judgement, RequestSet, Source};

/// What earlier trials of this run said, so that nothing is asked twice.
///
/// Only within one run directory, whose `run.json` fixes what verdicts depend on besides the
/// resolved config.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct VerdictCache {
    by_fingerprint: HashMap<Fingerprint, Ballot>,
    /// The image of the first build of each.
    images: HashMap<Fingerprint, String>,
    not_reproducible: HashSet<Fingerprint>,
    resolved: HashMap<RequestSet, Fingerprint>,
}

impl VerdictCache {
    /// Remembers that `keep` resolves to `fingerprint`. What it resolved to first counts: another config ends the
    /// session with an error, and must end the next one, too.
    pub fn resolved(&mut self, keep: RequestSet, fingerprint: Fingerprint) {
        self.resolved.entry(keep).or_insert(fingerprint);
    }

    /// Remembers a judgement. Of several on a config the majority counts; one that
    /// says nothing is not remembered.
    pub fn judged(&mut self, judgement: &Judgement) {
        let fingerprint = judgement.fingerprint;
        let by_fingerprint = self.by_fingerprint.entry(fingerprint);
        by_fingerprint.or_default().add(judgement);
        if let Some(image) = &judgement.image {
            let first = self.images.entry(fingerprint);
            if first.or_insert_with(|| image.clone()) != image {
                self.not_reproducible.insert(fingerprint);
            }
        }
    }

    /// What was said of this resolved config. A verdict that was taken over from another config with the same image, as
    /// in journals before version 6, is no answer: an oracle may look at more than the image.
    #[must_use]
    pub fn of_config(&self, fingerprint: &Fingerprint) -> Option<&Judgement> {
        let winner = self.by_fingerprint.get(fingerprint)?.winner();
        winner.filter(|judgement| judgement.source != Source::SameImage)
    }

    /// The first time that this resolved config passed.
    #[must_use]
    pub fn passed(&self, fingerprint: &Fingerprint) -> Option<&Judgement> {
        self.by_fingerprint.get(fingerprint)?.pass()
    }

    /// Did any other configuration that was judged give another image than this?
    #[must_use]
    pub fn has_other_image(&self, image: &str) -> bool {
        let judged = self.by_fingerprint.values().filter_map(Ballot::winner);
        let mut images = judged.filter_map(|judgement| judgement.image.as_deref());
        images.any(|other| other != image)
    }

    /// Did any configuration that was built more than once give more than one image? Then it is more than the
    /// configuration that makes the difference: a time in it, or what earlier builds left.
    #[must_use]
    pub fn is_not_reproducible(&self) -> bool {
        !self.not_reproducible.is_empty()
    }

    /// What these requests resolve to.
    #[must_use]
    pub fn fingerprint(&self, keep: &RequestSet) -> Option<Fingerprint> {
        self.resolved.get(keep).copied()
    }
}
