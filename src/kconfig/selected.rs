//! Idle requests: another request `select`s their symbols, so removing them has no effect while it is present.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::resolve::Selectors;
use crate::model::{Request, RequestId, RequestSet, Symbol};

/// The idle requests that would take effect if the requests that select them were removed. Some of `requests`
/// select their symbols, directly or through other symbols.
pub(super) fn waiting(
    idle: impl IntoIterator<Item = Request>,
    requests: &[Request],
    selectors: &Selectors,
) -> Vec<Request> {
    let asked: HashSet<&Symbol> = requests.iter().map(|r| &r.symbol).collect();
    let waits = |request: &Request| {
        let above = above(&request.symbol, selectors);
        !request.value.is_no() && above.iter().any(|symbol| asked.contains(symbol))
    };
    idle.into_iter().filter(waits).collect()
}

/// For each request, the requests that select its symbol, directly or through other symbols. Only for the
/// `waiting` ones; other requests have an effect, selected or not.
pub(super) fn selecting(
    requests: &[Request],
    waiting: &[Request],
    selectors: &Selectors,
) -> Vec<RequestSet> {
    let symbols = requests.iter().map(|r| &r.symbol);
    // Ids are indices of requests, which are counted in 32 bits.
    let ids: HashMap<&Symbol, RequestId> = symbols.zip((0..).map(RequestId)).collect();
    let waiting: HashSet<&Symbol> = waiting.iter().map(|r| &r.symbol).collect();
    let of = |request: &Request| {
        let mut set = RequestSet::empty(requests.len());
        if waiting.contains(&request.symbol) {
            let above = above(&request.symbol, selectors);
            let above = above.iter().filter_map(|symbol| ids.get(symbol));
            above.for_each(|id| set.insert(*id));
        }
        set
    };
    requests.iter().map(of).collect()
}

/// All that select a symbol, in any number of steps.
fn above<'a>(symbol: &Symbol, selectors: &'a Selectors) -> BTreeSet<&'a Symbol> {
    let direct = |symbol| selectors.get(symbol).into_iter().flatten();
    let mut found = BTreeSet::new();
    let mut open: Vec<&Symbol> = direct(symbol).collect();
    while let Some(next) = open.pop() {
        // Kconfig refuses cycles; a fragment of the model may have one all the same.
        if next != symbol && found.insert(next) {
            open.extend(direct(next));
        }
    }
    found
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn requests(text: &str) -> Vec<Request> {
        let parsed = super::super::read::read(text.as_bytes());
        parsed.fragment.requests().to_vec()
    }

    fn symbols(names: &[&str]) -> BTreeSet<Symbol> {
        names
            .iter()
            .map(|name| Symbol::new(name).unwrap())
            .collect()
    }

    /// DISK selects TREE, TREE selects FILES; ALWAYS, which nobody asks for, selects LIST.
    fn selectors() -> Selectors {
        let pairs = [
            ("TREE", ["DISK"].as_slice()),
            ("FILES", &["TREE"]),
            ("LIST", &["ALWAYS"]),
        ];
        let pairs = pairs.map(|(name, by)| (Symbol::new(name).unwrap(), symbols(by)));
        pairs.into_iter().collect()
    }

    #[test]
    fn what_a_request_selects_in_any_number_of_steps_waits_for_it() {
        let idle = requests("CONFIG_FILES=y\nCONFIG_LIST=y\nCONFIG_OTHER=y\n");
        let waiting = waiting(idle, &requests("CONFIG_DISK=y\n"), &selectors());
        assert_eq!(waiting, requests("CONFIG_FILES=y\n"));
    }

    #[test]
    fn who_is_waited_for_are_all_that_select_it() {
        let all = requests("CONFIG_DISK=y\nCONFIG_TREE=y\nCONFIG_FILES=y\n");
        let waiting = [all[1].clone(), all[2].clone()];
        let by: Vec<Vec<u32>> = selecting(&all, &waiting, &selectors())
            .iter()
            .map(|set| set.iter().map(|id| id.0).collect())
            .collect();
        assert_eq!(by, [vec![], vec![0], vec![0, 1]]);
        assert!(
            selecting(&all, &[], &selectors())
                .iter()
                .all(RequestSet::is_empty)
        );
    }

    #[test]
    fn a_cycle_ends() {
        let around = [("A", ["B"]), ("B", ["A"])];
        let around = around.map(|(name, by)| (Symbol::new(name).unwrap(), symbols(&by)));
        let around = around.into_iter().collect();
        assert_eq!(above(&Symbol::new("A").unwrap(), &around).len(), 1);
    }
}
