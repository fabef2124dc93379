//! How much of each object and request ran in a traced boot.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::guarded::Place;
use super::guest::Sign;
use super::image::{Image, Stage};
use super::log::Ran;

/// How many functions there are, and how many ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Functions.
    pub all: u32,
    /// Of these, those that ran.
    pub ran: u32,
    /// Of these, those of which something ran for the first time when programs ran.
    #[serde(default)]
    pub serving: u32,
}

/// How much of the kernel knows of an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Few other files.
    Leaf,
    /// So many that it is run into by whoever does anything.
    Core,
}

impl Reach {
    /// By how many of all objects are compiled anew without it.
    #[must_use]
    pub fn of(compiled: u32, all: usize) -> Self {
        if all > 0 && compiled as usize >= all.div_ceil(4) {
            Self::Core
        } else {
            Self::Leaf
        }
    }
}

/// A function, and whether it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    name: String,
    stage: Stage,
    did: bool,
    serves: bool,
    /// In bytes.
    size: u64,
}

/// What ran of some functions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Functions that may run at any time.
    pub functions: Counts,
    /// Functions that run while the kernel starts, and are thrown away then. That they ran says
    /// little: a driver registers itself whether there is something to drive or not.
    pub init: Counts,
    /// The function that says most, not of those for the start: the largest that served programs; if
    /// none did, the largest that ran.
    pub telling: Option<String>,
    /// Whether it served programs, and its size in bytes.
    #[serde(skip)]
    rank: (bool, u64),
}

impl Evidence {
    fn add(&mut self, seen: &Seen) {
        let counts = match seen.stage {
            Stage::Text => &mut self.functions,
            Stage::Init => &mut self.init,
        };
        counts.all += 1;
        counts.ran += u32::from(seen.did);
        counts.serving += u32::from(seen.serves);
        let rank = (seen.serves, seen.size);
        if seen.did && seen.stage == Stage::Text && rank > self.rank {
            (self.rank, self.telling) = (rank, Some(seen.name.clone()));
        }
    }

    /// How likely what they are there for is needed; nothing if there is no code that could tell.
    ///
    /// Much runs in any kernel while it starts, whoever may need it. What programs made run says more:
    /// so there are steps by the share of functions that ran for them, and lower ones by the share that
    /// ran at all. Of core options some function runs nearly always, so that says less there.
    #[must_use]
    pub fn chance(&self, reach: Reach) -> Option<f64> {
        let Counts { all, ran, serving } = self.functions;
        if all == 0 {
            return None;
        }
        let share = |of: u32| f64::from(of) / f64::from(all);
        // What a boot needs runs before there are programs, but so does much else.
        let by_all = match share(ran) {
            _ if ran == 0 => (0.01, 0.01),
            share if share < 0.3 => (0.05, 0.02),
            _ => (0.6, 0.05),
        };
        let by_serving = match share(serving) {
            _ if serving == 0 => (0.0, 0.0),
            // Whoever ends closes what it never opened.
            share if share < 0.04 => (0.1, 0.03),
            share if share < 0.1 => (0.3, 0.1),
            _ => (0.7, 0.7),
        };
        Some(match reach {
            Reach::Leaf => f64::max(by_all.0, by_serving.0),
            Reach::Core => f64::max(by_all.1, by_serving.1),
        })
    }
}

/// What ran, object by object, and what the guest was seen to use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity {
    objects: BTreeMap<String, Vec<Seen>>,
    /// By option (without `CONFIG_`).
    signs: BTreeMap<String, Sign>,
}

impl Activity {
    /// Of the functions of a kernel, those that ran.
    #[must_use]
    pub fn of(image: &Image, ran: &Ran) -> Self {
        let mut objects: BTreeMap<String, Vec<Seen>> = BTreeMap::new();
        for function in image.functions() {
            let object = function
                .object
                .and_then(|object| image.objects().get(object));
            let Some(object) = object else { continue };
            objects.entry(object.clone()).or_default().push(Seen {
                name: function.name.clone(),
                stage: function.stage,
                did: ran.any_in(&function.range),
                serves: ran.serves_in(&function.range),
                size: function.range.end - function.range.start,
            });
        }
        let signs = BTreeMap::new();
        Self { objects, signs }
    }

    /// The same, with these options seen in use.
    #[must_use]
    pub fn with_signs(self, signs: BTreeMap<String, Sign>) -> Self {
        Self { signs, ..self }
    }

    /// How the guest was seen to use an option (without `CONFIG_`).
    #[must_use]
    pub fn sign(&self, symbol: &str) -> Option<Sign> {
        self.signs.get(symbol).copied()
    }

    /// Did something of what the kernel throws away before it starts the first program run after one?
    /// Then it was not the first, and nothing can be said of what ran for programs.
    #[must_use]
    pub fn is_cut_early(&self) -> bool {
        let mut all = self.objects.values().flatten();
        all.any(|seen| seen.stage == Stage::Init && seen.serves)
    }

    /// What ran of all functions of these objects, and of these single functions of others.
    #[must_use]
    pub fn evidence<'o>(
        &self,
        objects: impl IntoIterator<Item = &'o String>,
        functions: impl IntoIterator<Item = &'o Place>,
    ) -> Evidence {
        let mut evidence = Evidence::default();
        let whole = objects
            .into_iter()
            .filter_map(|object| self.objects.get(object));
        for seen in whole.flatten() {
            evidence.add(seen);
        }
        for place in functions {
            let of = self.objects.get(&place.object).into_iter().flatten();
            // The compiler makes several of one: `name.constprop.0`.
            let is_it = |seen: &&Seen| seen.name.split('.').next() == Some(&place.function);
            for seen in of.filter(is_it) {
                evidence.add(seen);
            }
        }
        evidence
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn activity() -> Activity {
        let seen = |name: &str, stage, did, size| Seen {
            name: name.into(),
            stage,
            did,
            serves: name == "check",
            size,
        };
        let objects = BTreeMap::from([
            (
                "fs/exec.o".into(),
                vec![
                    seen("load", Stage::Text, true, 40),
                    seen("load.cold", Stage::Text, false, 4),
                    seen("check", Stage::Text, true, 90),
                    seen("init", Stage::Init, true, 400),
                ],
            ),
            (
                "drivers/ahci.o".into(),
                vec![
                    seen("probe", Stage::Text, false, 70),
                    seen("register", Stage::Init, true, 20),
                ],
            ),
        ]);
        let signs = BTreeMap::new();
        Activity { objects, signs }
    }

    fn counts(all: u32, ran: u32, serving: u32) -> Counts {
        Counts { all, ran, serving }
    }

    #[test]
    fn what_programs_made_run_tells_more_than_what_runs_in_any_boot() {
        let chance = |all, ran, serving, reach| {
            let functions = counts(all, ran, serving);
            let evidence = Evidence {
                functions,
                ..Evidence::default()
            };
            evidence.chance(reach)
        };
        // As seen: PROC_FS in a boot to a shell, and with a login that lists processes.
        let (shell, ssh) = (
            chance(593, 47, 2, Reach::Core),
            chance(593, 160, 116, Reach::Core),
        );
        assert!(shell < Some(0.1) && ssh > Some(0.5));
        assert!(chance(12, 6, 0, Reach::Core) < chance(12, 6, 0, Reach::Leaf));
        assert_eq!(chance(12, 0, 0, Reach::Core), chance(12, 0, 0, Reach::Leaf));
        assert_eq!(
            (Reach::of(200, 800), Reach::of(199, 800)),
            (Reach::Core, Reach::Leaf)
        );
        assert_eq!(Reach::of(0, 0), Reach::Leaf);
        // More of it never makes it less likely.
        for reach in [Reach::Leaf, Reach::Core] {
            let chances = |ran: u32| (0..=ran).map(move |serving| chance(50, ran, serving, reach));
            for ran in 1..50 {
                assert!(chances(ran).is_sorted());
                assert!(
                    chances(ran)
                        .zip(chances(ran + 1))
                        .all(|(less, more)| less <= more)
                );
            }
        }
    }

    #[test]
    fn what_runs_while_the_kernel_starts_is_counted_apart_and_tells_nothing() {
        let activity = activity();
        let of = |names: &[&str]| {
            let objects: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            activity.evidence(&objects, [])
        };
        let exec = of(&["fs/exec.o"]);
        assert_eq!(exec.functions, counts(3, 2, 1));
        assert_eq!(exec.init, counts(1, 1, 0));
        assert_eq!(exec.telling.as_deref(), Some("check"));
        let ahci = of(&["drivers/ahci.o"]);
        assert_eq!((ahci.functions.ran, ahci.init.ran), (0, 1));
        let chance = |evidence: &Evidence| evidence.chance(Reach::Leaf);
        assert!(chance(&ahci) < chance(&exec) && chance(&ahci).is_some());
        assert_eq!(chance(&of(&["drivers/other.o"])), None);
        let both = of(&["fs/exec.o", "drivers/ahci.o"]);
        assert_eq!(both.functions, counts(4, 2, 1));
    }

    #[test]
    fn a_start_that_goes_on_after_the_first_program_is_cut_too_early() {
        let mut activity = activity();
        assert!(!activity.is_cut_early());
        let init = &mut activity.objects.get_mut("fs/exec.o").unwrap()[3];
        init.serves = true;
        assert!(activity.is_cut_early());
    }

    #[test]
    fn single_functions_count_with_the_parts_that_the_compiler_made_of_them() {
        let place = Place {
            object: "fs/exec.o".into(),
            function: "load".into(),
        };
        let none: [String; 0] = [];
        let evidence = activity().evidence(&none, [&place]);
        assert_eq!(evidence.functions, counts(2, 1, 0));
        assert_eq!(evidence.telling.as_deref(), Some("load"));
    }
}
