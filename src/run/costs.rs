//! What the start is foretold to take without each of its requests.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::searches::StartModel;
use crate::lab::Lab;
use crate::model::{Config, Forecast, RequestId, RequestSet};
use crate::supervise::CancelToken;
use crate::{Error, ErrorKind, Result};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct CostEstimate {
    /// The start's own build, in which nothing has changed.
    start: Forecast,
    /// By request; empty when it cannot be told quickly.
    without: Vec<Forecast>,
    /// By request, what it adds when all that are cheaper are gone already.
    added: Vec<Duration>,
}

impl CostEstimate {
    /// Of the start, which was just built.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`]; a config cannot be resolved.
    pub(crate) fn of(lab: &Lab<'_>, model: StartModel<'_>, cancel: &CancelToken) -> Result<Self> {
        if model.resolver.trusted().is_none() {
            return Ok(Self::default());
        }
        let full = model.full();
        let of = |config: &Config| {
            if cancel.is_cancelled() {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
            Ok(lab.site.forecast(config))
        };
        let forecast = |keep: &RequestSet| of(&model.keeping(keep)?);
        let Some(start) = lab.site.forecast(&model.resolved.config) else {
            return Ok(Self::default());
        };
        let without = |id: RequestId| -> Result<Option<Forecast>> {
            let step = model.step(id);
            let after = forecast(&step.after)?;
            let Some(before) = step.before else {
                return Ok(after);
            };
            Ok(forecast(&before)?
                .zip(after)
                .map(|(before, after)| Forecast {
                    objects: after.objects.saturating_sub(before.objects),
                    cpu: start.cpu + after.cpu.saturating_sub(before.cpu),
                }))
        };
        let all: Result<Option<Vec<Forecast>>> = full.iter().map(without).collect();
        let Some(without) = all? else {
            return Ok(Self::default());
        };
        // What several select is gone with the last of them, and with it perhaps a line that
        // everything includes. So they are taken away one after the other as well.
        let mut order: Vec<RequestId> = full.minus(&model.info.keep).iter().collect();
        order.sort_by_key(|id| (without[id.index()].cpu, std::cmp::Reverse(*id)));
        let (mut left, mut before) = (model.variations.fork(), start.cpu);
        let mut added = vec![Duration::ZERO; without.len()];
        for id in order {
            left.leave_out_if(&[id], |_| true)?;
            let Some(now) = of(left.config())? else {
                return Ok(Self::default());
            };
            added[id.index()] = now.cpu.saturating_sub(before);
            before = now.cpu;
        }
        Ok(Self {
            start,
            without,
            added,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.without.is_empty()
    }

    /// How many objects are compiled anew without a request; nothing if nobody can tell.
    pub(crate) fn objects(&self, id: RequestId) -> Option<u32> {
        self.without
            .get(id.index())
            .map(|forecast| forecast.objects)
    }

    /// For each request about how long its trial takes, in milliseconds, if it has the machine to
    /// itself: a boot as long as the start's, what make does by itself, and the compilations on so many
    /// cores. Those are what the request causes alone or together with cheaper ones, if that is more.
    pub(crate) fn millis(&self, boot: Duration, cores: NonZeroUsize) -> Vec<u64> {
        let alone = boot + self.start.cpu;
        // A machine has no 2^32 cores.
        let cores = cores.get() as u32;
        let own = |forecast: &Forecast| forecast.cpu.saturating_sub(self.start.cpu);
        let compiling = self.without.iter().map(own).zip(&self.added);
        let time = compiling.map(|(own, added)| alone + own.max(*added) / cores);
        // A few days at most.
        time.map(|time| time.as_millis() as u64).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn compilations_are_spread_over_the_cores_and_joint_ones_count_for_the_last() {
        let secs = Duration::from_secs;
        let of = |objects, cpu| Forecast {
            objects,
            cpu: secs(cpu),
        };
        let costs = CostEstimate {
            start: of(0, 6),
            without: vec![of(1, 6), of(700, 206), of(0, 6)],
            added: vec![secs(0), secs(30), secs(50)],
        };
        let two = NonZeroUsize::new(2).unwrap();
        assert_eq!(costs.millis(secs(2), two), [8_000, 108_000, 33_000]);
        assert_eq!(costs.objects(RequestId(1)), Some(700));
        assert_eq!(CostEstimate::default().objects(RequestId(1)), None);
    }
}
