//! What is estimated of the start before the search begins: what trials cost, and what is needed.

use std::path::Path;

use super::costs::{CostEstimate, weights};
use super::guess;
use super::searches::StartModel;
use crate::Result;
use crate::journal::{Record, RunInfo, RunState};
use crate::kconfig::{CheckedResolver, Resolver, Variations};
use crate::lab::{Lab, fragment_of};
use crate::model::{Order, RequestSet, Tracing};
use crate::search::Depends;
use crate::settings::Settings;
use crate::supervise::CancelToken;

/// What the estimates of a run are made from.
pub(crate) struct Estimates<'a> {
    pub(crate) info: &'a RunInfo,
    pub(crate) settings: &'a Settings,
    pub(crate) depends: &'a Depends,
    pub(crate) resolver: &'a CheckedResolver,
    pub(crate) source: &'a Path,
}

impl Estimates<'_> {
    /// Makes those that the journal lacks, of a start that has passed, and notes them there. `before` is the state
    /// in which this session began.
    ///
    /// # Errors
    /// An interruption; a config cannot be resolved; the journal cannot be written.
    pub(crate) fn complete(
        &self,
        lab: &mut Lab<'_>,
        before: &RunState,
        cancel: &CancelToken,
    ) -> Result<()> {
        let Self { info, settings, .. } = *self;
        let state = lab.journal.state();
        let is_built = state.start.is_some();
        let judged = state.start.as_ref().or(state.stand_in.as_ref()).cloned();
        let is_open = state.costs.is_empty();
        // What builds took is another time with each run.
        let is_timed = is_built && settings.order == Order::AsItComes && is_open;
        let is_weighed = info.begins_with_guess() && !is_built && is_open;
        let is_traced = judged.is_some()
            && settings.trace != Tracing::Off
            && state.prior.is_empty()
            && !settings.has_own_prior();
        if !is_timed && !is_weighed && !is_traced {
            return Ok(());
        }
        let full = RequestSet::full(info.requests.len());
        let resolved = self
            .resolver
            .resolve(&fragment_of(&info.requests, &full), cancel)?;
        let variations = Variations::new(self.resolver, &info.requests, cancel)?;
        let model = StartModel {
            info,
            resolved: &resolved,
            depends: self.depends,
            resolver: self.resolver,
            variations: &variations,
        };
        if is_weighed {
            let millis = weights(lab, model, cancel)?;
            if !millis.is_empty() {
                lab.journal.append(&Record::Costs { millis })?;
            }
        }
        let Some(judgement) = judged else {
            return Ok(());
        };
        if before.start.is_some() {
            // It was built in an earlier session.
            let cpu = judgement.timings.build_cpu;
            lab.site.recall(judgement.trial, &resolved, cpu);
        }
        let costs = CostEstimate::of(lab, model, cancel)?;
        if is_timed && !costs.is_empty() {
            lab.journal.append(&Record::Costs {
                millis: costs.millis(judgement.timings.oracle_wall, settings.build_jobs),
            })?;
        }
        if is_traced
            && let Some(traced) =
                guess::of_start(lab, model, &costs, &settings.trace, self.source, cancel)?
        {
            let mut prior = info.prior.and(&traced);
            if info.begins_with_guess() {
                // That code ran says less than that an oracle needed it.
                prior = prior.behind(&info.prior);
            }
            lab.journal.append(&Record::Traced { prior })?;
        }
        Ok(())
    }
}
