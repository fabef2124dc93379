//! Serves a call of the launcher by its name, as the compiler would.

use std::ffi::OsString;

use super::launcher::{Answer, CANNOT, LAUNCHER, answer};
use crate::supervise;

/// What a call comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The exit status.
    pub status: u8,
    /// The text for standard output.
    pub output: Vec<u8>,
    /// The text for standard error.
    pub messages: Vec<u8>,
}

impl Reply {
    /// A failure of the launcher itself.
    #[must_use]
    pub fn failed(status: u8, message: &str) -> Self {
        Self {
            status,
            output: Vec::new(),
            messages: format!("{LAUNCHER}: {message}\n").into_bytes(),
        }
    }
}

/// Serves the call with these arguments, of which the first is the compiler. A call that the cache does not know
/// how to answer does not return: this process becomes the compiler.
#[must_use]
pub fn serve(args: &[OsString]) -> Reply {
    let Some((compiler, args)) = args.split_first() else {
        return Reply::failed(CANNOT, "no compiler is given");
    };
    match answer(compiler, args) {
        Ok(Answer::Done {
            status,
            output,
            messages,
        }) => Reply {
            status,
            output,
            messages,
        },
        Ok(Answer::PassThrough) => {
            let error = supervise::become_program(compiler, args);
            let compiler = compiler.to_string_lossy();
            // As a shell says it: whoever reads build logs knows that.
            Reply::failed(CANNOT, &format!("{compiler}: {error}"))
        }
        Err(error) => Reply::failed(1, &format!("error: {error}")),
    }
}
