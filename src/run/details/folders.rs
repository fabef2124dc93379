//! Reads what the folders of a run's trials say: configs, logs, the trace.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use super::failure::Trials;
use crate::journal::RunDir;
use crate::kconfig::parse_config;
use crate::lab::BEST_CONFIG;
use crate::model::{Config, Symbol, TrialId, Value, count, sanitize_line};
use crate::report::Reason;
use crate::report::details::{Details, Traced};
use crate::run::files::MINIMAL_CONFIG;
use crate::run::guess::Guess;
use crate::trial;

/// Longest text of a line, in characters.
const LONGEST: usize = 400;

/// The resolved config of the answer, or of the best so far.
pub(super) fn answer(dir: &Path) -> Option<String> {
    let read = |name: &str| fs::read(dir.join(name)).ok();
    let bytes = read(MINIMAL_CONFIG).or_else(|| read(BEST_CONFIG))?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Adds what the folders of the trials say of each request of the answer.
pub(super) fn read(dir: &Path, details: &mut Details) {
    let folder = |trial: TrialId| RunDir::trial_dir(dir, trial);
    let answer = answer(dir).map(|text| parse_config(&text));
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
    let trials = Trials { dir, good };
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
        if let (Some(with), Some(without)) = (image, images.get(trial)) {
            let difference = i128::from(with) - i128::from(*without);
            option.image_bytes = i64::try_from(difference).ok();
        }
        option.failure = Some(trials.failure(*trial, *stage, evidence.as_deref(), &of_trial));
    }
    if missing > 0 {
        details.gaps.push(format!(
            "The folders of {} are missing in {}: their logs and configs are not shown.",
            count(missing, "trial"),
            sanitize_line(&dir.display().to_string(), LONGEST),
        ));
    }
}

fn config(folder: &Path) -> Option<Config> {
    let bytes = fs::read(folder.join(trial::CONFIG)).ok()?;
    Some(parse_config(&String::from_utf8_lossy(&bytes)))
}

/// The symbols that are on in the answer and off without the request, itself left out.
fn carries(answer: &Config, without: &Config, symbol: &Symbol) -> Vec<Symbol> {
    let differs = answer.diff(without).into_iter();
    let fell = differs.filter(|(_, with, without)| !is_off(with) && is_off(without));
    let others = fell.map(|(other, ..)| other.clone());
    others.filter(|other| other != symbol).collect()
}

fn is_off(value: &Value) -> bool {
    value.is_no()
}

/// What the trace of the run says, by request.
fn traced(dir: &Path) -> HashMap<String, Traced> {
    let Ok(guess) = Guess::read(dir) else {
        return HashMap::new();
    };
    let rows = guess.requests.into_iter();
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
