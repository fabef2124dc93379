//! Keeps a page at a size that a browser can bear.

use std::borrow::Cow;

use crate::report::Details;

/// How many bytes of logs a page shows.
const LOGS: usize = 2_000_000;

/// The longest line of a log, in characters.
const LONGEST: usize = 2_000;

/// `details` with no more of its logs than a page can bear. What is left out is named.
pub(super) fn fitted(details: &Details) -> Cow<'_, Details> {
    let logs = || {
        let failures = details.options.iter().filter_map(|o| o.failure.as_ref());
        failures.filter_map(|failure| failure.log.as_ref())
    };
    let size: usize = logs().flat_map(|log| &log.lines).map(String::len).sum();
    let has_long = logs()
        .flat_map(|log| &log.lines)
        .any(|line| line.len() > LONGEST);
    if size <= LOGS && !has_long {
        return Cow::Borrowed(details);
    }
    let mut details = details.clone();
    let (mut left, mut dropped) = (LOGS, 0_usize);
    for option in &mut details.options {
        let failure = option.failure.as_mut();
        let Some(log) = failure.and_then(|failure| failure.log.as_mut()) else {
            continue;
        };
        log.lines.iter_mut().for_each(shorten);
        let size: usize = log.lines.iter().map(String::len).sum();
        match left.checked_sub(size) {
            Some(rest) => left = rest,
            None => {
                log.lines.clear();
                dropped += 1;
            }
        }
    }
    if dropped > 0 {
        details.gaps.push(format!(
            "{} not shown here: the page would be too large. The files are in the run directory.",
            match dropped {
                1 => "1 log is".to_owned(),
                n => format!("{n} logs are"),
            }
        ));
    }
    Cow::Owned(details)
}

fn shorten(line: &mut String) {
    if let Some((end, _)) = line.char_indices().nth(LONGEST) {
        line.truncate(end);
        line.push('…');
    }
}
