//! From a working configuration to the requests that a search can take away.

use std::collections::{BTreeMap, HashSet};

use super::conf::{ConfResolver, Precedence};
use super::engine::Prompt;
use super::idle::{drop_idle, take_away};
use super::read::Parsed;
use super::resolve::{Changes, Resolver};
use super::selected::{selecting, waiting};
use super::spelling::spelling;
use super::variations::Variations;
use crate::model::{
    Fragment, MODULES, Request, RequestId, RequestSet, ResolvedConfig, Symbol, Value,
};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// Why an assignment of the start is no request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// It has no prompt that is visible: other symbols decide.
    NoPrompt,
    /// A `select` leaves it no other value, and no request is known by which that is so.
    Forced,
    /// The base gives the same value.
    SameAsBase,
    /// The base asks for the symbol itself.
    InBase,
}

/// An assignment of the start to a symbol of which the base asks for another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overruled {
    /// What the start asks for.
    pub request: Request,
    /// What the base asks for.
    pub base: Value,
    /// Which of them holds.
    pub holds: Precedence,
}

/// A working configuration, taken apart.
#[derive(Debug, Clone)]
pub struct Start {
    /// What the file asks for.
    pub asked: Fragment,
    /// What can be taken away, in menu order: neighbours are related.
    pub requests: Vec<Request>,
    /// Of these, the ones that must stay (`--keep`).
    pub keep: RequestSet,
    /// By request that changes nothing, the others by which it does not: they select its symbol,
    /// themselves or through what they select in turn. None of most, which change something; empty if
    /// there are none, or nobody can tell quickly. It may matter when some of them are gone.
    pub selectors: Vec<RequestSet>,
    /// What base + requests resolves to; the same as base + everything that the file asks for.
    pub resolved: ResolvedConfig,
    /// What the base alone resolves to.
    pub base: ResolvedConfig,
    /// Assignments of the file that are no requests, and why.
    pub fixed: Vec<(Request, Fixed)>,
    /// Requests that change nothing: dropped without a trial.
    pub dropped: Vec<Request>,
    /// Assignments of the file that did not come true, with the value that came instead.
    pub missing: Vec<(Request, Value)>,
    /// Assignments to symbols of which the base asks for another value.
    pub overruled: Vec<Overruled>,
    /// Symbols that the tree does not have, with their lines.
    pub unknown: Vec<(usize, Symbol)>,
}

impl Start {
    /// `=` lines of the resolved config that no request asked for.
    #[must_use]
    pub fn implied(&self) -> usize {
        let asked = self
            .requests
            .iter()
            .filter(|r| self.resolved.config.get(&r.symbol) == &r.value);
        self.resolved.config.len() - asked.filter(|r| !r.value.is_no()).count()
    }

    /// The requests as a fragment.
    #[must_use]
    pub fn fragment(&self) -> Fragment {
        Fragment::new(self.requests.clone())
    }
}

/// Takes the start apart.
///
/// Under all-no every symbol that the user can set is `n` unless the fragment lists it, so
/// what can be taken away is among the file's own assignments: those with a visible prompt in
/// the resolved config, not forced by a `select`, whose value differs from the base's. A
/// request without which the config resolves to the same is dropped at once, and so on until
/// each one matters. But for those that change nothing because others select their symbols: they are
/// kept, as they may do instead of these (what needs `SYSFS` does not need the disk that selects it).
///
/// Of most it is known without a try that they matter. What a `select` makes of a symbol depends
/// only on symbols that do not depend on it in turn (Kconfig refuses cycles). So when the prompt
/// allows `n`, then the symbol is `n` as soon as it is no longer asked for.
///
/// What the file and the base resolve to is asked of `resolver`; what can be set and the many
/// questions of what goes with what, of `quick`, if it agrees on the whole.
///
/// # Errors
/// Kconfig fails, or a symbol to keep is not set in the resolved config.
pub fn analyse(
    parsed: &Parsed,
    keep: &[Symbol],
    known: &HashSet<Symbol>,
    resolver: &ConfResolver,
    quick: &dyn Resolver,
    cancel: &CancelToken,
) -> Result<Start> {
    check_known(keep, known)?;
    let unknown = parsed.unknown(known);
    let (asked, mut fixed, overruled) = beside_base(parsed, resolver);
    let base = resolver.resolve(&Fragment::default(), cancel)?;
    let full = resolver.resolve(&asked, cancel)?;
    let agree = quick.foresee(&asked, cancel)?.fingerprint == full.fingerprint;
    if !agree {
        // Lets it see for itself that it is wrong.
        quick.resolve(&asked, cancel)?;
    }
    let quick: &dyn Resolver = if agree { quick } else { resolver };
    let prompts = match quick.foresee_prompts(&full) {
        Some(prompts) => prompts,
        None => resolver.prompts(&full, cancel)?,
    };

    let (mut candidates, missing) = settable(&asked, known, &full, &base, &prompts, &mut fixed);
    // In menu order, as the file that Kconfig writes has it.
    let place = menu_order(&full.text);
    let place = |r: &Request| place.get(&r.symbol).copied().unwrap_or(usize::MAX);
    candidates.sort_by_key(place);

    let resolves_alike = |requests: &[Request]| -> Result<bool> {
        let resolved = quick.foresee(&Fragment::new(requests.to_vec()), cancel)?;
        Ok(resolved.fingerprint == full.fingerprint)
    };
    let matters =
        |s: &Symbol| prompts.get(s) == Some(&Prompt::Switchable) && !full.config.get(s).is_no();
    let candidate_symbols = candidates.iter().map(|r| &r.symbol);
    let mut sure: HashSet<Symbol> = candidate_symbols.filter(|s| matters(s)).cloned().collect();
    if !resolves_alike(&candidates)? {
        // Something that looked implied is not. Everything known is a request then: more than
        // need be, but what the search takes apart is what the user has.
        candidates = asked
            .requests()
            .iter()
            .filter(|r| known.contains(&r.symbol))
            .cloned()
            .collect();
        candidates.sort_by_key(place);
        fixed.retain(|(_, why)| *why == Fixed::InBase);
        sure.clear();
        if !resolves_alike(&candidates)? {
            return Err(Error::failed(
                "the start does not resolve to the same config twice",
            ));
        }
    }
    let mut variations = Variations::new(quick, &candidates, cancel)?;
    let mut dropped = drop_idle(&candidates, &sure, &mut variations)?;
    let mut requests = variations.left();
    let by = quick.foresee_selectors(&full).unwrap_or_default();
    let can_be_set = |r: &Request| {
        let prompt = prompts.get(&r.symbol);
        prompt.is_some_and(|prompt| *prompt != Prompt::Member)
            && base.config.get(&r.symbol) != full.config.get(&r.symbol)
    };
    let forced = fixed.iter().filter(|(_, why)| *why == Fixed::Forced);
    let idle = forced.map(|(r, _)| r).chain(&dropped);
    let idle = idle.filter(|r| can_be_set(r)).cloned();
    let mut selected = waiting(idle, &requests, &by);
    let mut selectors = Vec::new();
    let mut all = [&requests[..], &selected].concat();
    all.sort_by_key(place);
    if selected.is_empty() || !resolves_alike(&all)? {
        selected.clear();
    } else {
        selectors = selecting(&all, &selected, &by);
        requests = all;
        fixed.retain(|(r, _)| !selected.contains(r));
        dropped.retain(|r| !selected.contains(r));
    }
    let variations = || Variations::new(quick, &requests, cancel);
    let keep = kept(&requests, &selected, keep, &full, variations)?;
    let keep = with_modules(&requests, keep);
    Ok(Start {
        asked: parsed.fragment.clone(),
        requests,
        keep,
        selectors,
        resolved: full,
        base,
        fixed,
        dropped,
        missing,
        overruled,
        unknown,
    })
}

/// Does the source have the symbols to keep?
fn check_known(keep: &[Symbol], known: &HashSet<Symbol>) -> Result<()> {
    match keep.iter().find(|symbol| !known.contains(*symbol)) {
        None => Ok(()),
        Some(absent) => Err(Error::usage(format!(
            "--keep {absent}: this source has no symbol {absent} for this architecture"
        ))
        .hint(spelling(absent, known))),
    }
}

/// What the start asks for beside the base, what the base has already, and where the two ask for other values.
fn beside_base(
    parsed: &Parsed,
    resolver: &ConfResolver,
) -> (Fragment, Vec<(Request, Fixed)>, Vec<Overruled>) {
    let mut fixed = Vec::new();
    let mut asked = Vec::new();
    let mut overruled = Vec::new();
    for request in parsed.fragment.requests() {
        let base = resolver.base().get(&request.symbol);
        let other = base.filter(|value| **value != request.value);
        let holds = resolver.precedence();
        if let Some(value) = other {
            overruled.push(Overruled {
                request: request.clone(),
                base: value.clone(),
                holds,
            });
        }
        if base.is_none() || other.is_some() && holds == Precedence::Start {
            asked.push(request.clone());
        } else {
            fixed.push((request.clone(), Fixed::InBase));
        }
    }
    (Fragment::new(asked), fixed, overruled)
}

/// The assignments that can be requests: those that the user can set, and that differ from the base. Why others are
/// none goes to `fixed`. Beside them, what the start asked for and what it got instead.
fn settable(
    asked: &Fragment,
    known: &HashSet<Symbol>,
    full: &ResolvedConfig,
    base: &ResolvedConfig,
    prompts: &BTreeMap<Symbol, Prompt>,
    fixed: &mut Vec<(Request, Fixed)>,
) -> (Vec<Request>, Vec<(Request, Value)>) {
    let mut candidates = Vec::new();
    let mut missing = Vec::new();
    for request in asked.requests() {
        if !known.contains(&request.symbol) {
            continue;
        }
        let got = full.config.get(&request.symbol);
        if *got != request.value && !got.is_same_number(&request.value) {
            missing.push((request.clone(), got.clone()));
        }
        let why = match prompts.get(&request.symbol) {
            None => Some(Fixed::NoPrompt),
            Some(Prompt::Forced) => Some(Fixed::Forced),
            Some(Prompt::Switchable | Prompt::Settable | Prompt::Member) => {
                (base.config.get(&request.symbol) == got).then_some(Fixed::SameAsBase)
            }
        };
        match why {
            Some(why) => fixed.push((request.clone(), why)),
            None => candidates.push(request.clone()),
        }
    }
    (candidates, missing)
}

/// The same, and the request for `MODULES` if a module stays: without it nobody asks for modules.
fn with_modules(requests: &[Request], mut keep: RequestSet) -> RequestSet {
    let is_module = |id: RequestId| requests[id.index()].value == Value::MODULE;
    if keep.iter().any(is_module) {
        let switch = requests.iter().position(|r| r.symbol.as_str() == MODULES);
        let ids = switch.map(|at| RequestId(at as u32));
        keep = keep.union(&RequestSet::of(requests.len(), ids));
    }
    keep
}

fn menu_order(text: &str) -> BTreeMap<Symbol, usize> {
    let name = |line: &str| {
        let rest = line
            .strip_prefix("# CONFIG_")
            .or_else(|| line.strip_prefix("CONFIG_"))?;
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        Symbol::new(&rest[..end]).ok()
    };
    text.lines().filter_map(name).zip(0..).collect()
}

/// Requests that give the symbols to keep their values by themselves, and of which none can be
/// spared: the symbols' own, and what they depend on. Of several ways to meet a dependency, one
/// is kept; rather one of `selected` than what selects it, and rather a symbol's own request than others.
fn kept<'v>(
    requests: &[Request],
    selected: &[Request],
    keep: &[Symbol],
    full: &ResolvedConfig,
    variations: impl FnOnce() -> Result<Variations<'v>>,
) -> Result<RequestSet> {
    if let Some(absent) = keep.iter().find(|s| full.config.get(s).is_no()) {
        return Err(Error::usage(format!(
            "--keep {absent}: the start does not turn {absent} on"
        ))
        .hint(format!(
            "add CONFIG_{absent}=y to the start, and its dependencies"
        )));
    }
    let mut needed = RequestSet::full(requests.len());
    if keep.is_empty() {
        return Ok(RequestSet::empty(requests.len()));
    }
    let mut variations = variations()?;
    // They all have their values, and keep them.
    let holds = |changes: &Changes| !changes.iter().any(|(symbol, _)| keep.contains(symbol));
    let selected: HashSet<&Symbol> = selected.iter().map(|r| &r.symbol).collect();
    loop {
        let symbol = |id: &RequestId| &requests[id.index()].symbol;
        let (own, others): (Vec<_>, Vec<_>) =
            needed.iter().partition(|id| keep.contains(symbol(id)));
        let (selected, others): (Vec<_>, Vec<_>) = others
            .into_iter()
            .partition(|id| selected.contains(symbol(id)));
        let mut taken = Vec::new();
        for group in [others, selected, own] {
            take_away(&mut variations, &group, &holds, &mut taken)?;
        }
        if taken.is_empty() {
            return Ok(needed);
        }
        for id in taken {
            needed.remove(id);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_alike_however_they_are_written() {
        let value = |t: &str| t.parse::<Value>().unwrap();
        assert!(value("0x10").is_same_number(&value("16")));
        assert!(value("0xFF").is_same_number(&value("0xff")));
        assert!(!value("y").is_same_number(&value("m")));
        assert!(
            !value("y").is_same_number(&value("y")),
            "what is equal needs no more"
        );
    }

    #[test]
    fn the_order_is_that_of_the_file() {
        let order = menu_order("# CONFIG_B is not set\nCONFIG_A=y\n#\n# text\nCONFIG_C=\"x\"\n");
        let mut names: Vec<_> = order.iter().collect();
        names.sort_by_key(|(_, place)| **place);
        let names: Vec<&str> = names.into_iter().map(|(s, _)| s.as_str()).collect();
        assert_eq!(names, ["B", "A", "C"]);
    }
}
