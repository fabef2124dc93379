//! Standard output.

use crate::{Error, Result};

/// Writes a result to standard output. Who closed it has seen enough.
///
/// # Errors
/// There is no room for it.
pub(super) fn print(text: &str) -> Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::failed("cannot write to standard output").because(e))
        }
        _ => Ok(()),
    }
}
