//! kbisect as a compiler launcher: `kbisect-cc gcc -c ...`, for make, not for people.

use std::env;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use crate::cc::{self, Reply};

/// If this process was called by the launcher's name: does what is asked, and returns the exit
/// code.
pub(super) fn run_if_called_so() -> Option<ExitCode> {
    let mut args = env::args_os();
    if Path::new(&args.next()?).file_name()? != cc::LAUNCHER {
        return None;
    }
    let args: Vec<OsString> = args.collect();
    let mut reply = cc::serve(&args);
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(&reply.output);
    match written.and_then(|()| stdout.flush()) {
        // As of a compiler that found out.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let failed = Reply::failed(1, &format!("error: {error}"));
            reply.status = failed.status;
            reply.messages.extend(failed.messages);
        }
        _ => {}
    }
    // Whoever closed it does not want to know.
    let _ = std::io::stderr().write_all(&reply.messages);
    Some(ExitCode::from(reply.status))
}
