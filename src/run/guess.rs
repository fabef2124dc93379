//! What a traced boot of the start says of each request: the guess that the search begins with.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::costs::CostEstimate;
use super::files::{json_file, parse};
use super::searches::StartModel;
use crate::journal::RunDir;
use crate::lab::Lab;
use crate::model::{Config, Event, Prior, RequestId, RequestSet, Tracing, sanitize};
use crate::supervise::CancelToken;
use crate::trace::{Counts, Evidence, Place, Reach, Sign, guarded};
use crate::trial::TraceFrom;
use crate::{Error, ErrorKind, Result};

/// The file, in the run directory.
pub(crate) const FILE: &str = "trace.json";

/// So many configurations are looked at together: each has a list of all its objects.
const AT_ONCE: usize = 64;

/// What the trace says of all requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Guess {
    pub(crate) v: u32,
    /// In the order of the run's requests.
    pub(crate) requests: Vec<Row>,
}

/// What it says of one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) request: String,
    /// How likely it is needed; nothing where no code tells.
    pub(crate) chance: Option<f64>,
    /// So many objects are compiled anew without it, if that is known.
    #[serde(default)]
    pub(crate) compiled: Option<u32>,
    /// How the guest was seen to use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seen: Option<Sign>,
    /// What ran of what is not there without it.
    #[serde(flatten)]
    pub(crate) evidence: Evidence,
}

/// The version of the file.
const VERSION: u32 = 1;

impl Guess {
    /// That of a run.
    ///
    /// # Errors
    /// The run was not traced; the file cannot be read.
    pub(crate) fn read(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let text = fs::read_to_string(&path).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => {
                if let Err(no_run) = RunDir::read(dir) {
                    return no_run;
                }
                Error::usage(format!("the run in {} was not traced", dir.display())).hint(
                    "a start is traced when it, or a kernel that stands for it, is judged first (--judge-start first, \
                     --start-kernel), its oracles boot it by `kbisect boot`, and neither a --prior of its own nor \
                     --trace off is given",
                )
            }
            _ => Error::io("read", &path, e),
        })?;
        Self::of_text(&text, &path)
    }

    /// That in the text of the file `path`.
    ///
    /// # Errors
    /// It is damaged, or of a newer version.
    pub(crate) fn of_text(text: &str, path: &Path) -> Result<Self> {
        parse(text, path, VERSION)
    }

    /// A line for each request, safe to show.
    pub(crate) fn text(&self) -> String {
        // What is most likely needed first; where nothing tells, last.
        let key = |chance: Option<f64>| chance.unwrap_or(-1.0);
        let mut rows: Vec<&Row> = self.requests.iter().collect();
        rows.sort_by(|a, b| key(b.chance).total_cmp(&key(a.chance)));
        let width = rows.iter().map(|row| row.request.len()).max();
        let width = width.unwrap_or(0).max("request".len());
        let mut out = format!(
            "{:width$}  needed   functions  programs     at start  that says most\n",
            "request"
        );
        for row in rows {
            let needed = row.chance.map_or_else(
                || "?".to_owned(),
                |chance| format!("{:.0} %", 100.0 * chance),
            );
            let seen = row.seen.map(|sign| format!(" ({})", sign.word()));
            let seen = seen.unwrap_or_default();
            let counts = |of: Counts| format!("{} of {}", of.ran, of.all);
            // Writing to a String does not fail.
            let _ = writeln!(
                out,
                "{:width$}  {needed:>6}  {:>10}  {:>8}  {:>11}  {}{seen}",
                row.request,
                counts(row.evidence.functions),
                row.evidence.functions.serving,
                counts(row.evidence.init),
                row.evidence.telling.as_deref().unwrap_or("-"),
            );
        }
        sanitize(&out)
    }

    fn prior(&self) -> Prior {
        let chance = |row: &Row| row.chance.unwrap_or(Prior::SHARE);
        Prior::new(self.requests.iter().map(chance))
    }
}

/// Traces the start, which was just built and accepted, or the kernel that stands for it, and writes down what that says. Nothing if
/// it cannot be traced; whatever goes wrong is a warning, as the search does not depend on it.
///
/// # Errors
/// [`ErrorKind::Interrupted`]; the file cannot be written.
pub(crate) fn of_start(
    lab: &mut Lab<'_>,
    model: StartModel<'_>,
    costs: &CostEstimate,
    tracing: &Tracing,
    source: &Path,
    cancel: &CancelToken,
) -> Result<Option<Prior>> {
    let is_built = lab.journal.state().start.is_some();
    let from = match tracing {
        Tracing::Off => return Ok(None),
        // Its addresses are those of another kernel.
        Tracing::File(_) if !is_built => return Ok(None),
        Tracing::File(path) => TraceFrom::File(path.clone()),
        Tracing::Auto if is_built => TraceFrom::Boot(lab.start),
        Tracing::Auto => TraceFrom::StandIn(lab.start),
    };
    if model.resolver.trusted().is_none() {
        return Ok(None);
    }
    match guess(lab, model, costs, &from, source, cancel) {
        Ok(None) => Ok(None),
        Ok(Some(guess)) => {
            lab.dir.write(FILE, json_file(&guess)?.as_bytes())?;
            let idle = guess.requests.iter().filter(|row| {
                let functions = row.evidence.functions;
                functions.all > 0 && functions.serving == 0
            });
            let text = format!(
                "traced one boot: of {} requests, {} have code, and none of it ran for a program \
                 (`kbisect trace`)",
                guess.requests.len(),
                idle.count()
            );
            (lab.sink)(&Event::Note { text });
            Ok(Some(guess.prior()))
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) => {
            let hint = error.hint_text().map(|hint| format!(" ({hint})"));
            let text = format!(
                "the start cannot be traced, and the search begins without: {error}{}",
                hint.unwrap_or_default()
            );
            (lab.sink)(&Event::Warning { text });
            Ok(None)
        }
    }
}

/// How likely a request is needed of which this ran and which was seen in use; nothing if neither tells.
fn chance(evidence: &Evidence, reach: Reach, seen: Option<Sign>) -> Option<f64> {
    let by_code = evidence.chance(reach);
    match seen {
        None => by_code,
        Some(sign) => Some(sign.raise(by_code.unwrap_or(Prior::SHARE))),
    }
}

fn guess(
    lab: &mut Lab<'_>,
    model: StartModel<'_>,
    costs: &CostEstimate,
    from: &TraceFrom,
    source: &Path,
    cancel: &CancelToken,
) -> Result<Option<Guess>> {
    let Some(activity) = lab.site.trace(model.resolved, from, cancel)? else {
        return Ok(None);
    };
    let of = |configs: &[Config]| lab.site.objects(configs);
    let of_one = |config: &Config| {
        let mut objects = of(std::slice::from_ref(config));
        objects.pop().unwrap_or_default()
    };
    let all = of_one(&model.resolved.config);
    let guarded = guarded(source, &all);
    let ids: Vec<RequestId> = model.full().iter().collect();
    let mut rows = Vec::with_capacity(ids.len());
    for ids in ids.chunks(AT_ONCE) {
        let config = |keep: &RequestSet| model.keeping(keep);
        let steps: Vec<_> = ids.iter().map(|id| model.step(*id)).collect();
        let configs = steps.iter().map(|step| config(&step.after));
        let configs: Vec<Config> = configs.collect::<Result<_>>()?;
        let seen = steps.iter().zip(of(&configs)).zip(&configs);
        for (id, ((step, after), is)) in ids.iter().zip(seen) {
            let was = step.before.as_ref().map(config).transpose()?;
            let selected = was.map(|was| (of_one(&was), was));
            let start = (&all, &model.resolved.config);
            let (before, was) = selected.as_ref().map_or(start, |(all, was)| (all, was));
            let gone = was.diff(is);
            let gone = gone.into_iter().filter(|(_, _, now)| now.is_no());
            let places = gone
                .filter_map(|(symbol, ..)| guarded.get(symbol.as_str()))
                .flatten();
            // Of an object that goes all functions count already.
            let places = places.filter(|place| after.contains(&place.object));
            let places: BTreeSet<&Place> = places.collect();
            let evidence = activity.evidence(before.difference(&after), places);
            let compiled = costs.objects(*id);
            let reach = Reach::of(compiled.unwrap_or(0), all.len());
            let request = &model.info.requests[id.index()];
            let seen = activity.sign(request.symbol.as_str());
            rows.push(Row {
                request: request.to_string(),
                chance: chance(&evidence, reach, seen),
                compiled,
                seen,
                evidence,
            });
        }
    }
    Ok(Some(Guess {
        v: VERSION,
        requests: rows,
    }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_in_use_is_likelier_than_its_code_tells() {
        let mut code = Evidence::default();
        (code.functions.all, code.functions.ran) = (12, 2);
        let of = |evidence, seen| chance(evidence, Reach::Leaf, seen);
        let none = Evidence::default();
        assert_eq!(of(&none, None), None);
        assert!(of(&none, Some(Sign::Device)) > Some(Prior::SHARE));
        assert!(of(&code, Some(Sign::Mounted)) > of(&code, Some(Sign::Device)));
        assert!(of(&code, Some(Sign::Device)) > of(&code, None));
    }

    #[test]
    fn what_was_seen_is_shown_and_older_files_are_read_without_it() {
        let rows = r#"{"v":1,"requests":[
            {"request":"EXT4_FS=y","chance":0.5,"seen":"mounted","functions":{"all":2,"ran":1},
             "init":{"all":0,"ran":0},"telling":"ext4_read"},
            {"request":"NET=y","chance":null,"functions":{"all":0,"ran":0},"init":{"all":0,"ran":0},"telling":null}]}"#;
        let guess: Guess = parse(rows, Path::new(FILE), VERSION).unwrap();
        let text = guess.text();
        assert!(text.contains("ext4_read (mounted)\n"), "{text}");
        assert_eq!(guess.requests[1].seen, None);
        assert!(
            !serde_json::to_string(&guess.requests[1])
                .unwrap()
                .contains("seen")
        );
    }
}
