//! Group testing with disjoint groups: each worker removes its own group of requests.
//!
//! A group is as large as it takes to pass with a probability of one half (generalized binary
//! splitting: F. K. Hwang, "A method for detecting all defective members in a population by group
//! testing", 1972). If trials differ in cost, its size maximizes the information for its time. A
//! group that passes is removed. A group that fails contains a needed request: it is split, and the
//! half that is not tried returns to the rest (as in Hwang's). The size is computed at each step from
//! the estimates of [`super::prevalence`]; so where needed requests cluster, the group after one that
//! passed grows.
//!
//! Workers have disjoint groups, and groups that passed side by side are removed together: the next
//! candidates build on their union, which is tried by itself only when nothing else confirms it.
//!
//! The dependents of a request are removed with it, and leaves go first: if a leaf is needed, its
//! dependencies are too, without a trial.

use crate::model::{CandidateId, Certify, Phase, RequestId, RequestSet, Verdict};

use super::costs::Costs;
use super::depends::Depends;
use super::groups::Groups;
use super::history::{History, State};
use super::information::{Unknown, most_telling, most_telling_within};
use super::model_averaging::{Averaged, ModelAveraging};
use super::partition::{Kind, partition};
use super::prevalence::{Known, in_order};
use super::{Ask, Certificate, Cores, Options, Outlook, Search, Update, sweep};

/// After this many failures on a union of removals that passed side by side, the union is tried by itself: the
/// removals may not be compatible.
const LEAPS: usize = 4;

/// The mean number of trials for one bit on one worker, and the increase for each other trial in flight. Both were
/// measured in simulations.
const TRIALS_A_BIT: f64 = 1.06;
const MORE_FOR_EACH: f64 = 0.025;

/// Group testing with disjoint groups, one for each worker.
#[derive(Debug)]
pub(super) struct GroupTesting {
    history: History,
    depends: Depends,
    selectors: Vec<RequestSet>,
    /// The dependents in the present best: they decide which requests are leaves in the certificate.
    implied: Depends,
    has_learnt: bool,
    certify: Certify,
    groups: Groups,
    phase: Phase,
    models: ModelAveraging,
    costs: Costs,
    cores: Cores,
}

/// The state of knowledge, if the oracle is monotone.
struct View {
    /// The smallest set that most likely passes. Candidates are cut from it.
    base: RequestSet,
    /// The conclusions from failures.
    groups: Groups,
    /// The requests of the base that may still be removed.
    open: RequestSet,
    /// For each candidate in flight, the requests of the base that it lacks.
    flying: Vec<RequestSet>,
}

impl GroupTesting {
    /// A search over the requests of `start`, which is known to pass, without ever removing
    /// those of `fixed`.
    #[must_use]
    pub fn new(start: RequestSet, fixed: &RequestSet, options: Options) -> Self {
        let n = start.capacity();
        let costs = Costs::new(&options.cost, &options.depends, n);
        let models =
            ModelAveraging::new(&options.prior, options.trust, &options.depends, &costs, n);
        let mut search = Self {
            groups: Groups::new(&start),
            history: History::new(start, fixed, &options.failed),
            implied: Depends::none(),
            has_learnt: false,
            certify: options.certify,
            depends: options.depends,
            selectors: options.selectors,
            phase: Phase::Reducing,
            models,
            costs,
            cores: options.cores,
        };
        for keep in &options.failed {
            search.groups.failed(keep, &search.depends);
        }
        search.settle();
        search
    }

    fn view(&self) -> View {
        let base = self.history.hoped();
        let groups = self.groups.within(&base, &self.depends);
        let flying = self.history.in_flight().map(|(_, keep)| base.minus(keep));
        View {
            open: base.minus(self.history.floor()).minus(&groups.settled),
            flying: flying.filter(|gone| !gone.is_empty()).collect(),
            base,
            groups,
        }
    }

    /// Begins the certificate when nothing is left to remove.
    fn settle(&mut self) {
        if self.phase == Phase::Reducing {
            let view = self.view();
            let is_idle = self.history.in_flight().next().is_none();
            let is_done = view.open.is_empty()
                && view.base == *self.history.best()
                && self.without_selected(&view).is_none();
            if is_done || is_idle && self.reduce(&view).is_none() {
                self.phase = Phase::Certifying;
            }
        }
    }

    /// A group and its dependents, without what must stay.
    fn gone_with(&self, view: &View, group: &[RequestId]) -> RequestSet {
        let group = RequestSet::of(view.base.capacity(), group.iter().copied());
        self.depends.closure(&group).minus(self.history.floor())
    }

    /// May all of these go, as far as is known, and now?
    fn may_go(&self, view: &View, gone: &RequestSet) -> bool {
        !self.would_hinder(gone) && !view.groups.has_needed(gone)
    }

    /// The base without a group and its dependents, if that is worth a trial.
    fn without(&self, view: &View, group: &[RequestId]) -> Option<RequestSet> {
        let gone = self.gone_with(view, group);
        let keep = view.base.minus(&gone);
        let is_new = || keep != view.base && self.history.is_unasked(&keep);
        (self.may_go(view, &gone) && is_new()).then_some(keep)
    }

    /// The base without the largest part of a group that is worth a trial: the first of its members, and their
    /// dependents.
    fn without_most(&self, view: &View, group: &[RequestId]) -> Option<RequestSet> {
        if let Some(keep) = self.without(view, group) {
            return Some(keep);
        }
        // What a part may not do, a larger one may not either.
        let lengths: Vec<usize> = (1..group.len()).collect();
        let may_go = |len: &usize| self.may_go(view, &self.gone_with(view, &group[..*len]));
        let most = lengths.partition_point(may_go);
        let mut lengths = lengths[..most].iter().rev();
        lengths.find_map(|len| self.without(view, &group[..*len]))
    }

    /// The best without the requests that other requests of it select, when nothing else is left to remove. The
    /// config stays the same, so its verdict is known without a trial. If it is not the same, because the selectors
    /// in the best differ from those in the start, parts of these requests are tried.
    fn without_selected(&self, view: &View) -> Option<RequestSet> {
        if view.base != *self.history.best() {
            return None;
        }
        let n = view.base.capacity();
        let selected: Vec<RequestId> = self.selected(&view.base).iter().collect();
        // One by one the certificate does, but for a single one.
        let all = Some(selected.len()).filter(|len| *len > 0);
        std::iter::successors(all, |len| (*len > 2).then(|| len.div_ceil(2)))
            .flat_map(|len| selected.chunks(len))
            .map(|part| view.base.minus(&RequestSet::of(n, part.iter().copied())))
            .find(|keep| self.history.is_unasked(keep))
    }

    /// The requests of a set that others of it select, without those that must stay.
    fn selected(&self, set: &RequestSet) -> RequestSet {
        let all = (0..).map(RequestId).zip(&self.selectors);
        let selected = all.filter(|(_, by)| by.has_any_of(set)).map(|(id, _)| id);
        let selected = RequestSet::of(set.capacity(), selected);
        selected.intersection(set).minus(self.history.floor())
    }

    /// Would this trial and one in flight slow each other down? A heavy trial keeps all cores busy. Two at once
    /// end no earlier than one after the other, and the second is chosen without the verdict on the first. A
    /// light trial ends soon, so the heavy one waits for it.
    ///
    /// Requests that are missing in the base cost nothing: their removal was compiled when it was tried.
    fn would_hinder(&self, gone: &RequestSet) -> bool {
        self.cores == Cores::Shared
            && self.costs.is_heavy(gone)
            && self.history.in_flight().next().is_some()
    }

    fn chances(&self, view: &View) -> Averaged {
        self.models.chances(
            |id| view.known(id, &self.depends),
            |id| {
                let carried = self.depends.carried(id);
                carried.is_none_or(|carried| !carried.has_any_of(&view.base))
            },
        )
    }

    /// Reweights the prior by a verdict. Verdicts that were certain before say nothing about the prior, nor do those
    /// on unions of removals that passed side by side. (After a pass was taken back, the prior has its initial
    /// weight again.)
    fn weigh(&mut self, keep: &RequestSet, verdict: Verdict) {
        let tells = self.phase == Phase::Reducing && verdict != Verdict::Unresolved;
        if !tells || !self.models.is_open() {
            return;
        }
        let view = self.view();
        let gone = self.history.best().minus(keep);
        let here = gone.intersection(&view.base);
        if here != gone || view.groups.has_needed(&here) {
            return;
        }
        let members = |set: &RequestSet| in_order(self.models.order(), set);
        let group = view.open.intersection(&here);
        let mut suspects = view.groups.suspects.iter();
        let within = suspects.find(|suspects| group.is_subset(suspects));
        let (group, within) = (members(&group), within.map(members));
        let chances = self.chances(&view);
        self.models
            .learn(&chances, &group, within.as_deref(), verdict);
    }

    /// The expected number of trials: about one for each unknown bit, then one for each needed request that is
    /// removed alone.
    fn expected(&self) -> u32 {
        let view = self.view();
        let all = self.chances(&view);
        let chances = |set: &RequestSet| -> Vec<f64> { set.iter().map(|id| all.of(id)).collect() };
        let suspects = union(&view.base, &view.groups.suspects);
        let rest = Unknown::of(&chances(&view.open.minus(&suspects)));
        let groups = view
            .groups
            .suspects
            .iter()
            .map(|g| Unknown::of_suspect(&chances(g)));
        let all = groups.fold(rest, Unknown::and);
        let settled = view.groups.settled.minus(self.history.floor());
        let needed = all.needed + settled.minus(&self.selected(&view.base)).len() as f64;
        let beside = self.history.in_flight().count().saturating_sub(1) as f64;
        let trials_a_bit = TRIALS_A_BIT + MORE_FOR_EACH * beside;
        // Far below 2^32, and not below 0.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let expected = (all.bits * trials_a_bit + needed).round() as u32;
        expected
    }

    /// The next candidate while requests are removed in bulk.
    fn reduce(&self, view: &View) -> Option<RequestSet> {
        let unsure = view.base != *self.history.best();
        let confirm = || {
            let is_new = unsure && self.history.is_unasked(&view.base);
            is_new.then(|| view.base.clone())
        };
        let failures = || {
            let entries = self.history.entries();
            let failed = entries.filter(|(keep, state)| {
                matches!(state, State::Told(Verdict::Fail(_))) && keep.is_subset(&view.base)
            });
            failed.count()
        };
        if unsure
            && failures() >= LEAPS
            && let Some(keep) = confirm()
        {
            return Some(keep);
        }
        let chances = self.chances(view);
        let all_flying = union(&view.base, &view.flying);
        let all_suspects = union(&view.base, &view.groups.suspects);
        // A part of a group that contains a needed request: the verdict tells in which part it is.
        let idle = |group: &&RequestSet| !group.has_any_of(&all_flying);
        let halve = |group: &RequestSet| {
            let members = in_order(self.models.order(), group);
            let none = chances.none_needed_within(&members);
            let len = most_telling_within(&none, &self.costs_of(&members));
            self.without_most(view, &members[..len])
        };
        if let Some(keep) = view.groups.suspects.iter().filter(idle).find_map(halve) {
            return Some(keep);
        }
        // A group of requests of unknown state that are in no other group.
        let fresh = view.open.minus(&all_flying);
        if let Some(keep) = self.group(view, &fresh.minus(&all_suspects), &chances) {
            return Some(keep);
        }
        // More workers than groups: they share them.
        let of = |id: RequestId| chances.of(id);
        for part in partition(&view.groups.suspects, &view.flying, of) {
            let keep = match part.kind {
                Kind::Whole if part.members.len() == 1 => {
                    let members: Vec<RequestId> = part.members.iter().collect();
                    self.without(view, &members)
                }
                _ if part.members.len() > 1 => halve(&part.members),
                _ => None,
            };
            if keep.is_some() {
                return keep;
            }
        }
        // Beside others one of its selectors might go.
        let is_alone = self.history.in_flight().next().is_none();
        let selected = || self.without_selected(view).filter(|_| is_alone);
        self.group(view, &fresh, &chances)
            .or_else(confirm)
            .or_else(selected)
    }

    /// For each request of a group, the cost of a trial without it and those before it.
    fn costs_of(&self, group: &[RequestId]) -> Vec<f64> {
        let mut most = 0.0_f64;
        let cost = |id: &RequestId| {
            most = most.max(self.costs.of(*id));
            most
        };
        group.iter().map(cost).collect()
    }

    /// The group with the most information for its cost; among equals, the first in order.
    fn group(&self, view: &View, from: &RequestSet, chances: &Averaged) -> Option<RequestSet> {
        let members = in_order(self.models.order(), from);
        let none = chances.none_needed_of_fresh(&members);
        let len = match members.len() {
            0 => 0,
            _ => most_telling(&none, &self.costs_of(&members)),
        };
        self.without_most(view, &members[..len])
    }
}

impl View {
    fn known(&self, id: RequestId, depends: &Depends) -> Known {
        if self.groups.settled.contains(id) {
            // A request that is needed for its dependents says nothing about its neighbours.
            match depends.carried(id) {
                Some(carried) if self.groups.has_needed(carried) => Known::Nothing,
                _ => Known::Needed,
            }
        } else if self.open.contains(id) {
            Known::Nothing
        } else {
            Known::Gone
        }
    }
}

fn union(like: &RequestSet, sets: &[RequestSet]) -> RequestSet {
    let empty = RequestSet::empty(like.capacity());
    sets.iter().fold(empty, |all, set| all.union(set))
}

impl Search for GroupTesting {
    fn heard(&mut self, _: &str) {}

    fn ask(&mut self) -> Ask {
        if self.phase == Phase::Certifying {
            return match self.certify {
                Certify::Leaves => sweep::step(&mut self.history, &self.implied),
                Certify::Strict => {
                    sweep::step_leaves_first(&mut self.history, &self.implied, &self.costs)
                }
            };
        }
        match self.reduce(&self.view()) {
            Some(keep) => Ask::Evaluate(self.history.propose(keep)),
            None => Ask::Wait,
        }
    }

    fn tell(&mut self, id: CandidateId, verdict: Verdict) -> Update {
        let keep = self.history.keep(id).clone();
        self.weigh(&keep, verdict);
        let new_best = self.history.record(id, verdict);
        if new_best {
            self.groups.shrink_to(&self.history, &self.depends);
            // Dependencies in the old best need not hold in the new one.
            (self.implied, self.has_learnt) = (Depends::none(), false);
        } else if !verdict.is_pass() {
            self.groups.failed(&keep, &self.depends);
        }
        self.settle();
        sweep::update(&self.history, self.phase)
    }

    fn withdraw(&mut self, id: CandidateId) {
        self.history.withdraw(id);
        self.settle();
    }

    // Each verdict is taken as it comes.
    fn start_judged(&mut self, _: Verdict) {}

    fn best(&self) -> &RequestSet {
        self.history.best()
    }

    fn phase(&self) -> Phase {
        self.phase
    }

    fn outlook(&self) -> Outlook {
        let owed = match self.certify {
            Certify::Leaves => sweep::owed(&self.history, &self.implied),
            Certify::Strict => sweep::owed(&self.history, &Depends::none()),
        } as u32;
        let extra = (self.history.in_flight().count() + self.history.merges()) as u32;
        let (at_least, at_most) = if self.phase == Phase::Certifying {
            (owed, owed + extra)
        } else {
            // Each request that may go fails at most in each of some groups, and is owed a
            // trial of its own; unions may have to be tried on the way.
            (1, 1 + 4 * self.history.free().len() as u32 + extra)
        };
        let likely = match self.phase {
            Phase::Certifying => owed,
            _ => self.expected(),
        };
        Outlook {
            at_least,
            at_most,
            likely: Some(likely.clamp(at_least, at_most)),
        }
    }

    fn certificate(&self) -> Certificate {
        sweep::certificate(&self.history, &self.implied)
    }

    fn wants_depends(&self) -> bool {
        self.phase == Phase::Certifying && !self.has_learnt
    }

    fn learn_depends(&mut self, depends: &Depends) {
        self.implied = depends.clone();
        self.has_learnt = true;
    }
}
