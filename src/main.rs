//! The `kbisect` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kbisect::cli::main()
}
