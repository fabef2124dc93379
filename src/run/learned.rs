//! What was learnt of requests in earlier runs: kept in the user's data folder by those who want it
//! (`--prior learned`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::parse;
use crate::dirs::data_dir;
use crate::journal::write_atomically;
use crate::model::{Prior, Request, RequestSet, Symbol};
use crate::{Error, Result};

/// The folder, in the data folder.
const FOLDER: &str = "learned";

/// The version of its files.
const VERSION: u32 = 1;

/// Weight of the default chance of a request, in runs.
const OF: f64 = 2.0;

/// Weight of a run with the same oracles, in runs with others.
const SAME: f64 = 3.0;

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lesson {
    v: u32,
    oracles: Vec<String>,
    /// Of all requests that it began with, those that it may and those that it may not do without.
    gone: BTreeSet<Symbol>,
    kept: BTreeSet<Symbol>,
}

/// The folder of this user.
///
/// # Errors
/// As for [`data_dir`].
pub(crate) fn folder() -> Result<PathBuf> {
    Ok(data_dir()?.join(FOLDER))
}

/// What the runs in `folder` say of these requests; nothing if none of them was about any. `warn` is
/// told which files cannot be read; they are passed over.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn read(
    folder: &Path,
    oracles: &[String],
    requests: &[Request],
    warn: &mut dyn FnMut(&str),
) -> Result<Prior> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Prior::default()),
        Err(e) => return Err(Error::io("read", folder, e)),
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    let mut lessons = Vec::new();
    for path in paths {
        match lesson(&path) {
            Ok(lesson) => lessons.push(lesson),
            Err(error) => warn(&format!("what was learnt is passed over: {error}")),
        }
    }
    let names = names(oracles);
    let weight = |lesson: &Lesson| if lesson.oracles == names { SAME } else { 1.0 };
    let is_about = |symbol: &Symbol| {
        let mut all = lessons.iter();
        all.any(|lesson| lesson.kept.contains(symbol) || lesson.gone.contains(symbol))
    };
    if !requests.iter().any(|request| is_about(&request.symbol)) {
        return Ok(Prior::default());
    }
    let of = |request: &Request| {
        let symbol = &request.symbol;
        let sum = |of: &dyn Fn(&Lesson) -> bool| -> f64 {
            lessons.iter().filter(|l| of(l)).map(weight).sum()
        };
        let kept = sum(&|lesson| lesson.kept.contains(symbol));
        let gone = sum(&|lesson| lesson.gone.contains(symbol));
        (Prior::SHARE * OF + kept) / (OF + kept + gone)
    };
    Ok(Prior::new(requests.iter().map(of)))
}

fn lesson(path: &Path) -> Result<Lesson> {
    let text = fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    parse(&text, path, VERSION)
}

/// Keeps what a run came to, which is proved. The same again is kept once.
///
/// # Errors
/// It cannot be written.
pub(crate) fn keep(
    folder: &Path,
    oracles: &[String],
    requests: &[Request],
    best: &RequestSet,
) -> Result<()> {
    let full = RequestSet::full(requests.len());
    let symbols = |set: &RequestSet| {
        let of = set.iter().filter_map(|id| requests.get(id.index()));
        of.map(|request| request.symbol.clone()).collect()
    };
    let lesson = Lesson {
        v: VERSION,
        oracles: names(oracles),
        gone: symbols(&full.minus(best)),
        kept: symbols(best),
    };
    let text = serde_json::to_string_pretty(&lesson)
        .map_err(|e| Error::failed("cannot write JSON").because(e))?;
    fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, e))?;
    let name = blake3::hash(text.as_bytes()).to_hex();
    write_atomically(
        &folder.join(format!("{}.json", &name[..16])),
        text.as_bytes(),
    )
}

/// Oracles by their files' names, in one order.
fn names(oracles: &[String]) -> Vec<String> {
    let name = |oracle: &String| {
        let name = Path::new(oracle).file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let mut names: Vec<String> = oracles.iter().map(name).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::{RequestId, Value};

    fn requests(names: &[&str]) -> Vec<Request> {
        let request = |name: &&str| Request {
            symbol: Symbol::new(name).unwrap(),
            value: Value::YES,
        };
        names.iter().map(request).collect()
    }

    fn oracles(name: &str) -> Vec<String> {
        vec![name.to_owned()]
    }

    fn silent(text: &str) {
        panic!("nothing is to be warned of, but {text}");
    }

    #[test]
    fn what_one_run_needed_is_thought_to_be_needed_in_the_next() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("new/learned");
        let (all, ssh) = (requests(&["A", "B"]), oracles("/x/ssh-ok"));
        assert!(read(&folder, &ssh, &all, &mut silent).unwrap().is_empty());
        let best = RequestSet::of(2, [RequestId(0)]);
        keep(&folder, &ssh, &all, &best).unwrap();
        keep(&folder, &ssh, &all, &best).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let of = |oracle: &str, names: &[&str]| {
            let all = requests(names);
            let prior = read(&folder, &oracles(oracle), &all, &mut silent).unwrap();
            (0..names.len() as u32)
                .map(|id| prior.of(RequestId(id)))
                .collect::<Vec<_>>()
        };
        // It is known by its name, and another order or set of requests is no matter.
        assert_eq!(
            of("ssh-ok", &["C", "B", "A"]),
            [Some(0.1), Some(0.04), Some(0.64)]
        );
        assert_eq!(of("shell-ok", &["A", "B"]), [Some(0.4), Some(0.067)]);
        // Of what no run was about nothing is said at all.
        assert_eq!(of("ssh-ok", &["C"]), [None]);
    }

    #[test]
    fn damaged_and_newer_files_are_passed_over_and_named() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path();
        fs::write(folder.join("a.json"), "{").unwrap();
        let newer = r#"{"v": 99, "oracles": [], "gone": [], "kept": ["A"]}"#;
        fs::write(folder.join("b.json"), newer).unwrap();
        fs::write(folder.join("c.txt"), "not ours").unwrap();
        let mut warnings = Vec::new();
        let mut warn = |text: &str| warnings.push(text.to_owned());
        let prior = read(folder, &oracles("ssh-ok"), &requests(&["A"]), &mut warn).unwrap();
        assert!(prior.is_empty());
        assert_eq!(warnings.len(), 2);
        assert!(
            warnings[0].contains("a.json") && warnings[1].contains("newer"),
            "{warnings:?}"
        );
    }
}
