//! The program.

use std::error::Error as _;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    kbisect::cli::run().unwrap_or_else(|error| {
        let mut text = format!("kbisect: {error}");
        if let Some(source) = error.source() {
            text += &format!(": {source}");
        }
        if let Some(hint) = error.hint_text() {
            text += &format!("\nhint: {hint}");
        }
        let _ = writeln!(std::io::stderr(), "{text}");
        ExitCode::from(error.kind().exit_code())
    })
}
