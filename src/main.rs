//! The program.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    kbisect::cli::run().unwrap_or_else(|error| {
        let _ = writeln!(std::io::stderr(), "kbisect: {error}");
        ExitCode::from(error.kind().exit_code())
    })
}
