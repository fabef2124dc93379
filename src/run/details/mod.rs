//! Gathers the long report of a run: its records, the folders of its trials, its Kconfig.

mod explained;
mod failure;
mod folders;

use std::path::{Path, PathBuf};

use super::files::MINIMAL_FRAGMENT;
use crate::journal::{Line, RunInfo, RunState, write_atomically};
use crate::kconfig::{CheckedResolver, Project};
use crate::lab::BEST_FRAGMENT;
use crate::model::{Value, sanitize_line};
use crate::oracle;
use crate::page::{self, Served};
use crate::report::details::Standing;
use crate::report::{Details, Report, details};
use crate::supervise::quote;
use crate::{Error, Result};

/// The page of the report, in the run directory.
pub const PAGE: &str = "report.html";

/// Longest text of a line, in characters.
const LONGEST: usize = 400;

/// The records of a run.
#[derive(Clone, Copy)]
pub(crate) struct Records<'a> {
    pub(crate) info: &'a RunInfo,
    pub(crate) lines: &'a [Line],
    /// The state after these.
    pub(crate) state: &'a RunState,
}

/// The long report of a run that this process holds.
pub(crate) fn of_run(
    dir: &Path,
    records: Records<'_>,
    report: &Report,
    resolver: &CheckedResolver,
) -> Details {
    let (mut details, answer) = from_records(dir, records, Ok(report.clone()));
    explain(&mut details, answer.as_deref(), Some(resolver));
    details
}

/// Writes the page of a long report into its folder, and returns the path.
///
/// # Errors
/// It cannot be written.
pub fn write_page(dir: &Path, details: &Details) -> Result<PathBuf> {
    let path = dir.join(PAGE);
    write_atomically(&path, page::html(details, Served::File)?.as_bytes())?;
    Ok(path)
}

/// Adds the lines of the answer's config, and what Kconfig says if there is a resolver.
pub(super) fn explain(
    details: &mut Details,
    answer: Option<&str>,
    resolver: Option<&CheckedResolver>,
) {
    explained::list_lines(details, answer);
    if let Some(resolver) = resolver {
        explained::explain(details, answer, resolver);
    }
}

/// What the records and the folders of the trials say, and the config of the answer.
pub(super) fn from_records(
    dir: &Path,
    records: Records<'_>,
    report: Result<Report>,
) -> (Details, Option<String>) {
    let Records { info, lines, state } = records;
    let report = report.map_err(|error: Error| error.to_string());
    let mut details = details::from_journal(info, lines, state, report);
    for asked in &mut details.asked.oracles {
        let name = asked.name.split(':').next().unwrap_or_default();
        let shipped = oracle::shipped(name).ok();
        asked.about = shipped.map(|oracle| sanitize_line(oracle.description(), LONGEST));
    }
    details.asked.command = command(&info.argv);
    details.usage = usage(info, details.standing);
    let answer = named(dir, &mut details);
    folders::read(dir, answer.as_deref(), &mut details);
    (details, answer)
}

/// A command line as a shell reads it, without the folder of the program.
fn command(argv: &[String]) -> String {
    let Some((program, rest)) = argv.split_first() else {
        return String::new();
    };
    let program = Path::new(program).file_name().unwrap_or_default();
    let program = program.to_string_lossy();
    let words = std::iter::once(&*program).chain(rest.iter().map(String::as_str));
    let words = words.map(quote);
    sanitize_line(&words.collect::<Vec<_>>().join(" "), 4 * LONGEST)
}

/// The commands that make the product of the answer, or of the best so far, in the source tree.
fn usage(info: &RunInfo, standing: Standing) -> Vec<String> {
    let fragment = match standing {
        Standing::NothingPassed => return Vec::new(),
        Standing::Stopped | Standing::Running => BEST_FRAGMENT,
        Standing::Minimal | Standing::Leaves | Standing::Unproved => MINIMAL_FRAGMENT,
    };
    let project = info.key.project.as_ref();
    let project = project.and_then(|project| project.read::<Project>().ok());
    project.map_or_else(Vec::new, |project| {
        let mut commands = vec![project.usage(fragment), project.make_command()];
        if info
            .requests
            .iter()
            .any(|request| request.value == Value::MODULE)
        {
            commands.push(project.modules_command());
        }
        commands
    })
}

/// Reads the config of the answer, and notes the name and the version in its head: `# Linux/x86 6.1.176 Kernel
/// Configuration`.
pub(super) fn named(dir: &Path, details: &mut Details) -> Option<String> {
    let text = folders::answer(dir, details.standing)?;
    let mut heads = text.lines().take(10);
    let head = heads.find_map(|line| line.strip_prefix("# ")?.strip_suffix(" Configuration"));
    details.asked.project = head.map(|head| sanitize_line(head, LONGEST));
    Some(text)
}
