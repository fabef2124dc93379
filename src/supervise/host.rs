//! The host that processes run on.

use std::fs;

/// Names the start of the host: another one after each. Empty where nobody knows.
#[must_use]
pub fn boot_id() -> String {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    id.unwrap_or_default().trim().to_owned()
}
