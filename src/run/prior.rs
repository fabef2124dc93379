//! Reads what is thought of the requests before the search: an earlier result, a list, or the lists that come with
//! the shipped oracles.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use crate::model::{Prior, Request, RequestId, Symbol};
use crate::oracle::Shipped;
use crate::report::{RESULT, Report};
use crate::{Error, Result};

/// What an earlier result says of a request that it kept, and of one that it did not keep.
const KEPT: f64 = 0.9;
const NOT_KEPT: f64 = 0.03;

/// The prior in `path`: a folder with a `result.json`, or a list of symbols and chances.
pub(crate) fn read(path: &Path, requests: &[Request]) -> Result<Prior> {
    let is_result = path.is_dir();
    let file = if is_result {
        path.join(RESULT)
    } else {
        path.to_owned()
    };
    let text = fs::read_to_string(&file).map_err(|e| {
        Error::usage(format!("cannot read the prior {}", file.display()))
            .because(e)
            .hint(
                "give the folder of a finished run, or a list: a symbol and a chance on each line",
            )
    })?;
    let (chances, other) = if is_result {
        (of_result(&text, &file)?, NOT_KEPT)
    } else {
        (chances(of_list(&text, &file)?), Prior::SHARE)
    };
    let of = |request: &Request| chances.get(&request.symbol).copied().unwrap_or(other);
    Ok(Prior::new(requests.iter().map(of)))
}

/// The symbols of the list in `path` that the source does not have (`known` are those that it has), with their lines.
/// Those of a result were right in its source.
///
/// # Errors
/// As for [`read`].
pub(crate) fn unknown(path: &Path, known: &HashSet<Symbol>) -> Result<Vec<(usize, Symbol)>> {
    // What cannot be read was told by `read`.
    let Ok(text) = fs::read_to_string(path) else {
        return Ok(Vec::new());
    };
    let lines = of_list(&text, path)?.into_iter();
    let lines = lines.filter(|(_, symbol, _)| !known.contains(symbol));
    Ok(lines.map(|(line, symbol, _)| (line, symbol)).collect())
}

/// What is known of these shipped oracles: a request that one of them needs is needed. Empty if nothing is known of any
/// of the requests.
///
/// # Errors
/// None, unless a shipped list is damaged.
pub(crate) fn shipped<'a>(
    oracles: impl Iterator<Item = &'a Shipped>,
    requests: &[Request],
) -> Result<Prior> {
    let mut chances: HashMap<Symbol, f64> = HashMap::new();
    for oracle in oracles {
        for (_, symbol, chance) in of_list(oracle.chances, Path::new(oracle.name))? {
            let highest = chances.entry(symbol).or_insert(chance);
            *highest = highest.max(chance);
        }
    }
    if !requests.iter().any(|r| chances.contains_key(&r.symbol)) {
        return Ok(Prior::default());
    }
    let of = |request: &Request| chances.get(&request.symbol).copied();
    Ok(Prior::new(
        requests.iter().map(|r| of(r).unwrap_or(Prior::SHARE)),
    ))
}

/// The same, but requests for a symbol that the earlier steps of a ladder need (`former`) are likely.
pub(crate) fn after(prior: &Prior, former: &[Request], requests: &[Request]) -> Prior {
    let is_needed = |request: &Request| former.iter().any(|f| f.symbol == request.symbol);
    if !requests.iter().any(is_needed) {
        return prior.clone();
    }
    let of = |(id, request): (u32, &Request)| {
        let chance = prior.of(RequestId(id)).unwrap_or(Prior::SHARE);
        match is_needed(request) {
            true => chance.max(KEPT),
            false => chance,
        }
    };
    Prior::new((0..).zip(requests).map(of))
}

fn of_result(text: &str, file: &Path) -> Result<HashMap<Symbol, f64>> {
    let report = Report::parse(text.as_bytes(), file)?;
    let kept = report.kept.into_iter().map(|k| (k.request.symbol, KEPT));
    Ok(kept.collect())
}

/// The last chance of each symbol.
fn chances(lines: Vec<(usize, Symbol, f64)>) -> HashMap<Symbol, f64> {
    let lines = lines.into_iter();
    lines.map(|(_, symbol, chance)| (symbol, chance)).collect()
}

/// Lines such as `EXT4_FS 0.9`, with their numbers; a `#` begins a comment.
fn of_list(text: &str, file: &Path) -> Result<Vec<(usize, Symbol, f64)>> {
    let mut lines = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.is_empty() {
            continue;
        }
        let wrong = || {
            Error::usage(format!(
                "line {number} of {} is not a symbol and a chance",
                file.display()
            ))
            .hint("write, for example: EXT4_FS 0.9")
        };
        let (name, chance) = line.split_once(char::is_whitespace).ok_or_else(wrong)?;
        let name = name.strip_prefix("CONFIG_").unwrap_or(name);
        let symbol = Symbol::new(name).map_err(|_| wrong())?;
        let chance: f64 = chance.trim().parse().map_err(|_| wrong())?;
        if !(0.0..=1.0).contains(&chance) {
            return Err(wrong());
        }
        lines.push((number, symbol, chance));
    }
    Ok(lines)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::model::Value;

    fn requests() -> Vec<Request> {
        let request = |name| Request {
            symbol: Symbol::new(name).unwrap(),
            value: Value::YES,
        };
        ["A", "B", "C"].map(request).to_vec()
    }

    fn read_text(text: &str) -> Result<Prior> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        read(file.path(), &requests())
    }

    #[test]
    fn a_list_names_symbols_and_chances() {
        let prior = read_text("# seen\nCONFIG_A 0.9\n\nC  0.01 # idle\n").unwrap();
        let of = |id| prior.of(RequestId(id)).unwrap();
        assert_eq!((of(0), of(1), of(2)), (0.9, Prior::SHARE, 0.01));
    }

    #[test]
    fn symbols_that_the_source_does_not_have_are_found_with_their_lines() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "# seen\nA 0.9\nCONFIG_AA 0.5\n\nC 0.1\n").unwrap();
        let known = ["A", "B"].map(|name| Symbol::new(name).unwrap()).into();
        let unknown = unknown(file.path(), &known).unwrap();
        let symbol = |name| Symbol::new(name).unwrap();
        assert_eq!(unknown, [(3, symbol("AA")), (5, symbol("C"))]);
    }

    #[test]
    fn a_request_that_one_of_the_shipped_oracles_needs_is_likely_and_an_unknown_one_is_as_any() {
        let oracle = |chances| Shipped {
            name: "an-oracle",
            script: "",
            chances,
        };
        let of = |all: &[Shipped]| shipped(all.iter(), &requests()).unwrap();
        let (one, other) = (oracle("A 0.9\nB 0.03\n"), oracle("A 0.03\nB 0.03\n"));
        assert_eq!(of(&[one, other]), Prior::new([0.9, 0.03, Prior::SHARE]));
        assert!(of(&[oracle("X 0.9\n")]).is_empty());
    }

    #[test]
    fn what_earlier_steps_need_is_likely_and_the_rest_stays_as_it_was() {
        let all = requests();
        let former = &all[1..2];
        let after = |prior: &Prior| after(prior, former, &all);
        let share = Prior::SHARE;
        assert_eq!(after(&Prior::default()), Prior::new([share, KEPT, share]));
        assert_eq!(
            after(&Prior::new([0.03, 0.03, 0.9])),
            Prior::new([0.03, KEPT, 0.9])
        );
        // What is likelier than that stays so.
        assert_eq!(
            after(&Prior::new([0.03, 0.99, 0.9])),
            Prior::new([0.03, 0.99, 0.9])
        );
        assert_eq!(super::after(&Prior::default(), &[], &all), Prior::default());
    }

    #[test]
    fn a_line_that_makes_no_sense_is_named() {
        for text in [
            "A\n",
            "A 2\n",
            "A much\n",
            "A-B 0.1\n",
            "\u{1b}[2J 0.1\n",
            "A NaN\n",
        ] {
            let error = read_text(text).unwrap_err();
            assert!(error.to_string().starts_with("line 1 of "), "{error}");
            assert!(error.hint_text().unwrap().contains("EXT4_FS 0.9"));
        }
    }

    #[test]
    fn a_folder_without_a_result_is_told_what_it_should_be() {
        let dir = tempfile::tempdir().unwrap();
        let error = read(dir.path(), &requests()).unwrap_err();
        assert!(error.hint_text().unwrap().contains("a finished run"));
        fs::write(dir.path().join(RESULT), "{}").unwrap();
        let error = read(dir.path(), &requests()).unwrap_err().to_string();
        assert!(error.ends_with("result.json is no result"), "{error}");
    }
}
