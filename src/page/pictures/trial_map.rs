//! The trial map: which trial had which requests, and how it ended.

use std::collections::HashSet;

use super::picture::{Drawing, Holds, Picture, Table, Width, cut};
use super::svg::{Element, Path};
use crate::model::{Symbol, count};
use crate::report::Details;
use crate::report::details::{MapColumn, TrialEnd};

/// Most rows that are drawn, the first ones.
const MOST_ROWS: usize = 200;

/// Most columns that are drawn, the last ones.
const MOST_COLUMNS: usize = 400;

/// Longest name of a row, in characters.
const LONGEST: usize = 32;

/// Most requests that a row of the table names.
const MOST_NAMES: usize = 12;

/// With narrower cells than this nothing is between the columns.
const NARROW: f64 = 5.0;

const LETTER: f64 = 7.0;
const LANE: f64 = 15.0;
const ROW: f64 = 15.0;
const TOP: f64 = 26.0;
const RIGHT: f64 = 16.0;

/// How a trial can have ended, in the order of the lanes: the class, and words.
const ENDS: [(TrialEnd, &str, &str); 5] = [
    (TrialEnd::Pass, "pass", "passed"),
    (
        TrialEnd::FailOracle,
        "fail-oracle",
        "rejected by the oracle",
    ),
    (TrialEnd::FailBuild, "fail-build", "did not build"),
    (TrialEnd::Unresolved, "unresolved", "no verdict"),
    (TrialEnd::Open, "open", "not ended"),
];

/// The words for an end.
fn words(end: TrialEnd) -> &'static str {
    let found = ENDS.iter().find(|(of, ..)| *of == end);
    found.map_or("", |(_, _, words)| words)
}

/// The picture, if a trial is known with its requests.
pub(super) fn picture(details: &Details) -> Option<Picture> {
    let map = &details.map;
    let rows = &map.rows[..map.rows.len().min(MOST_ROWS)];
    let columns = &map.columns[map.columns.len().saturating_sub(MOST_COLUMNS)..];
    if rows.is_empty() || columns.is_empty() {
        return None;
    }
    let grid = Grid::of(rows, columns);
    let mut body = grid.lanes();
    body.extend(grid.cells());
    body.extend(grid.names(&marked(details, &grid)));
    Some(
        Drawing {
            id: "trial-map",
            title: "Trial map".to_owned(),
            description: description(details, &grid),
            width: grid.width,
            height: grid.top() + ROW * rows.len() as f64 + 10.0,
            holds: Holds::Marks,
            body,
            table: table(&grid),
        }
        .finish(),
    )
}

/// Where everything is.
struct Grid<'a> {
    rows: &'a [Symbol],
    columns: &'a [MapColumn],
    /// The ends that there are.
    ends: Vec<(TrialEnd, &'static str, &'static str)>,
    width: Width,
    left: f64,
    cell: f64,
}

impl<'a> Grid<'a> {
    fn of(rows: &'a [Symbol], columns: &'a [MapColumn]) -> Self {
        let has = |end: TrialEnd| columns.iter().any(|column| column.end == end);
        let ends: Vec<_> = ENDS.into_iter().filter(|(end, ..)| has(*end)).collect();
        let letters = rows.iter().map(|row| row.as_str().len().min(LONGEST));
        let letters = letters.chain(ends.iter().map(|(_, _, words)| words.len()));
        let left = letters.max().unwrap_or(0) as f64 * LETTER + 20.0;
        let room = |width: Width| width.units() - left - RIGHT;
        let width = match room(Width::Column) / columns.len() as f64 {
            4.0.. => Width::Column,
            _ => Width::Wide,
        };
        let cell = (room(width) / columns.len() as f64).min(16.0);
        Self {
            rows,
            columns,
            ends,
            width,
            left,
            cell,
        }
    }

    /// Where the rows begin.
    fn top(&self) -> f64 {
        TOP + LANE * self.ends.len() as f64 + 8.0
    }

    fn x(&self, column: usize) -> f64 {
        self.left + self.cell * column as f64
    }

    fn right(&self) -> f64 {
        self.x(self.columns.len())
    }

    /// The head: the numbers of trials, and a lane for each end with a mark for each trial that ended so.
    fn lanes(&self) -> Vec<Element> {
        let mut all = Vec::new();
        for column in self.numbered() {
            let x = self.x(column) + self.cell / 2.0;
            let trial = self.columns[column].trial.to_string();
            all.push(Element::line((x, TOP - 6.0), (x, TOP - 1.0)).class("axis"));
            all.push(Element::label(x, TOP - 10.0, &trial).in_middle());
        }
        all.push(Element::label(self.left - 8.0, TOP - 10.0, "trial").at_end());
        for (lane, (end, class, words)) in self.ends.iter().enumerate() {
            let y = TOP + LANE * lane as f64;
            let middle = y + LANE / 2.0;
            let mut marks = Path::default();
            for (at, column) in self.columns.iter().enumerate() {
                if column.end == *end {
                    let gap = if self.cell < NARROW { 0.2 } else { 1.0 };
                    marks.bar(self.x(at) + gap, y + 2.0, self.cell - 2.0 * gap, LANE - 4.0);
                }
            }
            all.push(Element::line((self.left, middle), (self.right(), middle)).class("grid"));
            all.push(marks.draw(class));
            all.push(Element::label(self.left - 8.0, middle + 4.0, words).at_end());
        }
        all
    }

    /// The columns whose numbers have room: round ones, or else the first.
    fn numbered(&self) -> Vec<usize> {
        let steps = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
        let fits = |step: &&u32| f64::from(**step) * self.cell >= 44.0;
        let step = *steps.iter().find(fits).unwrap_or(&1000);
        let mut found: Vec<usize> = Vec::new();
        for (at, column) in self.columns.iter().enumerate() {
            let has_room = found
                .last()
                .is_none_or(|last| (at - last) as f64 * self.cell >= 40.0);
            if column.trial.0.is_multiple_of(step) && has_room {
                found.push(at);
            }
        }
        if found.is_empty() {
            found.push(0);
        }
        found
    }

    /// A path for each end, whose unit is a cell, as the numbers are short so. Cells of a column that touch are one
    /// bar; lines between rows part them again.
    fn cells(&self) -> Vec<Element> {
        let (top, rows) = (self.top(), self.rows.len());
        let bottom = top + ROW * rows as f64;
        let back = Element::rect(self.left, top, self.right() - self.left, bottom - top);
        let mut all = vec![back.class("absent")];
        let size = format!(
            "translate({:.2} {top:.2}) scale({:.4} {ROW:.2})",
            self.left, self.cell
        );
        let mut cells = Element::group().attribute("transform", &size);
        for (end, class, _) in &self.ends {
            let mut path = Path::default();
            let columns = self.columns.iter().enumerate();
            for (at, column) in columns.filter(|(_, column)| column.end == *end) {
                for (from, to) in runs(&column.had, rows) {
                    path.bar(at as f64, from as f64, 1.0, (to - from) as f64);
                }
            }
            if !path.is_empty() {
                cells.push(path.draw(class));
            }
        }
        all.push(cells);
        let mut gaps = Path::default();
        for row in 0..=rows {
            let y = top + ROW * row as f64;
            gaps.move_to(self.left, y);
            gaps.across_to(self.right());
        }
        if self.cell >= NARROW {
            for column in 0..=self.columns.len() {
                gaps.move_to(self.x(column), top);
                gaps.down_to(bottom);
            }
        }
        all.push(gaps.draw("gap"));
        all
    }

    fn names(&self, kept: &HashSet<&Symbol>) -> Vec<Element> {
        let named = self.rows.iter().enumerate().map(|(at, row)| {
            let y = self.top() + ROW * at as f64 + 11.5;
            let class = match kept.contains(row) {
                true => "label name kept",
                false => "label name",
            };
            Element::label(self.left - 8.0, y, &cut(row.as_str(), LONGEST))
                .class(class)
                .at_end()
        });
        named.collect()
    }
}

/// The parts of the first `rows` characters that are `1`.
fn runs(had: &str, rows: usize) -> Vec<(usize, usize)> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    for at in had_rows(had, rows) {
        match found.last_mut() {
            Some((_, to)) if *to == at => *to += 1,
            _ => found.push((at, at + 1)),
        }
    }
    found
}

fn had_rows(had: &str, rows: usize) -> impl Iterator<Item = usize> {
    let marks = had.bytes().take(rows).enumerate();
    marks.filter(|(_, mark)| *mark == b'1').map(|(at, _)| at)
}

/// The requests of the answer, if there are others beside them.
fn marked<'a>(details: &'a Details, grid: &Grid<'_>) -> HashSet<&'a Symbol> {
    let options = details.options.iter();
    let kept: HashSet<&Symbol> = options.map(|option| &option.request.symbol).collect();
    match grid.rows.iter().all(|row| kept.contains(row)) {
        true => HashSet::new(),
        false => kept,
    }
}

fn description(details: &Details, grid: &Grid<'_>) -> String {
    let ended = grid.ends.iter().map(|(end, _, words)| {
        let these = grid.columns.iter().filter(|column| column.end == *end);
        format!("{} {words}", these.count())
    });
    let mut said = format!(
        "A row is a request, a column is a trial. A cell is filled if the trial had the request. {}: {}. Its colour, \
         and the mark at the top of the column, say how the trial ended.",
        count(grid.columns.len(), "trial"),
        ended.collect::<Vec<_>>().join(", ")
    );
    if !marked(details, grid).is_empty() {
        said += " The requests of the answer have bold names.";
    } else if details.removed.is_empty() {
        said += " The requests are those of the answer.";
    } else {
        said += " Only the requests of the answer are shown.";
    }
    if grid.rows.len() < details.map.rows.len() {
        let all = details.map.rows.len();
        said += &format!(" Of {all} requests, the first {MOST_ROWS} are shown.");
    }
    let known = details.map.columns.len().max(details.trials.len());
    if grid.columns.len() < known {
        said += &format!(
            " Of {known} trials, the last {} with known requests are shown.",
            grid.columns.len()
        );
    }
    said
}

fn table(grid: &Grid<'_>) -> Table {
    let mut table = Table::new(&["trial", "ended", "had", "lacked", "which it lacked"]);
    table.rows = grid
        .columns
        .iter()
        .map(|column| {
            let had: HashSet<usize> = had_rows(&column.had, grid.rows.len()).collect();
            let lacked: Vec<&str> = (0..grid.rows.len())
                .filter(|row| !had.contains(row))
                .map(|row| grid.rows[row].as_str())
                .collect();
            let named = lacked.iter().take(MOST_NAMES).copied();
            let mut names = named.collect::<Vec<_>>().join(" ");
            if lacked.len() > MOST_NAMES {
                names += &format!(" and {} more", lacked.len() - MOST_NAMES);
            }
            vec![
                column.trial.to_string(),
                words(column.end).to_owned(),
                had.len().to_string(),
                lacked.len().to_string(),
                names,
            ]
        })
        .collect();
    table
}
