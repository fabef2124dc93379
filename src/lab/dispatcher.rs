//! The dispatcher: one thread that owns the search, the journal and the state of each trial.

use super::run::Run;
use super::state::{Lab, Outcome, Product};
use super::verdicts::why;
use crate::journal::RunDir;
use crate::model::{Candidate, Fingerprint, Progress, RequestSet, Stage, Verdict};
use crate::search::Search;
use crate::{Error, ErrorKind, Result};

impl Lab<'_> {
    /// Runs `search` to its end, or to the end of the budget. `in_flight` are the candidates
    /// that it proposed in an earlier session; `progress` counts the start among what passed.
    ///
    /// # Errors
    /// Whatever makes it impossible to go on. The journal is whole, and the run can be resumed.
    pub fn run(
        &mut self,
        search: &mut dyn Search,
        in_flight: Vec<Candidate>,
        progress: Progress,
    ) -> Result<Outcome> {
        let mut run = Run::new(self, search, in_flight, progress);
        let result = run.drive();
        if result.is_err() {
            // What came to its end meanwhile counts, if it can still be noted.
            let _ = run.stop_all();
        }
        let stopped = result?;
        let best = search.best().clone();
        let has_passed = search.has_passed();
        let config = match stopped {
            // Whoever asks such an oracle is told so.
            None if !has_passed && search.reliability().is_hopeless() => None,
            None if !has_passed => return Err(self.nothing_passes()),
            Some(_) if !has_passed => None,
            None => Some(self.write_answer(&best)?.text),
            Some(_) => {
                // Another program may have written to its files.
                self.write_best(&best)?;
                None
            }
        };
        Ok(Outcome {
            best,
            config,
            certificate: search.certificate(),
            reliability: search.reliability(),
            stopped,
            product: self.product(search),
            rebuilt: search.rebuilt(),
        })
    }

    /// Not even the start, the last candidate, passes.
    fn nothing_passes(&self) -> Error {
        let full = RequestSet::full(self.requests.len());
        let ballot = self.journal.state().ballot(&full);
        let last = ballot.and_then(|ballot| ballot.fail().or(ballot.winner()));
        let Some(judgement) = last else {
            return Error::new(
                ErrorKind::StartFails,
                "nothing passes, and the oracle cannot tell whether the start does",
            )
            .hint("see trials/ in the run directory; then begin anew with another --output");
        };
        let what = match judgement.verdict {
            Verdict::Fail(Stage::Build) => "the start does not build",
            _ => {
                let what = "nothing smaller passes, and the start does not pass its oracle";
                // Without its config, no cause is known.
                let config = self.resolve_again(&full).map(|full| full.config);
                return self.refused_start(what, judgement, &config.unwrap_or_default());
            }
        };
        let why = why(judgement);
        let dir = RunDir::trial_dir(self.dir.path(), judgement.trial);
        let text = format!("nothing smaller passes, and {what}: {why}");
        Error::new(ErrorKind::StartFails, text)
            .hint(format!("everything about it is in {}", dir.display()))
    }

    fn product(&self, search: &dyn Search) -> Product {
        let best = search.best();
        // Of the others each was taken away, and then something was refused.
        let is_all_gone = search.certificate().entries().is_empty();
        let image = |keep: &RequestSet| {
            let fingerprint = self.cache.fingerprint(keep)?;
            let image = self.cache.passed(&fingerprint)?.image.clone()?;
            Some((fingerprint, image))
        };
        let start = image(&RequestSet::full(best.capacity()));
        match (start.or_else(|| self.first_image()), image(best)) {
            (Some((start, same)), Some((end, image)))
                if start != end && same == image && !self.cache.has_other_image(&image) =>
            {
                Product::Same
            }
            (Some((start, _)), Some((end, _)))
                if start != end && is_all_gone && self.cache.is_not_reproducible() =>
            {
                Product::Unknown
            }
            _ => Product::Other,
        }
    }

    /// The config and the image of the first best, if the start was not built.
    fn first_image(&self) -> Option<(Fingerprint, String)> {
        let trial = self.journal.state().grown()?;
        let mut judged = self.journal.state().judged.iter();
        let first = judged.find(|judged| judged.judgement.trial == trial)?;
        let image = first.judgement.image.clone()?;
        Some((first.judgement.fingerprint, image))
    }
}
