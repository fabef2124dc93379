//! Reads what the folders of a run's trials say: configs, logs, the trace.

use std::collections::HashMap;
use std::path::Path;

use super::failure::Trials;
use crate::journal::RunDir;
use crate::kconfig::parse_config;
use crate::lab::BEST_CONFIG;
use crate::model::{Config, Symbol, TrialId, Value, count, sanitize_line};
use crate::oracle;
use crate::report::Reason;
use crate::report::details::{Details, OptionDetails, Standing, Traced};
use crate::run::files::MINIMAL_CONFIG;
use crate::run::guess::{self, Guess};
use crate::run::plain::plain_file;
use crate::trial;

/// Longest text of a line, in characters.
const LONGEST: usize = 400;

/// The resolved config of the answer, or of the best so far.
pub(super) fn answer(dir: &Path, standing: Standing) -> Option<String> {
    let read = |name: &str| plain_file(&dir.join(name));
    match standing {
        // There may be one of an earlier end.
        Standing::Stopped | Standing::Running => read(BEST_CONFIG).or_else(|| read(MINIMAL_CONFIG)),
        _ => read(MINIMAL_CONFIG).or_else(|| read(BEST_CONFIG)),
    }
}

/// Adds what the folders of the trials say of each request of the answer, whose config is `answer`.
pub(super) fn read(dir: &Path, answer: Option<&str>, details: &mut Details) {
    let folder = |trial: TrialId| RunDir::trial_dir(dir, trial);
    let answer = answer.map(parse_config);
    let after = details.result.as_ref().map(|result| &result.after);
    let (good, image) = match after {
        Some(after) => (Some(folder(after.trial)), after.image),
        None => (None, None),
    };
    let images: HashMap<TrialId, u64> = details
        .trials
        .iter()
        .filter_map(|trial| Some((trial.trial, trial.image?)))
        .collect();
    let traced = traced(dir);
    let names = details
        .asked
        .oracles
        .iter()
        .map(|oracle| folder_of(&oracle.name));
    let mut trials = Trials::new(dir, good, names.collect());
    let mut missing = 0;
    for option in &mut details.options {
        option.traced = traced.get(&option.request.to_string()).copied();
        let Reason::Needed {
            trial,
            stage,
            evidence,
            ..
        } = &option.reason
        else {
            continue;
        };
        let of_trial = folder(*trial);
        missing += usize::from(!of_trial.is_dir());
        if let (Some(answer), Some(without)) = (&answer, config(&of_trial)) {
            option.carries = carries(answer, &without, &option.request.symbol);
        }
        let is_module = option.request.value == Value::MODULE;
        if let (Some(with), Some(without), false) = (image, images.get(trial), is_module) {
            let difference = i128::from(with) - i128::from(*without);
            option.image_bytes = i64::try_from(difference).ok();
        }
        option.failure = Some(trials.failure(*trial, *stage, evidence.as_deref(), &of_trial));
    }
    let is_module = |option: &OptionDetails| option.request.value == Value::MODULE;
    if details.options.iter().any(is_module) {
        let text = "Bytes of image do not count modules: a module, and what only modules need, costs nothing there.";
        details.gaps.push(text.to_owned());
    }
    let has_console = |option: &OptionDetails| {
        let log = option
            .failure
            .as_ref()
            .and_then(|failure| failure.log.as_ref());
        log.is_some()
    };
    let compared = details.options.iter().any(has_console);
    if compared && !trials.has_good() {
        let text = "The folder of the answer's trial is missing: no console is compared with that of the answer.";
        details.gaps.push(text.to_owned());
    }
    if missing > 0 {
        details.gaps.push(format!(
            "The folders of {} are missing in {}: their logs and configs are not shown.",
            count(missing, "trial"),
            sanitize_line(&dir.display().to_string(), LONGEST),
        ));
    }
}

/// The name that the folder of an oracle begins with: a shipped one's without its argument.
fn folder_of(asked: &str) -> String {
    let file = Path::new(asked).file_name().unwrap_or_default();
    let file = file.to_string_lossy();
    let name = file.split(':').next().unwrap_or_default();
    match oracle::shipped(name) {
        Ok(_) => name.to_owned(),
        Err(_) => file.into_owned(),
    }
}

fn config(folder: &Path) -> Option<Config> {
    plain_file(&folder.join(trial::CONFIG)).map(|text| parse_config(&text))
}

/// The symbols that are on in the answer and off without the request, itself left out.
fn carries(answer: &Config, without: &Config, symbol: &Symbol) -> Vec<Symbol> {
    let differs = answer.diff(without).into_iter();
    let fell = differs.filter(|(_, with, without)| !with.is_no() && without.is_no());
    let others = fell.map(|(other, ..)| other.clone());
    others.filter(|other| other != symbol).collect()
}

/// What the trace of the run says, by request.
fn traced(dir: &Path) -> HashMap<String, Traced> {
    let path = dir.join(guess::FILE);
    let guess = plain_file(&path).and_then(|text| Guess::of_text(&text, &path).ok());
    let rows = guess.into_iter().flat_map(|guess| guess.requests);
    let of = rows.map(|row| {
        let counts = [row.evidence.functions, row.evidence.init];
        let sum = |of: fn(&crate::trace::Counts) -> u32| counts.iter().map(of).sum();
        let traced = Traced {
            recompiled: row.compiled,
            functions: sum(|counts| counts.all),
            ran: sum(|counts| counts.ran),
        };
        (row.request, traced)
    });
    of.collect()
}
