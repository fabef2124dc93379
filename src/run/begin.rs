//! Begins a run, or tells whether the one that is there is the same.

use super::Context;
use super::opened::{Opened, check_key, now};
use super::opening::{Opening, prior};
use super::reasons::analysis;
use super::start::{StartFiles, TakenApart, start};
use super::symptoms;
use super::tell::{Watcher, note, warn};
use super::tools::Tools;
use crate::journal::{Record, RunDir, RunInfo};
use crate::kconfig::{self, Start};
use crate::model::{Order, RequestId, StoredSettings};
use crate::search::Depends;
use crate::settings::Settings;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// Begins the run that the settings describe.
pub(crate) fn begin(
    settings: &Settings,
    tools: &Tools,
    files: StartFiles,
    context: &Context<'_>,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<Opened> {
    let start = start(files, settings, tools, cancel, tell);
    // If it is not what it was, that explains an error better than Kconfig does.
    tools.check_source(cancel)?;
    let TakenApart { start, missing } = start?;
    let (prior, origin) = prior(
        settings,
        &start.requests,
        context.former,
        &tools.known,
        tell,
    )?;
    let opening = Opening::of(settings, tools, start.requests.len(), &prior, origin)?;
    note(tell, opening.text());
    if let Some(text) = opening.warning(settings) {
        warn(tell, text);
    }
    let symptoms = match (&opening, settings.order) {
        // What trials say depends on timing.
        (Opening::Start(_), _) | (_, Order::Deterministic) => Vec::new(),
        (Opening::Guess(_), Order::AsItComes) => symptoms::shipped(&start.requests)?,
    };
    let info = RunInfo {
        kbisect: env!("CARGO_PKG_VERSION").to_owned(),
        at: now(),
        argv: std::env::args().collect(),
        key: tools.key.clone(),
        settings: StoredSettings::of(settings)
            .map_err(|e| Error::failed("cannot write the settings").because(e))?,
        algorithm: settings.algorithm.to_string(),
        analysis: Some(analysis(&start, missing, tools)),
        verifies: context.verifies.clone(),
        carried: carried(settings, tools, &start, cancel)?,
        symptoms,
        start_lines: match opening {
            Opening::Start(_) => None,
            // A config has some thousands of lines.
            Opening::Guess(_) => Some(start.resolved.config.len() as u32),
        },
        selectors: start.selectors,
        keep: start.keep,
        prior,
        requests: start.requests,
    };
    if info.begins_with_guess() && info.prior.is_empty() && settings.start_kernel.is_none() {
        let text = "nothing says which requests are needed (--prior): the first guess is blind, and follows the order \
                    of the menu";
        note(tell, text.to_owned());
    }
    let (dir, mut journal) = RunDir::create(&settings.output, &info)?;
    journal.append(&Record::Started { at: now() })?;
    Ok(Opened { dir, info, journal })
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
    // More may be known now than when it began. Only what the user gives is compared.
    let was: Option<Settings> = info.settings.read().ok();
    let is_same = !settings.has_own_prior() && was.is_some_and(|was| was.prior == settings.prior);
    let prior = if is_same {
        info.prior.clone()
    } else {
        prior(settings, &start.requests, &[], &tools.known, tell)?.0
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
