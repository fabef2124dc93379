//! The dependents of each request: the requests that fall when it is removed.

use std::collections::HashMap;

use rayon::prelude::*;

use super::resolve::Resolver;
use super::variations::Variations;
use crate::Result;
use crate::model::{Request, RequestId, RequestSet, Symbol, Value};
use crate::supervise::CancelToken;

/// For each request, its dependents: the requests that no longer take effect if it alone is removed.
/// Without it they can be removed at no cost, and they matter only while it is present.
///
/// `selectors` has for each request the requests that must be removed before it (see
/// [`Start`](super::Start)), or is empty. They count as dependents, together with the dependents of all of
/// them.
///
/// This asks one question for each request. What each costs is as [`Variations`] says.
///
/// # Errors
/// Kconfig fails.
pub fn dependents(
    requests: &[Request],
    selectors: &[RequestSet],
    resolver: &dyn Resolver,
    cancel: &CancelToken,
) -> Result<Vec<RequestSet>> {
    let variations = Variations::new(resolver, requests, cancel)?;
    let symbols = requests.iter().map(|r| &r.symbol);
    let ids: HashMap<&Symbol, RequestId> = symbols.zip((0..).map(RequestId)).collect();
    let none = RequestSet::empty(requests.len());
    RequestSet::full(requests.len())
        .iter()
        .collect::<Vec<_>>()
        .into_par_iter()
        .map_init(
            || variations.fork(),
            |without, left_out| {
                let first = selectors.get(left_out.index()).unwrap_or(&none);
                let left: Vec<RequestId> = first.iter().chain([left_out]).collect();
                let changes = without.without(&left)?;
                let falls = changes.iter().filter_map(|(symbol, now)| {
                    let id = ids.get(symbol)?;
                    let before = variations.config().get(symbol);
                    let is_module = is_module_that_is_built_in(before, now);
                    (*id != left_out && (is_module || falls(before, now))).then_some(*id)
                });
                Ok(RequestSet::of(requests.len(), falls).union(first))
            },
        )
        .collect()
}

/// The dependents from [`dependents`] whose transitive closure may be taken. A selected request is left out if one
/// of its selectors does not fall with it. Example: `S` has `select W if V`, and `W` depends on `V`. Removing
/// `W` requires removing `S`; removing `V` does not. So `W` is no dependent of `V` here.
#[must_use]
pub fn unconditional_dependents(
    mut carried: Vec<RequestSet>,
    selectors: &[RequestSet],
) -> Vec<RequestSet> {
    for (id, own) in (0..).map(RequestId).zip(&mut carried) {
        let is_tied = |selected: &RequestId| {
            let by = selectors.get(selected.index());
            by.is_some_and(|by| !by.without(id).is_subset(own))
        };
        let tied: Vec<RequestId> = own.iter().filter(is_tied).collect();
        for selected in tied {
            own.remove(selected);
        }
    }
    carried
}

/// Did a request take effect before, and is its symbol off now (or on, if off was requested)? A symbol that
/// only changes its value does not count.
fn falls(before: &Value, now: &Value) -> bool {
    before.is_no() != now.is_no()
}

/// Was it a module, and is it built in now? It is what becomes of `=m` without `MODULES`: more would be built with
/// fewer requests.
fn is_module_that_is_built_in(before: &Value, now: &Value) -> bool {
    (before, now) == (&Value::MODULE, &Value::YES)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kconfig::engine::{Env, Mode, Model, NoShell, parse};
    use crate::kconfig::{parse_config, read};
    use crate::model::{Config, Fragment, ResolvedConfig};

    /// A fake Kconfig: each of A, B, C depends on the one before it.
    struct Chain;

    impl Resolver for Chain {
        fn resolve(&self, fragment: &Fragment, _: &CancelToken) -> Result<ResolvedConfig> {
            let mut config = Vec::new();
            for name in ["A", "B", "C"] {
                let symbol = Symbol::new(name).unwrap();
                if fragment.get(&symbol).is_none() {
                    break;
                }
                config.push((symbol, Value::YES));
            }
            let config: Config = config.into_iter().collect();
            Ok(ResolvedConfig::new(String::new(), config))
        }
    }

    /// A fake Kconfig: DISK selects FILES, NODE depends on FILES, TABLE on DISK.
    struct Selecting;

    impl Resolver for Selecting {
        fn resolve(&self, fragment: &Fragment, _: &CancelToken) -> Result<ResolvedConfig> {
            let asked = |name| fragment.get(&Symbol::new(name).unwrap()).is_some();
            let files = asked("FILES") || asked("DISK");
            let on = [
                ("DISK", asked("DISK")),
                ("TABLE", asked("TABLE") && asked("DISK")),
                ("FILES", files),
                ("NODE", asked("NODE") && files),
            ];
            let on = on.into_iter().filter(|(_, is_on)| *is_on);
            let config = on.map(|(name, _)| (Symbol::new(name).unwrap(), Value::YES));
            Ok(ResolvedConfig::new(String::new(), config.collect()))
        }
    }

    #[test]
    fn with_what_is_selected_go_its_selectors_and_what_depends_on_any_of_them() {
        let request = |name| Request {
            symbol: Symbol::new(name).unwrap(),
            value: Value::YES,
        };
        let requests = ["DISK", "TABLE", "FILES", "NODE"].map(request);
        let mut selectors = vec![RequestSet::empty(4); 4];
        let carried = |selectors: &[RequestSet]| -> Vec<Vec<u32>> {
            dependents(&requests, selectors, &Selecting, &CancelToken::new())
                .unwrap()
                .iter()
                .map(|set| set.iter().map(|id| id.0).collect())
                .collect()
        };
        assert_eq!(carried(&selectors), [vec![1], vec![], vec![], vec![]]);
        selectors[2].insert(RequestId(0));
        assert_eq!(
            carried(&selectors),
            [vec![1], vec![], vec![0, 1, 3], vec![]]
        );
    }

    #[test]
    fn what_is_selected_does_not_tie_its_selector_to_what_that_only_selects_it_by() {
        let set = |ids: &[u32]| RequestSet::of(3, ids.iter().map(|id| RequestId(*id)));
        // 0 selects 1 if 2, and 1 depends on 2.
        let selectors = [set(&[]), set(&[0]), set(&[])];
        let carried = vec![set(&[]), set(&[0]), set(&[1])];
        let expected = vec![set(&[]), set(&[0]), set(&[])];
        assert_eq!(unconditional_dependents(carried, &selectors), expected);
        // 0 depends on 2 as well.
        let carried = vec![set(&[]), set(&[0]), set(&[0, 1])];
        assert_eq!(
            unconditional_dependents(carried.clone(), &selectors),
            carried
        );
    }

    #[test]
    fn a_request_takes_with_it_what_depends_on_it() {
        let request = |name| Request {
            symbol: Symbol::new(name).unwrap(),
            value: Value::YES,
        };
        let requests = ["A", "B", "C"].map(request);
        let carried = dependents(&requests, &[], &Chain, &CancelToken::new()).unwrap();
        let ids: Vec<Vec<u32>> = carried
            .iter()
            .map(|set| set.iter().map(|id| id.0).collect())
            .collect();
        assert_eq!(ids, [vec![1, 2], vec![2], vec![]]);
    }

    /// The native engine, without anything beside it.
    struct Native(Model);

    impl Resolver for Native {
        fn resolve(&self, fragment: &Fragment, _: &CancelToken) -> Result<ResolvedConfig> {
            let asked = self.0.assignments(fragment.to_string());
            let text = self.0.resolve(Mode::AllNo, Some(&asked)).write();
            let config = parse_config(&text);
            Ok(ResolvedConfig::new(text, config))
        }
    }

    #[test]
    fn each_module_depends_on_modules_however_it_is_switched() {
        let dir = tempfile::tempdir().unwrap();
        let tree = "config MODULES\n\tbool \"m\"\n\tmodules\nconfig NET\n\tbool \"n\"\n\
                    config CARD\n\ttristate \"c\"\n\tdepends on NET\n\tselect CORE\nconfig CORE\n\ttristate\n\
                    config ONLY\n\ttristate \"o\"\n\tdepends on m\n";
        std::fs::write(dir.path().join("Kconfig"), tree).unwrap();
        let env = Env {
            source: dir.path().to_owned(),
            ..Env::default()
        };
        let native = Native(parse("Kconfig", &env, &mut NoShell).unwrap());
        let text = b"CONFIG_MODULES=y\nCONFIG_NET=y\nCONFIG_CARD=m\nCONFIG_ONLY=m\n";
        let requests = read(text).fragment.requests().to_vec();
        let cancel = CancelToken::new();
        let carried = dependents(&requests, &[], &native, &cancel).unwrap();
        let set = |ids: &[u32]| RequestSet::of(4, ids.iter().map(|id| RequestId(*id)));
        assert_eq!(carried, [set(&[2, 3]), set(&[2]), set(&[]), set(&[])]);
        // What would be built without them is more.
        let without = Fragment::new(requests[1..].to_vec());
        let config = native.resolve(&without, &cancel).unwrap().config;
        let card = Symbol::new("CARD").unwrap();
        assert_eq!(config.get(&card), &Value::YES);
    }
}
