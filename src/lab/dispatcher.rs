//! The dispatcher: one thread that owns the search, the journal and the state of each trial.

use super::run::Run;
use super::state::{Lab, Outcome, Product};
use crate::Result;
use crate::model::{Candidate, Progress, RequestSet};
use crate::search::Search;

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
        let config = match stopped {
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

    fn product(&self, search: &dyn Search) -> Product {
        let best = search.best();
        // Of the others each was taken away, and then something was refused.
        let is_all_gone = search.certificate().entries().is_empty();
        let image = |keep: &RequestSet| {
            let fingerprint = self.cache.fingerprint(keep)?;
            let image = self.cache.passed(&fingerprint)?.image.clone()?;
            Some((fingerprint, image))
        };
        match (image(&RequestSet::full(best.capacity())), image(best)) {
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
}
