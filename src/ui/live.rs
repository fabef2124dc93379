//! Progress on a terminal: a line for the run, one for each worker, and lines that stay above.

use std::collections::HashMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Paint, Ui, Verbosity, words};
use crate::model::{Event, Phase, WorkerId, WorkerState};

/// How often the times on the screen move.
const TICK: Duration = Duration::from_millis(200);

pub(super) struct Live {
    bars: MultiProgress,
    header: ProgressBar,
    /// The trials that ended, of all that are expected.
    whole: ProgressBar,
    workers: Vec<ProgressBar>,
    /// For each worker, why its trial is made.
    purposes: HashMap<WorkerId, String>,
    paint: Paint,
    verbosity: Verbosity,
    phase: Phase,
}

/// Templates are fixed strings of ours; were one wrong, the default style serves.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}

impl Live {
    pub(super) fn new(paint: Paint, verbosity: Verbosity) -> Self {
        let bars = MultiProgress::new();
        let header = bars.add(ProgressBar::new_spinner());
        header.set_style(style("{spinner} {wide_msg}"));
        header.enable_steady_tick(TICK);
        header.set_message("preparing");
        let whole = bars.add(ProgressBar::new(0));
        // As long as nobody knows how many trials there will be.
        whole.set_style(style(""));
        Self {
            bars,
            header,
            whole,
            workers: Vec::new(),
            purposes: HashMap::new(),
            paint,
            verbosity,
            phase: Phase::Preparing,
        }
    }

    fn worker(&mut self, number: usize) -> &ProgressBar {
        while self.workers.len() <= number {
            let bar = self.bars.add(ProgressBar::new_spinner());
            bar.set_style(style("  {prefix} {wide_msg} {elapsed}"));
            bar.set_prefix(format!("worker {}", self.workers.len()));
            self.workers.push(bar);
        }
        &self.workers[number]
    }
}

impl Ui for Live {
    fn event(&mut self, event: &Event) {
        if let Some(text) = words::line(self.paint, self.verbosity, event) {
            // Nothing can be done about a terminal that has gone.
            let _ = self.bars.println(text);
        }
        match event {
            Event::PhaseBegun { phase } => {
                self.phase = *phase;
                self.header.set_message(words::phase(*phase));
            }
            Event::TrialBegan { worker, .. } => {
                if let Some(purpose) = words::purpose(event) {
                    self.purposes.insert(*worker, purpose);
                }
            }
            Event::Worker { worker, state } => {
                let mut text = words::state(state);
                match state {
                    WorkerState::Idle | WorkerState::Resolving => {
                        self.purposes.remove(worker);
                    }
                    _ => {
                        if let Some(purpose) = self.purposes.get(worker) {
                            text += &format!(" | {purpose}");
                        }
                    }
                }
                let bar = self.worker(worker.0 as usize);
                if matches!(
                    state,
                    WorkerState::Idle | WorkerState::Resolving | WorkerState::Preparing { .. }
                ) {
                    bar.reset_elapsed();
                }
                bar.set_message(text);
                bar.tick();
            }
            Event::Progress { progress, elapsed } => {
                for bar in &self.workers {
                    bar.tick();
                }
                let (ended, all) = words::share(progress);
                self.whole.set_style(style("  {bar:20} {wide_msg}"));
                self.whole.set_message(words::ahead(progress, *elapsed));
                self.whole.set_length(all);
                self.whole.set_position(ended);
                let text = words::so_far(progress, *elapsed);
                self.header
                    .set_message(format!("{} | {text}", short(self.phase)));
            }
            _ => {}
        }
    }

    fn finish(&mut self) {
        for bar in &self.workers {
            bar.finish_and_clear();
        }
        self.whole.finish_and_clear();
        self.header.finish_and_clear();
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.finish();
    }
}

fn short(phase: Phase) -> &'static str {
    match phase {
        Phase::Certifying => "certifying",
        other => words::phase(other),
    }
}
