//! Says in words what a failure means, where it is known.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use super::code::MeaningCode;
use super::difference::new_lines;
use super::log::Log;
use super::telling::{Telling, telling};
use super::words::ROWS;
use crate::model::{Stage, sanitize_line};

/// Lines of a console that are looked at.
const MOST: usize = 500;

/// Longest text, in characters.
const LONGEST: usize = 300;

/// A failing trial.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// Which part of the trial failed.
    pub stage: Stage,
    /// What the oracle or the build said; empty if nothing.
    pub evidence: &'a str,
    /// The console of a good boot by the same oracle, if there is one.
    pub good: Option<&'a Log>,
    /// The console of this boot, if there was one.
    pub bad: Option<&'a Log>,
    /// The log of the build, if it is there.
    pub build: Option<&'a Log>,
}

/// What a failure means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meaning {
    /// For programs.
    pub code: MeaningCode,
    /// For people: one or two sentences.
    pub text: String,
    /// The line that shows it, of the evidence, the console or the build log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
}

static COMPILED: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    let compile = |row: &super::words::Row| Regex::new(row.pattern).ok();
    ROWS.iter().filter_map(compile).collect()
});

/// What a failure means, if that is known. The same failure always gets the same answer.
#[must_use]
pub fn meaning(failure: &Failure<'_>) -> Option<Meaning> {
    match failure.stage {
        Stage::Build => Some(of_build(failure)),
        Stage::Oracle => {
            let reboots = failure.bad.and_then(reboots);
            reboots
                .or_else(|| of_rows(failure))
                .or_else(|| of_end(failure))
        }
    }
}

fn said(code: MeaningCode, text: &str, line: &str) -> Meaning {
    let line = sanitize_line(line, LONGEST);
    Meaning {
        code,
        text: text.to_owned(),
        line: (!line.is_empty()).then_some(line),
    }
}

/// A build log's first error, or what the build said itself.
fn of_build(failure: &Failure<'_>) -> Meaning {
    let kind = |line: &str| {
        let has = |texts: &[&str]| texts.iter().any(|text| line.contains(text));
        if has(&[
            "undefined reference",
            "multiple definition",
            "ld: ",
            "modpost",
        ]) {
            Some(MeaningCode::LinkError)
        } else if has(&[" error: ", " Error: "]) {
            Some(MeaningCode::CompileError)
        } else {
            None
        }
    };
    let logged = failure.build.map_or(&[][..], Log::lines);
    let lines = logged.iter().map(|line| line.text.as_str());
    let mut lines = std::iter::once(failure.evidence).chain(lines);
    let found = lines.find_map(|line| Some((kind(line)?, line)));
    let (code, line) = found.unwrap_or((MeaningCode::BuildError, failure.evidence));
    let text = match code {
        MeaningCode::LinkError => {
            "The kernel does not link: a part needs another one that is not built."
        }
        MeaningCode::CompileError => {
            "The kernel does not compile: a source file needs the option, or has an error without it."
        }
        _ => "The kernel does not build.",
    };
    said(code, text, line)
}

/// The first row of the table that fits the evidence or a line that a good boot does not have.
fn of_rows(failure: &Failure<'_>) -> Option<Meaning> {
    let mut texts = vec![failure.evidence.to_owned()];
    texts.extend(news(failure));
    for (row, pattern) in ROWS.iter().zip(COMPILED.iter()) {
        let found = texts
            .iter()
            .find_map(|text| Some((pattern.captures(text)?, text)));
        let Some((captures, line)) = found else {
            continue;
        };
        let mut words = String::new();
        captures.expand(row.text, &mut words);
        return Some(said(row.code, &sanitize_line(&words, LONGEST), line));
    }
    None
}

/// The lines of the console that tell of this failure.
fn news(failure: &Failure<'_>) -> Vec<String> {
    let Some(bad) = failure.bad else {
        return Vec::new();
    };
    let mut lines = match failure.good {
        Some(good) => new_lines(good, bad),
        None => {
            let lines = bad.lines().iter();
            lines
                .filter(|line| telling(&line.text) == Telling::Error)
                .collect()
        }
    };
    if lines.len() > MOST {
        let end = lines.split_off(lines.len() - MOST / 2);
        lines.truncate(MOST / 2);
        lines.extend(end);
    }
    lines.into_iter().map(|line| line.text.clone()).collect()
}

/// A console on which the kernel begins more than once.
fn reboots(log: &Log) -> Option<Meaning> {
    let begins = |text: &str| super::comparable(text).starts_with("Linux version ");
    let begun = log.lines().iter().filter(|line| begins(&line.text));
    let code = MeaningCode::RebootLoop;
    let text = "The kernel starts again and again: the machine resets itself.";
    (begun.count() > 1).then(|| said(code, text, ""))
}

/// By how the boot ended.
fn of_end(failure: &Failure<'_>) -> Option<Meaning> {
    let evidence = failure.evidence;
    // A log that is missing says nothing.
    let is_blank = failure.bad.is_some_and(Log::is_blank);
    let last = failure
        .bad
        .into_iter()
        .flat_map(|log| log.lines().iter().rev());
    let last = last
        .map(|line| line.text.trim())
        .find(|text| !text.is_empty());
    let last = last.unwrap_or_default();
    let (code, text) = if evidence.contains("no first byte on the console") {
        (
            MeaningCode::Silent,
            "The console stayed silent: the kernel did not start, or has no console there.",
        )
    } else if evidence.contains("the guest ended or restarted before") && is_blank {
        (
            MeaningCode::EndedSilently,
            "The machine ended or reset itself, and the console stayed empty: the kernel has no console, or it panicked \
             or crashed and has no PRINTK to say why.",
        )
    } else if evidence.contains("the guest ended or restarted before") {
        (
            MeaningCode::Ended,
            "The machine ended or reset itself before the guest was ready.",
        )
    } else if [
        "it waits, and",
        "ran out of its",
        "took longer",
        "time limit",
        "before `",
    ]
    .iter()
    .any(|text| evidence.contains(text))
    {
        match is_blank {
            true => (
                MeaningCode::Silent,
                "The console stayed silent until the limit.",
            ),
            false => (
                MeaningCode::Hang,
                "The guest hangs: it did not get ready within the limit.",
            ),
        }
    } else {
        return None;
    };
    Some(said(code, text, last))
}

#[cfg(test)]
mod tests;
