//! A session of a run: from where it stands to its end, or until it is stopped.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::control::Control;
use super::estimates::Estimates;
use super::finish::{TREES, header, restore};
use super::opened::{Opened, now};
use super::searches::{depends_of, search_of};
use super::tell::Watcher;
use super::tools::Tools;
use super::{doubts, learned, modules, stand_in};
use crate::build::{Forecasts, Kbuild, TreePool, has_source, source_gone};
use crate::identity::{Seen, SourceTree, changed};
use crate::journal::{Ending, INTERRUPTED, Journal, Record, RunDir, RunInfo, RunState};
use crate::kconfig::Resolver;
use crate::lab::{
    Attempts, BEST_FRAGMENT, Budget, Lab, LocalSite, LocalWorkers, Outcome, Stopped, calls,
    fragment_of,
};
use crate::model::{Candidate, Config, Event, Fingerprint, Fragment, Judgement, RequestSet, bytes};
use crate::search::{self, Coverage, Depends, Search};
use crate::settings::Settings;
use crate::setup::WorkFolder;
use crate::supervise::{CancelToken, JobServer};
use crate::trial::{Needs, Runner, TrialRunner, Watch, check_trees, has_files};
use crate::{Error, ErrorKind, Result};

/// Goes on with the run from where it stands. Its end is in the journal then.
///
/// # Errors
/// The search cannot go on, or its answer is none ([`doubts`]).
pub(crate) fn drive(
    opened: &mut Opened,
    settings: &Settings,
    tools: Tools,
    control: &Control,
    tell: &mut Watcher<'_>,
) -> Result<Outcome> {
    opened.check_modules(settings, &tools)?;
    let (source, toolset) = (Arc::clone(&tools.source), Arc::clone(&tools.toolset));
    let result = search_on(opened, settings, tools, control, tell);
    // Kconfig without its source fails in many ways; they have one cause.
    let result = result.map_err(|error| match error.kind() {
        ErrorKind::Failed if !has_source(source.root()) => {
            source_gone(source.root()).because(error)
        }
        _ => error,
    });
    let restored = restore(opened, tell);
    let result = result.and_then(|outcome| restored.map(|()| outcome));
    // The answer is one for the source that is there.
    let result = result.and_then(|outcome| match outcome.stopped {
        None => still_the_same(&source)
            .and_then(|()| toolset.look())
            .map(|_| outcome),
        Some(_) => Ok(outcome),
    });
    let result = result.and_then(|outcome| {
        let requests = &opened.info.requests;
        match doubts::of_fragment(requests, &outcome.best).filter(|_| outcome.stopped.is_none()) {
            Some(error) => Err(error),
            None => Ok(outcome),
        }
    });
    let result = result.and_then(|outcome| match outcome.stopped {
        None => match doubts::of_answer(&outcome, opened.journal.state()) {
            Some(error) => Err(error),
            None => Ok(outcome),
        },
        Some(_) => Ok(outcome),
    });
    let outcome = match result {
        Ok(outcome) => outcome,
        Err(error) => return Err(stopped_by(error, &mut opened.journal, opened.dir.path())),
    };
    if outcome.stopped.is_none() {
        opened.journal.append(&Record::Certified {
            entries: outcome.certificate.entries().to_vec(),
        })?;
    }
    opened.journal.append(&ending(&outcome))?;
    let is_minimal = outcome.stopped.is_none() && outcome.certificate.is_whole();
    if settings.learns() && is_minimal {
        let (info, best) = (&opened.info, &outcome.best);
        let kept = learned::folder()
            .and_then(|folder| learned::keep(&folder, &settings.oracles, &info.requests, best));
        // The run has its result all the same.
        if let Err(error) = kept {
            let text = format!("what was learnt is not kept: {error}");
            tell(&Event::Warning { text });
        }
    }
    Ok(outcome)
}

/// How the session ended, for the journal.
fn ending(outcome: &Outcome) -> Record {
    let at = now();
    let interrupted = |why: &str| Record::Interrupted {
        at,
        why: why.to_owned(),
    };
    match outcome.stopped {
        Some(Stopped::Interrupted) => interrupted(INTERRUPTED),
        Some(Stopped::Time) => interrupted("the time is used up"),
        Some(Stopped::Trials) => interrupted("the trials are used up"),
        None => Record::Finished {
            at,
            ending: match outcome.certificate.coverage() {
                Coverage::Every => Ending::Minimal,
                Coverage::Leaves => Ending::Leaves,
                Coverage::Partial => Ending::Unproved,
            },
            risk: outcome.reliability.risk,
        },
    }
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
    tools: Tools,
    control: &Control,
    tell: &mut Watcher<'_>,
) -> Result<Outcome> {
    let Opened {
        dir, info, journal, ..
    } = opened;
    let cancel = &control.cancel;
    let capacity = info.requests.len();
    let full = RequestSet::full(capacity);
    // As the earlier sessions left it.
    let state = journal.state().clone();
    let attempts = Attempts::of(&state);
    let resolver = tools.resolver.clone();
    let source = tools.plan.source.clone();
    let names: Vec<String> = tools.oracles.iter().map(|o| o.name().to_owned()).collect();
    let unloaded = stand_in::unloaded(tools.stand_in.as_ref(), &tools.oracles);
    let trees = dir.path().join(TREES);
    let best = state.best_passed().map(|judgement| judgement.fingerprint);
    // Kconfig works there as long as trials are made.
    let needs = Needs::of_key(&tools.key);
    let (runner, _work) = runner(tools, settings, dir, best, &needs)?;
    let site = LocalSite::of(&runner);
    let runner: Arc<dyn Runner> = runner;
    let mut workers = LocalWorkers::start(&runner, settings.jobs.get(), cancel)?;
    let resolve = |fragment: &Fragment| resolver.resolve(fragment, cancel);
    let of_best = |best: &RequestSet| depends_of(&info.requests, best, &resolver, cancel);
    let mut sink = |event: &Event| tell(event);
    let header = header(info, settings, BEST_FRAGMENT);
    let cause = |config: &Config| modules::cause(config, settings, resolver.trusted());
    let mut lab = Lab {
        workers: &mut workers,
        site: &site,
        dir,
        journal,
        cache: state.verdicts.clone(),
        requests: &info.requests,
        needs: &needs,
        attempts,
        budget: Budget {
            time: settings.budget_time,
            trials: settings.budget_trials,
        },
        signals: control.requests(),
        sink: &mut sink,
        next_trial: state.next_trial(),
        start: (state.baseline()).map_or(state.next_trial(), |(trial, _)| trial),
        resolve: &resolve,
        depends: &of_best,
        cause: &cause,
        written: match info.begins_with_guess() {
            false => Some(state.noted.clone().unwrap_or_else(|| full.clone())),
            true => state.noted.clone(),
        },
        refused: state.refused,
        header: &header,
        is_stopping: false,
    };
    if let Some(fingerprint) = state.start_config() {
        lab.cache.resolved(full, fingerprint);
    }
    let depends = depends_in(info)?;
    owed_of_stand_in(&mut lab, settings, &*resolver, &names, unloaded, cancel)?;
    let is_first = owed_of_start(&mut lab, &state, info, &*resolver, &names, cancel)?;
    // An earlier session may have stopped right after it judged the start. Once the search has begun, new
    // estimates would make its replay diverge.
    if lab.journal.state().calls.is_empty() {
        let estimates = Estimates {
            info,
            settings,
            depends: &depends,
            resolver: &resolver,
            source: &source,
        };
        estimates.complete(&mut lab, &state, cancel)?;
    }
    if is_first {
        tell_disk(&mut lab, settings, &trees);
    }
    let options = options(info, settings, lab.journal.state(), depends)?;
    let (mut search, in_flight) = search_as_it_stood(&mut lab, info, settings, options)?;
    let mut progress = lab.journal.state().progress(capacity);
    progress.requests = search.best().len();
    let is_noted = lab.written.is_some() && search.has_passed();
    if !is_first
        && is_noted
        && let Some(passed) = rewrite_best(&mut lab, search.best())?
    {
        progress.lines = passed.lines;
    }
    lab.run(search.as_mut(), in_flight, progress)
}

/// Judges the kernel that stands for the start, if nobody did, or again, if files of its trial are lost.
fn owed_of_stand_in(
    lab: &mut Lab<'_>,
    settings: &Settings,
    resolver: &dyn Resolver,
    names: &[String],
    unloaded: Option<String>,
    cancel: &CancelToken,
) -> Result<()> {
    let Some(kernel) = &settings.start_kernel else {
        return Ok(());
    };
    let state = lab.journal.state();
    if let (Some(passed), Some((_, files))) = (&state.stand_in, state.baseline()) {
        let folder = RunDir::trial_dir(lab.dir.path(), passed.trial);
        if has_baseline(&folder, names, files) {
            return Ok(());
        }
        let text = format!(
            "files of the trial of the kernel that stands for the start ({}) are gone or not what they were, and \
             oracles compare others with them: it is judged again",
            folder.display()
        );
        (lab.sink)(&Event::Warning { text });
    }
    let full = RequestSet::full(lab.requests.len());
    let start = resolver.resolve(&fragment_of(lab.requests, &full), cancel)?;
    let Some(text) = unloaded else {
        return lab.judge_stand_in(kernel, &start);
    };
    (lab.sink)(&Event::Warning { text: text.clone() });
    lab.judge_stand_in(kernel, &start)
        .map_err(|error| match (error.kind(), error.hint_text()) {
            (ErrorKind::StartFails, Some(hint)) => {
                let hint = format!("{hint} Note: {text}");
                error.hint(hint)
            }
            _ => error,
        })
}

/// Does what a session owes to the start before the search goes on: judges it, if nobody did, or again, if its files
/// are lost. Was it judged for the first time?
fn owed_of_start(
    lab: &mut Lab<'_>,
    state: &RunState,
    info: &RunInfo,
    resolver: &dyn Resolver,
    names: &[String],
    cancel: &CancelToken,
) -> Result<bool> {
    let (requests, full) = (lab.requests, RequestSet::full(lab.requests.len()));
    if let Some(start) = &state.start {
        let folder = RunDir::trial_dir(lab.dir.path(), start.trial);
        if !has_baseline(&folder, names, &state.files) {
            judge_start_again(lab, &full)?;
        }
    }
    if info.begins_with_guess() && info.key.start_kernel.is_none() {
        check_grown(lab, state, names)?;
    }
    let is_first = state.start.is_none() && !info.begins_with_guess();
    if is_first {
        let start = resolver.resolve(&fragment_of(requests, &full), cancel)?;
        lab.judge_start(&start, &full)?;
    }
    Ok(is_first)
}

/// Says how much of the disk the build trees will take.
fn tell_disk(lab: &mut Lab<'_>, settings: &Settings, trees: &Path) {
    if let Some(disk) = lab.site.expected_disk() {
        let text = format!(
            "disk: the {} build trees take about {}, in {}; they go at the end",
            TreePool::size(settings.jobs.get()),
            bytes(disk),
            trees.display(),
        );
        (lab.sink)(&Event::Note { text });
    }
}

/// Writes what follows from a verdict on the best once more, after a crash: its files, and its record if the journal
/// names no best. Returns the judgement by which it passed.
fn rewrite_best(lab: &mut Lab<'_>, best: &RequestSet) -> Result<Option<Judgement>> {
    let passed = lab.write_best(best)?;
    if let Some(passed) = passed.as_ref()
        && lab.journal.state().noted.is_none()
    {
        lab.written = Some(best.clone());
        lab.journal.append(&Record::Best {
            trial: passed.trial,
            requests: best.len(),
            lines: passed.lines,
            keep: Some(best.clone()),
            files: BTreeMap::new(),
        })?;
    }
    Ok(passed)
}

/// Makes the trials of a run, in build trees in its folder, one of which may hold the best.
fn runner(
    mut tools: Tools,
    settings: &Settings,
    dir: &RunDir,
    best: Option<Fingerprint>,
    needs: &Needs,
) -> Result<(Arc<TrialRunner>, WorkFolder)> {
    // Make, oracles and their guests run elsewhere.
    let root = dir.path().canonicalize();
    let root = root.map_err(|e| Error::io("look at", dir.path(), e))?;
    let trees = root.join(TREES);
    fs::create_dir_all(&trees).map_err(|e| Error::io("make the folder", &trees, e))?;
    let pool = TreePool::open(&trees, settings.jobs.get(), best)?.building(settings.builds);
    check_trees(&pool, &trees, &tools.source, &tools.toolset)?;
    // Compilers that are killed leave their temporary files: these go with the trees.
    let temporary = trees.join("tmp");
    fs::create_dir_all(&temporary).map_err(|e| Error::io("make the folder", &temporary, e))?;
    tools.plan.env.push(("TMPDIR".into(), temporary.into()));
    let kbuild = Kbuild::new(&tools.plan.source, &settings.arch);
    let runner = TrialRunner {
        trials: RunDir::trials(&root),
        needs: needs.clone(),
        resolver: tools.resolver,
        plan: tools.plan,
        trees: pool,
        jobs: JobServer::new(settings.build_jobs)?,
        oracles: tools.oracles,
        timeout: settings.timeout,
        guest: tools.guest,
        stand_in: tools.stand_in,
        kbisect: tools.kbisect,
        forecasts: Forecasts::new(kbuild),
        source: tools.source,
        told: OnceLock::new(),
        watch: Watch::of(tools.toolset),
    };
    Ok((Arc::new(runner), tools.work))
}

/// What depends on what in the start, if the record of the run fits its requests.
fn depends_in(info: &RunInfo) -> Result<Depends> {
    let capacity = info.requests.len();
    let damaged = |what: &str| {
        let text = format!("run.json is damaged: `{what}` does not fit the requests");
        Error::failed(text).hint("start a new run with another --output")
    };
    let depends = Depends::of_lists(&info.carried, capacity).ok_or_else(|| damaged("carried"))?;
    let mut fit = info.selectors.iter().map(RequestSet::capacity);
    if !info.selectors.is_empty()
        && (info.selectors.len() != capacity || !fit.all(|n| n == capacity))
    {
        return Err(damaged("selectors"));
    }
    Ok(depends)
}

/// What the search is told.
fn options(
    info: &RunInfo,
    settings: &Settings,
    state: &RunState,
    depends: Depends,
) -> Result<search::Options> {
    let prior = if state.prior.is_empty() {
        info.prior.clone()
    } else {
        state.prior.clone()
    };
    if !prior.is_empty() && prior.len() != info.requests.len() {
        return Err(
            Error::failed("the run is damaged: its `prior` does not fit the requests")
                .hint("start a new run with another --output"),
        );
    }
    Ok(search::Options {
        depends,
        selectors: info.selectors.clone(),
        symptoms: info.symptoms.clone(),
        certify: settings.certify,
        refused: state.refused,
        prior,
        // Of some hours at most.
        cost: state.costs.iter().map(|ms| *ms as f64).collect(),
        // All workers are on this machine.
        cores: search::Cores::Shared,
        ..search::Options::default()
    })
}

/// The search as its record left it, and the candidates that were in flight.
fn search_as_it_stood(
    lab: &mut Lab<'_>,
    info: &RunInfo,
    settings: &Settings,
    options: search::Options,
) -> Result<(Box<dyn Search>, Vec<Candidate>)> {
    let origin = lab.journal.state().start_origin;
    let mut search = search_of(info, settings, options.clone(), origin)?;
    // That of a start that was judged again just now included.
    let replayed = match search::replay(calls(lab.journal.lines()), search.as_mut()) {
        Ok(replayed) if !lab.journal.state().relies_on_images => replayed,
        // An older version searched in another way. What it found out is not lost.
        Ok(_) | Err(search::ReplayError::Diverged { .. }) => {
            let text = "this run was begun by a kbisect that searches differently: the search restarts, and reuses \
                        the known verdicts"
                .to_owned();
            (lab.sink)(&Event::Warning { text });
            lab.journal.append(&Record::Anew { at: now() })?;
            let options = search::Options {
                refused: lab.journal.state().refused,
                ..options
            };
            search = search_of(info, settings, options, origin)?;
            search::Replayed::default()
        }
        Err(e) => {
            let error = Error::failed(e.to_string());
            return Err(error.hint("start a new run with another --output"));
        }
    };
    Ok((search, replayed.in_flight))
}

/// Is what the oracles left in the start's trial still there, for other trials to be compared with? Of older
/// runs nobody knows which `files` that were.
fn has_baseline(trial: &Path, oracles: &[String], files: &BTreeMap<String, String>) -> bool {
    oracles.iter().all(|name| trial.join(name).is_dir()) && has_files(trial, files)
}

/// Are the files of the first best of a run that did not judge its start still there?
fn check_grown(lab: &Lab<'_>, state: &RunState, names: &[String]) -> Result<()> {
    let Some((trial, files)) = state.baseline() else {
        return Ok(());
    };
    let folder = RunDir::trial_dir(lab.dir.path(), trial);
    if has_baseline(&folder, names, files) {
        return Ok(());
    }
    Err(Error::failed(format!(
        "files of the first trial that passed ({}) are gone or not what they were, and oracles compare others with \
         them",
        folder.display()
    ))
    .hint("put them back, or start a new run with another --output"))
}

/// Judges the start once more, because files of its trial are gone: it is the baseline of all others. The search
/// is told what comes of it by the journal.
fn judge_start_again(lab: &mut Lab<'_>, full: &RequestSet) -> Result<()> {
    let text = format!(
        "files of the start's trial ({}) are gone or not what they were, and oracles compare others with them: the \
         start is judged again",
        RunDir::trial_dir(lab.dir.path(), lab.start).display()
    );
    (lab.sink)(&Event::Warning { text });
    // Of another config it would be the baseline of trials that were compared with the first.
    let start = lab.resolve_again(full)?;
    let refused = lab.refused;
    lab.judge_start(&start, full)?;
    // The search began with that many, and goes the same way again only with as many.
    lab.refused = refused;
    // Its files are those of the best until the search writes them anew.
    lab.written = Some(full.clone());
    Ok(())
}
