//! What make calls the compiler through: our own launcher, or the user's.

use std::fs;
use std::path::{Path, PathBuf};

use super::tell::{Watcher, note};
use crate::build::Launcher;
use crate::cc;
use crate::identity::{self, Variables};
use crate::kconfig::Project;
use crate::model::CompilerLauncher;
use crate::settings::Settings;
use crate::supervise::{self, CancelToken};
use crate::{Error, Result};

/// Bytes that the object cache may have: some ten runs of a small kernel.
const OBJECT_CACHE: u64 = 4 << 30;

/// Our own executable by a name that others call it by, whatever it is called here.
pub(crate) fn own_link(work: &Path, name: &str) -> Result<PathBuf> {
    let exe = std::env::current_exe()
        .map_err(|e| Error::failed("cannot find my own executable").because(e))?;
    let bin = work.join("bin");
    let link = bin.join(name);
    fs::create_dir_all(&bin)
        .and_then(|()| std::os::unix::fs::symlink(&exe, &link))
        .map_err(|e| Error::io("make the link", &link, e))?;
    Ok(link)
}

/// What the compiler is called through.
pub(crate) fn launcher(
    settings: &Settings,
    project: &Project,
    cache: &Path,
    work: &Path,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<Option<Launcher>> {
    // With LLVM=1 the compiler is another one, whatever CC says.
    let variables = Variables::of(&project.make_args, &project.env);
    let compiler = project.compiler.as_ref();
    let compiler = compiler.filter(|_| !variables.is_llvm());
    let Some(compiler) = compiler else {
        return Ok(None);
    };
    let compiler = format!("{}{compiler}", variables.get("CROSS_COMPILE"));
    match &settings.cc_launcher {
        CompilerLauncher::Nothing => Ok(None),
        CompilerLauncher::Program(program) => {
            if supervise::find_program(program).is_none() {
                let program = program.escape_debug();
                return Err(
                    Error::usage(format!("there is no program `{program}`")).hint(
                        "--cc-launcher must be a program that takes a compiler and its arguments",
                    ),
                );
            }
            Ok(Some(Launcher {
                command: format!("{program} {compiler}"),
                env: vec![],
                store: None,
            }))
        }
        CompilerLauncher::ObjectCache => {
            // The state first: what is replaced in between is seen.
            let state = identity::compiler_state(&compiler, cancel);
            let named = state.zip(cc::identity(&compiler, cancel));
            let Some((state, toolchain)) = named else {
                note(
                    tell,
                    format!("no object cache: {compiler} does not say what it is made of"),
                );
                return Ok(None);
            };
            let store = cc::Store::within(cache, OBJECT_CACHE);
            store.shrink();
            let link = own_link(work, cc::LAUNCHER)?;
            let mut launcher = Launcher::object_cache(&link, &compiler, &toolchain, store)?;
            launcher.env.push((cc::STATE.into(), state));
            Ok(Some(launcher))
        }
    }
}
