//! The files of the result.

use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use super::control::Control;
use super::details::{self, PAGE, Records, of_run};
use super::files::{MINIMAL_CONFIG, MINIMAL_FRAGMENT, json_file};
use super::opened::Opened;
use super::tell::{Watcher, warn};
use crate::Result;
use crate::journal::{RunInfo, RunState};
use crate::kconfig::{self, CheckedResolver, Project, parse_config};
use crate::lab::{Outcome, fragment_of, laid_over};
use crate::model::Fragment;
use crate::report::{RESULT, Report, Status, of_state};
use crate::settings::Settings;

/// Where the build trees are, in the run directory.
pub(crate) const TREES: &str = "trees";

/// Writes the files that follow from an outcome which is in the journal, and returns its report.
///
/// All of it is made of what this process knows: others can write to the run directory.
pub(crate) fn finish(opened: &Opened, outcome: &Outcome, settings: &Settings) -> Result<Report> {
    let Opened {
        dir, info, journal, ..
    } = opened;
    let report = of_state(info, journal.state())?;
    if let Some(config) = &outcome.config {
        dir.write(MINIMAL_CONFIG, config.as_bytes())?;
        let fragment = fragment_of(&info.requests, &outcome.best);
        let text = laid_over(&header(info, settings, MINIMAL_FRAGMENT), &fragment);
        dir.write(MINIMAL_FRAGMENT, text.as_bytes())?;
        // The last of them: where it is, so are the others.
        dir.write(RESULT, json_file(&report)?.as_bytes())?;
        remove_trees(dir.path());
    }
    Ok(report)
}

/// Writes the page of the report, unless a person is waiting for the end. The run has its result all the same if that
/// fails.
pub(crate) fn page(
    opened: &Opened,
    report: &Report,
    resolver: &CheckedResolver,
    control: &Control,
    tell: &mut Watcher<'_>,
) {
    if control.cancel.is_cancelled() {
        return;
    }
    let Opened { dir, info, journal } = opened;
    let make = || {
        let records = Records {
            info,
            lines: journal.lines(),
            state: journal.state(),
        };
        let details = of_run(dir.path(), records, report, resolver);
        details::write_page(dir.path(), &details)
    };
    // It reads what oracles and builds left, and must not cost the run its exit code.
    match panic::catch_unwind(AssertUnwindSafe(make)) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            let source = std::error::Error::source(&error);
            let why = source.map_or_else(String::new, |source| format!(": {source}"));
            warn(tell, format!("{PAGE} is not written: {error}{why}"));
        }
        Err(_) => warn(
            tell,
            format!("{PAGE} is not written: kbisect has a mistake, see above"),
        ),
    }
}

/// Puts the records of the run back, if another program wrote to them: whoever reads them next relies on them.
pub(crate) fn restore(opened: &mut Opened, tell: &mut Watcher<'_>) -> Result<()> {
    let path = opened.dir.path().to_owned();
    for (name, is_other) in [
        ("run.json", opened.dir.restore_info()?),
        ("journal.jsonl", opened.journal.restore()?),
    ] {
        if is_other {
            let text = format!(
                "another program wrote to {}: it is put back",
                path.join(name).display()
            );
            warn(tell, text);
        }
    }
    Ok(())
}

/// The requests of the answer.
fn fragment(report: &Report) -> Fragment {
    Fragment::new(
        report
            .kept
            .iter()
            .map(|kept| kept.request.clone())
            .collect(),
    )
}

/// The base of a run, as its fragments have it.
fn base(info: &RunInfo) -> &str {
    info.key.base.as_deref().unwrap_or_default()
}

/// The result of a run that has one already, to which nothing could be added; nothing if there is
/// something left to do, if only to write its files anew.
pub(crate) fn finished(opened: &Opened) -> Result<Option<Report>> {
    // Before the start has passed there is none.
    let state = opened.journal.state();
    let Ok(report) = of_state(&opened.info, state) else {
        return Ok(None);
    };
    // It may be of an earlier end, which left something unproved.
    if !matches!(report.status, Status::Minimal | Status::Leaves) {
        return Ok(None);
    }
    let path = opened.dir.path();
    let read = |name: &str| fs::read(path.join(name)).unwrap_or_default();
    // Its comments may be another version's.
    let asks = |text: &[u8]| kconfig::read(text).fragment;
    let fragment = laid_over(base(&opened.info), &fragment(&report));
    let is_whole = read(RESULT) == json_file(&report)?.as_bytes()
        && asks(&read(MINIMAL_FRAGMENT)) == asks(fragment.as_bytes())
        && is_config_of(&path.join(MINIMAL_CONFIG), &report, state);
    Ok(is_whole.then_some(report))
}

/// Is this the config that was judged in the trial of the answer?
fn is_config_of(path: &Path, report: &Report, state: &RunState) -> bool {
    let mut passes = (state.judged.iter()).filter(|judged| judged.judgement.verdict.is_pass());
    let Some(answer) = passes.find(|judged| judged.judgement.trial == report.after.trial) else {
        return false;
    };
    let config = fs::read_to_string(path).map(|text| parse_config(&text).fingerprint());
    config.is_ok_and(|fingerprint| fingerprint == answer.judgement.fingerprint)
}

/// Some hundred megabytes that nobody needs any more.
pub(crate) fn remove_trees(path: &Path) {
    let _ = fs::remove_dir_all(path.join(TREES));
}

/// The first lines of a fragment, `minimal.fragment` or `best.fragment`: what it is, and the base that it
/// is laid over.
pub(crate) fn header(info: &RunInfo, settings: &Settings, file: &str) -> String {
    let base = base(info);
    let oracles: Vec<_> = settings
        .oracles
        .iter()
        .map(|o| {
            Path::new(o)
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
        })
        .collect();
    let project = info.key.project.as_ref();
    let project = project.and_then(|project| project.read::<Project>().ok());
    let usage = project.map(|project| format!("# {}\n", project.usage(file)));
    let usage = usage.unwrap_or_default();
    let oracles = oracles.join(" and ");
    let what = if file == MINIMAL_FRAGMENT {
        format!("the requests that {oracles} needs")
    } else {
        format!("the fewest requests so far that {oracles} accepts")
    };
    format!(
        "# Made by kbisect {}: {what}, over the base.\n\
         {usage}# -- base\n{base}# -- requests\n",
        info.kbisect,
    )
}
