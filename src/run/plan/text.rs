//! A plan, in words for people.

use std::fmt::{Display, Write};

use super::{FixedRequest, PlanReport};
use crate::kconfig::Fixed;
use crate::model::{Certify, Order, Symbol, Tracing, count, duration, sanitize};

/// More of one kind than this are counted, not listed.
const MANY: usize = 20;

/// So many requests are listed.
const REQUESTS: usize = 100;

/// So many of what selects a request are named.
const FEW: usize = 5;

/// How much of a plan is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// The first hundred requests, and the number of the others; of what cannot be removed, or is dropped, the
    /// number if there is much of it.
    Short,
    /// All of it.
    Whole,
}

/// A plan, for people.
#[must_use]
pub fn plan_text(report: &PlanReport, listing: Listing) -> String {
    let PlanReport {
        base_lines,
        lines,
        implied,
        ..
    } = report;
    let mut out =
        format!("base: {base_lines} lines; start: {lines} lines, of which {implied} are implied\n");
    let removable = report.requests.len() - report.keep.len();
    let what = format!("{} that the search can remove", count(removable, "request"));
    let requests = shortened(removable_requests(report), REQUESTS, listing);
    section(&mut out, &what, &requests);
    if !report.keep.is_empty() {
        let what = format!(
            "{} kept (--keep), with what they depend on",
            report.keep.len()
        );
        section(&mut out, &what, &report.keep);
    }
    if !report.fixed.is_empty() {
        let what = format!("{} that cannot be removed alone", report.fixed.len());
        section(&mut out, &what, &fixed_requests(report, listing));
    }
    if !report.dropped.is_empty() {
        let what = format!(
            "{} dropped at once, because nothing changes without them",
            report.dropped.len()
        );
        let dropped = report.dropped.iter().map(ToString::to_string).collect();
        section(&mut out, &what, &shortened(dropped, MANY, listing));
    }
    let what = format!(
        "a trial, in one of {} ({} at once, {} in all)",
        count(report.trees, "build tree"),
        count(report.settings.jobs.get(), "trial"),
        count(report.settings.build_jobs.get(), "compile job")
    );
    section(&mut out, &what, std::slice::from_ref(&report.build));
    lines_of(&mut out, &report.oracles);
    out += &search(report);
    sanitize(&out)
}

/// The first `most` lines, and how many more there are, unless all are wanted.
fn shortened(mut lines: Vec<String>, most: usize, listing: Listing) -> Vec<String> {
    let more = lines.len().saturating_sub(most);
    if more > 0 && listing == Listing::Short {
        lines.truncate(most);
        lines.push(format!("and {more} more (-v lists them)"));
    }
    lines
}

fn section(out: &mut String, what: &str, lines: &[impl Display]) {
    // Writing to a String does not fail.
    let _ = writeln!(out, "\n{what}:");
    lines_of(out, lines);
}

fn lines_of(out: &mut String, lines: &[impl Display]) {
    for line in lines {
        let _ = writeln!(out, "  {line}");
    }
}

fn removable_requests(report: &PlanReport) -> Vec<String> {
    let of = |lists: &[Vec<Symbol>], id: usize| lists.get(id).cloned().unwrap_or_default();
    let requests = report.requests.iter().enumerate();
    let removable = requests.filter(|(_, request)| !report.keep.contains(request));
    let line = |(id, request)| {
        let selectors = of(&report.selected_by, id);
        let is_kept = |symbol: &&Symbol| report.keep.iter().any(|r| r.symbol == **symbol);
        let kept: Vec<&Symbol> = selectors.iter().filter(is_kept).collect();
        let text = format!("{request}{}", once(&selectors, &kept));
        match of(&report.with, id).as_slice() {
            [] => text,
            with => format!("{text}, and with it {}", joined(with)),
        }
    };
    removable.map(line).collect()
}

fn fixed_requests(report: &PlanReport, listing: Listing) -> Vec<String> {
    let is_same = |kind: Fixed| kind == Fixed::SameAsBase;
    let same = report.fixed.iter().filter(|f| is_same(f.kind)).count();
    // A whole .config has hundreds of them.
    let is_counted = same > MANY && listing == Listing::Short;
    let listed = report.fixed.iter();
    let listed = listed.filter(|f| !(is_counted && is_same(f.kind)));
    let line = |f: &FixedRequest| format!("{:30}  {}", f.request.to_string(), f.why);
    let mut lines: Vec<String> = listed.map(line).collect();
    if is_counted {
        lines.push(format!("and {same} that the base has too (-v lists them)"));
    }
    lines
}

/// When a request that others select can be removed; of these some may be `kept`.
fn once(by: &[Symbol], kept: &[&Symbol]) -> String {
    match by {
        _ if !kept.is_empty() => format!(", which changes nothing beside {}", joined(kept)),
        [] => String::new(),
        [by] => format!(", once {by} is gone"),
        by if by.len() <= FEW => format!(", once {} are gone", joined(by)),
        // CRC32 has some hundred.
        by => format!(
            ", once {} and {} more are gone",
            joined(&by[..FEW]),
            by.len() - FEW
        ),
    }
}

fn joined(symbols: &[impl ToString]) -> String {
    let names: Vec<String> = symbols.iter().map(ToString::to_string).collect();
    names.join(" ")
}

/// How it would be searched, and where.
fn search(report: &PlanReport) -> String {
    let settings = &report.settings;
    let order = match settings.order {
        Order::AsItComes => "",
        Order::Deterministic => ", the same way each time",
    };
    let certificate = match settings.certify {
        Certify::Strict => "each request alone, with its dependents",
        Certify::Leaves => "only each request alone on which no other depends",
    };
    let doubt = match settings.confidence {
        Some(confidence) => format!("{} sure", f64::from(confidence)),
        None => "believed at once".to_owned(),
    };
    let what = format!(
        "the search: {}{order}; for the certificate {certificate}; verdicts: {doubt}",
        settings.algorithm
    );
    let mut text = format!("\n{what}\n");
    let mut lines = Vec::new();
    if settings.learns() {
        let line = "estimates by earlier runs what is needed, and keeps its result for later ones";
        lines.push(line.to_owned());
    } else if settings.has_own_prior()
        && let Some(prior) = &settings.prior
    {
        lines.push(format!("estimates by {} what is needed", prior.display()));
    }
    if let Some(kernel) = &settings.start_kernel {
        let is_traced = settings.trace == Tracing::Auto && report.boots;
        let traced = match is_traced {
            true => "; what runs in it orders the guesses, if it can be traced",
            false => "",
        };
        lines.push(format!(
            "boots {} first, in place of the start{traced}",
            kernel.display()
        ));
    }
    lines.push(report.opening.clone());
    match &settings.trace {
        _ if report.begins_with_guess => {}
        // Others boot nothing that could be traced.
        Tracing::Auto if report.boots => {
            let line =
                "removes first what does not run in a boot of the start, if it can be traced";
            lines.push(line.to_owned());
        }
        Tracing::File(path) => {
            lines.push(format!(
                "removes first what did not run in {}",
                path.display()
            ));
        }
        Tracing::Auto | Tracing::Off => {}
    }
    if let Some(time) = settings.budget_time {
        lines.push(format!("ends after {} at the latest", duration(time)));
    }
    if let Some(trials) = settings.budget_trials {
        let trials = count(trials as usize, "trial");
        lines.push(format!("ends after {trials} at the latest"));
    }
    let there = match report.has_run {
        true => ", where there is already a run: it is resumed if it is the same",
        false => "",
    };
    lines.push(format!("in {}{there}", settings.output.display()));
    lines_of(&mut text, &lines);
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::build::TreePool;
    use crate::oracle;
    use crate::settings::{Machine, PartialSettings, Settings};

    /// The plan of a start without assignments.
    fn plan(asked: &PartialSettings, boots: bool) -> PlanReport {
        let settings = Settings::complete(asked, Machine::here()).unwrap();
        PlanReport {
            requests: vec![],
            carried: vec![],
            needs: vec![],
            selected_by: vec![],
            keep: vec![],
            dropped: vec![],
            fixed: vec![],
            lines: 0,
            base_lines: 0,
            implied: 0,
            build: String::new(),
            oracles: vec![],
            with: vec![],
            trees: TreePool::size(settings.jobs.get()),
            boots,
            has_run: false,
            opening: String::new(),
            begins_with_guess: false,
            settings,
        }
    }

    #[test]
    fn a_traced_boot_is_announced_only_where_an_oracle_boots() {
        let dir = tempfile::tempdir().unwrap();
        let line = "removes first what does not run in a boot of the start";
        for (script, is_told) in [("kbisect boot --until x", true), ("test -s image", false)] {
            let program = dir.path().join("oracle");
            fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            let name = program.to_str().unwrap().to_owned();
            let asked = PartialSettings::new().with("oracle", name.as_str());
            let boots = oracle::find(&name).unwrap().boots();
            let told = |asked: PartialSettings| {
                plan_text(&plan(&asked, boots), Listing::Short).contains(line)
            };
            assert_eq!(told(asked.clone()), is_told, "{script}");
            assert!(!told(asked.with("trace", "off")), "{script}");
        }
    }

    #[test]
    fn a_list_of_thousands_is_cut_short_unless_it_is_wanted() {
        let asked = PartialSettings::new().with("oracle", "none");
        let mut report = plan(&asked, false);
        let symbol = |n: usize| Symbol::new(&format!("S{n}")).unwrap();
        let request = |n| crate::model::Request {
            symbol: symbol(n),
            value: crate::model::Value::YES,
        };
        report.requests = (0..REQUESTS + 7).map(request).collect();
        report.dropped = (0..MANY + 3).map(request).collect();
        let text = plan_text(&report, Listing::Short);
        assert!(
            text.contains("and 7 more (-v") && text.contains("and 3 more (-v"),
            "{text}"
        );
        assert!(!text.contains("S106"), "{text}");
        let whole = plan_text(&report, Listing::Whole);
        assert!(
            whole.contains("S106=y") && !whole.contains("more (-v"),
            "{whole}"
        );
    }

    #[test]
    fn the_build_trees_are_those_of_the_workers_and_the_base() {
        let asked = PartialSettings::new()
            .with("oracle", "none")
            .with("jobs", 2)
            .with("build-jobs", 5);
        let text = plan_text(&plan(&asked, false), Listing::Short);
        let line = "a trial, in one of 3 build trees (2 trials at once, 5 compile jobs in all):";
        assert!(text.contains(line), "{text}");
    }
}
