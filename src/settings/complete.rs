//! Completes the settings that are given, and compares them with those of an earlier session.

use super::machine::Machine;
use super::partial::PartialSettings;
use super::setting::Effect;
use super::table::SETTINGS;
use super::values::{JudgeStart, Settings};
use crate::model::{Order, Tracing};
use crate::{Error, Result};

impl Settings {
    /// Adds the defaults to `asked`, and checks the result.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) for an invalid value.
    pub fn complete(asked: &PartialSettings, machine: Machine) -> Result<Self> {
        let mut settings = Self::defaults(machine);
        for setting in SETTINGS {
            if let Some(value) = asked.get(setting.key) {
                setting.kind.apply(setting.key, &mut settings, value)?;
            }
        }
        if settings.oracles.is_empty() {
            return Err(Error::usage("no oracle is given")
                .hint("try `--oracle shell-ok`; `kbisect oracles` lists them"));
        }
        super::limits::check_jobs(settings.jobs)?;
        super::limits::check_build_jobs(settings.build_jobs)?;
        let has_prior = settings.has_own_prior();
        if asked.get("trace").is_some() {
            if has_prior {
                return Err(Error::usage("--prior and --trace do not go together")
                    .hint("each is a first estimate of which requests are needed"));
            }
        } else if has_prior || settings.order == Order::Deterministic {
            // Two boots do not run exactly the same code.
            settings.trace = Tracing::Off;
        }
        Ok(settings)
    }

    /// The first setting that differs from those in the `record` of a run and that changes the search.
    /// Settings that are in the key of the run are not compared.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn changed_since(&self, record: &serde_json::Value) -> Result<Option<&'static str>> {
        let before: Self = serde_json::from_value(record.clone())
            .map_err(|e| Error::failed("the settings of the run cannot be read").because(e))?;
        let changed = SETTINGS.iter().find(|setting| match setting.effect {
            Effect::Search { field, value } => {
                // An older kbisect may not have had it. Traces came later than runs, too.
                let is_recorded = record.get(field).is_some() || field != "trace";
                // A run goes on as it began, unless that is asked for otherwise.
                let is_left_open = field == "judge_start" && self.judge_start == JudgeStart::Auto;
                is_recorded && !is_left_open && value(&before) != value(self)
            }
            Effect::Key | Effect::None => false,
        });
        Ok(changed.map(|setting| setting.key))
    }
}
