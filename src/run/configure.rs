//! The settings of a command, from its flags and the settings file.

use std::path::Path;

use super::checks;
use super::project::project;
use super::tell::{Watcher, warn};
use crate::Result;
use crate::kconfig::{Project, like_project_key};
use crate::model::CompilerLauncher;
use crate::settings::{self, Machine, PartialSettings, Settings};

/// The settings file of the working folder.
#[derive(Debug, Clone, Default)]
pub struct SettingsFile {
    /// Its settings; none if there is no such file.
    pub settings: PartialSettings,
    /// What is wrong with it, in words for people.
    warnings: Vec<String>,
}

impl SettingsFile {
    /// Reads it, if there is one.
    ///
    /// # Errors
    /// It is no settings file.
    pub fn here() -> Result<Self> {
        let file = Path::new(settings::FILE);
        if !file.is_file() {
            return Ok(Self::default());
        }
        let (settings, unknown) = settings::read(file)?;
        Ok(Self {
            settings,
            warnings: unknown
                .iter()
                .map(|key| unknown_key(key, settings::like(key).map(str::to_owned)))
                .collect(),
        })
    }

    /// The settings of a command: `flags`, then those of the file, then the defaults. Returns also what is wrong
    /// with them, in words for people; if they cannot be completed, `tell` is told of it.
    ///
    /// # Errors
    /// A value is invalid, the oracle is missing, or a flag has no effect on the project.
    pub fn complete(
        self,
        flags: PartialSettings,
        tell: &mut Watcher<'_>,
    ) -> Result<(Settings, Vec<String>)> {
        let Self {
            settings: from_file,
            mut warnings,
        } = self;
        let asked = flags.over(from_file);
        let mut settings = Settings::complete(&asked, Machine::here()).inspect_err(|_| {
            // An unknown key may be a misspelling of the missing one.
            for text in &warnings {
                warn(tell, text.as_str());
            }
        })?;
        checks::make_absolute(&mut settings)?;
        if let Some(table @ toml::Value::Table(_)) = &settings.project {
            let mut ignored = |key: serde_ignored::Path<'_>| {
                let key = key.to_string();
                let near = like_project_key(&key).map(|near| format!("project.{near}"));
                warnings.push(unknown_key(&format!("project.{key}"), near));
            };
            // Its other mistakes are told when it is used.
            let _ = serde_ignored::deserialize::<_, _, Project>(table.clone(), &mut ignored);
        }
        // An invalid one is told when it is used.
        if let Ok(project) = project(settings.project.as_ref(), &settings.arch) {
            checks::effects(&project, asked.text("arch"), &settings.cc_launcher)?;
            if project.compiler.is_none() && settings.cc_launcher == CompilerLauncher::Nothing {
                warnings.push(format!(
                    "--no-object-cache has no effect: kbisect keeps no objects of the project {} anyway",
                    project.name.escape_debug()
                ));
            }
        }
        Ok((settings, warnings))
    }
}

fn unknown_key(key: &str, near: Option<String>) -> String {
    let near = near.map(|near| format!("; did you mean `{near}`?"));
    format!(
        "{}: unknown key `{}`{}",
        settings::FILE,
        key.escape_debug(),
        near.unwrap_or_default()
    )
}
