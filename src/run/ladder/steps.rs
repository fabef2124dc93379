//! The steps of a ladder, from its settings, and the folder that holds them.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::file::{Ladder, Step, StepState};
use crate::journal::{Lock, RunDir};
use crate::model::StoredSettings;
use crate::oracle;
use crate::run::given::STDIN;
use crate::run::project::project;
use crate::run::{checks, oracles};
use crate::settings::{PartialSettings, SETTINGS, Settings, check_build_jobs, check_jobs};
use crate::{Error, Result};

/// The lock, in the folder of a ladder.
const LOCK: &str = "lock";

/// Settings that a ladder which goes on by its folder alone may have anew.
const CHANGES: [&str; 5] = [
    "output",
    "jobs",
    "build-jobs",
    "budget-time",
    "budget-trials",
];

/// The steps that the settings describe. Mistakes that a later step would be told of are told now.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage): an oracle is not there or is given twice; a start can be read only
/// once.
pub(super) fn steps(settings: &Settings) -> Result<Vec<Step>> {
    if settings.start.iter().any(|path| path == Path::new(STDIN)) {
        return Err(Error::usage(
            "standard input can be read only once, and each step of a ladder reads the start",
        )
        .hint("write it to a file, and give that by --start"));
    }
    let project = project(settings.project.as_ref(), &settings.arch)?;
    oracles::check_guest(settings)?;
    let mut judged_by: HashMap<(PathBuf, Option<String>), &str> = HashMap::new();
    let mut steps = Vec::new();
    for (number, oracle) in (1..).zip(&settings.oracles) {
        let alone = of_step(settings, oracle, settings.output.clone())?;
        let judges = oracles::find(&alone, &project)?;
        oracles::check_modules(&judges, &project)?;
        let Some(judge) = judges.first() else {
            continue;
        };
        let program = judge.oracle.program();
        let file = fs::canonicalize(program).unwrap_or_else(|_| program.to_owned());
        let argument = judge.oracle.argument().map(str::to_owned);
        if let Some(other) = judged_by.insert((file, argument), oracle) {
            let (oracle, other) = (oracle.escape_debug(), other.escape_debug());
            let names = match oracle.to_string() == other.to_string() {
                true => format!("{oracle} is given twice"),
                false => format!("{other} and {oracle} are the same oracle"),
            };
            return Err(Error::usage(names).hint("each oracle is one step of the ladder"));
        }
        steps.push(Step {
            oracle: oracle.clone(),
            dir: folder(number, judge.oracle.name()).into(),
            state: StepState::Waiting,
            found: None,
            error: None,
        });
    }
    Ok(steps)
}

/// The name of a step's folder. Builds happen in it: it has no character that make takes for something else.
fn folder(number: usize, oracle: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || "._-".contains(c) => c,
        _ => '-',
    };
    let name: String = oracle.chars().map(plain).collect();
    format!("{number:02}-{name}")
}

/// The settings of the step with this oracle, in the run directory `output`. The guest is left out where the oracle
/// names none that it could take the place of.
///
/// # Errors
/// There is no such oracle any more.
pub(super) fn of_step(settings: &Settings, oracle: &str, output: PathBuf) -> Result<Settings> {
    let guest = match &settings.guest {
        Some(guest) if oracle::find(oracle)?.names_guest() => Some(guest.clone()),
        _ => None,
    };
    Ok(Settings {
        oracles: vec![oracle.to_owned()],
        guest,
        output,
        ..settings.clone()
    })
}

/// Takes hold of the folder of a ladder: a new one, or one with the same steps. Nothing is written to a folder that
/// has anything else in it.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if it has something else in it,
/// [`ErrorKind::Locked`](crate::ErrorKind::Locked) if another process holds it; else it cannot be read or written.
pub(super) fn claim(settings: &Settings, steps: Vec<Step>) -> Result<(Lock, Ladder)> {
    let output = &settings.output;
    check(output)?;
    fs::create_dir_all(output).map_err(|e| Error::io("make the folder", output, e))?;
    let lock = Lock::take(&output.join(LOCK))?;
    // Somebody may have begun one just now.
    check(output)?;
    if !Ladder::is_in(output) {
        let settings = StoredSettings::of(settings)
            .map_err(|e| Error::failed("cannot write the settings").because(e))?;
        let ladder = Ladder::new(settings, steps);
        ladder.write(output)?;
        return Ok((lock, ladder));
    }
    let ladder = Ladder::read(output)?;
    let names = |steps: &[Step]| -> Vec<String> {
        let names = steps.iter().map(|step| step.oracle.escape_debug());
        names.map(|name| name.to_string()).collect()
    };
    let (was, is) = (names(&ladder.steps), names(&steps));
    if was != is {
        return Err(Error::usage(format!(
            "{} has another ladder in it: {}",
            output.display(),
            was.join(", ")
        ))
        .hint("give another --output; a ladder goes on only with the oracles that it began with"));
    }
    Ok((lock, ladder))
}

/// Can a ladder be in this folder, or become one?
fn check(output: &Path) -> Result<()> {
    let is_run = RunDir::has_run(output) || output.join("journal.jsonl").exists();
    if is_run {
        return Err(Error::usage(format!(
            "{} has a run in it, and no ladder",
            output.display()
        ))
        .hint("give another --output; `kbisect resume` goes on with a run"));
    }
    match Ladder::is_in(output) {
        true => checks::buildable(output, "the output", "move it elsewhere"),
        false => checks::output(output),
    }
}

/// The settings of the ladder in `dir`, to go on with it, with `flags` for this session; none if there is no ladder.
///
/// # Errors
/// Its file cannot be read; or a flag is none that may change ([`ErrorKind::Usage`](crate::ErrorKind::Usage)).
pub fn ladder_in(dir: &Path, flags: &PartialSettings) -> Result<Option<Settings>> {
    if !Ladder::is_in(dir) {
        return Ok(None);
    }
    let stored = Ladder::read(dir)?.settings;
    let mut settings: Settings = stored.read().map_err(|e| {
        Error::failed(format!("the settings in {} cannot be read", dir.display())).because(e)
    })?;
    // A budget that is used up would end the new session at once.
    (settings.budget_time, settings.budget_trials) = (None, None);
    for setting in SETTINGS {
        let Some(value) = flags.get(setting.key) else {
            continue;
        };
        if !CHANGES.contains(&setting.key) {
            return Err(Error::usage(format!(
                "--{} is given without an --oracle, to a ladder that has begun",
                setting.key
            ))
            .hint(format!(
                "give the whole command again; or only --output {}, which goes on with the settings of the ladder",
                dir.display()
            )));
        }
        setting.kind.apply(setting.key, &mut settings, value)?;
    }
    settings.output = dir.to_owned();
    check_jobs(settings.jobs)?;
    check_build_jobs(settings.build_jobs)?;
    Ok(Some(settings))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::settings::Machine;

    fn settings(oracles: &[&str], guest: Option<&str>) -> Settings {
        Settings {
            oracles: oracles.iter().map(|name| (*name).to_owned()).collect(),
            guest: guest.map(str::to_owned),
            ..Settings::defaults(Machine::here())
        }
    }

    /// An executable script.
    fn script(dir: &Path, name: &str, text: &str) -> String {
        let path = dir.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn an_oracle_with_another_argument_is_another_step() {
        let found = steps(&settings(&["size-under:1M", "size-under:2M"], None)).unwrap();
        let dirs: Vec<&Path> = found.iter().map(|step| step.dir.as_path()).collect();
        let names = ["01-size-under-1M", "02-size-under-2M"];
        assert_eq!(dirs, names.map(Path::new));
        let error = steps(&settings(&["size-under:1M", "size-under:1M"], None)).unwrap_err();
        assert_eq!(error.to_string(), "size-under:1M is given twice");
    }

    #[test]
    fn the_guest_is_for_the_steps_that_boot_one() {
        let dir = tempfile::tempdir().unwrap();
        let boots = script(dir.path(), "boots", "#!/bin/sh\n# kbisect: guest=busybox\n");
        let guest = Some("busybox-ssh");
        let asked = settings(&[&boots, "size-under:1M"], guest);
        assert_eq!(steps(&asked).unwrap().len(), 2);
        let guest_of = |oracle: &str| of_step(&asked, oracle, "out".into()).unwrap().guest;
        assert_eq!(guest_of(&boots).as_deref(), guest);
        assert_eq!(guest_of("size-under:1M"), None);
        let error = steps(&settings(&["size-under:1M", "size-under:2M"], guest)).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("--guest has no effect"), "{text}");
    }

    #[test]
    fn a_folder_has_the_number_and_the_name_of_its_step() {
        assert_eq!(folder(1, "shell-ok"), "01-shell-ok");
        assert_eq!(folder(12, "my oracle$(x)"), "12-my-oracle--x-");
    }
}
