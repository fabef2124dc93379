//! The best size of a run over time, and over trials.

use super::picture::{Drawing, Holds, Picture, Table, Width};
use super::scale::{self, Scale, Steps, Tick, signed_bytes};
use super::svg::{Element, Path};
use crate::model::{count, duration};
use crate::report::Details;
use crate::report::details::{Step, TrialEnd};

/// Of more steps than this only the last of each of so many equal parts of the axis is drawn.
const MOST_STEPS: usize = 500;

/// With more steps than this they are a line alone, without marks.
const MOST_MARKS: usize = 120;

/// If the largest is so many times the smallest, the scale is one of ratios.
const WIDE_RANGE: f64 = 15.0;

/// Most parts of the axes of requests and of bytes.
const MOST_REQUESTS: u32 = 6;
const MOST_SIZES: u32 = 5;

const HEIGHT: f64 = 320.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 20.0;
/// With a second axis.
const RIGHT_OF_IMAGES: f64 = 76.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 52.0;

/// The best size over time.
pub(super) fn over_time(details: &Details) -> Option<Picture> {
    let ends = details.trials.iter().map(|trial| trial.ended_ms);
    let steps = details.steps.iter().map(|step| step.ms);
    let end = ends.chain(steps).max()? as f64;
    let ticks = scale::times(end, 7);
    draw(
        details,
        &Axis {
            id: "best-over-time",
            title: "Best size over time",
            name: "time since the run began",
            column: "seconds",
            of: |step| step.ms as f64,
            cell: |step| format!("{:.1}", step.ms as f64 / 1e3),
            end,
            ticks,
            part: "time",
        },
    )
}

/// The best size over trials.
pub(super) fn over_trials(details: &Details) -> Option<Picture> {
    let ended = details.trials.iter();
    let ended = ended.filter(|trial| trial.end != TrialEnd::Open).count();
    let steps = details.steps.iter().map(|step| step.trials as usize);
    let end = steps.chain([ended]).max()? as f64;
    let ticks = scale::counts(end, 8);
    draw(
        details,
        &Axis {
            id: "best-over-trials",
            title: "Best size over trials",
            name: "trials that had ended",
            column: "trials ended",
            of: |step| f64::from(step.trials),
            cell: |step| step.trials.to_string(),
            end,
            ticks,
            part: "trials",
        },
    )
}

/// What goes from left to right.
struct Axis {
    id: &'static str,
    title: &'static str,
    name: &'static str,
    column: &'static str,
    of: fn(&Step) -> f64,
    cell: fn(&Step) -> String,
    end: f64,
    ticks: Vec<Tick>,
    /// What a part of it is a part of.
    part: &'static str,
}

fn draw(details: &Details, axis: &Axis) -> Option<Picture> {
    let steps = thinned(&distinct(&details.steps), axis);
    let (first, last) = (*steps.first()?, *steps.last()?);
    let has_images = steps.iter().any(|step| step.image.is_some());
    let right = Width::Column.units() - if has_images { RIGHT_OF_IMAGES } else { RIGHT };
    let bottom = HEIGHT - BOTTOM;
    let across = Scale::new((0.0, axis.end.max(1.0)), (LEFT, right), Steps::Equal);
    let requests = Requests::of(&steps, bottom);
    let mut body = vec![frame(axis, &across, right), requests.axis(right)];
    let largest = steps.iter().filter_map(|step| step.image).max();
    if let Some(largest) = largest {
        let end = scale::rounded_up((largest as f64).max(1.0), MOST_SIZES);
        let up = Scale::new((0.0, end), (bottom, TOP), Steps::Equal);
        body.push(image_axis(&up, end, right));
        body.push(image_line(&steps, axis, &across, &up, right));
    }
    body.push(request_line(&steps, axis, &across, &requests, right));
    Some(
        Drawing {
            id: axis.id,
            title: axis.title.to_owned(),
            description: description(details, &steps, first, last, axis, &requests),
            width: Width::Column,
            height: HEIGHT,
            holds: Holds::Marks,
            body,
            table: table(&steps, axis),
        }
        .finish(),
    )
}

/// The steps, without one that says the same as that before it.
fn distinct(steps: &[Step]) -> Vec<&Step> {
    let mut kept: Vec<&Step> = Vec::new();
    for step in steps {
        let is_new =
            |before: &&&Step| (before.trial, before.requests) != (step.trial, step.requests);
        if kept.is_empty() || kept.last().filter(is_new).is_some() {
            kept.push(step);
        }
    }
    kept
}

/// Few enough steps, in the order of the axis: the first, and the last of each of many equal parts.
fn thinned<'a>(steps: &[&'a Step], axis: &Axis) -> Vec<&'a Step> {
    let mut steps = steps.to_vec();
    // They are in order in any journal; a picture must not go back in time for one that is not.
    steps.sort_by(|a, b| (axis.of)(a).total_cmp(&(axis.of)(b)));
    if steps.len() <= MOST_STEPS {
        return steps;
    }
    let part = |step: &Step| ((axis.of)(step) / axis.end.max(1.0) * MOST_STEPS as f64) as usize;
    let mut kept = vec![steps[0]];
    for (at, step) in steps.iter().enumerate().skip(1) {
        let next = steps.get(at + 1);
        if next.is_none_or(|next| part(next) != part(step)) {
            kept.push(step);
        }
    }
    kept
}

/// The axis of the requests.
struct Requests {
    scale: Scale,
    ticks: Vec<Tick>,
    steps: Steps,
}

impl Requests {
    fn of(steps: &[&Step], bottom: f64) -> Self {
        let sizes = || steps.iter().map(|step| step.requests as f64);
        let (least, most) = (
            sizes().fold(f64::MAX, f64::min),
            sizes().fold(1.0, f64::max),
        );
        let places = (bottom, TOP);
        if least >= 1.0 && most / least >= WIDE_RANGE {
            // From a power of ten on, so that there is a tick below.
            let from = 10_f64.powf(least.log10().floor());
            return Self {
                scale: Scale::new((from, most), places, Steps::Ratios),
                ticks: scale::ratios(from, most),
                steps: Steps::Ratios,
            };
        }
        let end = scale::rounded_up(most, MOST_REQUESTS);
        Self {
            scale: Scale::new((0.0, end), places, Steps::Equal),
            ticks: scale::counts(end, MOST_REQUESTS),
            steps: Steps::Equal,
        }
    }

    /// The numbers to the left, and the lines across.
    fn axis(&self, right: f64) -> Element {
        let name = match self.steps {
            Steps::Equal => "requests",
            Steps::Ratios => "requests, logarithmic",
        };
        let mut group = Element::group()
            .with(Element::line((LEFT, 18.0), (LEFT + 26.0, 18.0)).class("line"))
            .with(Element::circle(LEFT + 13.0, 18.0, 3.5).class("dot"))
            .with(Element::label(LEFT + 34.0, 22.0, name));
        for tick in &self.ticks {
            let y = self.scale.at(tick.value);
            group.push(Element::line((LEFT, y), (right, y)).class("grid"));
            group.push(Element::label(LEFT - 8.0, y + 4.0, &tick.label).at_end());
        }
        group
    }
}

/// The axis below, with its numbers and its name.
fn frame(axis: &Axis, across: &Scale, right: f64) -> Element {
    let bottom = HEIGHT - BOTTOM;
    let mut group = Element::group()
        .with(Element::line((LEFT, bottom), (right, bottom)).class("axis"))
        .with(Element::label(f64::midpoint(LEFT, right), HEIGHT - 8.0, axis.name).in_middle());
    for tick in &axis.ticks {
        let x = across.at(tick.value);
        group.push(Element::line((x, bottom), (x, bottom + 5.0)).class("axis"));
        group.push(Element::label(x, bottom + 20.0, &tick.label).in_middle());
    }
    group
}

fn image_axis(up: &Scale, end: f64, right: f64) -> Element {
    let mut group = Element::group()
        .with(Element::label(right, 22.0, "bytes of image").at_end())
        .with(Element::line((right - 124.0, 18.0), (right - 98.0, 18.0)).class("line image"))
        .with(Element::rect(right - 114.0, 15.0, 6.0, 6.0).class("dot image"));
    for tick in scale::sizes(0.0, end, MOST_SIZES) {
        let y = up.at(tick.value);
        group.push(Element::line((right, y), (right + 5.0, y)).class("axis"));
        group.push(Element::label(right + 9.0, y + 4.0, &tick.label));
    }
    group
}

fn request_line(
    steps: &[&Step],
    axis: &Axis,
    across: &Scale,
    requests: &Requests,
    right: f64,
) -> Element {
    let bottom = HEIGHT - BOTTOM;
    let (mut line, mut area) = (Path::default(), Path::default());
    let mut marks = Element::group();
    for (at, step) in steps.iter().enumerate() {
        let (x, y) = (
            across.at((axis.of)(step)),
            requests.scale.at(step.requests as f64),
        );
        if at == 0 {
            line.move_to(x, y);
            area.move_to(x, bottom);
            area.down_to(y);
        } else {
            line.across_to(x);
            line.down_to(y);
            area.across_to(x);
            area.down_to(y);
        }
        if steps.len() <= MOST_MARKS {
            marks.push(
                Element::circle(x, y, 3.5)
                    .class("dot")
                    .tip(&tip(step, axis)),
            );
        }
    }
    line.across_to(right);
    area.across_to(right);
    area.down_to(bottom);
    area.close();
    let mut group = Element::group();
    // The area under a line of ratios means nothing.
    if requests.steps == Steps::Equal {
        group.push(area.draw("area"));
    }
    group.with(line.draw("line")).with(marks)
}

fn image_line(steps: &[&Step], axis: &Axis, across: &Scale, up: &Scale, right: f64) -> Element {
    let mut line = Path::default();
    let mut marks = Element::group();
    for (at, step) in steps.iter().enumerate() {
        let Some(image) = step.image else { continue };
        let (x, y) = (across.at((axis.of)(step)), up.at(image as f64));
        match at.checked_sub(1).and_then(|before| steps[before].image) {
            Some(_) => line.down_to(y),
            None => line.move_to(x, y),
        }
        line.across_to(
            steps
                .get(at + 1)
                .map_or(right, |next| across.at((axis.of)(next))),
        );
        if steps.len() <= MOST_MARKS {
            let mark = Element::rect(x - 3.0, y - 3.0, 6.0, 6.0).class("dot image");
            marks.push(mark.tip(&tip(step, axis)));
        }
    }
    Element::group().with(line.draw("line image")).with(marks)
}

fn tip(step: &Step, axis: &Axis) -> String {
    let image = step.image.map(|n| format!(", {}", signed_bytes(n as f64)));
    format!(
        "trial {}: {}{}; {} {}",
        step.trial,
        count(step.requests, "request"),
        image.unwrap_or_default(),
        axis.column,
        (axis.cell)(step)
    )
}

fn description(
    details: &Details,
    steps: &[&Step],
    first: &Step,
    last: &Step,
    axis: &Axis,
    requests: &Requests,
) -> String {
    let time = |ms: u64| duration(std::time::Duration::from_millis(ms));
    let mut said = match steps.len() {
        1 => format!(
            "The best had {} from trial {} on, and did not become smaller.",
            count(first.requests, "request"),
            first.trial
        ),
        _ => format!(
            "The best went from {} (trial {}, after {}) to {} (trial {}, after {} and {}).",
            count(first.requests, "request"),
            first.trial,
            time(first.ms),
            last.requests,
            last.trial,
            time(last.ms),
            count(last.trials as usize, "trial"),
        ),
    };
    match (first.image, last.image) {
        (Some(before), Some(after)) if before != after => {
            said += &format!(
                " Its image went from {} to {}.",
                signed_bytes(before as f64),
                signed_bytes(after as f64)
            );
        }
        (_, Some(image)) => said += &format!(" Its image has {}.", signed_bytes(image as f64)),
        _ => {}
    }
    if requests.steps == Steps::Ratios {
        said += " The scale of the requests is logarithmic.";
    }
    let all = distinct(&details.steps).len();
    if steps.len() < all {
        said += &format!(
            " Of {} steps {} are shown: the last of each of {MOST_STEPS} equal parts of the {}.",
            all,
            steps.len(),
            axis.part
        );
    }
    said
}

fn table(steps: &[&Step], axis: &Axis) -> Table {
    let images = steps.iter().any(|step| step.image.is_some());
    let mut table = Table::new(&[axis.column, "trial", "requests", "removed", "config lines"]);
    if images {
        table.head.push("bytes of image".into());
    }
    table.rows = steps
        .iter()
        .map(|step| {
            let mut row = vec![
                (axis.cell)(step),
                step.trial.to_string(),
                step.requests.to_string(),
                step.removed.to_string(),
                step.lines.to_string(),
            ];
            if images {
                row.push(step.image.map_or_else(String::new, |n| n.to_string()));
            }
            row
        })
        .collect();
    table
}
