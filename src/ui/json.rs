//! Events as JSON lines, for programs.

use std::io::Write;

use serde::Serialize;

use super::{Ui, Verbosity};
use crate::model::Event;

/// The version of the lines. Fields may be added to it; what is there keeps its meaning.
const VERSION: u32 = 1;

/// `{"v":1,"event":"...",...}`, one a line.
pub(super) struct Json<W> {
    out: W,
    verbosity: Verbosity,
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    #[serde(flatten)]
    event: &'a Event,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W, verbosity: Verbosity) -> Self {
        Self { out, verbosity }
    }
}

impl<W: Write> Ui for Json<W> {
    fn event(&mut self, event: &Event) {
        if self.verbosity < Verbosity::wanted_by(event) {
            return;
        }
        if let Ok(mut line) = serde_json::to_string(&Line { v: VERSION, event }) {
            line.push('\n');
            // A reader that has gone must not end a run of an hour.
            let _ = self
                .out
                .write_all(line.as_bytes())
                .and_then(|()| self.out.flush());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::model::{
        CandidateId, Fingerprint, Forecast, Judgement, Phase, Progress, Purpose, Source, Stage,
        Timings, TrialId, Verdict, WorkerId, WorkerState,
    };

    /// One of each. The match has no `_`, so that a new event has to be added here.
    fn one_of_each() -> Vec<Event> {
        let seconds = Duration::from_secs;
        let judgement = Judgement {
            trial: TrialId(8),
            fingerprint: Fingerprint([0xab; 32]),
            verdict: Verdict::Fail(Stage::Oracle),
            source: Source::Tested,
            evidence: Some("Kernel panic".into()),
            image: Some("cd".repeat(32)),
            image_size: Some(1_052_672),
            lines: 405,
            timings: Timings {
                build_wall: seconds(9),
                build_cpu: seconds(14),
                oracle_wall: seconds(2),
                objects: 31,
                cached: 4,
                forecast: Some(Forecast {
                    objects: 33,
                    cpu: seconds(15),
                }),
            },
            origin: crate::model::Origin::Earlier,
        };
        let progress = Progress {
            phase: Phase::Reducing,
            requests: 12,
            lines: 413,
            passed: 5,
            failed: 3,
            unresolved: 0,
            reused: 1,
            at_least: 4,
            at_most: 30,
            likely: Some(14),
        };
        let text = || "a line".to_owned();
        let next = |event: &Event| match event {
            Event::Note { .. } => Some(Event::Warning { text: text() }),
            Event::Warning { .. } => Some(Event::PhaseBegun {
                phase: Phase::Reducing,
            }),
            Event::PhaseBegun { .. } => Some(Event::Worker {
                worker: WorkerId(1),
                state: WorkerState::Building {
                    trial: TrialId(8),
                    objects: 3,
                },
            }),
            Event::Worker { .. } => Some(Event::TrialBegan {
                worker: WorkerId(1),
                trial: TrialId(8),
                purpose: Purpose::Guess,
                requests: 11,
                // Not in each.
                lacks: None,
                symbol: None,
            }),
            Event::TrialBegan { .. } => Some(Event::TrialEnded {
                worker: Some(WorkerId(1)),
                candidate: Some(CandidateId(7)),
                requests: 10,
                round: 0,
                judgement: judgement.clone(),
            }),
            Event::TrialEnded { .. } => Some(Event::TrialCancelled { trial: TrialId(9) }),
            Event::TrialCancelled { .. } => Some(Event::NewBest {
                trial: TrialId(7),
                requests: 12,
                lines: 413,
            }),
            Event::NewBest { .. } => Some(Event::Progress {
                progress: progress.clone(),
                elapsed: seconds(61),
            }),
            Event::Progress { .. } => None,
        };
        std::iter::successors(Some(Event::Note { text: text() }), next).collect()
    }

    fn shown(verbosity: Verbosity) -> String {
        let mut out = Vec::new();
        let mut ui = Json::new(&mut out, verbosity);
        one_of_each().iter().for_each(|event| ui.event(event));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_program_is_told_as_much_as_a_person() {
        let quiet = shown(Verbosity::Quiet);
        assert_eq!(
            quiet,
            "{\"v\":1,\"event\":\"warning\",\"text\":\"a line\"}\n"
        );
    }

    #[test]
    fn each_event_is_a_line_with_a_version_as_the_document_shows_it() {
        let lines = shown(Verbosity::Verbose);
        snapbox::assert_data_eq!(
            lines.clone(),
            snapbox::file!["../../tests/snapshots/events.jsonl"]
        );
        // Each is named in the document.
        let document = include_str!("../../FORMATS.md");
        for line in lines.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let event = line["event"].as_str().unwrap();
            assert!(document.contains(&format!("| `{event}` |")), "{event}");
        }
    }
}
