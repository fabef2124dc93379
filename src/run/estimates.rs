//! What is estimated of the start before the search begins: what trials cost, and what is needed.

use std::path::Path;

use super::costs::Foretold;
use super::guess;
use super::searches::Whole;
use super::state::RunState;
use crate::Result;
use crate::journal::{Record, RunInfo};
use crate::kconfig::{CheckedResolver, Resolver};
use crate::lab::{Lab, fragment_of};
use crate::model::{Judgement, Order, RequestSet, Tracing};
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
    /// Makes those that `known` lacks, of a start that has passed, and notes them in the journal.
    ///
    /// # Errors
    /// An interruption; a config cannot be resolved; the journal cannot be written.
    pub(crate) fn complete(
        &self,
        lab: &mut Lab<'_>,
        known: &mut RunState,
        cancel: &CancelToken,
    ) -> Result<()> {
        let Self { info, settings, .. } = *self;
        let Some(judgement) = start_of(lab) else {
            return Ok(());
        };
        // What builds took is another time with each run.
        let is_timed = settings.order == Order::AsItComes && known.costs.is_empty();
        let is_traced = settings.trace != Tracing::Off
            && known.prior.is_empty()
            && (info.prior.is_empty() || settings.learns());
        if !is_timed && !is_traced {
            return Ok(());
        }
        let full = RequestSet::full(info.requests.len());
        let start = self
            .resolver
            .resolve(&fragment_of(&info.requests, &full), cancel)?;
        let whole = Whole {
            info,
            resolved: &start,
            depends: self.depends,
            resolver: self.resolver,
        };
        if known.start.is_some() {
            // It was built in an earlier session.
            let cpu = judgement.timings.build_cpu;
            lab.site.recall(judgement.trial, &start, cpu);
        }
        let costs = Foretold::of(lab, whole, cancel)?;
        if is_timed && !costs.is_empty() {
            known.costs = costs.millis(judgement.timings.oracle_wall, settings.build_jobs);
            lab.journal.append(&Record::Costs {
                millis: known.costs.clone(),
            })?;
        }
        if is_traced
            && let Some(traced) =
                guess::of_start(lab, whole, &costs, &settings.trace, self.source, cancel)?
        {
            let prior = info.prior.and(&traced);
            lab.journal.append(&Record::Traced {
                prior: prior.clone(),
            })?;
            known.prior = prior;
        }
        Ok(())
    }
}

/// The judgement by which the start passed last.
fn start_of(lab: &Lab<'_>) -> Option<Judgement> {
    let lines = lab.journal.lines().iter().rev();
    let mut starts = lines.filter_map(|line| match &line.record {
        Record::Start { judgement, .. } if judgement.verdict.is_pass() => Some(judgement.clone()),
        _ => None,
    });
    starts.next()
}
