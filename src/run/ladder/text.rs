//! The table of a ladder, for people.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use super::file::{Found, Ladder, Step, StepState};
use crate::model::{Request, Tristate, Value, count, sanitize_line};
use crate::report::Theme;

/// The table is this wide, unless a word is longer.
const WIDTH: usize = 100;

/// Before the lists of requests.
const INDENT: &str = "    ";

/// The table of a ladder: a row for each step, with the requests that it adds to the steps before it, and those of them
/// that it does without.
#[must_use]
pub fn ladder_text(ladder: &Ladder, theme: &dyn Theme) -> String {
    let names: Vec<String> = (1..)
        .zip(&ladder.steps)
        .map(|(number, step)| format!("{number} {}", name(step)))
        .collect();
    let widest = names.iter().map(|name| name.chars().count()).max();
    let width = widest.unwrap_or(0).max("step".len());
    let heading = format!(
        "{:width$}  {:>8}  {:>7}  {:>9}  {:>6}  {:>11}  result",
        "step", "requests", "lines", "image", "trials", "time"
    );
    let mut out = theme.heading(&heading) + "\n";
    // Whether an answer came before: the first has nothing to be compared with.
    let mut is_first = true;
    for (name, step) in names.iter().zip(&ladder.steps) {
        out += &row(name, width, step, theme);
        if let Some(found) = step.found.as_ref().filter(|_| step.state.has_answer()) {
            out += &list(if is_first { "needs" } else { "adds" }, &found.adds);
            if !found.drops.is_empty() {
                out += &list("does without", &found.drops);
            }
            is_first = false;
        }
        if let Some(error) = &step.error {
            // Writing to a String does not fail.
            let _ = writeln!(out, "{INDENT}{}", theme.faint(&sanitize_line(error, 400)));
        }
    }
    out + &total(ladder, theme)
}

/// The name of a step's oracle, without its folder.
fn name(step: &Step) -> String {
    let name = Path::new(&step.oracle).file_name().unwrap_or_default();
    sanitize_line(&name.to_string_lossy(), 40)
}

fn row(name: &str, width: usize, step: &Step, theme: &dyn Theme) -> String {
    let cells = |found: &Found| {
        let image = found.image.map(|n| theme.bytes(n));
        [
            found.requests.to_string(),
            found.lines.to_string(),
            image.unwrap_or_else(|| "-".to_owned()),
            found.trials.to_string(),
            theme.time(Duration::from_secs_f64(found.wall_seconds.max(0.0))),
        ]
    };
    let nothing = || [(); 5].map(|()| "-".to_owned());
    let [requests, lines, image, trials, time] = step.found.as_ref().map_or_else(nothing, cells);
    let result = match step.state {
        StepState::Waiting => "not begun, or not at its end",
        StepState::Minimal => "certified",
        StepState::Leaves => "minimal if the oracle is monotone",
        StepState::Unproved => "not proved",
        StepState::Stopped => "stopped",
        StepState::StartFails => "the start does not pass",
        StepState::Unreliable => "too unreliable",
    };
    format!(
        "{name:width$}  {requests:>8}  {lines:>7}  {image:>9}  {trials:>6}  {time:>11}  {result}\n"
    )
}

/// A list of requests below a row, in lines of the width of the table. What is only switched on goes by its name.
fn list(what: &str, requests: &[Request]) -> String {
    let word = |request: &Request| match request.value {
        Value::Tristate(Tristate::Y) => request.symbol.to_string(),
        _ => request.to_string(),
    };
    let mut words: Vec<String> = requests.iter().map(word).collect();
    if words.is_empty() {
        words.push("nothing".to_owned());
    }
    let (mut out, mut line) = (String::new(), format!("{INDENT}{what}:"));
    for word in words {
        if line.len() + 1 + word.len() > WIDTH {
            out += &line;
            out.push('\n');
            line = format!("{INDENT}{INDENT}{word}");
        } else {
            line.push(' ');
            line += &word;
        }
    }
    out + &line + "\n"
}

fn total(ladder: &Ladder, theme: &dyn Theme) -> String {
    let found = || ladder.steps.iter().filter_map(|step| step.found.as_ref());
    let trials: u32 = found().map(|found| found.trials).sum();
    let seconds: f64 = found().map(|found| found.wall_seconds.max(0.0)).sum();
    let certified = found().filter(|found| found.certified).count();
    format!(
        "{}, {certified} of them certified; {}, {} in all\n",
        count(ladder.steps.len(), "step"),
        count(trials as usize, "trial"),
        theme.time(Duration::from_secs_f64(seconds)),
    )
}
