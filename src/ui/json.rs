//! Events as JSON lines, for programs.

use std::io::Write;

use serde::Serialize;

use super::Ui;
use crate::model::Event;

/// The version of the lines. Fields may be added to it; what is there keeps its meaning.
const VERSION: u32 = 1;

/// `{"v":1,"event":"...",...}`, one a line.
pub(super) struct Json<W> {
    out: W,
}

#[derive(Serialize)]
struct Line<'a> {
    v: u32,
    #[serde(flatten)]
    event: &'a Event,
}

impl<W: Write> Json<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Ui for Json<W> {
    fn event(&mut self, event: &Event) {
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
    use crate::model::{TrialId, WorkerId, WorkerState};

    #[test]
    fn each_event_is_a_line_with_a_version() {
        let mut out = Vec::new();
        let mut ui = Json::new(&mut out);
        ui.event(&Event::NewBest {
            trial: TrialId(7),
            requests: 12,
            lines: 413,
        });
        ui.event(&Event::Worker {
            worker: WorkerId(1),
            state: WorkerState::Building {
                trial: TrialId(8),
                objects: 3,
            },
        });
        let expected = "{\"v\":1,\"event\":\"new-best\",\"trial\":7,\"requests\":12,\"lines\":413}\n\
            {\"v\":1,\"event\":\"worker\",\"worker\":1,\"state\":{\"doing\":\"building\",\"trial\":8,\"objects\":3}}\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
