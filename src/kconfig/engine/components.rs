//! The strongly connected components of a graph: R. Tarjan, "Depth-first search and linear graph algorithms", 1972.

/// The components of a graph of so many nodes, each after those that its nodes lead to. `next` puts the nodes that
/// one leads to into a list.
pub(super) fn components(
    nodes: usize,
    next_of: impl Fn(usize, &mut Vec<usize>),
) -> Vec<Vec<usize>> {
    // A stack of its own: it goes as deep as the graph.
    const NEW: u32 = u32::MAX;
    let mut index = vec![NEW; nodes];
    let mut low = vec![NEW; nodes];
    let mut is_open = vec![false; nodes];
    let (mut open, mut found, mut count) = (Vec::new(), Vec::new(), 0);
    let mut next = Vec::new();
    for root in 0..nodes {
        if index[root] != NEW {
            continue;
        }
        // Nodes on the way, each with what is left to visit from it.
        let mut way: Vec<(usize, Vec<usize>)> = Vec::new();
        let mut enter = Some(root);
        loop {
            if let Some(node) = enter.take() {
                (index[node], low[node], is_open[node]) = (count, count, true);
                count += 1;
                open.push(node);
                next_of(node, &mut next);
                way.push((node, next.clone()));
            }
            let Some((node, left)) = way.last_mut() else {
                break;
            };
            let node = *node;
            if let Some(to) = left.pop() {
                if index[to] == NEW {
                    enter = Some(to);
                } else if is_open[to] {
                    low[node] = low[node].min(index[to]);
                }
                continue;
            }
            way.pop();
            if let Some((before, _)) = way.last() {
                low[*before] = low[*before].min(low[node]);
            }
            if low[node] == index[node] {
                let at = open.iter().rposition(|n| *n == node).unwrap_or(0);
                let component = open.split_off(at);
                for node in &component {
                    is_open[*node] = false;
                }
                found.push(component);
            }
        }
    }
    found
}
