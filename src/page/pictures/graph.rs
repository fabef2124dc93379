//! The dependency graph of the answer.

use std::collections::{BTreeSet, HashMap};

use super::layers::{Graph, Item, Layout};
use super::picture::{Drawing, Holds, Picture, Table, Width, cut};
use super::svg::{Element, Path};
use crate::model::{Symbol, count};
use crate::report::Details;

/// Most requests that are drawn, the first ones.
const MOST_NODES: usize = 250;

/// With more connected nodes than this the picture is wide.
const MOST_IN_COLUMN: usize = 40;

/// Longest name, in characters.
const LONGEST: usize = 30;

const LETTER: f64 = 7.3;
const MARGIN: f64 = 12.0;
const TOP: f64 = 12.0;
const NODE: f64 = 24.0;
/// From one row of the graph to the next.
const PITCH: f64 = 66.0;
/// From one row of requests without edges to the next.
const LINE: f64 = 32.0;

/// The picture, if a request of the answer depends on another.
pub(super) fn picture(details: &Details) -> Option<Picture> {
    let nodes = Nodes::of(details);
    if nodes.edges.is_empty() {
        return None;
    }
    let joined: BTreeSet<usize> = nodes.edges.iter().flat_map(|(a, b)| [*a, *b]).collect();
    let joined: Vec<usize> = joined.into_iter().collect();
    let alone = (0..nodes.names.len()).filter(|node| joined.binary_search(node).is_err());
    let alone: Vec<usize> = alone.collect();
    let width = match joined.len() {
        0..=MOST_IN_COLUMN => Width::Column,
        _ => Width::Wide,
    };
    // The graph knows the joined nodes by their place among them; each is there.
    let place = |node: &usize| joined.binary_search(node).unwrap_or_default();
    let graph = Graph {
        widths: joined.iter().map(|node| nodes.width(*node)).collect(),
        edges: nodes
            .edges
            .iter()
            .map(|(a, b)| (place(a), place(b)))
            .collect(),
    };
    let layout = graph.layout(width.units() - 2.0 * MARGIN);
    let mut body = edges(&layout, &graph);
    for (row, items) in layout.rows.iter().enumerate() {
        for (item, middle) in items {
            if let Item::Node(node) = item {
                let at = (MARGIN + middle, TOP + PITCH * row as f64);
                body.push(nodes.draw(joined[*node], at));
            }
        }
    }
    let bottom = TOP + PITCH * layout.rows.len() as f64 - (PITCH - NODE);
    let (block, bottom) = nodes.block(&alone, bottom, width);
    body.extend(block);
    Some(
        Drawing {
            id: "dependency-graph",
            title: "Dependencies of the answer".to_owned(),
            description: description(details, &nodes, alone.len()),
            width,
            height: bottom + MARGIN,
            holds: Holds::Links,
            body,
            table: table(details),
        }
        .finish(),
    )
}

/// The requests that are drawn, and their edges.
struct Nodes<'a> {
    names: Vec<&'a Symbol>,
    prompts: Vec<Option<&'a str>>,
    edges: BTreeSet<(usize, usize)>,
}

impl<'a> Nodes<'a> {
    fn of(details: &'a Details) -> Self {
        let mut nodes = Self {
            names: Vec::new(),
            prompts: Vec::new(),
            edges: BTreeSet::new(),
        };
        let mut number: HashMap<&Symbol, usize> = HashMap::new();
        for option in details.options.iter().take(MOST_NODES) {
            number.entry(&option.request.symbol).or_insert_with(|| {
                nodes.names.push(&option.request.symbol);
                let about = option.about.as_ref();
                nodes
                    .prompts
                    .push(about.and_then(|about| about.prompt.as_deref()));
                nodes.names.len() - 1
            });
        }
        for edge in &details.edges {
            if let (Some(from), Some(to)) = (number.get(&edge.from), number.get(&edge.to))
                && from != to
            {
                nodes.edges.insert((*from, *to));
            }
        }
        nodes
    }

    fn label(&self, node: usize) -> String {
        cut(self.names[node].as_str(), LONGEST)
    }

    fn width(&self, node: usize) -> f64 {
        self.label(node).chars().count() as f64 * LETTER + 18.0
    }

    /// A node whose upper edge has its middle here.
    fn draw(&self, node: usize, (middle, top): (f64, f64)) -> Element {
        let width = self.width(node);
        let name = self.names[node];
        let tip = match self.prompts[node] {
            Some(prompt) => format!("{name}: {prompt}"),
            None => name.to_string(),
        };
        let frame = Element::rect(middle - width / 2.0, top, width, NODE).number("rx", 4.0);
        let label = Element::label(middle, top + 16.5, &self.label(node));
        Element::link(&format!("CONFIG_{name}"))
            .with(frame.class("node"))
            .with(label.class("label name").in_middle())
            .tip(&tip)
    }

    /// The requests without edges, in lines below `top`; and where they end.
    fn block(&self, alone: &[usize], top: f64, width: Width) -> (Vec<Element>, f64) {
        if alone.is_empty() {
            return (Vec::new(), top);
        }
        let right = width.units() - MARGIN;
        let mut y = top + 46.0;
        let mut x = MARGIN;
        let heading = "No other depends on these, nor they on another:";
        let mut all = vec![
            Element::line((MARGIN, top + 20.0), (right, top + 20.0)).class("grid"),
            Element::label(MARGIN, y, heading),
        ];
        y += 12.0;
        for node in alone {
            let width = self.width(*node);
            if x > MARGIN && x + width > right {
                (x, y) = (MARGIN, y + LINE);
            }
            all.push(self.draw(*node, (x + width / 2.0, y)));
            x += width + 10.0;
        }
        (all, y + NODE)
    }
}

/// The edges, with a head at each node to which one goes.
fn edges(layout: &Layout, graph: &Graph) -> Vec<Element> {
    let top = |row: usize| TOP + PITCH * row as f64;
    let x = |row: usize, at: usize| MARGIN + layout.rows[row][at].1;
    let (mut lines, mut heads) = (Path::default(), Path::default());
    // Edges of one node leave it beside one another, in the order of where they go.
    let mut ups: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
    for (row, lower, upper) in &layout.links {
        ups.entry((*row, *lower)).or_default().push(*upper);
    }
    let mut pointed = BTreeSet::new();
    for (row, lower, upper) in &layout.links {
        let siblings = &ups[&(*row, *lower)];
        let mut from = x(*row, *lower);
        if let Item::Node(node) = layout.rows[*row][*lower].0 {
            let rank = siblings.iter().filter(|other| *other < upper).count();
            let part = (rank as f64 + 1.0) / (siblings.len() as f64 + 1.0) - 0.5;
            from += part * graph.widths[node].min(120.0);
        }
        let (to, above) = (x(*row - 1, *upper), top(*row - 1));
        match layout.rows[*row - 1][*upper].0 {
            Item::Node(_) => {
                lines.curve((from, top(*row)), (to, above + NODE + 6.0));
                if pointed.insert((*row, *upper)) {
                    head(&mut heads, to, above + NODE);
                }
            }
            Item::Trunk(_) => {
                lines.curve((from, top(*row)), (to, above + NODE));
                if pointed.insert((*row, *upper)) {
                    lines.move_to(to, above + NODE);
                    lines.down_to(above);
                }
            }
        }
    }
    let mut all = vec![lines.draw("edge")];
    if !layout.back.is_empty() {
        let place = |node: usize| {
            let rows = layout.rows.iter().enumerate();
            rows.flat_map(|(row, items)| items.iter().map(move |item| (row, item)))
                .find(|(_, (item, _))| *item == Item::Node(node))
                .map_or((0.0, 0.0), |(row, (_, middle))| (MARGIN + middle, top(row)))
        };
        let mut back = Path::default();
        for (from, to) in &layout.back {
            let (from, to) = (place(*from), place(*to));
            back.curve((from.0 + 8.0, from.1 + NODE), (to.0 + 8.0, to.1));
        }
        all.push(back.draw("edge back"));
    }
    all.push(heads.draw("edge-head"));
    all
}

/// An arrow head that points up to here.
fn head(heads: &mut Path, x: f64, y: f64) {
    heads.move_to(x, y);
    heads.line_to(x + 4.0, y + 8.0);
    heads.line_to(x - 4.0, y + 8.0);
    heads.close();
}

fn description(details: &Details, nodes: &Nodes<'_>, alone: usize) -> String {
    let mut said = format!(
        "An arrow goes from a request to one on which it depends: it falls if that one is removed. {} among {}.",
        count(nodes.edges.len(), "dependency").replace("dependencys", "dependencies"),
        count(nodes.names.len() - alone, "request"),
    );
    if alone > 0 {
        said += &format!(" Below: {} without dependencies.", count(alone, "request"));
    }
    if details.options.len() > MOST_NODES {
        let all = details.options.len();
        said +=
            &format!(" Of {all} requests, the first {MOST_NODES} are shown; the table has all.");
    }
    said
}

fn table(details: &Details) -> Table {
    let mut table = Table::new(&["request", "depends on"]);
    let edges = details.edges.iter();
    table.rows = edges
        .map(|edge| vec![edge.from.to_string(), edge.to.to_string()])
        .collect();
    table
}
