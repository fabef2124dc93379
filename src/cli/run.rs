//! `kbisect run`: begins a search, or goes on with the same one.

use super::args::RunArgs;
use super::go::{Opened, go, now};
use super::prepare::{self, Tools, WhenMissing, warn};
use super::shown::Shown;
use crate::journal::{Record, RunDir, RunInfo};
use crate::model::{Event, Phase};
use crate::settings::Settings;
use crate::supervise::{CancelToken, Signals};
use crate::ui::Ui;
use crate::{Error, Result};

pub(super) fn run(args: &RunArgs, shown: &Shown) -> Result<u8> {
    let (settings, shown, unknown) = prepare::settings(args.wishes(), *shown)?;
    let when = if args.setup {
        WhenMissing::Install
    } else {
        WhenMissing::Fail
    };
    search(&settings, when, &unknown, &shown)
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
    let tools = prepare::tools(settings, when, &cancel, ui.as_mut())?;
    let opened = if settings.output.join("run.json").exists() {
        again(settings, &tools, ui.as_mut())?
    } else {
        begin(settings, &tools, &cancel, ui.as_mut())?
    };
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

fn begin(
    settings: &Settings,
    tools: &Tools,
    cancel: &CancelToken,
    ui: &mut dyn Ui,
) -> Result<Opened> {
    let start = prepare::start(settings, tools, cancel, ui)?;
    let info = RunInfo {
        kbisect: env!("CARGO_PKG_VERSION").to_owned(),
        at: now(),
        argv: std::env::args().collect(),
        key: tools.key.clone(),
        settings: serde_json::to_value(settings)
            .map_err(|e| Error::failed("cannot write the settings").because(e))?,
        algorithm: settings.algorithm.clone(),
        seed: settings.seed,
        requests: start.requests,
        fixed: start.keep,
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

/// The directory has a run in it: the same one goes on, nothing is asked twice; another one
/// is left alone.
fn again(settings: &Settings, tools: &Tools, ui: &mut dyn Ui) -> Result<Opened> {
    let opened = open(&settings.output, tools, ui)?;
    let (parsed, _) = prepare::start_file(settings)?;
    let was: std::collections::BTreeSet<_> = opened.info.requests.iter().collect();
    let is: std::collections::BTreeSet<_> = parsed.fragment.requests().iter().collect();
    if !was.is_subset(&is) {
        return Err(Error::usage(format!(
            "{} has a run of another start in it",
            settings.output.display()
        ))
        .hint("give another --output"));
    }
    Ok(opened)
}

/// Opens a run directory to go on with what is in it.
pub(super) fn open(path: &std::path::Path, tools: &Tools, ui: &mut dyn Ui) -> Result<Opened> {
    let crate::journal::Opened {
        dir,
        info,
        mut journal,
        lines,
        warnings,
    } = RunDir::open(path)?;
    for text in warnings {
        warn(ui, text);
    }
    if info.key != tools.key {
        let differs: Vec<&str> = [
            "source",
            "toolchain",
            "project",
            "arch",
            "base",
            "oracles",
            "timeout",
        ]
        .into_iter()
        .filter(|name| info.key.get(name) != tools.key.get(name))
        .collect();
        return Err(Error::usage(format!(
            "the run in {} was begun with another {}: its verdicts do not hold any more",
            path.display(),
            differs.join(", ")
        ))
        .hint("give another --output to begin anew"));
    }
    journal.append(&Record::Resumed { at: now() })?;
    let verdicts = lines
        .iter()
        .filter(|l| matches!(l.record, Record::Told { .. }))
        .count();
    prepare::note(
        ui,
        format!(
            "going on with {}: {verdicts} verdicts are known",
            path.display()
        ),
    );
    Ok(Opened {
        dir,
        info,
        journal,
        lines,
    })
}
