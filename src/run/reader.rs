//! Reads the long report of a run directory, or of a folder that keeps only the result.

use std::path::{Path, PathBuf};

use super::details::{self, Records};
use super::prepare::tools;
use super::stored;
use super::tell::Watcher;
use super::tools::{Tools, Want, WhenMissing};
use crate::journal::{RunDir, RunState};
use crate::model::sanitize_line;
use crate::report::{self, Details, RESULT};
use crate::settings::Settings;
use crate::supervise::CancelToken;
use crate::{ErrorKind, Result};

/// Longest sentence about a missing part, in characters.
const LONGEST: usize = 400;

/// Whether Kconfig is asked for prompts, help and reasons, which needs the source tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskKconfig {
    /// It is, if the source is there.
    Yes,
    /// It is not.
    No,
}

/// The reader of the long reports of one run directory, which may be growing.
pub struct DetailsReader {
    dir: PathBuf,
    kconfig: Kconfig,
}

/// What is known of the Kconfig of a run.
enum Kconfig {
    /// It was not asked for yet.
    Unread,
    /// It is ready.
    Ready(Box<Tools>),
    /// There is none, and why.
    Absent(Option<String>),
}

impl DetailsReader {
    /// A reader of the run, or of the mere result, in a folder.
    #[must_use]
    pub fn new(dir: &Path, ask: AskKconfig) -> Self {
        Self {
            dir: dir.to_owned(),
            kconfig: match ask {
                AskKconfig::Yes => Kconfig::Unread,
                AskKconfig::No => Kconfig::Absent(None),
            },
        }
    }

    /// The long report of now. What cannot be read is left out, and named in it.
    ///
    /// # Errors
    /// There is neither a run nor a result, or its records cannot be read; or it was cancelled.
    pub fn read(&mut self, cancel: &CancelToken, tell: &mut Watcher<'_>) -> Result<Details> {
        if !RunDir::is_whole(&self.dir) && self.dir.join(RESULT).exists() {
            return self.of_result(cancel, tell);
        }
        let (info, lines) = RunDir::read(&self.dir)?;
        let state = RunState::of(&lines);
        let report = stored::of_records(&self.dir, &info, &state);
        let records = Records {
            info: &info,
            lines: &lines,
            state: &state,
        };
        let (mut details, answer) = details::from_records(&self.dir, records, report);
        let settings = info.settings.read::<Settings>();
        self.ready(settings.map_err(|e| e.to_string()), cancel, tell)?;
        self.explain(&mut details, answer.as_deref());
        Ok(details)
    }

    fn of_result(&mut self, cancel: &CancelToken, tell: &mut Watcher<'_>) -> Result<Details> {
        let report = stored::report(&self.dir)?;
        let settings = serde_json::from_value::<Settings>(report.settings.clone());
        let mut details = report::details::from_result(report);
        let answer = details::named(&self.dir, &mut details);
        self.ready(settings.map_err(|e| e.to_string()), cancel, tell)?;
        self.explain(&mut details, answer.as_deref());
        Ok(details)
    }

    /// Makes Kconfig ready, if it is wanted and was not asked for yet.
    fn ready(
        &mut self,
        settings: Result<Settings, String>,
        cancel: &CancelToken,
        tell: &mut Watcher<'_>,
    ) -> Result<()> {
        if !matches!(self.kconfig, Kconfig::Unread) {
            return Ok(());
        }
        let of = |why: String| {
            Kconfig::Absent(Some(format!(
                "Prompts, help and reasons are missing, because the source cannot be read: {}.",
                sanitize_line(&why, LONGEST)
            )))
        };
        self.kconfig = match settings {
            Err(why) => of(why),
            Ok(settings) => match source_tools(settings, cancel, tell) {
                Ok(tools) => Kconfig::Ready(Box::new(tools)),
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) => of(error.to_string()),
            },
        };
        Ok(())
    }

    fn explain(&self, details: &mut Details, answer: Option<&str>) {
        let resolver = match &self.kconfig {
            Kconfig::Ready(tools) => Some(&*tools.resolver),
            Kconfig::Absent(why) => {
                details.gaps.extend(why.clone());
                None
            }
            Kconfig::Unread => None,
        };
        details::explain(details, answer, resolver);
    }
}

/// The tools of a run, as far as Kconfig needs them.
fn source_tools(
    mut settings: Settings,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<Tools> {
    // Nothing is built or judged.
    settings.oracles.clear();
    settings.prior = None;
    settings.start_kernel = None;
    settings.start_modules = None;
    tools(
        &settings,
        WhenMissing::Fail,
        Want::ResolveOnly,
        cancel,
        tell,
    )
}
