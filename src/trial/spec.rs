//! What a trial is about, in a form that can be sent to another machine.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{
    ContentId, Fingerprint, Fragment, Origin, ResolvedConfig, RunKey, TrialId, WorkerId,
};

/// The version of the forms of specs and outcomes.
pub(super) const VERSION: u32 = 1;

/// A trial that is to be made: what to do, and what that needs. No path of the machine that asks for it is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrialSpec {
    /// The version of this form.
    pub v: u32,
    /// Its name. Two specs with one key ask for the same.
    pub key: TrialKey,
    /// What to do.
    pub work: Work,
    /// What that needs.
    pub needs: Needs,
    /// Which worker makes it best.
    #[serde(default)]
    pub wish: Wish,
}

impl TrialSpec {
    /// A trial with these needs, wherever it is made.
    #[must_use]
    pub fn new(key: TrialKey, work: Work, needs: &Needs) -> Self {
        Self {
            v: VERSION,
            key,
            work,
            needs: needs.clone(),
            wish: Wish::default(),
        }
    }

    /// The same, with a wish.
    #[must_use]
    pub fn wishing(self, wish: Wish) -> Self {
        Self { wish, ..self }
    }
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Find out what Kconfig makes of a fragment over the base.
    Resolve {
        /// The fragment.
        fragment: Fragment,
    },
    /// Build a config and ask the oracles.
    Judge {
        /// The number of the trial, and of its folder.
        trial: TrialId,
        /// What to build.
        config: ResolvedConfig,
        /// What it is to be built from; [`Origin::Earlier`] leaves it open.
        origin: Origin,
        /// What oracles compare with; none while nothing has passed.
        baseline: Option<Baseline>,
        /// What it is to the run.
        #[serde(default, skip_serializing_if = "Role::is_candidate")]
        role: Role,
    },
}

impl Work {
    /// Names the thing that is resolved or judged.
    fn of(&self) -> Fingerprint {
        match self {
            Self::Judge { config, .. } => config.fingerprint,
            Self::Resolve { fragment } => {
                let mut hasher = blake3::Hasher::new_derive_key("kbisect fragment");
                hasher.update(fragment.to_string().as_bytes());
                Fingerprint(*hasher.finalize().as_bytes())
            }
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Judge { origin, .. } => *origin,
            Self::Resolve { .. } => Origin::Earlier,
        }
    }

    /// The key of this work: the `attempt`th one of this kind, in which a set is judged for the `round`th time; both
    /// from 0.
    #[must_use]
    pub fn key(&self, round: u32, attempt: u32) -> TrialKey {
        TrialKey {
            of: self.of(),
            round,
            origin: self.origin(),
            attempt,
        }
    }
}

/// The name of a trial: the same wherever and whenever it is made. Its outcome counts once, however often it is
/// delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct TrialKey {
    /// The config that is judged; of a fragment that is resolved, a hash.
    pub of: Fingerprint,
    /// How often the set of requests was judged before.
    pub round: u32,
    /// What it is built from.
    pub origin: Origin,
    /// How many trials of this config the run had before.
    pub attempt: u32,
}

impl fmt::Display for TrialKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let from = match self.origin {
            Origin::Earlier => "earlier",
            Origin::Empty => "empty",
        };
        let (of, round, attempt) = (self.of, self.round, self.attempt);
        write!(f, "{of}-{round}-{from}-{attempt}")
    }
}

/// What a trial needs, by content. A worker that has other things must not make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Needs {
    /// The source tree.
    pub source: ContentId,
    /// The programs of the build.
    pub toolchain: ContentId,
    /// The oracles, in the order in which they are asked.
    pub oracles: Vec<OracleNeed>,
    /// The guests, if an oracle boots one.
    pub guest: Option<ContentId>,
    /// All else that verdicts depend on: the project, the base, the environment, QEMU, time limits.
    pub others: ContentId,
}

/// An oracle that a trial needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OracleNeed {
    /// Its name, which is that of its folder.
    pub name: String,
    /// What it is made of.
    pub id: ContentId,
}

impl Needs {
    /// What the trials of a run with this key need.
    #[must_use]
    pub fn of_key(key: &RunKey) -> Self {
        Self::of_json(&key.to_json())
    }

    /// The same of a key as it is written.
    pub(crate) fn of_json(key: &Value) -> Self {
        let mut parts = key.as_object().cloned().unwrap_or_default();
        let mut take = |part: &str| parts.remove(part).unwrap_or_default();
        let (source, toolchain) = (
            ContentId::of(&take("source")),
            ContentId::of(&take("toolchain")),
        );
        let oracles = take("oracles");
        let oracles = oracles.as_array().into_iter().flatten();
        let need = |oracle: &Value| OracleNeed {
            name: oracle["name"].as_str().unwrap_or_default().to_owned(),
            id: ContentId::of(oracle),
        };
        let guest = match (take("guest"), take("guests")) {
            (Value::Null, Value::Null) => None,
            // As it was when there was but one.
            (guest, Value::Null) => Some(guest),
            (guest, others) => Some(Value::Array(vec![guest, others])),
        };
        Self {
            source,
            toolchain,
            oracles: oracles.map(need).collect(),
            guest: guest.as_ref().map(ContentId::of),
            others: ContentId::of(&Value::Object(parts)),
        }
    }

    /// The names of what is not the same in `other`.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        let parts = [
            ("source", self.source == other.source),
            ("toolchain", self.toolchain == other.toolchain),
            ("oracles", self.oracles == other.oracles),
            ("guest", self.guest == other.guest),
            ("settings or environment", self.others == other.others),
        ];
        let differ = parts.into_iter().filter(|(_, is_same)| !is_same);
        differ.map(|(name, _)| name).collect()
    }
}

/// What a trial is to its run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// A candidate of the search.
    #[default]
    Candidate,
    /// The start, before the search. Without a product something is wrong with the project.
    Start,
    /// A kernel that was not built here and stands for the start: it is not built, and says nothing of the config.
    StandIn,
}

impl Role {
    fn is_candidate(&self) -> bool {
        *self == Self::Candidate
    }
}

/// What oracles left when they accepted the start, or the first best, for comparisons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Baseline {
    /// The trial in whose folder it is.
    pub trial: TrialId,
    /// Its files.
    pub files: ContentId,
}

/// Which worker makes a trial best. Nothing depends on it but time: whoever hands trials out may ignore it, and must
/// where it would have to wait for that worker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// Where.
    pub place: Place,
    /// Beside what.
    pub company: Company,
}

impl Wish {
    /// On this worker, if it is idle.
    #[must_use]
    pub fn on(worker: WorkerId) -> Self {
        Self {
            place: Place::On(worker),
            ..Self::default()
        }
    }
}

/// Where a trial is best made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// By any worker.
    #[default]
    Anywhere,
    /// By this worker: what it needs is in its tree.
    On(WorkerId),
    /// By another worker: this one's machine may be to blame.
    NotOn(WorkerId),
}

/// What else may be under way on the machine that makes a trial.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Company {
    /// Anything.
    #[default]
    Any,
    /// Nothing: the machine gave out before.
    Alone,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Config, Request, Symbol};

    fn key() -> Value {
        json!({
            "source": { "hash": "12", "files": 3 }, "toolchain": { "gcc": "12.2" }, "arch": "x86_64",
            "oracles": [{ "name": "mine", "files": { "mine": "56" } }], "guest": "1.36"
        })
    }

    fn spec() -> TrialSpec {
        let assignments = [(Symbol::new("PCI").unwrap(), crate::model::Value::YES)];
        let config: Config = assignments.into_iter().collect();
        let work = Work::Judge {
            trial: TrialId(7),
            config: ResolvedConfig::new("CONFIG_PCI=y\n".into(), config),
            origin: Origin::Empty,
            baseline: Some(Baseline {
                trial: TrialId(1),
                files: ContentId::of(&json!({})),
            }),
            role: Role::Candidate,
        };
        TrialSpec::new(work.key(2, 1), work, &Needs::of_json(&key()))
    }

    #[test]
    fn a_spec_has_this_form() {
        let text = serde_json::to_string(&spec()).unwrap();
        let key = r#""key":{"of":"5b68863747cb160df420e3c72b377c1d3d9f45afe7b9c167072306b0bab27596","round":2,"origin":"empty","attempt":1}"#;
        let config = r#""config":{"text":"CONFIG_PCI=y\n","config":{"PCI":"y"}}"#;
        let baseline = r#""baseline":{"trial":1,"files":"6e46dd10defc9b56c29a6ec56b508c21"}"#;
        let needs = r#""needs":{"source":"1ebf275ce8243b845abef60b306f6a42","toolchain":"82e3be67291fd253d241264f651baddd","oracles":[{"name":"mine","id":"87a1977cd05481c2ca89acc4d25559e3"}],"guest":"3c983d2e7a21ea9503a1cc06f475a619","others":"43e6ef8238f6965f26339d849723a4ca"}"#;
        let wish = r#""wish":{"place":"anywhere","company":"any"}"#;
        let work =
            format!(r#""work":{{"judge":{{"trial":7,{config},"origin":"empty",{baseline}}}}}"#);
        assert_eq!(text, format!(r#"{{"v":1,{key},{work},{needs},{wish}}}"#));
    }

    #[test]
    fn a_spec_that_was_sent_is_the_same() {
        let fragment = Fragment::new(vec![Request {
            symbol: Symbol::new("PCI").unwrap(),
            value: crate::model::Value::YES,
        }]);
        let work = Work::Resolve { fragment };
        let resolve = TrialSpec::new(work.key(0, 0), work, &Needs::of_json(&key()))
            .wishing(Wish::on(WorkerId(3)));
        for spec in [spec(), resolve] {
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<TrialSpec>(&text).unwrap(), spec);
        }
    }

    #[test]
    fn a_key_differs_by_config_round_origin_and_attempt_and_not_by_the_number_of_the_trial() {
        let TrialSpec { key, work, .. } = spec();
        let Work::Judge {
            config, baseline, ..
        } = work
        else {
            panic!("it is to be judged");
        };
        let of = |trial, text: &str, origin, round, attempt| {
            let work = Work::Judge {
                trial: TrialId(trial),
                config: match text {
                    "" => config.clone(),
                    _ => ResolvedConfig::new(text.into(), Config::default()),
                },
                origin,
                baseline: baseline.clone(),
                role: Role::Candidate,
            };
            work.key(round, attempt).to_string()
        };
        assert_eq!(of(9, "", Origin::Empty, 2, 1), key.to_string());
        let others = [
            of(7, "other", Origin::Empty, 2, 1),
            of(7, "", Origin::Earlier, 2, 1),
            of(7, "", Origin::Empty, 1, 1),
            of(7, "", Origin::Empty, 2, 0),
        ];
        assert!(!others.contains(&key.to_string()), "{others:?}");
    }

    #[test]
    fn what_a_worker_lacks_is_named() {
        let needs = Needs::of_json(&key());
        let with = |part: &str, value: Value| {
            let mut key = key();
            key[part] = value;
            needs.differences(&Needs::of_json(&key))
        };
        assert_eq!(with("arch", "x86_64".into()), Vec::<&str>::new());
        assert_eq!(with("source", "34".into()), ["source"]);
        assert_eq!(with("toolchain", json!({})), ["toolchain"]);
        assert_eq!(with("guest", Value::Null), ["guest"]);
        assert_eq!(with("arch", "arm".into()), ["settings or environment"]);
        let oracles = json!([{ "name": "mine", "files": { "mine": "78" } }]);
        assert_eq!(with("oracles", oracles), ["oracles"]);
    }
}
