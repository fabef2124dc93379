//! A whole run by the library, without the command line: `cargo run --example library -- ORACLE DIR`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example")]

use std::process::ExitCode;

use kbisect::run::{self, Control, Plan};
use kbisect::settings::{Machine, PartialSettings, Settings};

fn main() -> ExitCode {
    // A run calls this program as the compiler's launcher, and oracles call it as kbisect.
    if let Some(code) = kbisect::cli::serve() {
        return code;
    }
    match search() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn search() -> kbisect::Result<()> {
    let mut args = std::env::args().skip(1);
    let mut arg = |default: &str| args.next().unwrap_or_else(|| default.to_owned());
    let asked = PartialSettings::new()
        .with("oracle", arg("shell-ok"))
        .with("output", arg("library.out"));
    let settings = Settings::complete(&asked, Machine::here())?;
    let control = Control::by_signals()?;
    let ended = run::search(&Plan::new(&settings), &control, &mut |event| {
        eprintln!("{event:?}");
    })?;
    for kept in &ended.report.kept {
        println!("{}", kept.request);
    }
    Ok(())
}
