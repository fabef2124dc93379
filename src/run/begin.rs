//! Begins a run, or tells whether the one that is there is the same.

use super::opened::{Opened, check_key, now};
use super::reasons::analysis;
use super::start::{StartFiles, TakenApart, start};
use super::tell::{Watcher, note, warn};
use super::tools::Tools;
use super::{learned, prior as priors};
use crate::journal::{Record, RunDir, RunInfo};
use crate::kconfig::{self, Start};
use crate::model::{ContentId, Prior, Request, RequestId, StoredSettings};
use crate::search::Depends;
use crate::settings::{JudgeStart, Settings};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// Begins the run that the settings describe.
pub(crate) fn begin(
    settings: &Settings,
    tools: &Tools,
    files: StartFiles,
    verifies: Option<ContentId>,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<Opened> {
    let start = start(files, settings, tools, cancel, tell);
    // If it is not what it was, that explains an error better than Kconfig does.
    tools.check_source(cancel)?;
    let TakenApart { start, missing } = start?;
    let info = RunInfo {
        kbisect: env!("CARGO_PKG_VERSION").to_owned(),
        at: now(),
        argv: std::env::args().collect(),
        key: tools.key.clone(),
        settings: StoredSettings::of(settings)
            .map_err(|e| Error::failed("cannot write the settings").because(e))?,
        algorithm: settings.algorithm.to_string(),
        analysis: Some(analysis(&start, missing, tools)),
        verifies,
        carried: carried(settings, tools, &start, cancel)?,
        start_lines: match settings.judge_start {
            JudgeStart::First => None,
            // A config has some thousands of lines.
            JudgeStart::Needed => Some(start.resolved.config.len() as u32),
        },
        selectors: start.selectors,
        keep: start.keep,
        prior: prior(settings, &start.requests, tell)?,
        requests: start.requests,
    };
    if settings.judge_start == JudgeStart::Needed {
        note(tell, how_it_begins(settings, &info));
    }
    let (dir, mut journal) = RunDir::create(&settings.output, &info)?;
    journal.append(&Record::Started { at: now() })?;
    Ok(Opened { dir, info, journal })
}

/// Says how a run begins that does not build its start first.
fn how_it_begins(settings: &Settings, info: &RunInfo) -> String {
    if let Some(kernel) = &settings.start_kernel {
        return format!(
            "the start is built only if nothing smaller passes: {} stands for it, and is booted first",
            kernel.display()
        );
    }
    let begins = "the start is built only if nothing smaller passes (--judge-start needed)";
    if info.prior.is_empty() {
        return format!(
            "{begins}. Nothing says which requests are needed (--prior): the first guess is blind, and follows the \
             order of the menu"
        );
    }
    format!("{begins}: the run begins with the requests that are likely to be needed")
}

/// What is thought of the requests.
fn prior(settings: &Settings, requests: &[Request], tell: &mut Watcher<'_>) -> Result<Prior> {
    match &settings.prior {
        None => Ok(Prior::default()),
        Some(_) if settings.learns() => {
            let mut warn = |text: &str| warn(tell, text);
            learned::read(&learned::folder()?, &settings.oracles, requests, &mut warn)
        }
        Some(path) => priors::read(path, requests),
    }
}

/// What goes with what, where the search has a use for it and it can be told quickly.
fn carried(
    settings: &Settings,
    tools: &Tools,
    start: &Start,
    cancel: &CancelToken,
) -> Result<Vec<Vec<RequestId>>> {
    if !settings.algorithm.uses_depends() || tools.resolver.trusted().is_none() {
        return Ok(Vec::new());
    }
    let (requests, selectors) = (&start.requests, &start.selectors);
    let carried = kconfig::dependents(requests, selectors, &*tools.resolver, cancel)?;
    Ok(Depends::new(kconfig::unconditional_dependents(carried, selectors)).lists())
}

/// The directory has a run in it. Is it this one, which may go on? Another one is left alone.
pub(crate) fn again(
    opened: &Opened,
    settings: &Settings,
    tools: &Tools,
    files: StartFiles,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<()> {
    let path = opened.dir.path();
    check_key(
        path,
        &opened.info,
        opened.journal.state(),
        tools,
        cancel,
        format!(
            "give another --output; `kbisect report {}` shows that run",
            path.display()
        ),
    )?;
    let start = start(files, settings, tools, cancel, tell)?.start;
    let info = &opened.info;
    // More may have been learnt since it began.
    let was: Option<Settings> = info.settings.read().ok();
    let is_learning = settings.learns() && was.is_some_and(|was| was.prior == settings.prior);
    let prior = if is_learning {
        info.prior.clone()
    } else {
        prior(settings, &start.requests, tell)?
    };
    let differs = if start.requests != info.requests {
        "start".to_owned()
    } else if start.keep != info.keep {
        "--keep".to_owned()
    } else if prior != info.prior {
        "--prior".to_owned()
    } else if let Some(key) = settings.changed_since(info.settings.as_json())? {
        format!("--{key}")
    } else {
        return Ok(());
    };
    Err(Error::usage(format!(
        "{} has a run with another {differs} in it",
        settings.output.display()
    ))
    .hint("give another --output, or go on with that run by `kbisect resume`"))
}
