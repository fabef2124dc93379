//! The cost of trials: which requests are expensive to remove, and which of these trials would slow
//! each other down.

use super::depends::Depends;
use crate::model::{RequestId, RequestSet};

/// Trials from this tier on are heavy: at least twice as long as the cheapest, so most of it compiles.
const HEAVY: i64 = 1;

fn tier(cost: f64) -> i64 {
    // From 0 to some hundreds.
    #[allow(clippy::cast_possible_truncation)]
    let tier = cost.min(1e300).log(4.0).round() as i64;
    tier
}

/// The cost of a trial without each request and its dependents.
#[derive(Debug, Clone)]
pub(super) struct Costs {
    /// By id; as multiples of the cheapest.
    of: Vec<f64>,
    heavy: RequestSet,
}

impl Costs {
    /// `costs` is indexed by id, in any unit. A missing or invalid cost counts as the cheapest one.
    pub(super) fn new(costs: &[f64], depends: &Depends, n: usize) -> Self {
        let is_one = |cost: &f64| cost.is_finite() && *cost > 0.0;
        let least = costs
            .iter()
            .copied()
            .filter(is_one)
            .fold(f64::INFINITY, f64::min);
        let own = |id: RequestId| {
            let cost = costs.get(id.index()).copied().filter(is_one);
            cost.map_or(1.0, |cost| cost / least)
        };
        let together = |id: RequestId| {
            let carried = depends.carried(id).into_iter().flat_map(RequestSet::iter);
            carried.chain([id]).map(own).fold(1.0, f64::max)
        };
        let ids = || (0..n as u32).map(RequestId);
        let of: Vec<f64> = ids().map(together).collect();
        let heavy = ids().filter(|id| tier(of[id.index()]) >= HEAVY);
        Self {
            heavy: RequestSet::of(n, heavy),
            of,
        }
    }

    /// The cost of a trial of the base without this request.
    pub(super) fn of(&self, id: RequestId) -> f64 {
        self.of[id.index()]
    }

    /// The rank of the cost for the order: the nearest power of four. Finer differences are not worth leaving the
    /// menu order for.
    pub(super) fn tier(&self, id: RequestId) -> i64 {
        tier(self.of(id))
    }

    /// Is a trial of the base without these requests expensive?
    pub(super) fn is_heavy(&self, gone: &RequestSet) -> bool {
        gone.has_any_of(&self.heavy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_as_dear_as_the_dearest_that_goes_with_it() {
        // 1 depends on 0.
        let depends = Depends::of_pairs(4, [(RequestId(1), RequestId(0))]);
        let costs = Costs::new(&[5.0, 80.0, 9.0, 5.0], &depends, 4);
        let ids = || (0..4).map(RequestId);
        assert_eq!(
            ids().map(|id| costs.of(id)).collect::<Vec<_>>(),
            [16.0, 16.0, 1.8, 1.0]
        );
        assert_eq!(
            ids().map(|id| costs.tier(id)).collect::<Vec<_>>(),
            [2, 2, 0, 0]
        );
        let set = |ids: &[u32]| RequestSet::of(4, ids.iter().map(|id| RequestId(*id)));
        assert!(costs.is_heavy(&set(&[0, 3])) && !costs.is_heavy(&set(&[2, 3])));
    }

    #[test]
    fn what_is_not_known_or_is_no_number_costs_as_little_as_the_cheapest() {
        for costs in [&[][..], &[f64::NAN, 0.0, -3.0], &[f64::INFINITY, 7.0, 7.0]] {
            let costs = Costs::new(costs, &Depends::none(), 3);
            assert_eq!(costs.tier(RequestId(0)), 0);
            assert!(!costs.is_heavy(&RequestSet::full(3)));
        }
    }
}
