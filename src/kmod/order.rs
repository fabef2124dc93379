//! The order in which modules are loaded: each after those that it needs.

use std::collections::BTreeMap;

/// The modules `wanted` and all that they need, each after those. What needs one another in a circle comes in the
/// order in which it is met. Others keep the order in which they are wanted.
pub(super) fn in_order(wanted: &[String], needs: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let mut met: BTreeMap<&str, ()> = BTreeMap::new();
    let mut order = Vec::new();
    for name in wanted {
        // Without recursion: the names come from files. Each module, and how many of its needs were looked at.
        let mut path: Vec<(&str, usize)> = vec![(name, 0)];
        if met.insert(name, ()).is_some() {
            continue;
        }
        while let Some((module, next)) = path.pop() {
            let needed = needs.get(module).and_then(|all| all.get(next));
            let Some(needed) = needed else {
                order.push(module.to_owned());
                continue;
            };
            path.push((module, next + 1));
            if met.insert(needed, ()).is_none() {
                path.push((needed, 0));
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(wanted: &[&str], needs: &[(&str, &[&str])]) -> Vec<String> {
        let owned = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<Vec<_>>();
        let needs = needs.iter().map(|(m, n)| ((*m).to_owned(), owned(n)));
        in_order(&owned(wanted), &needs.collect())
    }

    #[test]
    fn each_comes_after_those_that_it_needs() {
        let needs: [(&str, &[&str]); 3] = [("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"])];
        assert_eq!(order(&["a"], &needs), ["d", "b", "c", "a"]);
        assert_eq!(order(&["d", "a", "x"], &needs), ["d", "b", "c", "a", "x"]);
    }

    #[test]
    fn a_circle_has_an_end() {
        let needs: [(&str, &[&str]); 2] = [("a", &["b"]), ("b", &["a"])];
        assert_eq!(order(&["a", "b"], &needs), ["b", "a"]);
    }
}
