//! What the start is foretold to take without each of its requests.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::searches::{StartModel, Step};
use crate::lab::Lab;
use crate::model::{Config, Forecast, RequestId};
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
        let Some(start) = lab.site.forecast(&model.resolved.config) else {
            return Ok(Self::default());
        };
        let Some(without) = without(lab, model, start, cancel)? else {
            return Ok(Self::default());
        };
        let Some(added) = added(lab, model, start, &without, cancel)? else {
            return Ok(Self::default());
        };
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

/// What a trial takes in objects besides those that it compiles: make looks at all, and links.
const BESIDES: u64 = 25;

/// About what an object takes, in milliseconds.
const OBJECT: u64 = 300;

/// For each request, in about milliseconds, what the kernel gets larger by it and its dependents, of a start that was
/// not built: by the objects that Kbuild lists. Nothing if it lists none.
///
/// # Errors
/// As [`CostEstimate::of`].
pub(crate) fn weights(
    lab: &Lab<'_>,
    model: StartModel<'_>,
    cancel: &CancelToken,
) -> Result<Vec<u64>> {
    if model.resolver.trusted().is_none() {
        return Ok(Vec::new());
    }
    let of = |configs: &[Config]| {
        let lists = lab.site.objects(configs);
        lists.into_iter().map(|objects| objects.len() as u64)
    };
    let all = of(std::slice::from_ref(&model.resolved.config)).next();
    let all = all.unwrap_or_default();
    let ids: Vec<RequestId> = model.full().iter().collect();
    let mut weights = Vec::with_capacity(ids.len());
    if all == 0 {
        return Ok(weights);
    }
    for ids in ids.chunks(AT_ONCE) {
        if cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        let configs = ids
            .iter()
            .map(|id| model.keeping(&model.full().without(*id)));
        let configs = configs.collect::<Result<Vec<Config>>>()?;
        let weight = |left: u64| OBJECT * (BESIDES + all.saturating_sub(left));
        weights.extend(of(&configs).map(weight));
    }
    Ok(weights)
}

/// So many configurations are forecast together.
const AT_ONCE: usize = 64;

/// The forecasts of some configurations; nothing if one of them cannot be told.
fn forecasts(
    lab: &Lab<'_>,
    configs: &[Config],
    cancel: &CancelToken,
) -> Result<Option<Vec<Forecast>>> {
    if cancel.is_cancelled() {
        return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
    }
    Ok(lab.site.forecasts(configs).into_iter().collect())
}

/// By request: the start without it, as [`StartModel::step`] takes it away.
fn without(
    lab: &Lab<'_>,
    model: StartModel<'_>,
    start: Forecast,
    cancel: &CancelToken,
) -> Result<Option<Vec<Forecast>>> {
    let ids: Vec<RequestId> = model.full().iter().collect();
    let mut all = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let steps: Vec<Step> = ids.iter().map(|id| model.step(*id)).collect();
        let sets = steps
            .iter()
            .flat_map(|s| [Some(&s.after), s.before.as_ref()]);
        let configs = sets.flatten().map(|keep| model.keeping(keep));
        let configs = configs.collect::<Result<Vec<Config>>>()?;
        let Some(told) = forecasts(lab, &configs, cancel)? else {
            return Ok(None);
        };
        let mut told = told.into_iter();
        for step in &steps {
            let after = told.next().unwrap_or_default();
            all.push(match &step.before {
                None => after,
                Some(_) => {
                    let before = told.next().unwrap_or_default();
                    Forecast {
                        objects: after.objects.saturating_sub(before.objects),
                        cpu: start.cpu + after.cpu.saturating_sub(before.cpu),
                    }
                }
            });
        }
    }
    Ok(Some(all))
}

/// By request: what it adds when all that are cheaper are gone already. What several select is gone with the last of
/// them, and with it perhaps a line that everything includes. So they are taken away one after the other as well.
fn added(
    lab: &Lab<'_>,
    model: StartModel<'_>,
    start: Forecast,
    without: &[Forecast],
    cancel: &CancelToken,
) -> Result<Option<Vec<Duration>>> {
    let free = model.full().minus(&model.info.keep);
    let mut order: Vec<RequestId> = free.iter().collect();
    order.sort_by_key(|id| (without[id.index()].cpu, std::cmp::Reverse(*id)));
    let (mut left, mut before) = (model.variations.fork(), start.cpu);
    let mut added = vec![Duration::ZERO; without.len()];
    for ids in order.chunks(AT_ONCE) {
        let mut configs = Vec::with_capacity(ids.len());
        for id in ids {
            left.leave_out_if(&[*id], |_| true)?;
            configs.push(left.config().clone());
        }
        let Some(told) = forecasts(lab, &configs, cancel)? else {
            return Ok(None);
        };
        for (id, now) in ids.iter().zip(told) {
            added[id.index()] = now.cpu.saturating_sub(before);
            before = now.cpu;
        }
    }
    Ok(Some(added))
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
