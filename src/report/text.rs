//! The report for people.

use std::fmt::Write;
use std::time::Duration;

use super::theme::Theme;
use super::{
    Certainty, Cost, KeptRequest, Reason, Rebuilt, Report, SameProduct, Size, StandIn, StartOfRun,
    Status,
};
use crate::model::{Request, Stage, TrialId, Tristate, Value, sanitize_line};

/// Longest evidence that is shown, in characters.
const LONGEST: usize = 400;

/// What is said of an answer of which only the leaves were tested alone.
const LEAVES: &str = "minimal if the oracle is monotone, not certified: if any one of the requests \
                      without dependents is removed, the rest does not build or the oracle rejects it; the \
                      others were not tested alone (--certify leaves)";

/// The report as text, a line each, with a newline at the end.
#[must_use]
pub fn text(report: &Report, theme: &dyn Theme) -> String {
    let mut out = String::new();
    for (at, line) in said(report).iter().enumerate() {
        // Writing to a String does not fail.
        let _ = match at {
            0 => writeln!(out, "{}", theme.heading(line)),
            _ => writeln!(out, "{line}"),
        };
    }
    let _ = writeln!(
        out,
        "\n{:<10}{:>10}{:>10}{:>12}{:>12}",
        "", "requests", "lines", "image", "oracle"
    );
    for (name, size) in [("start", &report.before), ("result", &report.after)] {
        let _ = writeln!(out, "{}", row(name, size, theme));
    }
    // Before the end most have not been tested alone: that is not worth a line each.
    let is_over = !matches!(report.status, Status::Stopped | Status::Running);
    let (listed, untried): (Vec<&KeptRequest>, Vec<&KeptRequest>) = report
        .kept
        .iter()
        .partition(|kept| is_over || kept.reason != Reason::Unproved);
    if !listed.is_empty() {
        let _ = writeln!(out, "\n{}", theme.heading("why each request stays"));
    }
    let width = listed
        .iter()
        .map(|k| name(k).chars().count())
        .max()
        .unwrap_or(0);
    for kept in listed {
        let _ = writeln!(
            out,
            "  {:width$}  {}",
            name(kept),
            theme.faint(&reason(kept))
        );
    }
    if !untried.is_empty() {
        let _ = writeln!(out, "\n{}", theme.heading("not tested alone yet"));
        let names: Vec<String> = untried.iter().map(|kept| name(kept)).collect();
        let _ = writeln!(out, "  {}", names.join(" "));
    }
    let _ = writeln!(out, "\n{}", cost(&report.cost, theme));
    out
}

/// What there is to say of the answer as a whole, in sentences. The first one is the status.
#[must_use]
pub(super) fn said(report: &Report) -> Vec<String> {
    let implied = |kept: &KeptRequest| matches!(kept.reason, Reason::Implied { .. });
    let is_of_leaves = report.kept.iter().any(implied);
    let status = match report.status {
        Status::Minimal if !is_of_leaves => {
            "minimal and certified: if any one of these requests is removed, with its dependents, the rest \
             does not build or the oracle rejects it"
        }
        Status::Minimal | Status::Leaves => LEAVES,
        Status::Unproved => "not proved minimal: some requests below have no verdict",
        Status::Stopped => {
            "stopped early: this is the smallest that passed so far, there may be smaller ones"
        }
        Status::Running => "under way: this is the smallest that passed so far",
    };
    let mut said = vec![status.to_owned()];
    if let Some(why) = &report.stopped {
        said.push(format!("why it stopped: {}", sanitize_line(why, LONGEST)));
    }
    if report.cost.differed > 0 {
        let sure = match report.status {
            Status::Minimal | Status::Leaves => {
                "the verdicts that the answer depends on were repeated until they were certain enough (--confidence)"
            }
            Status::Unproved | Status::Stopped | Status::Running => "what is below is not sure yet",
        };
        said.push(format!("the oracle contradicted itself: {sure}"));
    }
    if let Some(certainty) = &report.certainty {
        said.push(sure(certainty, &report.kept));
    }
    if let Some(rebuilt) = &report.rebuilt {
        said.push(from_empty(rebuilt));
    }
    if report.start == StartOfRun::NotBuilt {
        let text = "the start itself was not built: something smaller passed (--judge-start)";
        said.push(text.to_owned());
    }
    if let Some(StandIn { trial, kernel, .. }) = &report.stand_in {
        let kernel = sanitize_line(&kernel.display().to_string(), LONGEST);
        said.push(format!(
            "before anything was built, the kernel {kernel} stood for the start (trial {trial})"
        ));
    }
    if report.status == Status::Minimal && report.kept.is_empty() {
        let text = "warning: nothing is needed: the oracle accepts the base without any request. Does it test anything?";
        said.push(text.to_owned());
    }
    said
}

/// What the build of the answer from an empty tree gave, in one line.
fn from_empty(rebuilt: &Rebuilt) -> String {
    let trial = rebuilt.trial;
    match rebuilt.product {
        SameProduct::Same => {
            format!(
                "it was built from an empty build tree (trial {trial}): the same product, accepted"
            )
        }
        SameProduct::Other => format!(
            "it was built from an empty build tree (trial {trial}), and accepted. The product was another one: it is \
             not reproducible, or its own tree had something in it that earlier builds left. So a product that has \
             nothing to do with the configuration is not noticed by comparing products, but by the oracle only"
        ),
    }
}

/// How sure the answer is, in one line.
fn sure(certainty: &Certainty, kept: &[KeptRequest]) -> String {
    let Certainty {
        risk,
        judged,
        proofs,
    } = certainty;
    let times = |n: u32| match n {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        n => format!("{n} times"),
    };
    // Of a request that was not tested alone, or without which nothing was built, it was not asked.
    let is_of_oracle = |kept: &KeptRequest| matches!(kept.reason, Reason::Needed { stage, .. } if stage == Stage::Oracle);
    let removals = match kept.iter().all(is_of_oracle) {
        true => "without each of its requests",
        false => "about each removal that it rejected",
    };
    let proofs = proofs.map_or_else(String::new, |n| {
        format!(", and {removals} at least {}", times(n))
    });
    // Never more than was calculated.
    let percent = ((1.0 - risk) * 1000.0).floor() / 10.0;
    format!(
        "it is right with a chance of {percent:.1} %: the oracle was asked about it {}{proofs}",
        times(*judged)
    )
}

fn row(name: &str, size: &Size, theme: &dyn Theme) -> String {
    format!(
        "{name:<10}{:>10}{:>10}{:>12}{:>12}",
        size.requests,
        size.lines,
        size.image
            .map_or_else(|| "-".to_owned(), |n| theme.bytes(n)),
        match size.trial {
            // There was none.
            TrialId(0) => "-".to_owned(),
            _ => theme.time(Duration::from_secs_f64(size.oracle_seconds.clamp(0.0, 1e9))),
        },
    )
}

/// The request, which may be from somebody else's file.
fn name(kept: &KeptRequest) -> String {
    sanitize_line(&kept.request.to_string(), LONGEST)
}

/// How many `=` lines a config loses with this request alone. A number or a string keeps its line, with its default.
fn own_lines(request: &Request) -> u32 {
    match request.value {
        Value::Tristate(Tristate::Y | Tristate::M) => 1,
        Value::Tristate(Tristate::N) | Value::Number(_) | Value::Text(_) => 0,
    }
}

/// Why a request stays, in a sentence.
pub(super) fn reason(kept: &KeptRequest) -> String {
    match &kept.reason {
        Reason::Needed {
            trial,
            stage,
            evidence,
            lines,
        } => {
            // It may be somebody else's result that is shown.
            let evidence = evidence.as_deref().unwrap_or("no evidence was given");
            let evidence = sanitize_line(evidence, LONGEST);
            let fell = match lines.saturating_sub(own_lines(&kept.request)) {
                0 => String::new(),
                1 => "; 1 other line fell with it".to_owned(),
                n => format!("; {n} other lines fell with it"),
            };
            format!("trial {trial} ({stage}{fell}): {evidence}")
        }
        Reason::Implied { by } => format!("not tested alone: {by} depends on it, and is needed"),
        Reason::Kept => "kept because you said so; not verified".to_owned(),
        Reason::Unproved => "not proved: no trial without it gave a verdict".to_owned(),
    }
}

/// What the run took, in two lines.
pub(super) fn cost(cost: &Cost, theme: &dyn Theme) -> String {
    let Cost {
        passed,
        failed,
        unresolved,
        reused,
        objects,
        cached,
        build_cpu,
        wall,
        sessions,
        repeated,
        differed,
        // Of interest to those who work on it: in result.json.
        forecast_error: _,
    } = cost;
    // Only Kbuild's output is understood well enough to count.
    let compiled = match (objects, cached) {
        (0, 0) => "built".to_owned(),
        (n, 0) => format!("{n} objects compiled"),
        (n, m) => format!("{n} objects compiled, {m} from the cache,"),
    };
    let repeats = match (repeated, differed) {
        (0, _) => String::new(),
        (1, 0) => ", 1 of them a repeat: the oracle said the same".to_owned(),
        (n, 0) => format!(", {n} of them repeats: the oracle said the same"),
        (n, of) => format!(
            ", {n} of them {}: {of} {} differed from others on the same configuration",
            if *n == 1 { "a repeat" } else { "repeats" },
            if *of == 1 { "verdict" } else { "verdicts" }
        ),
    };
    let reused = match reused {
        0 => String::new(),
        1 => "; 1 candidate was answered by an earlier one".to_owned(),
        n => format!("; {n} candidates were answered by earlier ones"),
    };
    let unresolved = match unresolved {
        0 => String::new(),
        n => format!(", {n} without a verdict"),
    };
    let sessions = match sessions {
        0 | 1 => String::new(),
        n => format!(", in {n} sessions"),
    };
    format!(
        "{} ({passed} pass, {failed} fail{unresolved}){repeats}{reused}\n\
         {compiled} in {} of CPU time; {} in all{sessions}",
        match passed + failed + cost.unresolved {
            1 => "1 trial".to_owned(),
            n => format!("{n} trials"),
        },
        theme.time(*build_cpu),
        theme.time(*wall),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::Symbol;

    struct Plain;

    impl Theme for Plain {
        fn heading(&self, text: &str) -> String {
            text.to_owned()
        }
        fn faint(&self, text: &str) -> String {
            text.to_owned()
        }
        fn time(&self, time: Duration) -> String {
            format!("{} s", time.as_secs())
        }
        fn bytes(&self, n: u64) -> String {
            format!("{n} B")
        }
    }

    fn report(status: Status) -> Report {
        let kept = |name, reason| KeptRequest {
            request: Request {
                symbol: Symbol::new(name).unwrap(),
                value: Value::YES,
            },
            reason,
        };
        let size = Size {
            trial: TrialId(1),
            requests: 3,
            lines: 9,
            image: None,
            oracle_seconds: 1.0,
        };
        let needed = Reason::Needed {
            trial: TrialId(2),
            stage: Stage::Oracle,
            evidence: Some("no shell\x1b[2J".into()),
            lines: 1,
        };
        Report {
            stopped: None,
            v: super::super::VERSION,
            kbisect: "0.1.0".into(),
            key: serde_json::Value::Null,
            settings: serde_json::Value::Null,
            status,
            start: StartOfRun::Built,
            stand_in: None,
            before: size.clone(),
            after: size,
            kept: vec![
                kept("TTY", needed),
                kept("NET", Reason::Unproved),
                kept("PCI", Reason::Unproved),
            ],
            certainty: None,
            rebuilt: None,
            cost: Cost {
                passed: 2,
                failed: 3,
                repeated: 2,
                differed: 1,
                sessions: 1,
                ..Cost::default()
            },
            files: vec![],
        }
    }

    #[test]
    fn before_the_end_what_is_untried_takes_one_line() {
        let text = text(&report(Status::Running), &Plain);
        snapbox::assert_data_eq!(
            text,
            snapbox::str![[r#"
under way: this is the smallest that passed so far
the oracle contradicted itself: what is below is not sure yet

            requests     lines       image      oracle
start              3         9           -         1 s
result             3         9           -         1 s

why each request stays
  TTY=y  trial 2 (oracle): no shell

not tested alone yet
  NET=y PCI=y

5 trials (2 pass, 3 fail), 2 of them repeats: 1 verdict differed from others on the same configuration
built in 0 s of CPU time; 0 s in all

"#]]
        );
    }

    #[test]
    fn what_there_is_one_of_is_said_in_the_singular() {
        let said = |passed, repeated, differed, reused| {
            let cost = Cost {
                passed,
                repeated,
                differed,
                reused,
                ..Cost::default()
            };
            super::cost(&cost, &Plain)
                .lines()
                .next()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            said(2, 1, 0, 1),
            "2 trials (2 pass, 0 fail), 1 of them a repeat: the oracle said the same; 1 candidate was answered by an \
             earlier one"
        );
        assert_eq!(
            said(2, 1, 1, 0),
            "2 trials (2 pass, 0 fail), 1 of them a repeat: 1 verdict differed from others on the same configuration"
        );
        assert_eq!(
            said(5, 3, 2, 2),
            "5 trials (5 pass, 0 fail), 3 of them repeats: 2 verdicts differed from others on the same configuration; \
             2 candidates were answered by earlier ones"
        );
        assert_eq!(said(1, 0, 0, 0), "1 trial (1 pass, 0 fail)");
    }

    #[test]
    fn the_line_of_the_request_itself_is_not_among_those_that_fell_with_it() {
        let said = |value: &str, lines| {
            let kept = KeptRequest {
                request: Request {
                    symbol: Symbol::new("X").unwrap(),
                    value: value.parse().unwrap(),
                },
                reason: Reason::Needed {
                    trial: TrialId(2),
                    stage: Stage::Oracle,
                    evidence: Some("no".into()),
                    lines,
                },
            };
            reason(&kept)
        };
        assert_eq!(said("y", 0), "trial 2 (oracle): no");
        assert_eq!(said("y", 1), "trial 2 (oracle): no");
        assert_eq!(
            said("m", 2),
            "trial 2 (oracle; 1 other line fell with it): no"
        );
        assert_eq!(
            said("y", 3),
            "trial 2 (oracle; 2 other lines fell with it): no"
        );
        // These lose no line of their own.
        assert_eq!(
            said("n", 1),
            "trial 2 (oracle; 1 other line fell with it): no"
        );
        assert_eq!(
            said("8", 2),
            "trial 2 (oracle; 2 other lines fell with it): no"
        );
    }

    #[test]
    fn how_sure_the_proofs_are_is_said_of_each_request_only_if_each_was_judged() {
        let certainty = Certainty {
            risk: 0.01,
            judged: 3,
            proofs: Some(2),
        };
        let mut kept = report(Status::Leaves).kept;
        let of_leaves = sure(&certainty, &kept);
        let expected = "it is right with a chance of 99.0 %: the oracle was asked about it 3 times, and about each \
                        removal that it rejected at least twice";
        assert_eq!(of_leaves, expected);
        kept.truncate(1);
        let of_all = sure(&certainty, &kept);
        assert!(
            of_all.ends_with("and without each of its requests at least twice"),
            "{of_all}"
        );
    }

    #[test]
    fn at_the_end_what_has_no_proof_is_listed() {
        let text = text(&report(Status::Unproved), &Plain);
        assert!(text.contains("NET=y  not proved: no trial"), "{text}");
    }
}
