//! The project of a run, and whether its source is clean.

use std::path::Path;

use super::tell::{Watcher, warn};
use crate::identity::{self, Building, Seen, SourceTree};
use crate::kconfig::Project;
use crate::settings::Settings;
use crate::supervise::CancelToken;
use crate::{Error, Result, dirs};

/// The profile of a name, or what a table describes; without either Linux.
pub(crate) fn project(wanted: Option<&toml::Value>, arch: &str) -> Result<Project> {
    match wanted {
        None => Project::named("linux", arch),
        Some(toml::Value::String(name)) => Project::named(name, arch),
        Some(table) => table.clone().try_into().map_err(|e: toml::de::Error| {
            Error::usage("[project] in kbisect.toml does not describe a project").because(e)
        }),
    }
}

/// Is the project described by the user?
pub(crate) fn is_own(settings: &Settings) -> bool {
    matches!(settings.project, Some(toml::Value::Table(_)))
}

/// [`Project::check_source`], which does not know who left what there.
pub(crate) fn check_clean(project: &Project, source: &Path) -> Result<()> {
    project.check_source(source).map_err(|error| {
        let left = || {
            let root = source.canonicalize().ok()?;
            let left = SourceTree::left_in(&root, &dirs::cache_dir().ok()?);
            building(project).not_clean(&root, &left)
        };
        left().unwrap_or(error)
    })
}

fn building(project: &Project) -> Building<'_> {
    Building {
        product: &project.product,
        output_variable: &project.output_variable,
    }
}

/// Did make, when it called Kconfig, write to the source?
pub(crate) fn still_clean(
    source: &SourceTree,
    project: &Project,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<()> {
    // A source that is gone has errors of its own.
    let Ok(seen) = source.look(source.generation(), cancel) else {
        return Ok(());
    };
    let Seen::Changed(changes) = seen else {
        return Ok(());
    };
    if !changes.only_adds() {
        return Err(identity::changed(&changes));
    }
    source.adopt(&changes.added.iter().cloned().collect(), cancel)?;
    building(project).check(source.root(), &changes.added)?;
    warn(tell, identity::left_by_build(source, &changes.added));
    Ok(())
}
