//! Refuses what a run would fail on later, before anything is prepared or written.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use std::sync::atomic::{AtomicBool, Ordering};

use nix::unistd::{AccessFlags, access};

use crate::guest::RECIPES;
use crate::journal::RunDir;
use crate::kconfig::Project;
use crate::model::{CompilerLauncher, Tracing, sanitize_line};
use crate::oracle::SHIPPED;
use crate::settings::{Base, Settings};
use crate::trace;
use crate::{Error, Result};

/// Characters that make or the shell takes for something else, besides blanks: the makefiles of Linux
/// and of most other projects do not quote the build folder.
const SPECIAL: &str = "$'\"\\`&;|<>()";

/// Can make build in this folder, or in one below it? `what` names it, `hint` says how to choose another.
pub(crate) fn buildable(path: &Path, what: &str, hint: &str) -> Result<()> {
    let whole = real(path)?;
    let text = whole.to_string_lossy();
    let is_bad = |c: &char| c.is_whitespace() || c.is_control() || SPECIAL.contains(*c);
    let Some(bad) = text.chars().find(is_bad) else {
        return Ok(());
    };
    let bad = match bad {
        ' ' => "a blank".to_owned(),
        bad => format!("the character `{}`", bad.escape_debug()),
    };
    Err(Error::usage(format!(
        "{what} {} has {bad} in its path: make cannot build there",
        sanitize_line(&text, 400)
    ))
    .hint(format!(
        "{hint}; its path may have no blanks and none of {SPECIAL}"
    )))
}

/// Can the run be kept in this folder, and builds be made there? Nothing is changed.
pub(crate) fn output(path: &Path) -> Result<()> {
    buildable(path, "the output", "give another --output")?;
    let shown = path.display();
    let whole = absolute(path)?;
    let there = nearest(&whole);
    let hint = "give another --output";
    if !there.is_dir() {
        let error = match there == whole {
            true => format!("the output {shown} is no folder"),
            false => format!(
                "the output {shown} cannot be made: {} is no folder",
                there.display()
            ),
        };
        return Err(Error::usage(error).hint(hint));
    }
    access(there, AccessFlags::W_OK | AccessFlags::X_OK).map_err(|e| {
        Error::usage(format!("the output {shown} cannot be written"))
            .because(std::io::Error::from(e))
            .hint(hint)
    })?;
    RunDir::check(path)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| Error::io("find the folder of", path, e))
}

/// The longest part of an absolute path that exists.
fn nearest(path: &Path) -> &Path {
    let there = path.ancestors().find(|p| p.symlink_metadata().is_ok());
    there.unwrap_or(Path::new("/"))
}

/// The path as make will see it, links followed, whether the folder exists or not.
fn real(path: &Path) -> Result<PathBuf> {
    let whole = absolute(path)?;
    let there = nearest(&whole);
    let real = fs::canonicalize(there).unwrap_or_else(|_| there.to_owned());
    // `there` is one of its ancestors.
    let rest = whole.strip_prefix(there).unwrap_or(Path::new(""));
    // To join nothing would add a slash.
    Ok(if rest.as_os_str().is_empty() {
        real
    } else {
        real.join(rest)
    })
}

/// Can the trace and the prior be read, and is each of them one? A run that goes on may not need the
/// trace any more.
pub(crate) fn guess(settings: &Settings) -> Result<()> {
    if let Tracing::File(path) = &settings.trace
        && !RunDir::has_run(&settings.output)
    {
        let hint = "--trace is auto, off, or a file that QEMU wrote by `-d in_asm -D FILE`";
        let shown = path.display();
        let unreadable = || Error::usage(format!("cannot read the trace {shown}")).hint(hint);
        match fs::metadata(path) {
            Ok(of) if of.is_file() => {}
            Ok(_) => return Err(unreadable()),
            Err(e) => return Err(unreadable().because(e)),
        }
        let file = File::open(path).map_err(|e| unreadable().because(e))?;
        if !trace::is_log(file).map_err(|e| unreadable().because(e))? {
            return Err(Error::usage(format!(
                "{shown} is no trace: there is no block of code in it"
            ))
            .hint(hint));
        }
    }
    match &settings.prior {
        Some(path) if settings.has_own_prior() => super::prior::read(path, &[]).map(drop),
        _ => Ok(()),
    }
}

/// Would these settings, which were asked for, have no effect on the project? An architecture that make
/// is not told and a launcher that no compiler is called through are refused.
pub(crate) fn effects(
    project: &Project,
    arch: Option<&str>,
    launcher: &CompilerLauncher,
) -> Result<()> {
    let name = project.name.escape_debug();
    if let Some(arch) = arch {
        let told = format!("ARCH={arch}");
        if !project.make_args.contains(&told) {
            let told = told.escape_debug();
            return Err(Error::usage(format!(
                "--arch has no effect on the project {name}: make is not told of it"
            ))
            .hint(format!(
                "leave it out; or, if the Makefile knows ARCH, describe the project by [project] in \
                 kbisect.toml, with make-args = [\"{told}\"]"
            )));
        }
    }
    if let (CompilerLauncher::Program(_), None) = (launcher, &project.compiler) {
        return Err(Error::usage(format!(
            "--cc-launcher has no effect on the project {name}: its compiler is not known"
        ))
        .hint("in [project], compiler = \"gcc\" names it, if its Makefile calls $(CC)"));
    }
    Ok(())
}

/// Set once this program is ready to be called by a run under other names.
static SERVED: AtomicBool = AtomicBool::new(false);

/// This program is ready to be called by a run under other names.
pub(crate) fn note_served() {
    SERVED.store(true, Ordering::Relaxed);
}

/// Is this program ready to be called by a run under other names?
pub(super) fn served() -> Result<()> {
    if SERVED.load(Ordering::Relaxed) {
        return Ok(());
    }
    Err(
        Error::failed("this program does not serve the runs that it makes").hint(
            "call `cli::serve` of the library first in main, and end with the exit code that it gives",
        ),
    )
}

/// A run is resumed from anywhere: what it reads is named from the root. The output is not: it
/// is what people see, and `resume` is told where it is.
pub(crate) fn make_absolute(settings: &mut Settings) -> Result<()> {
    let absolute = |path: &mut PathBuf| {
        *path =
            std::path::absolute(&*path).map_err(|e| Error::io("find the folder of", path, e))?;
        Ok(())
    };
    let kernel = [&mut settings.start_kernel, &mut settings.start_modules];
    let paths = kernel.into_iter().chain([&mut settings.source]).flatten();
    paths.into_iter().try_for_each(absolute)?;
    // The others are names: of a target of make, of standard input.
    let mut files = settings.start.iter_mut().filter(|path| path.exists());
    files.try_for_each(absolute)?;
    if let Base::File(path) = &mut settings.base {
        absolute(path)?;
    }
    // A guest that comes with kbisect goes by its name, and so does an oracle.
    if let Some(guest) = &mut settings.guest
        && RECIPES.iter().all(|recipe| recipe.name != guest)
    {
        let mut path = PathBuf::from(&*guest);
        absolute(&mut path)?;
        if let (true, Some(path)) = (path.exists(), path.to_str()) {
            *guest = path.to_owned();
        }
    }
    for oracle in &mut settings.oracles {
        if SHIPPED.iter().all(|s| s.name != *oracle) {
            let mut path = PathBuf::from(&*oracle);
            absolute(&mut path)?;
            if let (true, Some(path)) = (path.is_file(), path.to_str()) {
                *oracle = path.to_owned();
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_make_would_take_apart_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["a b", "a\tb", "a$b", "it's", "a(b", "a;b"] {
            let error = output(&dir.path().join(name)).unwrap_err();
            assert!(error.to_string().contains("make cannot build"), "{error}");
        }
        output(&dir.path().join("a-b_c.d,e")).unwrap();
        // What a link leads to counts.
        fs::create_dir(dir.path().join("c d")).unwrap();
        std::os::unix::fs::symlink("c d", dir.path().join("link")).unwrap();
        output(&dir.path().join("link/run")).unwrap_err();
    }

    #[test]
    fn an_output_within_a_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "x").unwrap();
        let said = |path: &Path| output(path).unwrap_err().to_string();
        assert!(said(&file).contains("is no folder"));
        assert!(said(&file.join("run")).contains("cannot be made"));
    }

    #[test]
    fn flags_that_a_project_has_no_use_for_are_refused() {
        let gcc = CompilerLauncher::Program("ccache".into());
        let cache = CompilerLauncher::default();
        let mut project = Project::busybox();
        effects(&project, None, &gcc).unwrap();
        effects(&project, Some("arm"), &cache).unwrap_err();
        project.make_args = vec!["ARCH=arm".into()];
        effects(&project, Some("arm"), &cache).unwrap();
        project.compiler = None;
        effects(&project, None, &cache).unwrap();
        effects(&project, None, &gcc).unwrap_err();
        let linux = Project::linux("arm64").unwrap();
        effects(&linux, Some("arm64"), &gcc).unwrap();
    }
}
