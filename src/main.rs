//! The kbisect program.

use std::process::ExitCode;

fn main() -> ExitCode {
    kbisect::cli::main()
}
