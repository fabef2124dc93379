//! The texts for events, times and sizes, for people.

use std::time::Duration;

use crate::model::{
    Event, Judgement, Phase, Progress, Source, Verdict, WorkerState, count, duration, sanitize,
    sanitize_line,
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
        Event::Progress { .. } => return None,
    })
}

/// One line about how far the run has come.
pub(super) fn progress(progress: &Progress, elapsed: Duration) -> String {
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
    text += &format!(
        " | {} | {}",
        duration(elapsed),
        remaining(progress, elapsed, judged)
    );
    text
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
}
