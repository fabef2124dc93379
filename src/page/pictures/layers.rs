//! Lays a graph out in rows: who is depended on is above, edges cross little.
//!
//! Edges to one node that pass other rows share a *trunk*, which has a place of its own in each row that it passes.

use std::collections::{BTreeMap, BTreeSet};

/// A graph to be laid out.
#[derive(Debug)]
pub(super) struct Graph {
    /// The width of each node.
    pub(super) widths: Vec<f64>,
    /// From a node to another, on which it depends; no doubles, no loops.
    pub(super) edges: BTreeSet<(usize, usize)>,
}

/// What has a place in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// A node.
    Node(usize),
    /// The edges to this node, on their way.
    Trunk(usize),
}

/// A layout.
pub(super) struct Layout {
    /// The rows from above: what is in each from left to right, and the middle of each.
    pub(super) rows: Vec<Vec<(Item, f64)>>,
    /// From an item to one of the row above: row of the lower one, its index there, index of the upper one.
    pub(super) links: Vec<(usize, usize, usize)>,
    /// Edges that close a circle: they go down, or within a row.
    pub(super) back: Vec<(usize, usize)>,
}

const GAP: f64 = 18.0;
const SWEEPS: usize = 12;

impl Graph {
    /// The layout with rows of this width.
    pub(super) fn layout(&self, width: f64) -> Layout {
        let (layers, back) = self.layers();
        let row_of = self.wrapped(&layers, &back, width);
        let forward = || self.edges.iter().filter(|edge| !back.contains(edge));
        // For each node, the last row from which an edge goes to it.
        let mut last = BTreeMap::new();
        for (from, to) in forward() {
            let row = last.entry(*to).or_insert(0);
            *row = row_of[*from].max(*row);
        }
        let mut rows: Vec<Vec<Item>> = vec![Vec::new(); row_of.iter().max().map_or(0, |n| n + 1)];
        for (node, row) in row_of.iter().enumerate() {
            rows[*row].push(Item::Node(node));
        }
        for (to, end) in &last {
            for row in &mut rows[row_of[*to] + 1..*end] {
                row.push(Item::Trunk(*to));
            }
        }
        // An edge goes up to the trunk of its target, or to the target itself.
        let above = |to: usize, row: usize| match row_of[to] + 1 == row {
            true => Item::Node(to),
            false => Item::Trunk(to),
        };
        let mut pairs: Vec<BTreeSet<(Item, Item)>> = vec![BTreeSet::new(); rows.len()];
        for (from, to) in forward() {
            let row = row_of[*from];
            pairs[row].insert((Item::Node(*from), above(*to, row)));
        }
        for (row, items) in rows.iter().enumerate() {
            for item in items {
                if let Item::Trunk(to) = item {
                    pairs[row].insert((*item, above(*to, row)));
                }
            }
        }
        let mut sweep = Sweep::new(self, rows, pairs, width);
        sweep.run();
        sweep.layout(back.into_iter().collect())
    }

    /// For each node its layer, one below the lowest on which it depends; and the edges that close circles.
    fn layers(&self) -> (Vec<usize>, BTreeSet<(usize, usize)>) {
        let count = self.widths.len();
        let mut needs: Vec<Vec<usize>> = vec![Vec::new(); count];
        let mut needed_by: Vec<Vec<usize>> = vec![Vec::new(); count];
        for (from, to) in &self.edges {
            needs[*from].push(*to);
            needed_by[*to].push(*from);
        }
        let mut open: Vec<usize> = needs.iter().map(Vec::len).collect();
        let mut layers: Vec<Option<usize>> = vec![None; count];
        let mut back = BTreeSet::new();
        for _ in 0..count {
            let left = (0..count).filter(|node| layers[*node].is_none());
            // Without circles, there is always one that needs nothing more.
            let Some(node) = left.min_by_key(|node| open[*node]) else {
                break;
            };
            let mut layer = 0;
            for to in &needs[node] {
                match layers[*to] {
                    Some(of) => layer = layer.max(of + 1),
                    None => {
                        back.insert((node, *to));
                    }
                }
            }
            layers[node] = Some(layer);
            for from in &needed_by[node] {
                open[*from] = open[*from].saturating_sub(1);
            }
        }
        (layers.into_iter().flatten().collect(), back)
    }

    /// The row of each node: a layer that is too wide takes several.
    fn wrapped(&self, layers: &[usize], back: &BTreeSet<(usize, usize)>, width: f64) -> Vec<usize> {
        let targets: BTreeSet<usize> = self.edges.iter().map(|(_, to)| *to).collect();
        // Trunks need room, too.
        let room = (width - 6.0 * targets.len() as f64).max(width / 2.0);
        let mut row_of = vec![0; layers.len()];
        // A number for each node, by which nodes that depend on the same are near one another.
        let mut rank = vec![0.0; layers.len()];
        let (mut row, mut next) = (0, 0.0);
        for layer in 0..=layers.iter().max().copied().unwrap_or(0) {
            let mut nodes: Vec<usize> = (0..layers.len()).filter(|n| layers[*n] == layer).collect();
            let mean = |node: &usize| {
                let edges = self.edges.range((*node, 0)..=(*node, usize::MAX));
                let ranks = edges
                    .filter(|edge| !back.contains(edge))
                    .map(|(_, to)| rank[*to]);
                middle(ranks).unwrap_or(0.0)
            };
            let means: BTreeMap<usize, f64> = nodes.iter().map(|n| (*n, mean(n))).collect();
            nodes.sort_by(|a, b| means[a].total_cmp(&means[b]));
            let total: f64 = nodes.iter().map(|node| self.widths[*node] + GAP).sum();
            // Rows of equal width, rather than a last one that is nearly empty.
            let share = total / (total / room).ceil().max(1.0);
            let mut used = 0.0;
            for node in nodes {
                let needs = self.widths[node] + GAP;
                let is_full = used + needs > room || used + needs / 2.0 > share;
                if used > 0.0 && is_full {
                    (row, used) = (row + 1, 0.0);
                }
                used += needs;
                row_of[node] = row;
                rank[node] = next;
                next += 1.0;
            }
            row += 1;
        }
        row_of
    }
}

/// The mean of some numbers, if there are any.
fn middle(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (count, sum) = numbers.fold((0.0, 0.0), |(count, sum), n| (count + 1.0, sum + n));
    (count > 0.0).then(|| sum / count)
}

/// Orders the items of rows by the places of their neighbours, from above and from below in turn.
struct Sweep<'a> {
    graph: &'a Graph,
    width: f64,
    rows: Vec<Vec<Item>>,
    places: Vec<BTreeMap<Item, f64>>,
    /// For each row, the items of the row above with which its items are linked.
    pairs: Vec<BTreeSet<(Item, Item)>>,
}

impl<'a> Sweep<'a> {
    fn new(
        graph: &'a Graph,
        rows: Vec<Vec<Item>>,
        pairs: Vec<BTreeSet<(Item, Item)>>,
        width: f64,
    ) -> Self {
        let mut sweep = Self {
            graph,
            width,
            places: vec![BTreeMap::new(); rows.len()],
            rows,
            pairs,
        };
        for row in 0..sweep.rows.len() {
            let wanted = vec![width / 2.0; sweep.rows[row].len()];
            sweep.place(row, &wanted);
        }
        sweep
    }

    fn run(&mut self) {
        let mut best = (self.crossings(), self.rows.clone());
        for sweep in 0..SWEEPS {
            let count = self.rows.len();
            let mut order: Vec<usize> = (0..count).collect();
            let from_above = sweep % 2 == 0;
            if !from_above {
                order.reverse();
            }
            for row in order {
                let wanted = self.wanted(row, from_above);
                let mut items: Vec<(f64, Item)> =
                    wanted.into_iter().zip(self.rows[row].clone()).collect();
                items.sort_by(|a, b| a.0.total_cmp(&b.0));
                self.rows[row] = items.iter().map(|(_, item)| *item).collect();
                let wanted: Vec<f64> = items.iter().map(|(wanted, _)| *wanted).collect();
                self.place(row, &wanted);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
        self.straighten();
    }

    /// Moves each item as near to all its neighbours as it can go in the order that there is.
    fn straighten(&mut self) {
        for row in 0..self.rows.len() {
            let wanted: Vec<f64> = self.wanted(row, true);
            self.place(row, &wanted);
        }
        let down = 0..self.rows.len();
        for row in down.clone().rev().chain(down.clone()).chain(down.rev()) {
            let wanted = self.rows[row].iter().map(|item| {
                let near = self.neighbours(row, *item, true);
                let near = near.chain(self.neighbours(row, *item, false));
                middle(near).unwrap_or(self.places[row][item])
            });
            let wanted: Vec<f64> = wanted.collect();
            self.place(row, &wanted);
        }
    }

    /// How often links cross.
    fn crossings(&self) -> usize {
        let index = |row: usize| -> BTreeMap<Item, usize> {
            let items = self.rows[row].iter().enumerate();
            items.map(|(at, item)| (*item, at)).collect()
        };
        let mut crossings = 0;
        for row in 1..self.rows.len() {
            let (lower, upper) = (index(row), index(row - 1));
            let links = self.pairs[row].iter();
            let mut links: Vec<(usize, usize)> = links.map(|(a, b)| (lower[a], upper[b])).collect();
            links.sort_unstable();
            for (at, (_, to)) in links.iter().enumerate() {
                crossings += links[at..].iter().filter(|(_, other)| other < to).count();
            }
        }
        crossings
    }

    /// The places of the neighbours of an item in the row above, or in the row below.
    fn neighbours(
        &self,
        row: usize,
        item: Item,
        above: bool,
    ) -> Box<dyn Iterator<Item = f64> + '_> {
        if above {
            let pairs = self.pairs[row]
                .iter()
                .filter(move |(lower, _)| *lower == item);
            Box::new(pairs.map(move |(_, upper)| self.places[row - 1][upper]))
        } else {
            let pairs = self.pairs.get(row + 1).into_iter().flatten();
            let pairs = pairs.filter(move |(_, upper)| *upper == item);
            Box::new(pairs.map(move |(lower, _)| self.places[row + 1][lower]))
        }
    }

    fn wanted(&self, row: usize, above: bool) -> Vec<f64> {
        let wanted = self.rows[row].iter().map(|item| {
            middle(self.neighbours(row, *item, above)).unwrap_or(self.places[row][item])
        });
        wanted.collect()
    }

    fn item_width(&self, item: Item) -> f64 {
        match item {
            Item::Node(node) => self.graph.widths[node],
            Item::Trunk(_) => 2.0,
        }
    }

    /// Gives the items of a row places in their order, as near as possible to those that they want.
    fn place(&mut self, row: usize, wanted: &[f64]) {
        let items = &self.rows[row];
        let widths: Vec<f64> = items.iter().map(|item| self.item_width(*item)).collect();
        let nodes: f64 = widths.iter().sum();
        // If there are too many, they stand closer.
        let between = items.len().saturating_sub(1).max(1) as f64;
        let gap = ((self.width - nodes) / between).clamp(0.0, GAP);
        let mut offsets = Vec::new();
        let mut next = 0.0;
        for width in &widths {
            offsets.push(next + width / 2.0);
            next += width + gap;
        }
        let room = (self.width - (next - gap)).max(0.0);
        let moved = wanted
            .iter()
            .zip(&offsets)
            .map(|(wanted, offset)| wanted - offset);
        let found = in_order(moved);
        self.places[row] = items
            .iter()
            .zip(found.iter().zip(&offsets))
            .map(|(item, (place, offset))| (*item, place.clamp(0.0, room) + offset))
            .collect();
    }

    fn layout(self, back: Vec<(usize, usize)>) -> Layout {
        let index: Vec<BTreeMap<Item, usize>> = self
            .rows
            .iter()
            .map(|row| {
                row.iter()
                    .enumerate()
                    .map(|(at, item)| (*item, at))
                    .collect()
            })
            .collect();
        let links = self.pairs.iter().enumerate().flat_map(|(row, pairs)| {
            let index = &index;
            pairs
                .iter()
                .map(move |(lower, upper)| (row, index[row][lower], index[row - 1][upper]))
        });
        Layout {
            links: links.collect(),
            rows: self
                .rows
                .iter()
                .zip(&self.places)
                .map(|(row, places)| row.iter().map(|item| (*item, places[item])).collect())
                .collect(),
            back,
        }
    }
}

/// The rising numbers that are nearest to these: neighbours that fall get their mean.
fn in_order(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for n in numbers {
        let mut pool = (n, 1);
        while let Some((mean, count)) = pools.pop_if(|(mean, _)| *mean > pool.0) {
            let both = count + pool.1;
            pool = (
                (mean * count as f64 + pool.0 * pool.1 as f64) / both as f64,
                both,
            );
        }
        pools.push(pool);
    }
    let spread = pools.into_iter();
    spread
        .flat_map(|(mean, count)| std::iter::repeat_n(mean, count))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_long_edge_passes_each_row_between() {
        let graph = Graph {
            widths: vec![40.0; 3],
            edges: [(1, 0), (2, 1), (2, 0)].into(),
        };
        let layout = graph.layout(300.0);
        let items =
            |row: usize| -> Vec<Item> { layout.rows[row].iter().map(|(i, _)| *i).collect() };
        assert_eq!(items(0), [Item::Node(0)]);
        assert!(items(1).contains(&Item::Trunk(0)) && items(1).contains(&Item::Node(1)));
        assert_eq!(items(2), [Item::Node(2)]);
        assert_eq!(layout.links.len(), 4);
        assert_eq!(layout.back, []);
    }

    #[test]
    fn an_edge_that_closes_a_circle_is_named() {
        let graph = Graph {
            widths: vec![40.0; 2],
            edges: [(0, 1), (1, 0)].into(),
        };
        let layout = graph.layout(300.0);
        assert_eq!(layout.back.len(), 1);
        assert_eq!(layout.links.len(), 1);
    }

    #[test]
    fn numbers_in_order_are_left_and_others_get_their_mean() {
        assert_eq!(in_order([1.0, 2.0, 3.0].into_iter()), [1.0, 2.0, 3.0]);
        assert_eq!(
            in_order([1.0, 4.0, 2.0, 6.0].into_iter()),
            [1.0, 3.0, 3.0, 6.0]
        );
    }

    /// The item above another on the way to a node.
    fn above(layout: &Layout, row: usize, item: Item, to: usize) -> Option<Item> {
        layout.links.iter().find_map(|(at, lower, upper)| {
            let is_ours = *at == row && layout.rows[row][*lower].0 == item;
            let above = is_ours.then(|| layout.rows[row - 1][*upper].0)?;
            [Item::Node(to), Item::Trunk(to)]
                .contains(&above)
                .then_some(above)
        })
    }

    fn graph() -> impl Strategy<Value = Graph> {
        let widths = proptest::collection::vec(20.0..250.0_f64, 1..40);
        let edges = proptest::collection::btree_set((0_usize..40, 0_usize..40), 0..80);
        (widths, edges).prop_map(|(widths, edges)| {
            let count = widths.len();
            let edges = edges.into_iter().map(|(a, b)| (a % count, b % count));
            let edges = edges.filter(|(a, b)| a != b).collect();
            Graph { widths, edges }
        })
    }

    proptest! {
        #[test]
        fn nodes_do_not_overlap(graph in graph()) {
            let layout = graph.layout(680.0);
            let mut seen = BTreeSet::new();
            for row in &layout.rows {
                let mut end = -0.01;
                for (item, middle) in row {
                    let width = match item {
                        Item::Node(node) => {
                            prop_assert!(seen.insert(*node));
                            graph.widths[*node]
                        }
                        Item::Trunk(_) => 2.0,
                    };
                    prop_assert!(middle - width / 2.0 >= end, "{row:?}");
                    end = middle + width / 2.0 - 0.01;
                }
                prop_assert!(end <= 680.01, "{row:?}");
            }
            prop_assert_eq!(seen.len(), graph.widths.len());
        }

        #[test]
        fn each_edge_is_a_way_up_or_closes_a_circle(graph in graph()) {
            let layout = graph.layout(680.0);
            let back: BTreeSet<_> = layout.back.iter().copied().collect();
            for (from, to) in graph.edges.difference(&back) {
                let mut item = Item::Node(*from);
                let has = |row: &Vec<(Item, f64)>| row.iter().any(|(other, _)| *other == item);
                let mut row = layout.rows.iter().position(has).unwrap();
                while item != Item::Node(*to) {
                    let next = above(&layout, row, item, *to);
                    prop_assert!(next.is_some(), "{from} to {to}");
                    (item, row) = (next.unwrap(), row - 1);
                }
            }
        }
    }
}
