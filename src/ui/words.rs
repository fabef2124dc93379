//! The texts for events, times and sizes, for people.

use std::time::Duration;

use crate::model::{
    Event, Judgement, Phase, Progress, Purpose, Source, Verdict, WorkerState, count, duration,
    sanitize, sanitize_line,
};

use super::options::Verbosity;
use super::paint::Paint;

pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Preparing => "preparing",
        Phase::Start => "judging the start",
        Phase::Reducing => "reducing",
        Phase::Certifying => "certifying: each request is removed alone, with its dependents",
    }
}

pub(super) fn state(state: &WorkerState) -> String {
    match state {
        WorkerState::Idle => "idle".into(),
        WorkerState::Resolving => "resolving a candidate".into(),
        WorkerState::Preparing { trial } => format!("trial {trial}: setting the tree back"),
        WorkerState::Building { trial, objects } => {
            format!(
                "trial {trial}: building, {}",
                count(*objects as usize, "object")
            )
        }
        WorkerState::Judging { trial, oracle } => format!("trial {trial}: {oracle}"),
    }
}

fn verdict(paint: Paint, verdict: Verdict) -> String {
    let text = format!("{verdict}");
    match verdict {
        Verdict::Pass => paint.good(&text),
        Verdict::Fail(_) => paint.bad(&text),
        Verdict::Unresolved => paint.warn(&text),
    }
}

fn trial(paint: Paint, requests: usize, judgement: &Judgement) -> String {
    let mut text = format!(
        "trial {}  {}, {}  {}",
        judgement.trial,
        count(requests, "request"),
        count(judgement.lines as usize, "line"),
        verdict(paint, judgement.verdict),
    );
    match judgement.source {
        Source::Tested => {
            let Judgement { timings, .. } = judgement;
            let cached = match timings.cached {
                0 => String::new(),
                n => format!(" ({n} from the cache)"),
            };
            // What is judged once more where it is built needs no build.
            text += &match timings.build_wall {
                Duration::ZERO => " ".to_owned(),
                wall => format!(
                    "  built {}{cached} in {},",
                    count(timings.objects as usize, "object"),
                    duration(wall),
                ),
            };
            text += &format!(" judged in {}", duration(timings.oracle_wall));
        }
        Source::SameConfig => text += "  known: the same config",
        Source::SameImage => text += "  known: the same image",
    }
    if let Some(evidence) = &judgement.evidence {
        text += &format!("\n    {}", paint.faint(&sanitize_line(evidence, 400)));
    }
    text
}

/// What people are told of an event, if it is worth a line that stays.
pub(super) fn line(paint: Paint, verbosity: Verbosity, event: &Event) -> Option<String> {
    let needed = match event {
        Event::TrialEnded { judgement, .. } if judgement.source == Source::SameConfig => {
            Verbosity::Verbose
        }
        Event::Worker { .. } => Verbosity::Verbose,
        _ => Verbosity::wanted_by(event),
    };
    if verbosity < needed {
        return None;
    }
    Some(match event {
        // Names of files and what tools say are in it.
        Event::Note { text } => sanitize(text),
        Event::Warning { text } => format!("{} {}", paint.warn("warning:"), sanitize(text)),
        Event::PhaseBegun { phase: which } => paint.strong(&format!("== {}", phase(*which))),
        Event::TrialEnded {
            requests,
            round,
            judgement,
            ..
        } => {
            let text = trial(paint, *requests, judgement);
            match round {
                0 => text,
                _ => format!("{text} (asked again)"),
            }
        }
        Event::TrialCancelled { trial } => format!("trial {trial}  stopped: no longer needed"),
        Event::NewBest {
            requests, lines, ..
        } => paint.good(&format!(
            "best: {}, {}",
            count(*requests, "request"),
            count(*lines as usize, "line")
        )),
        Event::Worker {
            worker,
            state: which,
        } => format!("worker {}: {}", worker.0, state(which)),
        Event::TrialBegan { .. } | Event::Progress { .. } => return None,
    })
}

/// What a trial takes away, and why, if the event is that one began.
pub(super) fn purpose(event: &Event) -> Option<String> {
    let Event::TrialBegan {
        purpose,
        requests,
        lacks,
        symbol,
        ..
    } = event
    else {
        return None;
    };
    let symbol = symbol.as_ref().map(ToString::to_string);
    let lacks = lacks.unwrap_or_default();
    Some(match (purpose, symbol) {
        (Purpose::Guess, _) => format!("a guess of {}", count(*requests, "request")),
        (Purpose::Rebuild, _) => "once more, from an empty tree".to_owned(),
        (Purpose::Single, Some(symbol)) if lacks > 1 => {
            format!("without {symbol} and {} on it", depend(lacks - 1))
        }
        (Purpose::Single, Some(symbol)) => format!("without {symbol}"),
        (Purpose::Repeat, Some(symbol)) => format!("asked again: without {symbol}"),
        (Purpose::Repeat, None) if lacks == 0 => "asked again: the best".to_owned(),
        (Purpose::Repeat, None) => format!("asked again: {lacks} fewer"),
        (Purpose::Single | Purpose::Group, _) => {
            format!("a group: {} that may go", count(lacks, "request"))
        }
    })
}

/// `1 that depends`, `3 that depend`.
fn depend(n: usize) -> String {
    match n {
        1 => "1 that depends".to_owned(),
        n => format!("{n} that depend"),
    }
}

/// How many trials have ended and how many there will be, as expected; at least the next one.
pub(super) fn share(progress: &Progress) -> (u64, u64) {
    let judged = progress.passed + progress.failed + progress.unresolved;
    let likely = progress.likely.unwrap_or(progress.at_most);
    let ahead = likely.clamp(progress.at_least, progress.at_most.max(progress.at_least));
    (judged.into(), u64::from(judged) + u64::from(ahead))
}

/// One line about how far the run has come, and what is still to come.
pub(super) fn progress(progress: &Progress, elapsed: Duration) -> String {
    format!(
        "{} | {}",
        so_far(progress, elapsed),
        ahead(progress, elapsed)
    )
}

/// One line about how far the run has come.
pub(super) fn so_far(progress: &Progress, elapsed: Duration) -> String {
    let judged = progress.passed + progress.failed + progress.unresolved;
    let best = format!(
        "best {}, {}",
        count(progress.requests, "request"),
        count(progress.lines as usize, "line")
    );
    let mut text = format!(
        "{} | {}: {} pass, {} fail",
        // Of a run that did not judge its start.
        if progress.passed == 0 {
            "nothing has passed yet"
        } else {
            &best
        },
        count(judged as usize, "trial"),
        progress.passed,
        progress.failed,
    );
    if progress.unresolved > 0 {
        text += &format!(", {} unresolved", progress.unresolved);
    }
    text + &format!(" | {}", duration(elapsed))
}

/// What is still to come, in a line.
pub(super) fn ahead(progress: &Progress, elapsed: Duration) -> String {
    let judged = progress.passed + progress.failed + progress.unresolved;
    remaining(progress, elapsed, judged)
}

/// What is still to come. The bounds are the search's; the time is what trials took so far, so
/// it is shown only when there were some.
fn remaining(progress: &Progress, elapsed: Duration, judged: u32) -> String {
    let Progress {
        at_least,
        at_most,
        likely,
        ..
    } = *progress;
    let each = (judged >= 3).then(|| elapsed / judged.max(1));
    if at_least == at_most {
        let trials = count(at_least as usize, "trial");
        return match each {
            Some(each) => format!("{trials} to go, about {}", duration(each * at_least)),
            None => format!("{trials} to go"),
        };
    }
    // What is expected, if the search can tell; how wide the bounds are around it.
    let (trials, range) = match likely {
        Some(n) => (
            format!("about {}", count(n as usize, "trial")),
            format!(" ({at_least} to {at_most})"),
        ),
        None => (format!("{at_least} to {at_most} trials"), String::new()),
    };
    let time = match (each, likely) {
        (None, _) => String::new(),
        (Some(each), Some(n)) => format!(", {}", duration(each * n)),
        (Some(each), None) => format!(
            ", {} to {}",
            duration(each * at_least),
            duration(each * at_most)
        ),
    };
    format!("{trials} to go{range}{time}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_is_a_range_until_it_is_known() {
        let mut p = Progress {
            phase: Phase::Reducing,
            requests: 20,
            lines: 450,
            passed: 2,
            failed: 3,
            unresolved: 0,
            reused: 1,
            at_least: 4,
            at_most: 10,
            likely: None,
        };
        let elapsed = Duration::from_secs(100);
        assert_eq!(
            progress(&p, elapsed),
            "best 20 requests, 450 lines | 5 trials: 2 pass, 3 fail | 1 min 40 s | \
             4 to 10 trials to go, 1 min 20 s to 3 min 20 s"
        );
        p.likely = Some(6);
        assert!(
            progress(&p, elapsed).ends_with("| about 6 trials to go (4 to 10), 2 min 00 s"),
            "{}",
            progress(&p, elapsed)
        );
        p.at_most = 4;
        assert!(progress(&p, elapsed).ends_with("4 trials to go, about 1 min 20 s"));
        (p.passed, p.failed) = (0, 1);
        assert!(progress(&p, elapsed).starts_with("nothing has passed yet | 1 trial: 0 pass"));
        assert!(
            progress(&p, elapsed).ends_with("4 trials to go"),
            "one trial says nothing"
        );
    }

    #[test]
    fn a_worker_says_what_it_takes_away_and_why() {
        let said = |which, lacks, symbol: Option<&str>| {
            purpose(&Event::TrialBegan {
                worker: crate::model::WorkerId(0),
                trial: crate::model::TrialId(7),
                purpose: which,
                requests: 20,
                lacks,
                symbol: symbol.map(|name| crate::model::Symbol::new(name).unwrap()),
            })
            .unwrap()
        };
        assert_eq!(said(Purpose::Guess, None, None), "a guess of 20 requests");
        assert_eq!(
            said(Purpose::Group, Some(9), None),
            "a group: 9 requests that may go"
        );
        assert_eq!(
            said(Purpose::Single, Some(1), Some("EPOLL")),
            "without EPOLL"
        );
        assert_eq!(
            said(Purpose::Single, Some(3), Some("NET")),
            "without NET and 2 that depend on it"
        );
        assert_eq!(
            said(Purpose::Repeat, Some(0), None),
            "asked again: the best"
        );
        assert_eq!(
            said(Purpose::Repeat, Some(1), Some("NET")),
            "asked again: without NET"
        );
        assert_eq!(
            said(Purpose::Rebuild, Some(0), None),
            "once more, from an empty tree"
        );
    }
}
