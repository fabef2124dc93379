//! Is the source tree there?

use std::path::Path;

use crate::Error;

/// Is the source tree still there?
#[must_use]
pub fn has_source(source: &Path) -> bool {
    source.join("Makefile").is_file()
}

/// The source tree is not there any more.
#[must_use]
pub fn source_gone(source: &Path) -> Error {
    Error::failed(format!("the source tree {} is gone", source.display()))
        .hint("put it back and go on with `kbisect resume`: nothing is lost")
}
