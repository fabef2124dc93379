//! kbisect as a compiler launcher: `kbisect-cc gcc -c ...`, for make, not for people.

use std::env;
use std::ffi::OsString;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::{cc, supervise};

/// If this process was called by the launcher's name: does what is asked, and returns the exit
/// code.
pub(super) fn run_if_called_so() -> Option<ExitCode> {
    let mut args = env::args_os();
    let name = args.next()?;
    if Path::new(&name).file_name()? != cc::LAUNCHER {
        return None;
    }
    let args: Vec<OsString> = args.collect();
    let Some((compiler, args)) = args.split_first() else {
        say(format!("{}: no compiler is given\n", cc::LAUNCHER).as_bytes());
        return Some(ExitCode::from(cc::CANNOT));
    };
    Some(match cc::answer(compiler, args) {
        Ok(cc::Answer::Done {
            status,
            output,
            messages,
        }) => {
            say(&messages);
            let mut stdout = std::io::stdout();
            match stdout.write_all(&output).and_then(|()| stdout.flush()) {
                // As of a compiler that found out.
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                    say(format!("{}: error: {error}\n", cc::LAUNCHER).as_bytes());
                    return Some(ExitCode::FAILURE);
                }
                _ => {}
            }
            ExitCode::from(status)
        }
        Ok(cc::Answer::PassThrough) => {
            let error = supervise::become_program(compiler, args);
            let compiler = compiler.to_string_lossy();
            // As a shell says it: whoever reads build logs knows that.
            say(format!("{}: {compiler}: {error}\n", cc::LAUNCHER).as_bytes());
            ExitCode::from(cc::CANNOT)
        }
        Err(error) => {
            say(format!("{}: error: {error}\n", cc::LAUNCHER).as_bytes());
            ExitCode::FAILURE
        }
    })
}

fn say(text: &[u8]) {
    // Whoever closed it does not want to know.
    let _ = std::io::stderr().write_all(text);
}
