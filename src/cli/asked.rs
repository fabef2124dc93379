//! The settings from flags and the settings file.

use std::path::Path;

use super::shown::Shown;
use crate::Result;
use crate::kconfig::{Project, like_project_key};
use crate::model::{CompilerLauncher, Event};
use crate::run::checks;
use crate::run::project::project;
use crate::settings::{self, Machine, PartialSettings, Settings};

/// The settings from flags and file; what the file says of colours and format goes to `shown`.
pub(super) fn settings(
    asked: PartialSettings,
    shown: Shown,
) -> Result<(Settings, Shown, Vec<String>)> {
    let file = Path::new(settings::FILE);
    let (from_file, unknown) = if file.is_file() {
        settings::read(file)?
    } else {
        (PartialSettings::new(), vec![])
    };
    let told = |key: &str, near: Option<String>| {
        let near = near.map(|near| format!("; did you mean `{near}`?"));
        let key = key.escape_debug();
        format!(
            "{}: unknown key `{key}`{}",
            settings::FILE,
            near.unwrap_or_default()
        )
    };
    let unknown = unknown.into_iter();
    let mut warnings: Vec<String> = unknown
        .map(|key| told(&key, settings::like(&key).map(str::to_owned)))
        .collect();
    let shown = shown.with_file(&from_file)?;
    let asked = asked.over(from_file);
    let made = Settings::complete(&asked, Machine::here());
    // It may be the very one that is missing.
    let mut settings = made.inspect_err(|_| {
        let mut ui = shown.ui();
        for text in &warnings {
            ui.event(&Event::Warning { text: text.clone() });
        }
    })?;
    checks::make_absolute(&mut settings)?;
    if let Some(table @ toml::Value::Table(_)) = &settings.project {
        let mut ignored = |key: serde_ignored::Path<'_>| {
            let key = key.to_string();
            let near = like_project_key(&key).map(|near| format!("project.{near}"));
            warnings.push(told(&format!("project.{key}"), near));
        };
        // What else is wrong with it is told when it is used.
        let _ = serde_ignored::deserialize::<_, _, Project>(table.clone(), &mut ignored);
    }
    // One that is none is told when it is used.
    if let Ok(project) = project(settings.project.as_ref(), &settings.arch) {
        checks::effects(&project, asked.text("arch"), &settings.cc_launcher)?;
        if project.compiler.is_none() && settings.cc_launcher == CompilerLauncher::Nothing {
            warnings.push(format!(
                "--no-object-cache has no effect: of the project {} no objects are kept anyway",
                project.name.escape_debug()
            ));
        }
    }
    Ok((settings, shown, warnings))
}
