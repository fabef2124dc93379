//! What is wrong with a file of the user's, in some lines at most.

use std::collections::HashSet;
use std::path::Path;

use super::tell::{Watcher, warn};
use crate::Error;
use crate::kconfig::Problem;
use crate::model::{Symbol, near};

pub(crate) fn unreadable(flag: &str, path: &Path, error: std::io::Error) -> Error {
    Error::usage(format!("cannot read {}", path.display()))
        .because(error)
        .hint(format!("{flag} must be a .config or a fragment of one"))
}

/// The first `most` of these in one line, and how many more there are: `A, B and 3 more`.
pub(crate) fn few<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown = &names[..names.len().min(most)];
    let shown: Vec<&str> = shown.iter().map(AsRef::as_ref).collect();
    match names.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Warns of what is wrong with a file; the first ones say it all, but what is lost comes first.
pub(crate) fn list_problems(tell: &mut Watcher<'_>, name: &str, problems: &[Problem]) {
    let (lost, other): (Vec<&Problem>, Vec<&Problem>) =
        problems.iter().partition(|p| p.kind.is_loss());
    list(tell, name, lost.iter().map(ToString::to_string));
    list(tell, name, other.iter().map(ToString::to_string));
}

/// Warns of what is wrong with a file; the first ones say it all.
pub(crate) fn list(
    tell: &mut Watcher<'_>,
    name: &str,
    texts: impl ExactSizeIterator<Item = String>,
) {
    const SHOWN: usize = 10;
    let count = texts.len();
    for text in texts.take(SHOWN) {
        warn(tell, format!("{name}: {text}"));
    }
    if count > SHOWN {
        warn(
            tell,
            format!("{name}: and {} more like this", count - SHOWN),
        );
    }
}

/// Warns of symbols that the source does not have (`known` are those that it has), with their lines in the file
/// `name`.
pub(crate) fn list_unknown(
    tell: &mut Watcher<'_>,
    name: &str,
    unknown: &[(usize, Symbol)],
    known: &HashSet<Symbol>,
) {
    let text = |(line, symbol): &(usize, Symbol)| {
        let near = near(symbol.as_str(), known.iter().map(Symbol::as_str));
        let near = match near.as_slice() {
            [] => String::new(),
            near => format!("; did you mean {}?", near.join(" or ")),
        };
        format!("line {line}: this source has no symbol {symbol} for this architecture{near}")
    };
    list(tell, name, unknown.iter().map(text));
}
