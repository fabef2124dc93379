//! What a traced boot says of objects and requests: how much of them ran.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::guarded::Place;
use super::image::{Image, Stage};
use super::log::Ran;

/// How many functions there are, and how many ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Functions.
    pub all: u32,
    /// Of these, those that ran.
    pub ran: u32,
}

/// A function, and whether it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Seen {
    name: String,
    stage: Stage,
    did: bool,
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
    /// The largest function that ran, not of those for the start.
    pub telling: Option<String>,
    /// Its size in bytes.
    #[serde(skip)]
    size: u64,
}

impl Evidence {
    fn add(&mut self, seen: &Seen) {
        let counts = match seen.stage {
            Stage::Text => &mut self.functions,
            Stage::Init => &mut self.init,
        };
        counts.all += 1;
        counts.ran += u32::from(seen.did);
        if seen.did && seen.stage == Stage::Text && seen.size > self.size {
            (self.size, self.telling) = (seen.size, Some(seen.name.clone()));
        }
    }

    /// How likely what they are there for is needed; nothing if there is no code that could tell.
    ///
    /// Steps by the share of the functions that ran. How many of each step the certified results of
    /// `shell-ok` and `ssh-ok` need of the EC2 set: none of 27 where nothing ran, one of 19 below a
    /// twentieth (`NETDEVICES`, which carries others that are needed), then 3 of 23 and 20 of 25. Two
    /// runs are few: it is a guess.
    #[must_use]
    pub fn chance(&self) -> Option<f64> {
        let Counts { all, ran } = self.functions;
        if all == 0 {
            return None;
        }
        let share = f64::from(ran) / f64::from(all);
        Some(match ran {
            0 => 0.01,
            // A driver is asked about devices that are not there, a file system by all who close.
            _ if share < 0.05 => 0.03,
            _ if share < 0.15 => 0.2,
            _ => 0.8,
        })
    }
}

/// What ran, object by object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Activity(BTreeMap<String, Vec<Seen>>);

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
                size: function.range.end - function.range.start,
            });
        }
        Self(objects)
    }

    /// What ran of all functions of these objects, and of these single functions of others.
    #[must_use]
    pub fn evidence<'o>(
        &self,
        objects: impl IntoIterator<Item = &'o String>,
        functions: impl IntoIterator<Item = &'o Place>,
    ) -> Evidence {
        let mut evidence = Evidence::default();
        let whole = objects.into_iter().filter_map(|object| self.0.get(object));
        for seen in whole.flatten() {
            evidence.add(seen);
        }
        for place in functions {
            let of = self.0.get(&place.object).into_iter().flatten();
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
            size,
        };
        Activity(BTreeMap::from([
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
        ]))
    }

    #[test]
    fn what_runs_while_the_kernel_starts_is_counted_apart_and_tells_nothing() {
        let activity = activity();
        let of = |names: &[&str]| {
            let objects: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            activity.evidence(&objects, [])
        };
        let exec = of(&["fs/exec.o"]);
        assert_eq!(exec.functions, Counts { all: 3, ran: 2 });
        assert_eq!(exec.init, Counts { all: 1, ran: 1 });
        assert_eq!(exec.telling.as_deref(), Some("check"));
        let ahci = of(&["drivers/ahci.o"]);
        assert_eq!((ahci.functions.ran, ahci.init.ran), (0, 1));
        assert!(ahci.chance() < exec.chance() && ahci.chance().is_some());
        assert_eq!(of(&["drivers/other.o"]).chance(), None);
        let both = of(&["fs/exec.o", "drivers/ahci.o"]);
        assert_eq!(both.functions, Counts { all: 4, ran: 2 });
    }

    #[test]
    fn single_functions_count_with_the_parts_that_the_compiler_made_of_them() {
        let place = Place {
            object: "fs/exec.o".into(),
            function: "load".into(),
        };
        let none: [String; 0] = [];
        let evidence = activity().evidence(&none, [&place]);
        assert_eq!(evidence.functions, Counts { all: 2, ran: 1 });
        assert_eq!(evidence.telling.as_deref(), Some("load"));
    }
}
