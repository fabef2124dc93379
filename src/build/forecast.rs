//! What a build will take, before it is begun: from what the builds before it took.

use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::census::Census;
use crate::cc::{Means, Note};
use crate::model::{Config, Fingerprint, Forecast, Symbol};

/// What an object takes to compile of which nothing is known: the mean of those that are known, or
/// this.
const UNKNOWN: Duration = Duration::from_millis(300);

/// What make and its shell take for an object that comes from the cache: measured on Linux 6.1.
const CACHED: Duration = Duration::from_millis(40);

/// Of so many builds the work besides compiling is remembered.
const REMEMBERED: usize = 9;

/// So many trees' objects are remembered.
const TREES: usize = 8;

/// [`Forecaster`], with what is in the trees that it is asked about; for several threads.
#[derive(Debug, Default)]
pub struct Forecasts(Mutex<Shared>);

#[derive(Debug, Default)]
struct Shared {
    forecaster: Forecaster,
    /// The oldest first.
    trees: VecDeque<(Fingerprint, Arc<Census>)>,
}

impl Forecasts {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        // All that is in there is only for predictions.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of a tree in which `config` is built.
    fn census(&self, tree: &Path, config: &Config) -> Arc<Census> {
        let fingerprint = config.fingerprint();
        let known = |shared: &Shared| {
            let mut trees = shared.trees.iter();
            let (_, census) = trees.find(|(of, _)| *of == fingerprint)?;
            Some(Arc::clone(census))
        };
        if let Some(census) = known(&self.shared()) {
            return census;
        }
        // Nobody waits meanwhile; should two look at once, both see the same.
        let census = Arc::new(Census::of(tree));
        let mut shared = self.shared();
        shared.trees.push_back((fingerprint, Arc::clone(&census)));
        if shared.trees.len() > TREES {
            shared.trees.pop_front();
        }
        census
    }

    /// Predicts the build of `to` in a tree in which `from` is built.
    #[must_use]
    pub fn predict(&self, tree: &Path, from: &Config, to: &Config) -> Option<Forecast> {
        let census = self.census(tree, from);
        self.shared().forecaster.predict(&census, from, to)
    }

    /// Learns from a build that has come to its end in `tree`.
    pub fn learn(&self, tree: &Path, config: &Config, notes: &[Note], cpu: Duration) {
        let census = self.census(tree, config);
        self.shared().forecaster.learn(&census, config, notes, cpu);
    }
}

/// What was learnt from builds.
#[derive(Debug, Default)]
pub struct Forecaster {
    /// CPU time of each object's compilation, the last time.
    times: HashMap<String, Duration>,
    /// Objects with the values of their symbols, as numbers: these were compiled before.
    made: HashSet<(String, u64)>,
    /// CPU time of the builds besides compilations: make itself, links, what no launcher sees.
    besides: Vec<Duration>,
}

impl Forecaster {
    /// Predicts the build of `to` in a tree with `from`, of which this is the census. Nothing when
    /// too little is known.
    #[must_use]
    pub fn predict(&self, census: &Census, from: &Config, to: &Config) -> Option<Forecast> {
        if census.is_empty() || self.besides.is_empty() {
            return None;
        }
        let differences = from.diff(to);
        let changed: HashSet<&str> = {
            let names = differences.iter().map(|(symbol, ..)| symbol.as_str());
            census.depending(names).collect()
        };
        let mut forecast = Forecast::default();
        let mean = self.mean();
        for (object, digest) in census.digests(|symbol| number(to, symbol)) {
            if !changed.contains(object) {
                continue;
            }
            forecast.objects += 1;
            if self.made.contains(&(object.to_owned(), digest)) {
                forecast.cpu += CACHED;
            } else {
                forecast.cpu += self.times.get(object).copied().unwrap_or(mean);
            }
        }
        forecast.cpu += self.besides();
        Some(forecast)
    }

    /// Learns from a build that came to its end: what its tree has now, for which config, what the
    /// launcher noted, and the CPU time of all of it.
    pub fn learn(&mut self, census: &Census, config: &Config, notes: &[Note], cpu: Duration) {
        let mut compiling = Duration::ZERO;
        for note in notes {
            compiling += note.cpu;
            self.times.insert(note.object.clone(), note.worth);
            if note.means != Means::Compiled {
                // What make does around it: `predict` adds that as well.
                compiling += CACHED.saturating_sub(note.cpu);
            }
        }
        for (object, digest) in census.digests(|symbol| number(config, symbol)) {
            self.made.insert((object.to_owned(), digest));
        }
        // The start compiles tools as well, which no other build does.
        if self.besides.len() == 1 && notes.len() < self.times.len() {
            self.besides.clear();
        }
        self.besides.push(cpu.saturating_sub(compiling));
        if self.besides.len() > REMEMBERED {
            self.besides.remove(0);
        }
    }

    fn mean(&self) -> Duration {
        let n = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        let sum: Duration = self.times.values().sum();
        sum.checked_div(n).unwrap_or(UNKNOWN)
    }

    /// The median.
    fn besides(&self) -> Duration {
        let mut sorted = self.besides.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }
}

/// A number for the value of a symbol, if it has one.
fn number(config: &Config, symbol: &str) -> Option<u64> {
    let name = Symbol::new(symbol).ok()?;
    let value = config.get(&name);
    if value.is_no() {
        return None;
    }
    let hash = blake3::hash(format!("{symbol}={value}").as_bytes());
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    Some(u64::from_le_bytes([a, b, c, d, e, f, g, h]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::census::tests::tree;
    use super::*;
    use crate::model::Value;

    fn config(symbols: &[&str]) -> Config {
        let set = |s: &&str| (Symbol::new(s).unwrap(), Value::YES);
        symbols.iter().map(set).collect()
    }

    fn note(object: &str, means: Means, millis: u64) -> Note {
        Note {
            object: object.to_owned(),
            means,
            cpu: Duration::from_millis(millis),
            worth: Duration::from_millis(millis),
        }
    }

    #[test]
    fn a_build_is_predicted_from_what_its_objects_took_before() {
        let tree = tree(&[("fork.o", &["SMP", "FUTEX"]), ("slub.o", &["SMP"])]);
        let census = Census::of(tree.path());
        let mut forecaster = Forecaster::default();
        let start = config(&["SMP", "FUTEX"]);
        let without = config(&["SMP"]);
        assert_eq!(forecaster.predict(&census, &start, &without), None);
        let notes = [
            note("fork.o", Means::Compiled, 700),
            note("slub.o", Means::Compiled, 500),
        ];
        forecaster.learn(&census, &start, &notes, Duration::from_secs(3));
        let predicted = forecaster.predict(&census, &start, &without).unwrap();
        let besides = Duration::from_millis(1800);
        let millis = Duration::from_millis;
        assert_eq!(predicted.objects, 1);
        assert_eq!(predicted.cpu, besides + millis(700));
        // Once it was compiled, it comes from the cache.
        let notes = [note("fork.o", Means::Compiled, 600)];
        forecaster.learn(&census, &without, &notes, millis(1600));
        let back = forecaster.predict(&census, &without, &start).unwrap();
        assert_eq!((back.objects, back.cpu), (1, millis(1000) + CACHED));
        // Neither of them was ever compiled without SMP.
        let bare = forecaster.predict(&census, &without, &config(&[])).unwrap();
        assert_eq!((bare.objects, bare.cpu), (2, millis(1000 + 600 + 500)));
    }
}
