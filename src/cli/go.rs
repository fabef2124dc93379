//! Runs a search in an opened run directory, from where it stands to its end.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::conclude::{conclude, header};
use super::costs::Foretold;
use super::prepare::Tools;
use super::searches::{Whole, depends_of, leftovers, search_of, unreliable};
use super::shown::Shown;
use super::{guess, learned};
use crate::build::{Forecasts, Kbuild, TreePool, has_source, source_gone};
use crate::identity::{Seen, SourceTree, changed};
use crate::journal::{Ending, INTERRUPTED, Journal, Line, Record, RunDir, RunInfo, VerdictCache};
use crate::kconfig::Resolver;
use crate::lab::{
    BEST_FRAGMENT, BUILD_COMMAND, Bench, Budget, CONFIG, Lab, LocalExecutor, Outcome, Product,
    Stopped, check_trees, fragment_of, moves, write_best,
};
use crate::model::{
    Event, Fingerprint, Fragment, Judgement, Order, Origin, Phase, Prior, Progress, Request,
    RequestSet, Source, Tracing, TrialId, Verdict, sanitize,
};
use crate::oracle::COMMAND;
use crate::search::{self, Coverage, Depends};
use crate::settings::Settings;
use crate::supervise::{CancelToken, JobServer, Signals};
use crate::ui::{self, Ui};
use crate::{Error, ErrorKind, Result};

/// Where the build trees are, in the run directory.
pub(super) const TREES: &str = "trees";

/// An opened run directory.
pub(super) struct Opened {
    pub(super) dir: RunDir,
    pub(super) info: RunInfo,
    pub(super) journal: Journal,
    /// What the journal says of earlier sittings.
    pub(super) lines: Vec<Line>,
}

/// Seconds since 1970, UTC.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |d| d.as_secs())
}

/// Goes on with the run from where it stands; returns the exit code.
pub(super) fn go(
    mut opened: Opened,
    settings: &Settings,
    tools: Tools,
    signals: &Signals,
    cancel: &CancelToken,
    ui: &mut dyn Ui,
    shown: &Shown,
) -> Result<u8> {
    let source = Arc::clone(&tools.source);
    let result = search_on(&mut opened, settings, tools, signals, cancel, ui);
    ui.finish();
    // Kconfig without its source fails in many ways; they have one cause.
    let result = result.map_err(|error| match error.kind() {
        ErrorKind::Failed if !has_source(source.root()) => {
            source_gone(source.root()).because(error)
        }
        _ => error,
    });
    // The answer is one for the source that is there.
    let result = result.and_then(|outcome| match outcome.stopped {
        None => still_the_same(&source).map(|()| outcome),
        Some(_) => Ok(outcome),
    });
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => {
            if error.kind() == ErrorKind::StartFails {
                show_oracle_output(opened.dir.path());
            }
            return Err(stopped_by(error, &mut opened.journal, opened.dir.path()));
        }
    };
    if outcome.stopped.is_none() && outcome.reliability.is_hopeless() {
        let error = unreliable(&outcome.reliability);
        return Err(stopped_by(error, &mut opened.journal, opened.dir.path()));
    }
    if outcome.stopped.is_none()
        && let Some(rebuilt) = outcome.rebuilt
        && let Some(error) = leftovers(rebuilt, opened.dir.path())
    {
        return Err(stopped_by(error, &mut opened.journal, opened.dir.path()));
    }
    let wrong_product = match outcome.product {
        Product::Other => None,
        Product::Same => Some(same_product()),
        Product::Unknown => Some(not_reproducible()),
    };
    if let (None, Some(error)) = (outcome.stopped, wrong_product) {
        return Err(stopped_by(error, &mut opened.journal, opened.dir.path()));
    }
    let at = now();
    let is_minimal = outcome.stopped.is_none() && outcome.certificate.is_whole();
    let record = match outcome.stopped {
        Some(Stopped::Interrupted) => Record::Interrupted {
            at,
            why: INTERRUPTED.into(),
        },
        Some(Stopped::Time) => Record::Interrupted {
            at,
            why: "the time is used up".into(),
        },
        Some(Stopped::Trials) => Record::Interrupted {
            at,
            why: "the trials are used up".into(),
        },
        None => Record::Finished {
            at,
            ending: match outcome.certificate.coverage() {
                Coverage::Every => Ending::Minimal,
                Coverage::Leaves => Ending::Leaves,
                Coverage::Partial => Ending::Unproved,
            },
            risk: outcome.reliability.risk,
        },
    };
    opened.journal.append(&record)?;
    if settings.learns() && is_minimal {
        let (info, best) = (&opened.info, &outcome.best);
        let kept = learned::folder()
            .and_then(|folder| learned::keep(&folder, &settings.oracles, &info.requests, best));
        // The run has its result all the same.
        if let Err(error) = kept {
            let text = format!("what was learnt is not kept: {error}");
            ui.event(&Event::Warning { text });
        }
    }
    conclude(&opened.dir, &outcome, settings, shown)
}

/// Was the search told verdicts on other configurations of the same image, as before version 6 of the journal?
fn relies_on_images(lines: &[Line]) -> bool {
    let is_anew = |line: &Line| matches!(line.record, Record::Anew { .. });
    let since = lines.iter().rev().take_while(|line| !is_anew(line));
    let is_taken_over = |line: &Line| matches!(&line.record, Record::Told { judgement, .. } if judgement.source == Source::SameImage);
    since.clone().any(is_taken_over)
}

/// The answer would be one about nothing.
fn same_product() -> Error {
    Error::failed(
        "the product of the answer is that of the start, byte for byte, although their configurations differ",
    )
    .hint(
        "is `product` in the project right? If it is, none of the options that went makes a difference to it: \
         leave them out of the start",
    )
}

/// Nor could be told whether it is.
fn not_reproducible() -> Error {
    Error::failed(
        "no request is left, and the product is not reproducible: two builds of one configuration differ, so it \
         cannot be told whether it has anything to do with the configuration",
    )
    .hint(
        "is `product` in the project right? If it is, keep the time, and whatever else differs from build to build, out \
         of it; then begin anew with another --output",
    )
}

/// Is the source what it was?
fn still_the_same(source: &SourceTree) -> Result<()> {
    // The run is over: nobody waits for anything else.
    match source.look(source.generation(), &CancelToken::new())? {
        Seen::Changed(changes) => Err(changed(&changes)),
        // It is what it was, and all verdicts were looked at.
        Seen::Same | Seen::Touched(_) => Ok(()),
    }
}

/// An error on its way out: noted in the journal, if that still works, with a hint.
fn stopped_by(error: Error, journal: &mut Journal, path: &Path) -> Error {
    let _ = journal.append(&Record::Interrupted {
        at: now(),
        why: error.to_string(),
    });
    if error.kind() == ErrorKind::Interrupted || error.hint_text().is_none() {
        return error.hint(format!("to go on: kbisect resume {}", path.display()));
    }
    error
}

/// Longest line of a log or a command that is shown, in characters.
const LONGEST: usize = 4000;

/// The start did not pass: shows what its oracle said, with control characters taken out, and
/// how to see it again.
fn show_oracle_output(path: &Path) {
    use std::io::Write;
    let mut err = std::io::stderr();
    let trials = path.join("trials");
    let Ok(last) = fs::read_dir(&trials).map(|d| d.flatten().map(|e| e.path()).max()) else {
        return;
    };
    let Some(last) = last else { return };
    let (logs, command) = logs(&last);
    for log in logs {
        let Ok(bytes) = fs::read(&log) else { continue };
        let text = sanitize(&String::from_utf8_lossy(&bytes));
        let lines: Vec<&str> = text.lines().collect();
        let tail = &lines[lines.len().saturating_sub(30)..];
        let _ = writeln!(err, "--- {} (last {} lines)", log.display(), tail.len());
        for line in tail {
            let line: String = line.chars().take(LONGEST).collect();
            let _ = writeln!(err, "{line}");
        }
    }
    if let Ok(bytes) = fs::read(&command) {
        let text = sanitize(&String::from_utf8_lossy(&bytes));
        let _ = writeln!(err, "--- to repeat it by hand ({}):", command.display());
        let _ = write!(err, "{text}");
        let _ = writeln!(err, "---");
    }
}

/// The logs of a trial's last step (the last oracle that was asked, else the build), and the
/// file with the command for it.
fn logs(trial: &Path) -> (Vec<PathBuf>, PathBuf) {
    let oracles = fs::read_dir(trial).into_iter().flatten().flatten();
    let last = oracles
        .map(|e| e.path())
        .filter(|p| p.is_dir())
        .max_by_key(|dir| {
            let log = fs::metadata(dir.join(COMMAND)).and_then(|m| m.modified());
            log.unwrap_or(UNIX_EPOCH)
        });
    match last {
        None => (vec![trial.join("build.log")], trial.join(BUILD_COMMAND)),
        Some(dir) => {
            let logs = [dir.join("console.log"), dir.join("oracle.log")];
            let logs = logs.into_iter().filter(|p| p.is_file()).collect();
            (logs, dir.join(COMMAND))
        }
    }
}

fn search_on(
    opened: &mut Opened,
    settings: &Settings,
    mut tools: Tools,
    signals: &Signals,
    cancel: &CancelToken,
    ui: &mut dyn Ui,
) -> Result<Outcome> {
    let Opened {
        dir,
        info,
        journal,
        lines,
    } = opened;
    let capacity = info.requests.len();
    let full = RequestSet::full(capacity);
    let mut known = Known::of(lines, capacity);
    let trees = dir.path().join(TREES);
    fs::create_dir_all(&trees).map_err(|e| Error::io("make the folder", &trees, e))?;
    let trees = trees
        .canonicalize()
        .map_err(|e| Error::io("look at", &trees, e))?;
    let pool = TreePool::open(&trees, settings.jobs.get(), known.best)?.building(settings.builds);
    check_trees(&pool, &trees, &tools.source)?;
    // Compilers that are killed leave their temporary files: these go with the trees.
    let temporary = trees.join("tmp");
    fs::create_dir_all(&temporary).map_err(|e| Error::io("make the folder", &temporary, e))?;
    tools.plan.env.push(("TMPDIR".into(), temporary.into()));
    let resolver = tools.resolver.clone();
    let source = tools.plan.source.clone();
    let names: Vec<String> = tools.oracles.iter().map(|o| o.name().to_owned()).collect();
    let kbuild = Kbuild::new(&source, &settings.arch);
    let bench = Bench {
        resolver: tools.resolver,
        plan: tools.plan,
        trees: pool,
        jobs: JobServer::new(settings.build_jobs)?,
        oracles: tools.oracles,
        timeout: settings.timeout,
        guest: tools.guest,
        kbisect: tools.kbisect,
        forecasts: Forecasts::new(kbuild),
        source: tools.source,
    };
    let mut executor = LocalExecutor::start(bench, settings.jobs.get(), cancel)?;
    let of_best = |best: &RequestSet| depends_of(&info.requests, best, &resolver, cancel);
    let mut sink = |event: &Event| ui.event(event);
    let header = header(info, settings, BEST_FRAGMENT);
    let mut lab = Lab {
        executor: &mut executor,
        dir,
        journal,
        cache: VerdictCache::of(lines),
        requests: &info.requests,
        budget: Budget {
            time: settings.budget_time,
            trials: settings.budget_trials,
        },
        signals: signals.requests(),
        sink: &mut sink,
        next_trial: known.next_trial,
        start: known.start.unwrap_or(known.next_trial),
        depends: &of_best,
        written: known.written.unwrap_or_else(|| full.clone()),
        refused: known.refused,
        header: &header,
    };
    let mut progress = known.progress;
    if let Some(fingerprint) = known.start_config {
        lab.cache.resolved(full.clone(), fingerprint);
    }
    let damaged = |what: &str| {
        let text = format!("run.json is damaged: `{what}` does not fit the requests");
        Error::failed(text).hint("begin anew with another --output")
    };
    let depends = Depends::of_lists(&info.carried, capacity).ok_or_else(|| damaged("carried"))?;
    let mut fit = info.selectors.iter().map(RequestSet::capacity);
    if !info.selectors.is_empty()
        && (info.selectors.len() != capacity || !fit.all(|n| n == capacity))
    {
        return Err(damaged("selectors"));
    }
    if let Some(start) = known.start
        && !has_baseline(dir, start, &names)
    {
        judge_start_again(&mut lab, &info.requests, &full, &*resolver, cancel)?;
    }
    if known.start.is_none() {
        let fragment = fragment_of(&info.requests, &full);
        let start = resolver.resolve(&fragment, cancel)?;
        let judgement = lab.judge_start(&start, &full)?;
        known.start_origin = judgement.origin;
        progress.lines = judgement.lines;
        (progress.passed, progress.failed) = (1, lab.refused);
        // What builds took is another time with each run.
        let is_timed = settings.order == Order::AsItComes;
        let whole = Whole {
            info,
            resolved: &start,
            depends: &depends,
            resolver: &resolver,
        };
        let costs = if is_timed || settings.trace != Tracing::Off {
            Foretold::of(&lab, whole, cancel)?
        } else {
            Foretold::default()
        };
        if is_timed && !costs.is_empty() {
            known.costs = costs.millis(judgement.timings.oracle_wall, settings.build_jobs);
            lab.journal.append(&Record::Costs {
                millis: known.costs.clone(),
            })?;
        }
        if (info.prior.is_empty() || settings.learns())
            && let Some(traced) =
                guess::of_start(&mut lab, whole, &costs, &settings.trace, &source, cancel)?
        {
            let prior = info.prior.and(&traced);
            lab.journal.append(&Record::Traced {
                prior: prior.clone(),
            })?;
            known.prior = prior;
        }
        if let Some(bytes) = lab.executor.expected_disk() {
            let text = format!(
                "disk: the {} build trees take about {}, in {}; they go at the end",
                settings.jobs.get() + 1,
                ui::bytes(bytes),
                trees.display(),
            );
            (lab.sink)(&Event::Note { text });
        }
    }
    let prior = if known.prior.is_empty() {
        info.prior.clone()
    } else {
        known.prior
    };
    if !prior.is_empty() && prior.len() != capacity {
        return Err(
            Error::failed("the run is damaged: its `prior` does not fit the requests")
                .hint("begin anew with another --output"),
        );
    }
    let options = search::Options {
        depends,
        selectors: info.selectors.clone(),
        certify: settings.certify,
        refused: lab.refused,
        prior,
        // Of some hours at most.
        cost: known.costs.iter().map(|ms| *ms as f64).collect(),
        // All workers are on this machine.
        cores: search::Cores::Shared,
        ..search::Options::default()
    };
    let origin = known.start_origin;
    let mut search = search_of(info, settings, full.clone(), options.clone(), origin)?;
    let replayed = match search::replay(moves(lines), search.as_mut()) {
        Ok(replayed) if !relies_on_images(lines) => replayed,
        // An older version searched in another way. What it found out is not lost.
        Ok(_) | Err(search::ReplayError::Diverged { .. }) => {
            let text = "the run was begun by a kbisect that searches in another way: the search begins anew, and \
                        the verdicts that are known answer it"
                .to_owned();
            (lab.sink)(&Event::Warning { text });
            lab.journal.append(&Record::Anew { at: now() })?;
            search = search_of(info, settings, full.clone(), options, origin)?;
            search::Replayed::default()
        }
        Err(e) => {
            let error = Error::failed(e.to_string());
            return Err(error.hint("begin anew with another --output"));
        }
    };
    progress.requests = search.best().len();
    if known.start.is_some() {
        let best = search.best();
        let fragment = fragment_of(&info.requests, best);
        let passed = lab.cache.fingerprint(best);
        let passed = passed.and_then(|fingerprint| lab.cache.passed(&fingerprint));
        progress.lines = passed.map_or(progress.lines, |judgement| judgement.lines);
        let text = config_of_best(&lab, passed, &fragment, &*resolver, cancel)?;
        write_best(lab.dir, &text, &header, &fragment)?;
    }
    lab.run(search.as_mut(), replayed.in_flight, progress)
}

/// Is what the oracles left in the start's trial still there, for other trials to be compared with?
fn has_baseline(dir: &RunDir, start: TrialId, oracles: &[String]) -> bool {
    let trial = RunDir::trial_dir(dir.path(), start);
    oracles.iter().all(|name| trial.join(name).is_dir())
}

/// Judges the start once more, because the folder of its trial is gone: it is the baseline of all others.
fn judge_start_again(
    lab: &mut Lab<'_>,
    requests: &[Request],
    full: &RequestSet,
    resolver: &dyn Resolver,
    cancel: &CancelToken,
) -> Result<()> {
    let text = format!(
        "the folder of the start's trial ({}) is gone, and oracles compare others with it: the start is judged again",
        RunDir::trial_dir(lab.dir.path(), lab.start).display()
    );
    (lab.sink)(&Event::Warning { text });
    let start = resolver.resolve(&fragment_of(requests, full), cancel)?;
    let refused = lab.refused;
    lab.judge_start(&start, full)?;
    // The search began with that many, and goes the same way again only with as many.
    lab.refused = refused;
    // Its files are those of the best until the search writes them anew.
    lab.written = full.clone();
    Ok(())
}

/// The config of the best, after a crash between a verdict and the files that follow from it. If its
/// trial does not have it any more, or not whole, it is resolved anew.
fn config_of_best(
    lab: &Lab<'_>,
    passed: Option<&Judgement>,
    fragment: &Fragment,
    resolver: &dyn Resolver,
    cancel: &CancelToken,
) -> Result<String> {
    if let Some(text) = passed.and_then(|judgement| lab.config_of(judgement)) {
        return Ok(text);
    }
    let text = resolver.resolve(fragment, cancel)?.text;
    // Those who look for it in the trial's directory find it there again.
    let trial = passed.map(|judgement| RunDir::trial_dir(lab.dir.path(), judgement.trial));
    if let Some(trial) = trial {
        let path = trial.join(CONFIG);
        fs::create_dir_all(&trial)
            .and_then(|()| fs::write(&path, &text))
            .map_err(|e| Error::io("write", &path, e))?;
    }
    Ok(text)
}

/// What the journal of earlier sittings says in sum.
struct Known {
    /// The trial of the start, if it has passed.
    start: Option<TrialId>,
    start_config: Option<Fingerprint>,
    /// What it was built from when it passed.
    start_origin: Origin,
    next_trial: TrialId,
    /// The smallest that passed: its config and the trial that has it.
    best: Option<Fingerprint>,
    /// What the last record says is the best.
    written: Option<RequestSet>,
    progress: Progress,
    /// What trials are expected to cost; empty if nobody could tell.
    costs: Vec<u64>,
    /// How often the start was refused before it was accepted.
    refused: u32,
    /// What a trace said of the requests; empty if there was none.
    prior: Prior,
}

impl Known {
    fn of(lines: &[Line], capacity: usize) -> Self {
        let mut known = Self {
            start: None,
            start_config: None,
            start_origin: Origin::Earlier,
            next_trial: TrialId(1),
            best: None,
            written: None,
            progress: Progress {
                phase: Phase::Start,
                requests: capacity,
                lines: 0,
                passed: 0,
                failed: 0,
                unresolved: 0,
                reused: 0,
                at_least: 0,
                at_most: 0,
                likely: None,
            },
            costs: Vec::new(),
            refused: 0,
            prior: Prior::default(),
        };
        let mut sizes = std::collections::HashMap::new();
        let mut smallest = usize::MAX;
        for line in lines {
            let (judgement, size) = match &line.record {
                Record::Began { trial, .. } => {
                    known.next_trial = known.next_trial.max(TrialId(trial.0 + 1));
                    continue;
                }
                Record::Proposed { candidate } => {
                    sizes.insert(candidate.id, candidate.keep.len());
                    continue;
                }
                Record::Start { judgement } if judgement.verdict.is_fail() => {
                    // Later ones are of a start that was judged again for its files.
                    known.refused += u32::from(known.start.is_none());
                    (judgement, capacity)
                }
                Record::Start { judgement } => {
                    known.start = Some(judgement.trial);
                    known.start_config = Some(judgement.fingerprint);
                    if judgement.origin == Origin::Empty {
                        known.start_origin = Origin::Empty;
                    }
                    (judgement, capacity)
                }
                Record::Told {
                    candidate,
                    judgement,
                } => (
                    judgement,
                    sizes.get(candidate).copied().unwrap_or(usize::MAX),
                ),
                Record::Costs { millis } => {
                    known.costs.clone_from(millis);
                    continue;
                }
                Record::Traced { prior } => {
                    known.prior.clone_from(prior);
                    continue;
                }
                Record::Best { keep, .. } => {
                    known.written.clone_from(keep);
                    continue;
                }
                _ => continue,
            };
            let progress = &mut known.progress;
            if judgement.source == Source::SameConfig {
                progress.reused += 1;
            } else {
                match judgement.verdict {
                    Verdict::Pass => progress.passed += 1,
                    Verdict::Fail(_) => progress.failed += 1,
                    Verdict::Unresolved => progress.unresolved += 1,
                }
            }
            if judgement.verdict.is_pass() && size < smallest {
                smallest = size;
                progress.lines = judgement.lines;
                known.best = Some(judgement.fingerprint);
            }
        }
        known
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{Stage, Timings};

    fn start(trial: u32, verdict: Verdict) -> Line {
        let judgement = Judgement {
            trial: TrialId(trial),
            fingerprint: crate::model::Config::default().fingerprint(),
            verdict,
            source: Source::Tested,
            evidence: None,
            image: None,
            image_size: None,
            lines: 1,
            timings: Timings::default(),
            origin: crate::model::Origin::Earlier,
        };
        Line {
            elapsed: std::time::Duration::ZERO,
            record: Record::Start { judgement },
        }
    }

    #[test]
    fn a_start_that_is_judged_again_is_the_baseline_and_changes_nothing_of_how_the_search_began() {
        let fail = Verdict::Fail(Stage::Oracle);
        let lines = [
            start(1, fail),
            start(2, Verdict::Pass),
            start(7, fail),
            start(8, Verdict::Pass),
        ];
        let known = Known::of(&lines, 3);
        assert_eq!(known.start, Some(TrialId(8)));
        assert_eq!(known.refused, 1);
    }
}
