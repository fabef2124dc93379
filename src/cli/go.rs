//! Runs a search in an opened run directory, from where it stands to its end.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use super::conclude::{conclude, header, restore};
use super::costs::Foretold;
use super::known::Known;
use super::prepare::Tools;
use super::refused::show_oracle_output;
use super::searches::{Whole, depends_of, leftovers, search_of, unreliable};
use super::shown::Shown;
use super::{guess, learned};
use crate::build::{Forecasts, Kbuild, TreePool, has_source, source_gone};
use crate::identity::{Seen, SourceTree, changed};
use crate::journal::{Ending, INTERRUPTED, Journal, Line, Record, RunDir, RunInfo, VerdictCache};
use crate::kconfig::Resolver;
use crate::lab::{
    BEST_FRAGMENT, Bench, Budget, Lab, LocalExecutor, Outcome, Product, Stopped, Watch,
    check_trees, fragment_of, has_files, moves,
};
use crate::model::{Event, Fragment, Order, Request, RequestSet, Source, Tracing};
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
    let (source, toolset) = (Arc::clone(&tools.source), Arc::clone(&tools.toolset));
    let result = search_on(&mut opened, settings, tools, signals, cancel, ui);
    ui.finish();
    // Kconfig without its source fails in many ways; they have one cause.
    let result = result.map_err(|error| match error.kind() {
        ErrorKind::Failed if !has_source(source.root()) => {
            source_gone(source.root()).because(error)
        }
        _ => error,
    });
    let restored = restore(&mut opened, ui);
    let result = result.and_then(|outcome| restored.map(|()| outcome));
    // The answer is one for the source that is there.
    let result = result.and_then(|outcome| match outcome.stopped {
        None => still_the_same(&source)
            .and_then(|()| toolset.look())
            .map(|_| outcome),
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
    conclude(&opened, &outcome, settings, shown)
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
    check_trees(&pool, &trees, &tools.source, &tools.toolset)?;
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
        told: OnceLock::new(),
        watch: Watch::of(tools.toolset),
    };
    let mut executor = LocalExecutor::start(bench, settings.jobs.get(), cancel)?;
    let resolve = |fragment: &Fragment| resolver.resolve(fragment, cancel);
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
        resolve: &resolve,
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
        && !has_baseline(&RunDir::trial_dir(dir.path(), start), &names, &known.files)
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
    // That of a start that was judged again just now included.
    let replayed = match search::replay(moves(lab.journal.lines()), search.as_mut()) {
        Ok(replayed) if !relies_on_images(lines) => replayed,
        // An older version searched in another way. What it found out is not lost.
        Ok(_) | Err(search::ReplayError::Diverged { .. }) => {
            let text = "the run was begun by a kbisect that searches in another way: the search begins anew, and \
                        the verdicts that are known answer it"
                .to_owned();
            (lab.sink)(&Event::Warning { text });
            lab.journal.append(&Record::Anew { at: now() })?;
            let options = search::Options {
                refused: Known::of(lab.journal.lines(), capacity).refused,
                ..options
            };
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
        // After a crash between a verdict and the files that follow from it.
        let passed = lab.write_best(search.best())?;
        progress.lines = passed.map_or(progress.lines, |judgement| judgement.lines);
    }
    lab.run(search.as_mut(), replayed.in_flight, progress)
}

/// Is what the oracles left in the start's trial still there, for other trials to be compared with? Of older
/// runs nobody knows which `files` that were.
fn has_baseline(trial: &Path, oracles: &[String], files: &BTreeMap<String, String>) -> bool {
    oracles.iter().all(|name| trial.join(name).is_dir()) && has_files(trial, files)
}

/// Judges the start once more, because files of its trial are gone: it is the baseline of all others. The search
/// is told what comes of it by the journal.
fn judge_start_again(
    lab: &mut Lab<'_>,
    requests: &[Request],
    full: &RequestSet,
    resolver: &dyn Resolver,
    cancel: &CancelToken,
) -> Result<()> {
    let text = format!(
        "files of the start's trial ({}) are gone or not what they were, and oracles compare others with them: the \
         start is judged again",
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
