//! `kbisect run`: begins a search, or goes on with the same one.

use std::path::Path;

use serde_json::Value;

use super::args::RunArgs;
use super::checks;
use super::conclude::finished;
use super::go::{Opened, go, now};
use super::learned;
use super::prepare::{self, Tools, Want, WhenMissing, warn};
use super::shown::Shown;
use crate::identity::{Difference, differences};
use crate::journal::{Line, Record, RunDir, RunInfo};
use crate::kconfig::{self, Start};
use crate::model::{Event, Origin, Phase, Prior, Request, RequestId};
use crate::search::{Depends, USE_DEPENDS};
use crate::settings::Settings;
use crate::supervise::{CancelToken, Signals};
use crate::ui::Ui;
use crate::{Error, ErrorKind, Result};

pub(super) fn run(args: &RunArgs, shown: &Shown) -> Result<u8> {
    let (settings, shown, unknown) = prepare::settings(args.wishes(), *shown)?;
    let when = if args.setup {
        WhenMissing::Install
    } else {
        WhenMissing::Fail
    };
    search(&settings, when, &unknown, &shown)
}

/// Was the run there before?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sitting {
    First,
    Later,
}

/// Begins the run that `settings` describe, or goes on with it.
pub(super) fn search(
    settings: &Settings,
    when: WhenMissing,
    warnings: &[String],
    shown: &Shown,
) -> Result<u8> {
    let cancel = CancelToken::new();
    let signals = Signals::install(&cancel)?;
    let mut ui = shown.ui();
    ui.event(&Event::PhaseBegun {
        phase: Phase::Preparing,
    });
    for text in warnings {
        warn(ui.as_mut(), text);
    }
    super::start::check_start(settings)?;
    // A mistake in it is told before minutes of work.
    checks::guess(settings)?;
    if !RunDir::has_run(&settings.output) {
        checks::output(&settings.output)?;
    }
    let (tools, mut opened, sitting) = prepare::interruptible(&signals, &cancel, |cancel| {
        // First: when another run holds it, nothing else matters.
        let held = if RunDir::has_run(&settings.output) {
            Some(open(&settings.output, ui.as_mut())?)
        } else {
            None
        };
        let tools = prepare::tools(settings, when, Want::Judge, cancel, ui.as_mut())?;
        let (opened, sitting) = match held {
            Some(opened) => {
                again(&opened, settings, &tools, cancel, ui.as_mut())?;
                (opened, Sitting::Later)
            }
            None => (
                begin(settings, &tools, cancel, ui.as_mut())?,
                Sitting::First,
            ),
        };
        Ok((tools, opened, sitting))
    })
    .map_err(|error| interrupted(error, &settings.output))?;
    if sitting == Sitting::Later {
        if let Some(code) = finished(&opened, ui.as_mut(), shown)? {
            return Ok(code);
        }
        resumed(&mut opened, ui.as_mut())?;
    }
    go(
        opened,
        settings,
        tools,
        &signals,
        &cancel,
        ui.as_mut(),
        shown,
    )
}

/// An interruption before the search: says whether there is a run to go on with.
fn interrupted(error: Error, output: &Path) -> Error {
    if error.kind() != ErrorKind::Interrupted {
        return error;
    }
    if RunDir::has_run(output) {
        return error.hint(format!("to go on: kbisect resume {}", output.display()));
    }
    Error::new(
        ErrorKind::Interrupted,
        "interrupted while preparing: no run was begun",
    )
    .hint("there is nothing to resume; give the same command again")
}

fn begin(
    settings: &Settings,
    tools: &Tools,
    cancel: &CancelToken,
    ui: &mut dyn Ui,
) -> Result<Opened> {
    let start = super::start::start(settings, tools, cancel, ui);
    // If it is not what it was, that explains an error better than Kconfig does.
    tools.check_source(cancel)?;
    let start = start?;
    let info = RunInfo {
        kbisect: env!("CARGO_PKG_VERSION").to_owned(),
        at: now(),
        argv: std::env::args().collect(),
        key: tools.key.clone(),
        settings: serde_json::to_value(settings)
            .map_err(|e| Error::failed("cannot write the settings").because(e))?,
        algorithm: settings.algorithm.clone(),
        seed: settings.seed,
        carried: carried(settings, tools, &start, cancel)?,
        selectors: start.selectors,
        fixed: start.keep,
        prior: prior(settings, &start.requests, ui)?,
        requests: start.requests,
    };
    let (dir, mut journal) = RunDir::create(&settings.output, &info)?;
    journal.append(&Record::Started { at: now() })?;
    Ok(Opened {
        dir,
        info,
        journal,
        lines: vec![],
    })
}

/// What is thought of the requests.
fn prior(settings: &Settings, requests: &[Request], ui: &mut dyn Ui) -> Result<Prior> {
    match &settings.prior {
        None => Ok(Prior::default()),
        Some(_) if settings.learns() => {
            let mut warn = |text: &str| warn(ui, text);
            learned::read(&learned::folder()?, &settings.oracles, requests, &mut warn)
        }
        Some(path) => super::prior::read(path, requests),
    }
}

/// What goes with what, where the search has a use for it and it can be told quickly.
fn carried(
    settings: &Settings,
    tools: &Tools,
    start: &Start,
    cancel: &CancelToken,
) -> Result<Vec<Vec<RequestId>>> {
    let is_used = USE_DEPENDS.contains(&settings.algorithm.as_str());
    if !is_used || tools.resolver.trusted().is_none() {
        return Ok(Vec::new());
    }
    let (requests, selectors) = (&start.requests, &start.selectors);
    let carried = kconfig::carried(requests, selectors, &*tools.resolver, cancel)?;
    Ok(Depends::new(kconfig::untied(carried, selectors)).lists())
}

/// The directory has a run in it. Is it this one, which may go on? Another one is left alone.
fn again(
    opened: &Opened,
    settings: &Settings,
    tools: &Tools,
    cancel: &CancelToken,
    ui: &mut dyn Ui,
) -> Result<()> {
    let path = opened.dir.path();
    check_key(
        path,
        &opened.info,
        &opened.lines,
        tools,
        cancel,
        format!(
            "give another --output; `kbisect report {}` shows that run",
            path.display()
        ),
    )?;
    let start = super::start::start(settings, tools, cancel, ui)?;
    let info = &opened.info;
    let was = |name: &str| info.settings.get(name).cloned().unwrap_or_default();
    // More may have been learnt since it began.
    let is_learning = settings.learns() && was("prior") == serde_json::json!(settings.prior);
    let prior = if is_learning {
        info.prior.clone()
    } else {
        prior(settings, &start.requests, ui)?
    };
    let incremental = serde_json::json!(Origin::Earlier);
    // Runs of older versions say nothing of these.
    let traced = Some(was("trace")).filter(|was| !was.is_null());
    let differs = if start.requests != info.requests {
        "start"
    } else if start.keep != info.fixed {
        "--keep"
    } else if settings.algorithm != info.algorithm {
        "--algorithm"
    } else if info.certify() != settings.certify {
        "--certify"
    } else if prior != info.prior {
        "--prior"
    } else if traced.is_some_and(|was| was != serde_json::json!(settings.trace)) {
        "--trace"
    } else if was("confidence") != serde_json::json!(settings.confidence) {
        "--confidence"
    } else if was("order") != serde_json::json!(settings.order) {
        "--deterministic"
    } else if Some(was("builds"))
        .filter(|was| !was.is_null())
        .unwrap_or(incremental)
        != serde_json::json!(settings.builds)
    {
        "--clean-builds"
    } else if settings.seed != info.seed {
        "--seed"
    } else {
        return Ok(());
    };
    Err(Error::usage(format!(
        "{} has a run with another {differs} in it",
        settings.output.display()
    ))
    .hint("give another --output, or go on with that run by `kbisect resume`"))
}

/// Opens a run directory to go on with what is in it.
pub(super) fn open(path: &std::path::Path, ui: &mut dyn Ui) -> Result<Opened> {
    let crate::journal::Opened {
        dir,
        info,
        journal,
        lines,
        warnings,
    } = RunDir::open(path)?;
    for text in warnings {
        warn(ui, text);
    }
    Ok(Opened {
        dir,
        info,
        journal,
        lines,
    })
}

/// What is not the same in the key of a run and in that of `tools`.
pub(super) fn key_differences(
    was: &Value,
    tools: &Tools,
    cancel: &CancelToken,
) -> Result<Vec<Difference>> {
    let differs = differences(was, &tools.key_like(was, cancel)?);
    Ok(tools.source.explain(was, differs))
}

/// Do the verdicts of the run in `path` still hold with these tools? If not, `hint` says what to do.
pub(super) fn check_key(
    path: &Path,
    info: &RunInfo,
    lines: &[Line],
    tools: &Tools,
    cancel: &CancelToken,
    hint: impl Into<String>,
) -> Result<()> {
    let differs = key_differences(&info.key, tools, cancel)?;
    if differs.is_empty() {
        return Ok(());
    }
    let told = |line: &Line| matches!(line.record, Record::Told { .. } | Record::Start { .. });
    let mut hint = if lines.iter().any(told) {
        hint.into()
    } else {
        "it has no verdict yet: remove the folder to begin anew, or give another --output"
            .to_owned()
    };
    for line in differs.iter().flat_map(|d| &d.details) {
        hint += &format!("\n{line}");
    }
    let names: Vec<&str> = differs.iter().map(|d| &*d.name).collect();
    Err(Error::usage(format!(
        "the run in {} was not begun with the same {}",
        path.display(),
        names.join(", ")
    ))
    .hint(hint))
}

/// Notes that the run goes on: from here on it is not finished any more, should it have been.
pub(super) fn resumed(opened: &mut Opened, ui: &mut dyn Ui) -> Result<()> {
    opened.journal.append(&Record::Resumed { at: now() })?;
    let told = |l: &&crate::journal::Line| matches!(l.record, Record::Told { .. });
    let verdicts = opened.lines.iter().filter(told).count();
    let path = opened.dir.path().display();
    prepare::note(
        ui,
        format!("going on with {path}: {verdicts} verdicts are known"),
    );
    Ok(())
}
