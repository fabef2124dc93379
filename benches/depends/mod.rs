//! Dependencies between the requests of Debian's configurations of Linux 6.1, as a run records them.

use kbisect::model::{RequestId, RequestSet};
use kbisect::search::Depends;

/// The requests of a configuration whose modules are built in.
pub struct Known {
    /// What it is of.
    pub name: &'static str,
    /// What depends on what.
    pub depends: Depends,
    /// For each request, those that select it.
    pub selectors: Vec<RequestSet>,
}

/// Debian's cloud configuration, with 1,780 requests, and its general one, with 4,848.
pub fn debian() -> [Known; 2] {
    [
        ("cloud", include_str!("cloud-builtin.json")),
        ("general", include_str!("general-builtin.json")),
    ]
    .map(|(name, text)| {
        let value: serde_json::Value = serde_json::from_str(text).expect("it is JSON");
        let lists = |key: &str| -> Vec<RequestSet> {
            let lists: Vec<Vec<RequestId>> =
                serde_json::from_value(value[key].clone()).expect("lists of numbers");
            let n = lists.len();
            let set = |ids: &Vec<RequestId>| RequestSet::of(n, ids.iter().copied());
            lists.iter().map(set).collect()
        };
        Known {
            name,
            depends: Depends::new(lists("direct")),
            selectors: lists("selectors"),
        }
    })
}
