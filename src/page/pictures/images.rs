//! The bytes of image that each option costs.

use super::picture::{Drawing, Holds, Picture, Table, Width, cut};
use super::scale::{self, Scale, Steps, signed_bytes};
use super::svg::Element;
use crate::model::Symbol;
use crate::report::Details;

/// Most bars: those of the largest costs and savings.
const MOST_BARS: usize = 60;

/// Longest name, in characters.
const LONGEST: usize = 34;

/// The classes of a number at a bar.
const VALUE: &str = "label value";

const LETTER: f64 = 7.3;
const ROW: f64 = 22.0;
const TOP: f64 = 30.0;
/// Room for the number at the end of a bar.
const NUMBER: f64 = 74.0;

/// The picture, if a cost is known.
pub(super) fn picture(details: &Details) -> Option<Picture> {
    let known = details.options.iter();
    let mut known: Vec<(&Symbol, i64)> = known
        .filter_map(|option| Some((&option.request.symbol, option.image_bytes?)))
        .collect();
    known.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    let shown = largest(&known);
    let names = shown
        .iter()
        .map(|(name, _)| name.as_str().len().min(LONGEST));
    let left = names.max()? as f64 * LETTER + 16.0;
    let width = Width::Column;
    let values = || shown.iter().map(|(_, bytes)| *bytes as f64);
    let (least, most) = (values().fold(0.0, f64::min), values().fold(0.0, f64::max));
    let most = if least < most { most } else { 1.0 };
    // A number of a saving is to the left of its bar.
    let from = left + if least < 0.0 { NUMBER } else { 0.0 };
    let scale = Scale::new((least, most), (from, width.units() - NUMBER), Steps::Equal);
    let bottom = TOP + ROW * shown.len() as f64;
    let mut body = axis(&scale, (least, most), bottom);
    let bars = shown.iter().enumerate();
    body.extend(
        bars.map(|(at, (name, bytes))| bar(&scale, left, TOP + ROW * at as f64, name, *bytes)),
    );
    let mut table = Table::new(&["option", "bytes of image"]);
    let rows = known.iter();
    table.rows = rows
        .map(|(name, bytes)| vec![name.to_string(), bytes.to_string()])
        .collect();
    Some(
        Drawing {
            id: "image-by-option",
            title: "Image bytes by option".to_owned(),
            description: description(details, &known, shown.len()),
            width,
            height: bottom + 12.0,
            holds: Holds::Links,
            body,
            table,
        }
        .finish(),
    )
}

/// Those with the largest numbers, in the same order.
fn largest<'a>(all: &[(&'a Symbol, i64)]) -> Vec<(&'a Symbol, i64)> {
    let mut order: Vec<usize> = (0..all.len()).collect();
    order.sort_by_key(|at| std::cmp::Reverse(all[*at].1.unsigned_abs()));
    order.truncate(MOST_BARS);
    order.sort_unstable();
    order.into_iter().map(|at| all[at]).collect()
}

fn axis(scale: &Scale, (least, most): (f64, f64), bottom: f64) -> Vec<Element> {
    let mut all = Vec::new();
    for tick in scale::sizes(least, most, 4) {
        let x = scale.at(tick.value);
        all.push(Element::line((x, TOP - 6.0), (x, bottom)).class("grid"));
        all.push(Element::label(x, TOP - 12.0, &tick.label).in_middle());
    }
    let zero = scale.at(0.0);
    all.push(Element::line((zero, TOP - 6.0), (zero, bottom)).class("axis"));
    all
}

fn bar(scale: &Scale, left: f64, y: f64, name: &Symbol, bytes: i64) -> Element {
    let (zero, end) = (scale.at(0.0), scale.at(bytes as f64));
    let (from, to) = (zero.min(end), zero.max(end));
    let number = signed_bytes(bytes as f64);
    let middle = y + ROW / 2.0 + 4.0;
    let number = match bytes {
        ..0 => Element::label(from - 6.0, middle, &number)
            .class(VALUE)
            .at_end(),
        _ => Element::label(to + 6.0, middle, &number).class(VALUE),
    };
    let class = if bytes < 0 { "bar saving" } else { "bar" };
    Element::link(&format!("CONFIG_{name}"))
        .with(
            Element::label(left - 8.0, middle, &cut(name.as_str(), LONGEST))
                .class("label name")
                .at_end(),
        )
        .with(Element::rect(from, y + 4.0, to - from, ROW - 8.0).class(class))
        .with(number)
}

fn description(details: &Details, known: &[(&Symbol, i64)], shown: usize) -> String {
    let mut said = "A bar shows by how much the image is smaller in the trial without the option. That trial lacks its dependents, too, so the numbers overlap and do not add up."
        .to_owned();
    if let [(name, bytes), ..] = known {
        said += &format!(" {name} costs most: {}.", signed_bytes(*bytes as f64));
    }
    if known.iter().any(|(_, bytes)| *bytes == 0) {
        said += " An image grows in steps, of 4 kB on x86: 0 can be less than one.";
    }
    let savings = known.iter().filter(|(_, bytes)| *bytes < 0).count();
    if savings > 0 {
        said += &format!(" The image is larger without {savings} of them.");
    }
    let unknown = details.options.len() - known.len();
    if unknown > 0 {
        let of = details.options.len();
        said += &format!(" For {unknown} of {of} it is not known: the trial made no image.");
    }
    if shown < known.len() {
        let all = known.len();
        said += &format!(
            " Of {all} options, the {shown} with the largest numbers are shown; the table has all."
        );
    }
    said
}
