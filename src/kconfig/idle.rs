//! Requests that change nothing: taken away without a trial.

use std::collections::HashSet;

use rayon::prelude::*;

use super::resolve::Changes;
use super::variations::Variations;
use crate::Result;
use crate::model::{Request, RequestId, RequestSet, Symbol};

/// Takes away what changes nothing, to a fixpoint: of each one that is left and not `sure`, it was
/// tried that something changes when it alone is left out. Returns what is taken away.
pub(super) fn drop_idle(
    requests: &[Request],
    sure: &HashSet<Symbol>,
    variations: &mut Variations<'_>,
) -> Result<Vec<Request>> {
    let mut dropped = Vec::new();
    let mut left: Vec<RequestId> = RequestSet::full(requests.len()).iter().collect();
    loop {
        // Each alone, all cores at once: whoever matters alone matters.
        let idle = left
            .par_iter()
            .map_init(
                || variations.fork(),
                |variations, id| {
                    let is_sure = sure.contains(&requests[id.index()].symbol);
                    Ok(!is_sure && variations.without(&[*id])?.is_empty())
                },
            )
            .collect::<Result<Vec<bool>>>()?;
        let idle = left.iter().zip(idle).filter(|(_, idle)| *idle);
        let group: Vec<RequestId> = idle.map(|(id, _)| *id).collect();
        let before = dropped.len();
        take_away(variations, &group, &Changes::is_empty, &mut dropped)?;
        // Two that stand in for each other: one of them is gone now, the other matters.
        if dropped.len() == before {
            return Ok(dropped
                .into_iter()
                .map(|id: RequestId| requests[id.index()].clone())
                .collect());
        }
        let gone = RequestSet::of(requests.len(), dropped[before..].iter().copied());
        left.retain(|id| !gone.contains(*id));
    }
}

/// Takes as much of `group` away as it can be done without: all at once, or else each half by itself.
/// When nothing could be taken, each was tried alone.
pub(super) fn take_away(
    variations: &mut Variations<'_>,
    group: &[RequestId],
    holds: &dyn Fn(&Changes) -> bool,
    taken: &mut Vec<RequestId>,
) -> Result<()> {
    if group.is_empty() {
        return Ok(());
    }
    let (_, is_taken) = variations.leave_out_if(group, holds)?;
    if is_taken {
        taken.extend_from_slice(group);
    } else if group.len() > 1 {
        let (first, second) = group.split_at(group.len() / 2);
        take_away(variations, first, holds, taken)?;
        take_away(variations, second, holds, taken)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kconfig::Resolver;
    use crate::model::{Config, Fragment, ResolvedConfig, Value};
    use crate::supervise::CancelToken;

    /// A fake Kconfig, in which one symbol says whether what was asked for will do.
    struct Rule<F>(F);

    impl<F: Fn(&[Request]) -> bool + Send + Sync> Resolver for Rule<F> {
        fn resolve(&self, fragment: &Fragment, _: &CancelToken) -> Result<ResolvedConfig> {
            let alike = (self.0)(fragment.requests()).then_some((symbol("ALIKE"), Value::YES));
            let config: Config = alike.into_iter().collect();
            Ok(ResolvedConfig::new(String::new(), config))
        }
    }

    fn symbol(name: &str) -> Symbol {
        Symbol::new(name).unwrap()
    }

    fn requests(names: &[&str]) -> Vec<Request> {
        let request = |name: &&str| Request {
            symbol: symbol(name),
            value: Value::YES,
        };
        names.iter().map(request).collect()
    }

    fn has(requests: &[Request], name: &str) -> bool {
        requests.iter().any(|r| r.symbol.as_str() == name)
    }

    /// What is left, and what was dropped.
    fn dropped(
        all: &[Request],
        sure: &HashSet<Symbol>,
        holds: impl Fn(&[Request]) -> bool + Send + Sync,
    ) -> (Vec<Request>, Vec<Request>) {
        let (rule, cancel) = (Rule(holds), CancelToken::new());
        let mut variations = Variations::new(&rule, all, &cancel).unwrap();
        let dropped = drop_idle(all, sure, &mut variations).unwrap();
        (variations.left(), dropped)
    }

    #[test]
    fn of_two_that_stand_in_for_each_other_one_is_dropped() {
        let all = requests(&["A", "B", "C", "D"]);
        let holds = |r: &[Request]| (has(r, "A") || has(r, "C")) && has(r, "D");
        let (left, dropped) = dropped(&all, &HashSet::new(), holds);
        assert_eq!(left.len(), 2);
        assert!(has(&left, "A") != has(&left, "C") && has(&left, "D"));
        assert_eq!(dropped.len(), 2);
    }

    #[test]
    fn what_is_sure_to_matter_is_not_tried() {
        let all = requests(&["A", "B"]);
        let sure = HashSet::from([symbol("A")]);
        let holds = |r: &[Request]| {
            assert!(has(r, "A"), "A was left out");
            true
        };
        let (left, dropped) = dropped(&all, &sure, holds);
        assert!(has(&left, "A") && has(&dropped, "B"));
    }
}
