//! Plain lines, for logs and pipes.

use std::io::Write;
use std::time::{Duration, Instant};

use super::{Paint, Ui, Verbosity, words};
use crate::model::Event;

/// How often a line about the progress is worth it.
const EVERY: Duration = Duration::from_secs(60);

pub(super) struct Plain<W> {
    out: W,
    paint: Paint,
    verbosity: Verbosity,
    last: Instant,
}

impl<W: Write> Plain<W> {
    pub(super) fn new(out: W, paint: Paint, verbosity: Verbosity) -> Self {
        Self {
            out,
            paint,
            verbosity,
            last: Instant::now(),
        }
    }

    fn line(&mut self, text: &str) {
        // A reader that has gone must not end a run of an hour.
        let _ = writeln!(self.out, "{text}");
    }
}

impl<W: Write> Ui for Plain<W> {
    fn event(&mut self, event: &Event) {
        if let Some(text) = words::line(self.paint, self.verbosity, event) {
            self.line(&text);
        }
        if let Event::Progress { progress, elapsed } = event
            && self.verbosity > Verbosity::Quiet
            && self.last.elapsed() >= EVERY
        {
            self.last = Instant::now();
            self.line(&words::progress(progress, *elapsed));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{
        Fingerprint, Judgement, Source, Stage, Timings, TrialId, Verdict, WorkerId, WorkerState,
    };

    fn shown(verbosity: Verbosity, paint: Paint, events: &[Event]) -> String {
        let mut out = Vec::new();
        let mut ui = Plain::new(&mut out, paint, verbosity);
        for event in events {
            ui.event(event);
        }
        String::from_utf8(out).unwrap()
    }

    fn failed_trial() -> Event {
        Event::TrialEnded {
            worker: None,
            candidate: None,
            requests: 12,
            round: 0,
            judgement: Judgement {
                trial: TrialId(9),
                fingerprint: Fingerprint([0; 32]),
                verdict: Verdict::Fail(Stage::Oracle),
                source: Source::Tested,
                evidence: Some("Kernel panic - not syncing: No working init found.".into()),
                image: None,
                image_size: None,
                lines: 413,
                timings: Timings {
                    build_wall: Duration::from_secs(14),
                    build_cpu: Duration::from_secs(21),
                    oracle_wall: Duration::from_millis(1_400),
                    objects: 3,
                    cached: 2,
                    forecast: None,
                },
                origin: crate::model::Origin::Earlier,
            },
        }
    }

    #[test]
    fn a_failed_trial_is_told_with_its_evidence() {
        assert_eq!(
            shown(Verbosity::Normal, Paint::Nothing, &[failed_trial()]),
            "trial 9  12 requests, 413 lines  fail (oracle)  built 3 objects (2 from the cache) in 14 s, judged in 1.4 s\n    \
             Kernel panic - not syncing: No working init found.\n"
        );
    }

    #[test]
    fn what_workers_do_is_told_on_request_only() {
        let event = Event::Worker {
            worker: WorkerId(1),
            state: WorkerState::Preparing { trial: TrialId(7) },
        };
        let told = |verbosity| shown(verbosity, Paint::Nothing, std::slice::from_ref(&event));
        assert_eq!(
            told(Verbosity::Verbose),
            "worker 1: trial 7: setting the tree back\n"
        );
        assert_eq!(told(Verbosity::Normal), "");
    }

    #[test]
    fn quiet_leaves_only_warnings() {
        let warning = Event::Warning {
            text: "look".into(),
        };
        assert_eq!(
            shown(Verbosity::Quiet, Paint::Nothing, &[failed_trial(), warning]),
            "warning: look\n"
        );
    }

    #[test]
    fn without_colour_no_escape_sequence_is_written() {
        assert!(!shown(Verbosity::Verbose, Paint::Nothing, &[failed_trial()]).contains('\u{1b}'));
        assert!(shown(Verbosity::Verbose, Paint::Ansi, &[failed_trial()]).contains('\u{1b}'));
    }
}
