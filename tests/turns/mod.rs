//! Lets tests that build kernels or boot guests take turns, in whatever processes they are.

use std::fs::File;
use std::path::Path;

/// Held as long as the test has its turn.
pub struct Turn {
    _lock: File,
}

/// Waits for a turn. Two of these tests at once would only slow each other down, and a test that
/// is slowed down too much runs into a limit.
#[must_use]
pub fn take() -> Turn {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("turns.lock");
    let lock = File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap();
    lock.lock().unwrap();
    Turn { _lock: lock }
}
