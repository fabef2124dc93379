//! Estimates the CPU time of a build before it begins, from earlier builds.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::census::Census;
use super::kbuild::Kbuild;
use crate::cc::{Means, Note};
use crate::model::{Config, Fingerprint, Forecast, Symbol};

/// What an object takes to compile of which nothing is known: the mean of those that are known, or
/// this.
const UNKNOWN: Duration = Duration::from_millis(300);

/// What make and its shell take for an object that comes from the cache: an estimate.
const CACHED: Duration = Duration::from_millis(40);

/// Of so many builds the work besides compiling is remembered.
const REMEMBERED: usize = 9;

/// The part of the start's work besides compiling that other builds have as well: it also makes make's
/// tools. Measured on the EC2 set: 30 s of CPU time, then 5 to 8.
const OF_THE_STARTS: u32 = 4;

/// So many trees' objects are remembered.
const TREES: usize = 8;

/// What builds take, and what is in the trees that they begin from; for several threads.
#[derive(Debug, Default)]
pub struct Forecasts {
    shared: RwLock<Shared>,
    /// Which objects come and go with a symbol, if that is known of the project.
    kbuild: Option<Kbuild>,
}

#[derive(Debug, Default)]
struct Shared {
    forecaster: Forecaster,
    /// The oldest first.
    trees: VecDeque<(Fingerprint, Arc<Standing>)>,
}

/// A tree in which a config is built.
#[derive(Debug, Default)]
struct Standing {
    census: Census,
    /// What Kbuild lists for its config; nothing if that is not known.
    listed: BTreeSet<String>,
}

impl Forecasts {
    /// With what the project's makefiles say.
    #[must_use]
    pub fn new(kbuild: Kbuild) -> Self {
        Self {
            kbuild: Some(kbuild),
            ..Self::default()
        }
    }

    // All that is in there is only for predictions, so whoever panicked left nothing that harms.
    fn shared(&self) -> RwLockReadGuard<'_, Shared> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn shared_mut(&self) -> RwLockWriteGuard<'_, Shared> {
        self.shared.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The objects that Kbuild lists for a config; none if that is not known of the project.
    #[must_use]
    pub fn listed(&self, config: &Config) -> BTreeSet<String> {
        let kbuild = self.kbuild.as_ref();
        kbuild.map_or_else(BTreeSet::new, |kbuild| kbuild.objects(config))
    }

    /// The options by which the makefile beside an object's source lists it; see [`Kbuild::options_of`].
    #[must_use]
    pub fn options_of(&self, object: &str) -> BTreeSet<String> {
        let kbuild = self.kbuild.as_ref();
        kbuild.map_or_else(BTreeSet::new, |kbuild| kbuild.options_of(object))
    }

    /// Of a tree in which `config` is built.
    fn standing(&self, tree: &Path, config: &Config) -> Arc<Standing> {
        let fingerprint = config.fingerprint();
        let known = |shared: &Shared| {
            let mut trees = shared.trees.iter();
            let (_, standing) = trees.find(|(of, _)| *of == fingerprint)?;
            Some(Arc::clone(standing))
        };
        if let Some(standing) = known(&self.shared()) {
            return standing;
        }
        // Nobody waits meanwhile; should two look at once, both see the same.
        let standing = Arc::new(Standing {
            census: Census::of(tree),
            listed: self.listed(config),
        });
        let mut shared = self.shared_mut();
        shared.trees.push_back((fingerprint, Arc::clone(&standing)));
        if shared.trees.len() > TREES {
            shared.trees.pop_front();
        }
        standing
    }

    /// Predicts the build of `to` in a tree in which `from` is built.
    #[must_use]
    pub fn predict(&self, tree: &Path, from: &Config, to: &Config) -> Option<Forecast> {
        let standing = self.standing(tree, from);
        if standing.census.is_empty() {
            return None;
        }
        let listed = self.listed(to);
        let mut shared = self.shared_mut();
        shared.forecaster.note_listed(&standing.listed);
        shared.forecaster.note_listed(&listed);
        drop(shared);
        // Several threads may be here at once.
        let shared = self.shared();
        shared.forecaster.predict(&standing, &listed, from, to)
    }

    /// Learns from a build that has come to its end in `tree`.
    pub fn learn(&self, tree: &Path, config: &Config, notes: &[Note], cpu: Duration) {
        let standing = self.standing(tree, config);
        let mut shared = self.shared_mut();
        shared.forecaster.learn(&standing, config, notes, cpu);
    }

    /// The same, of a build that an earlier session made: `log` is its log, beside which the launcher's notes are.
    pub fn learn_again(&self, tree: &Path, config: &Config, log: &Path, cpu: Duration) {
        let notes = crate::cc::read_notes(&super::make::notes_of(log));
        if !notes.is_empty() {
            self.learn(tree, config, &notes, cpu);
        }
    }
}

/// What was learnt from builds.
#[derive(Debug, Default)]
struct Forecaster {
    /// CPU time of each object's compilation, the last time.
    times: HashMap<String, Duration>,
    /// The values of each object's symbols, as numbers, with which it was compiled before.
    made: HashMap<String, HashSet<u64>>,
    /// All that Kbuild ever listed. What is in a tree, was listed once and is not now was left there.
    listed: HashSet<String>,
    /// CPU time of the builds besides compilations: make itself, links, what no launcher sees.
    besides: Vec<Duration>,
    /// What it has learnt is from a build of everything, that of the start.
    is_from_scratch: bool,
}

impl Forecaster {
    /// Predicts the build of `to`, for which Kbuild lists these, in a tree with `from`. What is listed was
    /// [noted](Self::note_listed). Nothing when too little is known.
    fn predict(
        &self,
        standing: &Standing,
        listed: &BTreeSet<String>,
        from: &Config,
        to: &Config,
    ) -> Option<Forecast> {
        let Standing { census, .. } = standing;
        // Without notes of a launcher nothing is known of single objects.
        if census.is_empty() || self.times.is_empty() {
            return None;
        }
        let differences = from.diff(to);
        let changed: HashSet<&str> = {
            let names = differences.iter().map(|(symbol, ..)| symbol.as_str());
            census.depending(names).collect()
        };
        let mut forecast = Forecast::default();
        let mean = self.mean();
        let time = |object: &str| self.times.get(object).copied().unwrap_or(mean);
        let mut known = HashSet::new();
        for (object, digest) in census.digests(|symbol| number(to, symbol)) {
            known.insert(object);
            // What was not listed before is in the tree from another config: make looks at it anew.
            let is_new = listed.contains(object) && !standing.listed.contains(object);
            if !(changed.contains(object) || is_new) || self.is_left(object, listed) {
                continue;
            }
            forecast.objects += 1;
            let is_made = self.made.get(object).is_some_and(|of| of.contains(&digest));
            forecast.cpu += if is_made { CACHED } else { time(object) };
        }
        let new = listed.difference(&standing.listed);
        for object in new.filter(|object| !known.contains(object.as_str())) {
            forecast.objects += 1;
            forecast.cpu += time(object);
        }
        forecast.cpu += self.besides();
        Some(forecast)
    }

    /// Learns from a build that came to its end: what its tree has now, for which config, what the
    /// launcher noted, and the CPU time of all of it.
    fn learn(&mut self, standing: &Standing, config: &Config, notes: &[Note], cpu: Duration) {
        self.note_listed(&standing.listed);
        let mut compiling = Duration::ZERO;
        for note in notes {
            compiling += note.cpu;
            self.times.insert(note.object.clone(), note.worth);
            if note.means != Means::Compiled {
                // What make does around it: `predict` adds that as well.
                compiling += CACHED.saturating_sub(note.cpu);
            }
        }
        for (object, digest) in standing.census.digests(|symbol| number(config, symbol)) {
            if self.is_left(object, &standing.listed) {
                continue;
            }
            if let Some(of) = self.made.get_mut(object) {
                of.insert(digest);
            } else {
                self.made.insert(object.to_owned(), HashSet::from([digest]));
            }
        }
        // The start compiles tools as well, which no other build does.
        if self.besides.len() == 1 && notes.len() < self.times.len() {
            self.besides.clear();
        }
        // The launcher does not note all of them (the vdso, the realmode code).
        let is_all = 4 * notes.len() >= 3 * standing.census.len();
        self.is_from_scratch = self.besides.is_empty() && is_all;
        self.besides.push(cpu.saturating_sub(compiling));
        if self.besides.len() > REMEMBERED {
            self.besides.remove(0);
        }
    }

    fn note_listed(&mut self, listed: &BTreeSet<String>) {
        for object in listed {
            if !self.listed.contains(object) {
                self.listed.insert(object.clone());
            }
        }
    }

    /// Is an object in a tree none of its config, for which Kbuild lists these?
    fn is_left(&self, object: &str, listed: &BTreeSet<String>) -> bool {
        self.listed.contains(object) && !listed.contains(object)
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
        let median = sorted.get(sorted.len() / 2).copied().unwrap_or_default();
        if self.is_from_scratch {
            median / OF_THE_STARTS
        } else {
            median
        }
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
    use super::super::kbuild::tests::config;
    use super::*;

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
        let standing = Standing {
            census: Census::of(tree.path()),
            listed: BTreeSet::new(),
        };
        let none = BTreeSet::new();
        let mut forecaster = Forecaster::default();
        let start = config(&["SMP", "FUTEX"]);
        let without = config(&["SMP"]);
        assert_eq!(forecaster.predict(&standing, &none, &start, &without), None);
        let notes = [
            note("fork.o", Means::Compiled, 700),
            note("slub.o", Means::Compiled, 500),
        ];
        forecaster.learn(&standing, &start, &notes, Duration::from_secs(3));
        let predicted = forecaster
            .predict(&standing, &none, &start, &without)
            .unwrap();
        let besides = Duration::from_millis(1800) / OF_THE_STARTS;
        let millis = Duration::from_millis;
        assert_eq!(predicted.objects, 1);
        assert_eq!(predicted.cpu, besides + millis(700));
        // Once it was compiled, it comes from the cache.
        let notes = [note("fork.o", Means::Compiled, 600)];
        forecaster.learn(&standing, &without, &notes, millis(1600));
        let back = forecaster
            .predict(&standing, &none, &without, &start)
            .unwrap();
        assert_eq!((back.objects, back.cpu), (1, millis(1000) + CACHED));
        // Neither of them was ever compiled without SMP.
        let bare = forecaster
            .predict(&standing, &none, &without, &config(&[]))
            .unwrap();
        assert_eq!((bare.objects, bare.cpu), (2, millis(1000 + 600 + 500)));
    }

    #[test]
    fn the_first_build_makes_makes_tools_as_well_which_no_other_does() {
        let objects: [(&str, &[&str]); 5] = [
            ("a.o", &["SMP"]),
            ("b.o", &["SMP"]),
            ("c.o", &["SMP"]),
            ("d.o", &["SMP"]),
            ("vdso.o", &["SMP"]),
        ];
        let tree = tree(&objects);
        let standing = Standing {
            census: Census::of(tree.path()),
            listed: BTreeSet::new(),
        };
        let start = config(&["SMP"]);
        let besides = |notes: usize| {
            let mut forecaster = Forecaster::default();
            let notes: Vec<Note> = objects[..notes]
                .iter()
                .map(|(name, _)| note(name, Means::Compiled, 500))
                .collect();
            let compiling = Duration::from_millis(500) * notes.len() as u32;
            let cpu = compiling + Duration::from_secs(8);
            forecaster.learn(&standing, &start, &notes, cpu);
            let none = BTreeSet::new();
            forecaster
                .predict(&standing, &none, &start, &start)
                .unwrap()
                .cpu
        };
        // Not all objects are noted, but nearly all in a tree that was empty.
        assert_eq!(besides(4), Duration::from_secs(8) / OF_THE_STARTS);
        assert_eq!(besides(2), Duration::from_secs(8));
    }

    #[test]
    fn objects_that_vanish_are_not_compiled_and_those_that_appear_are() {
        let tree = tree(&[
            ("core.o", &["NET"]),
            ("sock.o", &["NET"]),
            ("old.o", &["NET"]),
        ]);
        let listed = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        let standing = Standing {
            census: Census::of(tree.path()),
            listed: listed(&["core.o", "sock.o"]),
        };
        let mut forecaster = Forecaster::default();
        forecaster.note_listed(&standing.listed);
        forecaster.note_listed(&listed(&["old.o"]));
        let millis = Duration::from_millis;
        let notes = [
            note("core.o", Means::Compiled, 700),
            note("sock.o", Means::Compiled, 500),
        ];
        let start = config(&["NET"]);
        forecaster.learn(&standing, &start, &notes, millis(1200));
        let mut predict = |names: &[&str]| {
            let listed = listed(names);
            forecaster.note_listed(&listed);
            let predicted = forecaster.predict(&standing, &listed, &start, &config(&[]));
            let predicted = predicted.unwrap();
            (predicted.objects, predicted.cpu)
        };
        assert_eq!(predict(&["core.o"]), (1, millis(700)));
        // Of what is new nothing is known: it takes what the others do in the mean.
        assert_eq!(predict(&["core.o", "new.o"]), (2, millis(700 + 600)));
        assert_eq!(predict(&["core.o", "old.o"]), (2, millis(700 + 600)));
    }
}
