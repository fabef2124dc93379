//! The weight of the prior: Bayesian model averaging.
//!
//! Two models predict verdicts: one begins with the prior, the other ignores it. Each informative
//! verdict reweights the two models by its likelihood, and the estimates are averaged with these
//! weights (J. A. Hoeting et al., "Bayesian Model Averaging: A Tutorial", Statistical Science 14,
//! 1999). So a useless prior is outweighed after a few verdicts, with the order that it made.

use crate::model::{Prior, RequestId, RequestSet, Verdict};

use super::costs::Costs;
use super::depends::Depends;
use super::information::{none_given_one, none_within};
use super::options::Trust;
use super::prevalence::{Classes, Known, Prevalence, Thought};

/// The odds that a prior tells something, before the first verdict: even. On the EC2 set (`benches/search.md`) a
/// shuffled guess costs at most 1.6 trials on average so, and 3.1 with four to one, by which a good one
/// would win 0.9 trials more.
const AT_FIRST: f64 = 1.0;

/// The odds after the guess has passed. A useless prior names no set that passes; but what it names may hold more than
/// is needed.
const AFTER_A_PASS: f64 = 9.0;

/// The least likelihood of a verdict: a nearly impossible one may have reasons that neither model knows.
const LEAST: f64 = 0.02;

/// The two models and their odds.
#[derive(Debug)]
pub(super) struct ModelAveraging {
    plain: Model,
    thought: Option<Model>,
    /// The natural logarithm of the odds that the prior is informative.
    odds: f64,
}

#[derive(Debug)]
struct Model {
    /// All requests in the order of removal: cheap ones first, among these the least likely needed ones, among these
    /// leaves, and otherwise from the last to the first, for the same reason as in `ddmin`.
    order: Vec<RequestId>,
    classes: Classes,
}

impl Model {
    /// `order` has the leaves first.
    fn new(prior: &Prior, depends: &Depends, costs: &Costs, mut order: Vec<RequestId>) -> Self {
        let classes = Classes::new(&thoughts(prior, depends, order.len()));
        // A dependent is at most as likely needed as its dependency together with it, and costs at most as much.
        // So leaves stay first.
        order.sort_by_cached_key(|id| (costs.tier(*id), classes.likely(*id)));
        Self { order, classes }
    }
}

/// The initial estimate of each request, alone and together with its dependents.
fn thoughts(prior: &Prior, depends: &Depends, n: usize) -> Vec<Thought> {
    let own = |id: RequestId| prior.of(id).unwrap_or(Prior::SHARE);
    let thought = |id: RequestId| {
        let carried = depends.carried(id).into_iter().flat_map(RequestSet::iter);
        let none: f64 = carried.chain([id]).map(|id| 1.0 - own(id)).product();
        Thought {
            together: if prior.is_empty() {
                Prior::SHARE
            } else {
                1.0 - none
            },
            alone: own(id),
            // A dependency is mostly needed for its dependents, and seldom for itself.
            carries: depends.carried(id).is_some_and(|c| !c.is_empty()),
        }
    };
    (0..n as u32).map(RequestId).map(thought).collect()
}

impl ModelAveraging {
    /// Of `n` requests.
    pub(super) fn new(
        prior: &Prior,
        trust: Trust,
        depends: &Depends,
        costs: &Costs,
        n: usize,
    ) -> Self {
        let leaves_first = depends.leaves_first(n);
        let model = |prior: &Prior| Model::new(prior, depends, costs, leaves_first.clone());
        Self {
            plain: model(&Prior::default()),
            thought: (!prior.is_empty()).then(|| model(prior)),
            odds: match trust {
                Trust::Untested => AT_FIRST.ln(),
                Trust::Tested => AFTER_A_PASS.ln(),
            },
        }
    }

    /// The weight of the prior, from 0 to 1.
    fn weight(&self) -> f64 {
        1.0 / (1.0 + (-self.odds).exp())
    }

    /// The order in which requests are taken away.
    pub(super) fn order(&self) -> &[RequestId] {
        match &self.thought {
            Some(thought) if self.odds >= 0.0 => &thought.order,
            _ => &self.plain.order,
        }
    }

    /// The probability that each request is needed, from its state. `is_alone`: all its dependents are gone.
    pub(super) fn chances(
        &self,
        known: impl Fn(RequestId) -> Known,
        is_alone: impl Fn(RequestId) -> bool,
    ) -> Averaged {
        let of =
            |model: &Model| Prevalence::estimate(&model.order, &known, &is_alone, &model.classes);
        Averaged {
            plain: of(&self.plain),
            thought: self.thought.as_ref().map(of),
            weight: self.weight(),
        }
    }

    /// Is there a prior, whose weight verdicts can change?
    pub(super) fn is_open(&self) -> bool {
        self.thought.is_some()
    }

    /// Reweights the models by a verdict on the removal of `group`, with the estimates before it. The group is a part
    /// of `within`, which contains a needed request; without `within` nothing was known of it.
    pub(super) fn learn(
        &mut self,
        chances: &Averaged,
        group: &[RequestId],
        within: Option<&[RequestId]>,
        verdict: Verdict,
    ) {
        let Some(thought) = &chances.thought else {
            return;
        };
        let last = |none: Vec<f64>| none.last().copied().unwrap_or(1.0);
        let foretold = |model: &Prevalence, fresh: fn(&Prevalence, &[RequestId]) -> Vec<f64>| {
            let goes = match within {
                Some(within) => none_given_one(
                    last(model.none_needed(group)),
                    last(model.none_needed(within)),
                ),
                None => last(fresh(model, group)),
            };
            let foretold = if verdict.is_pass() { goes } else { 1.0 - goes };
            foretold.clamp(LEAST, 1.0)
        };
        let thought = foretold(thought, Prevalence::none_needed_of_fresh);
        self.odds += (thought / foretold(&chances.plain, Prevalence::none_needed)).ln();
    }
}

/// The probability that each request is needed, averaged over both models.
#[derive(Debug)]
pub(super) struct Averaged {
    plain: Prevalence,
    thought: Option<Prevalence>,
    weight: f64,
}

impl Averaged {
    /// The probability that this request is needed.
    pub(super) fn of(&self, id: RequestId) -> f64 {
        let plain = self.plain.of(id);
        match &self.thought {
            Some(thought) => self.between(plain, thought.of(id)),
            None => plain,
        }
    }

    /// For each request of `group`, which contains a needed one: the probability that neither it nor one before it is
    /// needed.
    pub(super) fn none_needed_within(&self, group: &[RequestId]) -> Vec<f64> {
        let within = |chances: &Prevalence| none_within(&chances.none_needed(group));
        self.mean(within(&self.plain), within)
    }

    /// For each request of `group`, of which nothing is known: the probability that neither it nor one before it is
    /// needed.
    pub(super) fn none_needed_of_fresh(&self, group: &[RequestId]) -> Vec<f64> {
        let plain = self.plain.none_needed(group);
        self.mean(plain, |chances| chances.none_needed_of_fresh(group))
    }

    fn mean(&self, mut plain: Vec<f64>, of: impl Fn(&Prevalence) -> Vec<f64>) -> Vec<f64> {
        if let Some(thought) = &self.thought {
            for (plain, thought) in plain.iter_mut().zip(of(thought)) {
                *plain = self.between(*plain, thought);
            }
        }
        plain
    }

    fn between(&self, plain: f64, thought: f64) -> f64 {
        plain + self.weight * (thought - plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::sim::FAIL;

    /// Of ten requests: the first five are thought to be needed.
    fn models() -> ModelAveraging {
        let prior = Prior::new((0..10).map(|id| if id < 5 { 0.9 } else { 0.01 }));
        let costs = Costs::new(&[], &Depends::none(), 10);
        ModelAveraging::new(&prior, Trust::Untested, &Depends::none(), &costs, 10)
    }

    fn learn(models: &mut ModelAveraging, ids: &[u32], within: Option<&[u32]>, verdict: Verdict) {
        let requests = |ids: &[u32]| ids.iter().copied().map(RequestId).collect::<Vec<_>>();
        let chances = models.chances(|_| Known::Nothing, |_| true);
        let within = within.map(requests);
        models.learn(&chances, &requests(ids), within.as_deref(), verdict);
    }

    fn chance(models: &ModelAveraging, id: u32) -> f64 {
        models
            .chances(|_| Known::Nothing, |_| true)
            .of(RequestId(id))
    }

    #[test]
    fn a_prior_is_believed_the_more_the_better_it_foretells() {
        let mut models = models();
        let first = models.weight();
        learn(&mut models, &[5, 6, 7, 8, 9], None, Verdict::Pass);
        assert!(models.weight() > first);
        assert_eq!(models.order().first(), Some(&RequestId(9)));
        let after = models.weight();
        learn(&mut models, &[0], None, FAIL);
        assert!(models.weight() > after);
        assert!(chance(&models, 1) > 0.8);
    }

    #[test]
    fn a_prior_that_foretells_what_does_not_come_is_forgotten_with_its_order() {
        let mut models = models();
        // The prior is wrong about both kinds.
        learn(&mut models, &[8], None, FAIL);
        assert!(models.weight() < 0.5);
        assert_eq!(models.order(), models.plain.order);
        learn(&mut models, &[1], None, Verdict::Pass);
        learn(&mut models, &[2], None, Verdict::Pass);
        assert!(chance(&models, 3) < 0.12 && chance(&models, 9) > 0.09);
    }

    #[test]
    fn that_a_part_of_what_must_fail_fails_says_little() {
        let mut models = models();
        let first = models.weight();
        learn(&mut models, &[5, 6, 7, 8], Some(&[5, 6, 7, 8, 9]), FAIL);
        assert!((models.weight() - first).abs() < 0.016);
        learn(&mut models, &[5, 6, 7, 8], None, FAIL);
        assert!(models.weight() < first / 2.0);
    }

    #[test]
    fn without_a_prior_there_is_nothing_to_believe() {
        let costs = Costs::new(&[], &Depends::none(), 10);
        let mut models = ModelAveraging::new(
            &Prior::default(),
            Trust::Untested,
            &Depends::none(),
            &costs,
            10,
        );
        let before = chance(&models, 3);
        learn(&mut models, &[5, 6], None, FAIL);
        assert_eq!(chance(&models, 3).to_bits(), before.to_bits());
        assert!((before - Prior::SHARE).abs() < 1e-9);
    }
}
