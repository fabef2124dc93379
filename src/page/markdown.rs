//! The report as Markdown, as GitHub and others understand it.

use std::fmt::Write;
use std::time::Duration;

use super::words;
use crate::model::{bytes, count, duration, sanitize_line};
use crate::report::details::{Build, OptionDetails, Removed};
use crate::report::{Details, Reason, Report};

/// The longest text in one place, in characters.
const LONGEST: usize = 400;

/// The report as Markdown. Text from outside has no markup in it: it is escaped, or code.
#[must_use]
pub fn markdown(details: &Details) -> String {
    let mut out = String::new();
    // Writing to a String does not fail.
    let oracles: Vec<String> = details
        .asked
        .oracles
        .iter()
        .map(|oracle| code(&oracle.name))
        .collect();
    let needs = match oracles.is_empty() {
        true => "What is needed".to_owned(),
        false => format!("What {} needs", oracles.join(" and ")),
    };
    let of = details.asked.project.as_deref();
    let of = of.map_or_else(String::new, |project| format!(" of {}", text(project)));
    let _ = writeln!(out, "# {needs}{of}\n");
    let _ = write!(out, "**{}**", words::standing(details.standing));
    if let Some(Report { before, after, .. }) = &details.result {
        let requests = (before.requests, after.requests);
        let _ = write!(out, ": {} requests became {}.", requests.0, requests.1);
    }
    out.push_str("\n\n");
    for sentence in &details.said {
        let _ = writeln!(out, "- {}", text(sentence));
    }
    if let Some(result) = &details.result {
        sizes(&mut out, result, details);
    }
    if !details.usage.is_empty() {
        out.push_str("\n## How to use it\n\n");
        for command in &details.usage {
            let _ = writeln!(out, "    {}", sanitize_line(command, LONGEST));
        }
    }
    options(&mut out, details);
    lines(&mut out, details);
    removed(&mut out, &details.removed);
    if !details.gaps.is_empty() {
        out.push_str("\n## What is missing here\n\n");
        for gap in &details.gaps {
            let _ = writeln!(out, "- {}", text(gap));
        }
    }
    out
}

fn sizes(out: &mut String, result: &Report, details: &Details) {
    let unknown = || "not known".to_owned();
    let (before, after) = (&result.before, &result.after);
    let image = |image: Option<u64>| image.map_or_else(unknown, bytes);
    let cpu = |build: Option<Build>| match build {
        Some(build) if build.cached > 0 => format!(
            "{} ({} of {} from the cache)",
            seconds(build.cpu_seconds),
            build.cached,
            count(build.objects as usize, "object")
        ),
        Some(build) => seconds(build.cpu_seconds),
        None => unknown(),
    };
    let oracle = match before.trial.0 {
        0 => unknown(),
        _ => seconds(before.oracle_seconds),
    };
    let mut rows = vec![
        (
            "requests",
            before.requests.to_string(),
            after.requests.to_string(),
        ),
        (
            "config lines",
            before.lines.to_string(),
            after.lines.to_string(),
        ),
        ("image", image(before.image), image(after.image)),
    ];
    if details.builds.before.is_some() || details.builds.after.is_some() {
        rows.push((
            "build, CPU time",
            cpu(details.builds.before),
            cpu(details.builds.after),
        ));
    }
    rows.push(("boot and oracle", oracle, seconds(after.oracle_seconds)));
    out.push_str("\n|  | start | answer |\n| --- | ---: | ---: |\n");
    for (name, before, after) in rows {
        let _ = writeln!(out, "| {name} | {before} | {after} |");
    }
}

fn seconds(s: f64) -> String {
    duration(Duration::from_secs_f64(s.clamp(0.0, 1e9)))
}

fn options(out: &mut String, details: &Details) {
    let _ = writeln!(out, "\n## {}\n", count(details.options.len(), "option"));
    if details.options.is_empty() {
        out.push_str("None.\n");
        return;
    }
    out.push_str("| option | what it is | why it stays | trial | image |\n");
    out.push_str("| --- | --- | --- | ---: | ---: |\n");
    for option in &details.options {
        let prompt = option
            .about
            .as_ref()
            .and_then(|about| about.prompt.as_deref());
        let trial = match &option.reason {
            Reason::Needed { trial, .. } => trial.to_string(),
            Reason::Implied { .. } | Reason::Kept | Reason::Unproved => String::new(),
        };
        let _ = writeln!(
            out,
            "| {} | {} | {} | {trial} | {} |",
            code(&option.request.to_string()),
            text(prompt.unwrap_or_default()),
            why(option),
            option
                .image_bytes
                .map(words::signed_bytes)
                .unwrap_or_default()
        );
    }
}

/// Why an option stays: in words, and with the lines of its log, as code.
fn why(option: &OptionDetails) -> String {
    let Reason::Needed { evidence, .. } = &option.reason else {
        return text(&words::short(option));
    };
    let mut parts = Vec::new();
    let failure = option.failure.as_ref();
    if let Some(meaning) = failure.and_then(|failure| failure.meaning.as_ref()) {
        parts.push(text(meaning));
    }
    if let Some(evidence) = failure
        .and_then(|f| f.evidence.as_ref())
        .or(evidence.as_ref())
    {
        parts.push(code(evidence));
    }
    if let Some(at) = failure.and_then(|failure| failure.departs.as_ref()) {
        let side = |line: &Option<String>, none: &str| {
            line.as_deref().map_or_else(|| none.to_owned(), code)
        };
        parts.push(format!(
            "its console has {} in the place of {}",
            side(&at.line, "no further line"),
            side(&at.expected, "no further line")
        ));
    }
    match parts.is_empty() {
        true => words::proof(&option.reason).to_owned(),
        false => parts.join("; "),
    }
}

/// How many lines the config has of each kind of reason.
fn lines(out: &mut String, details: &Details) {
    if details.lines.is_empty() {
        return;
    }
    let kinds = details
        .lines
        .iter()
        .map(|line| words::line_kind(&line.why).to_owned());
    let _ = writeln!(
        out,
        "\n## {} of config\n",
        count(details.lines.len(), "line")
    );
    out.push_str("| why | lines |\n| --- | ---: |\n");
    tally(out, kinds);
}

/// How many requests of each menu are gone.
fn removed(out: &mut String, removed: &[Removed]) {
    if removed.is_empty() {
        return;
    }
    let menus = removed.iter().map(|gone| match gone.menu.first() {
        Some(menu) => text(menu),
        None => "no menu".to_owned(),
    });
    let _ = writeln!(out, "\n## {}\n", count(removed.len(), "removed request"));
    out.push_str("| menu | removed |\n| --- | ---: |\n");
    tally(out, menus);
}

/// A row for each different text, in the order in which they come first.
fn tally(out: &mut String, texts: impl Iterator<Item = String>) {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for text in texts {
        match counts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, n)) => *n += 1,
            None => counts.push((text, 1)),
        }
    }
    for (text, n) in counts {
        let _ = writeln!(out, "| {text} | {n} |");
    }
}

/// Text from outside, on one line, without markup.
fn text(text: &str) -> String {
    let line = sanitize_line(text, LONGEST);
    let mut out = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A mention, and a link, are made of bare text.
            '@' => out.push_str("&#64;"),
            ':' if rest.as_str().starts_with('/') => out.push_str("&#58;"),
            'w' | 'W' if rest.as_str().starts_with(['w', 'W']) => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' | '$' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Text from outside, on one line, as code: between more backticks than it has in a row.
fn code(text: &str) -> String {
    // A table takes a pipe for its own, in code as well.
    let line = sanitize_line(text, LONGEST).replace('|', "\\|");
    if line.is_empty() {
        return String::new();
    }
    let longest = line.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let space = match line.starts_with('`') || line.ends_with('`') {
        true => " ",
        false => "",
    };
    format!("{fence}{space}{line}{space}{fence}")
}
