//! The worker timeline: what each worker did when.

use std::collections::BTreeMap;

use super::picture::{Drawing, Holds, Picture, Table, Width};
use super::scale::{self, Scale, Steps};
use super::svg::{Element, Path};
use crate::model::{TrialId, count};
use crate::report::Details;
use crate::report::details::{TrialDetails, TrialEnd};

/// Of more trials than this, shares of equal parts of the time are drawn instead.
const MOST_TRIALS: usize = 600;

/// Most parts of the time, of all workers together.
const MOST_PARTS: usize = 4000;

/// Most workers that are drawn, the first ones.
const MOST_WORKERS: usize = 32;

/// With more trials of one worker than this the picture is wide.
const DENSE: usize = 80;

const LEFT: f64 = 84.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const ROW: f64 = 26.0;
const PITCH: f64 = 36.0;
const BOTTOM: f64 = 52.0;

/// What a worker does in a part of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Resolve,
    Build,
    Boot,
    /// A trial without a verdict: nobody knows how far it came.
    Open,
}

impl Phase {
    const ALL: [Self; 4] = [Self::Resolve, Self::Build, Self::Boot, Self::Open];

    fn class(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Build => "build",
            Self::Boot => "boot",
            Self::Open => "open",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Build => "build",
            Self::Boot => "boot (oracles)",
            Self::Open => "no verdict",
        }
    }
}

/// What a worker did from one time to another, in milliseconds since the run began.
struct Span {
    trial: TrialId,
    phase: Phase,
    from: u64,
    to: u64,
}

/// A worker and its trials.
struct Worker {
    number: u32,
    trials: usize,
    /// In order, without overlaps.
    spans: Vec<Span>,
}

impl Worker {
    fn of(number: u32, mut trials: Vec<&TrialDetails>) -> Self {
        trials.sort_by_key(|trial| (trial.began_ms, trial.ended_ms, trial.trial));
        let (mut spans, mut now) = (Vec::new(), 0);
        for trial in &trials {
            let phases: &[(Phase, u64)] = match trial.end {
                TrialEnd::Open => &[(Phase::Open, trial.ended_ms)],
                _ => &[
                    (Phase::Resolve, trial.build_ms),
                    (Phase::Build, trial.oracle_ms),
                    (Phase::Boot, trial.ended_ms),
                ],
            };
            // It waited for this worker until the trial before it had ended.
            now = trial.began_ms.max(now);
            for (phase, end) in phases {
                let from = now;
                now = now.max(*end);
                if from < now {
                    spans.push(Span {
                        trial: trial.trial,
                        phase: *phase,
                        from,
                        to: now,
                    });
                }
            }
        }
        Self {
            number,
            trials: trials.len(),
            spans,
        }
    }

    /// Seconds in a phase.
    fn seconds(&self, phase: Phase) -> f64 {
        let spans = self.spans.iter().filter(|span| span.phase == phase);
        spans.fold(0.0, |sum, span| sum + (span.to - span.from) as f64 / 1e3)
    }

    fn end(&self) -> u64 {
        self.spans.last().map_or(0, |span| span.to)
    }
}

/// The picture, if there is a trial.
pub(super) fn picture(details: &Details) -> Option<Picture> {
    let mut of: BTreeMap<u32, Vec<&TrialDetails>> = BTreeMap::new();
    for trial in &details.trials {
        of.entry(trial.worker).or_default().push(trial);
    }
    let workers = of
        .into_iter()
        .map(|(number, trials)| Worker::of(number, trials));
    let workers: Vec<Worker> = workers.collect();
    let end = workers.iter().map(Worker::end).max()?;
    let most = workers.iter().map(|worker| worker.trials).max()?;
    let shown = &workers[..workers.len().min(MOST_WORKERS)];
    let width = if most > DENSE {
        Width::Wide
    } else {
        Width::Column
    };
    let right = width.units() - RIGHT;
    let across = Scale::new((0.0, (end as f64).max(1.0)), (LEFT, right), Steps::Equal);
    let trials: usize = shown.iter().map(|worker| worker.trials).sum();
    let parts = (trials > MOST_TRIALS).then(|| (MOST_PARTS / shown.len()).min(600));
    let bottom = TOP + PITCH * shown.len() as f64;
    let mut body = vec![hatch(), legend(shown), axis(&across, end, bottom, right)];
    for (at, worker) in shown.iter().enumerate() {
        let y = TOP + PITCH * at as f64;
        let name = format!("worker {}", worker.number);
        body.push(Element::label(LEFT - 10.0, y + 17.0, &name).at_end());
        body.push(Element::rect(LEFT, y + ROW - 3.0, right - LEFT, 3.0).class("idle"));
        body.extend(match parts {
            None => row(worker, &across, y),
            Some(parts) => parts_of_row(worker, end, parts, right, y),
        });
    }
    Some(
        Drawing {
            id: "worker-timeline",
            title: "Worker timeline".to_owned(),
            description: description(details, &workers, end, parts),
            width,
            height: bottom + BOTTOM - 8.0,
            holds: Holds::Marks,
            body,
            table: table(&workers, end),
        }
        .finish(),
    )
}

/// The hatching of boots, so that they differ from builds without colour.
fn hatch() -> Element {
    let mut line = Path::default();
    line.move_to(-1.0, 7.0);
    line.line_to(7.0, -1.0);
    line.move_to(2.0, 10.0);
    line.line_to(10.0, 2.0);
    let pattern = Element::new("pattern")
        .attribute("id", "worker-timeline-hatch")
        .attribute("patternUnits", "userSpaceOnUse")
        .number("width", 6.0)
        .number("height", 6.0)
        .with(line.draw("hatch"));
    Element::new("defs").with(pattern)
}

fn hatched(element: Element) -> Element {
    element
        .class("hatched")
        .attribute("fill", "url(#worker-timeline-hatch)")
}

fn legend(workers: &[Worker]) -> Element {
    let mut group = Element::group();
    let mut x = LEFT;
    for phase in Phase::ALL {
        if phase == Phase::Open && workers.iter().all(|worker| worker.seconds(phase) == 0.0) {
            continue;
        }
        let (y, height) = place(phase, 8.0, 18.0);
        group.push(Element::rect(x, y, 22.0, height).class(phase.class()));
        if phase == Phase::Boot {
            group.push(hatched(Element::rect(x, y, 22.0, height)));
        }
        group.push(Element::label(x + 28.0, 22.0, phase.words()));
        x += 28.0 + phase.words().len() as f64 * 6.6 + 22.0;
    }
    group.push(Element::rect(x, 23.0, 22.0, 3.0).class("idle"));
    group.with(Element::label(x + 28.0, 22.0, "idle"))
}

/// Where the bar of a phase is in a row of some height. A resolve is lower than a build.
fn place(phase: Phase, y: f64, height: f64) -> (f64, f64) {
    match phase {
        Phase::Resolve => (y + height * 0.45, height * 0.55),
        Phase::Open => (y + height * 0.25, height * 0.5),
        Phase::Build | Phase::Boot => (y, height),
    }
}

fn axis(across: &Scale, end: u64, bottom: f64, right: f64) -> Element {
    let middle = f64::midpoint(LEFT, right);
    let name = "time since the run began, without that between sessions";
    let mut group = Element::group()
        .with(Element::line((LEFT, bottom), (right, bottom)).class("axis"))
        .with(Element::label(middle, bottom + 38.0, name).in_middle());
    for tick in scale::times(end as f64, 7) {
        let x = across.at(tick.value);
        group.push(Element::line((x, TOP - 4.0), (x, bottom + 5.0)).class("grid"));
        group.push(Element::label(x, bottom + 20.0, &tick.label).in_middle());
    }
    group
}

/// A bar for each phase of each trial.
fn row(worker: &Worker, across: &Scale, y: f64) -> Vec<Element> {
    let (mut all, mut boots) = (Vec::new(), Path::default());
    for trial in worker.spans.chunk_by(|a, b| a.trial == b.trial) {
        let mut said = format!("trial {}", trial[0].trial);
        let mut group = Element::group();
        for span in trial {
            let (from, to) = (across.at(span.from as f64), across.at(span.to as f64));
            let (top, height) = place(span.phase, y, ROW);
            group.push(Element::rect(from, top, to - from, height).class(span.phase.class()));
            if span.phase == Phase::Boot {
                boots.bar(from, top, to - from, height);
            }
            let seconds = (span.to - span.from) as f64 / 1e3;
            said += &format!(", {} {seconds:.1} s", span.phase.words());
        }
        all.push(group.tip(&said));
        // A thin line between trials that have the room.
        let (begin, end) = (trial[0].from, trial[trial.len() - 1].to);
        let (begin, end) = (across.at(begin as f64), across.at(end as f64));
        if end - begin > 4.0 {
            all.push(Element::line((begin, y), (begin, y + ROW)).class("gap"));
        }
    }
    all.push(hatched(boots.draw("")));
    all
}

/// For each part of the time, the shares of the phases, one above the other.
fn parts_of_row(worker: &Worker, end: u64, parts: usize, right: f64, y: f64) -> Vec<Element> {
    let long = (end as f64).max(1.0) / parts as f64;
    let wide = (right - LEFT) / parts as f64;
    let mut shares = vec![[0.0; Phase::ALL.len()]; parts];
    for span in &worker.spans {
        let (from, to) = (span.from as f64 / long, span.to as f64 / long);
        let (first, last) = (from as usize, (to.ceil() as usize).min(parts));
        for (part, shares) in shares.iter_mut().enumerate().take(last).skip(first) {
            let inside = to.min(part as f64 + 1.0) - from.max(part as f64);
            shares[span.phase as usize] += inside.max(0.0);
        }
    }
    let mut paths: [Path; 4] = Default::default();
    for (part, shares) in shares.iter().enumerate() {
        let mut base = y + ROW;
        // From below: builds, boots, then what is short.
        for phase in [Phase::Build, Phase::Boot, Phase::Resolve, Phase::Open] {
            let height = ROW * shares[phase as usize].min(1.0);
            if height >= 0.1 {
                let x = LEFT + wide * part as f64;
                paths[phase as usize].bar(x, base - height, wide, height);
                base -= height;
            }
        }
    }
    let mut all = Vec::new();
    for (phase, path) in Phase::ALL.into_iter().zip(&paths) {
        if !path.is_empty() {
            all.push(path.draw(phase.class()));
            if phase == Phase::Boot {
                all.push(hatched(path.draw("")));
            }
        }
    }
    all
}

fn description(details: &Details, workers: &[Worker], end: u64, parts: Option<usize>) -> String {
    let trials = details.trials.len();
    let total = end as f64 / 1e3 * workers.len() as f64;
    let share = |phase: Phase| {
        let seconds: f64 = workers.iter().map(|worker| worker.seconds(phase)).sum();
        percent(seconds, total)
    };
    let all = workers
        .iter()
        .flat_map(|worker| Phase::ALL.map(|phase| worker.seconds(phase)));
    let busy: f64 = all.sum();
    let mut said = format!(
        "What {} did in {}. Of all their time, they resolved configs and prepared trees for {}, built for {}, and \
         asked the oracles, which boot the kernel, for {}; they were idle for {}.",
        count(workers.len(), "worker"),
        count(trials, "trial"),
        share(Phase::Resolve),
        share(Phase::Build),
        share(Phase::Boot),
        percent(total - busy, total),
    );
    if workers
        .iter()
        .any(|worker| worker.seconds(Phase::Open) > 0.0)
    {
        said += &format!(
            " Trials that never had a verdict took {}.",
            share(Phase::Open)
        );
    }
    if details.trials.iter().any(|trial| !trial.worker_is_known) {
        said += " The journal does not say which worker ran a trial: a row is a place beside the other trials that \
                 ran at the same time.";
    }
    if let Some(parts) = parts {
        said += &format!(
            " The trials are too many to be shown one by one: the height of a bar is the share of a phase in one \
             of {parts} equal parts of the time."
        );
    }
    if workers.len() > MOST_WORKERS {
        said += &format!(
            " Of {} workers, the first {MOST_WORKERS} are shown; the table has all.",
            workers.len()
        );
    }
    said
}

/// A share in words.
fn percent(part: f64, whole: f64) -> String {
    match whole > 0.0 {
        true => format!("{:.1} %", 100.0 * part.max(0.0) / whole),
        false => "0 %".to_owned(),
    }
}

fn table(workers: &[Worker], end: u64) -> Table {
    let mut table = Table::new(&["worker", "trials"]);
    let names = ["resolve", "build", "boot", "no verdict", "idle"];
    for name in names {
        table.head.push(format!("{name}, seconds"));
        table.head.push(format!("{name}, share"));
    }
    table.rows = workers
        .iter()
        .map(|worker| {
            let all = end as f64 / 1e3;
            let phases = Phase::ALL.map(|phase| worker.seconds(phase));
            let idle = (all - phases.iter().sum::<f64>()).max(0.0);
            let mut row = vec![worker.number.to_string(), worker.trials.to_string()];
            for seconds in phases.into_iter().chain([idle]) {
                row.push(format!("{seconds:.1}"));
                row.push(percent(seconds, all));
            }
            row
        })
        .collect();
    table
}
