//! The modules that the guest could not load, by its console.

use std::fs;
use std::path::Path;

use crate::model::sanitize_line;

/// What the guest's init says of one that could not be loaded.
const FAILED: &str = "guest: failed: insmod /modules/";

/// So many are named, with so many characters of each.
const NAMES: usize = 5;
const NAME_LENGTH: usize = 60;

/// Names the modules that the guest could not load, safe to show. None if it says so of none.
pub(super) fn modules(console: &Path) -> Option<String> {
    // Without a console nothing is said of them.
    let text = String::from_utf8_lossy(&fs::read(console).ok()?).into_owned();
    named(&text)
}

fn named(console: &str) -> Option<String> {
    let mut names: Vec<String> = Vec::new();
    for line in console.lines() {
        let Some((_, file)) = line.split_once(FAILED) else {
            continue;
        };
        let file = file.split(".ko").next().unwrap_or_default();
        let name = file.split_once('-').map_or(file, |(_, name)| name);
        let name = sanitize_line(name, NAME_LENGTH);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = names.len().saturating_sub(NAMES);
    names.truncate(NAMES);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    (!names.is_empty()).then(|| format!("modules that could not be loaded: {}", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_that_failed_are_named_once_and_not_all_of_many() {
        let line = |name: &str| format!("[   1.2] x {FAILED}0003-{name}.ko\r\n");
        let console = format!("Linux\r\n{}{}{}", line("a-b"), line("c"), line("c"));
        let told = "modules that could not be loaded: a-b, c";
        assert_eq!(named(&console).as_deref(), Some(told));
        assert_eq!(named("guest: failed: ifconfig eth0"), None);
        let many: String = ["a", "b", "c", "d", "e", "f", "g"].map(line).concat();
        let told = "modules that could not be loaded: a, b, c, d, e, 2 more";
        assert_eq!(named(&many).as_deref(), Some(told));
    }
}
