//! The key of a run: everything its verdicts depend on besides the resolved config, by contents.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// Hashes or descriptions by name: of programs, files, variables.
pub type Hashes = BTreeMap<String, String>;

/// Identifies something by its contents: equal ids mean equal contents.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ContentId(pub String);

impl ContentId {
    /// The id of a value: a hash of its JSON text, in which the keys of maps are sorted.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let hash = blake3::hash(value.to_string().as_bytes()).to_hex();
        Self(hash[..32].to_owned())
    }
}

impl fmt::Display for ContentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Everything the verdicts of a run depend on besides the resolved config.
///
/// A part is `None` if it is not noted: the run has none (a guest), or the kbisect that began the run did not look
/// at it. Older versions noted some parts in other forms, and each form is read. Parts and forms that this version
/// does not know are kept as they were written, so that a key that is read and written again is the same text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunKey {
    /// The architecture, as make's `ARCH` names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arch: Option<String>,
    /// The assignments of the base, as a fragment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The environment variables that builds and oracles see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentKey>,
    /// The version of the busybox guest: a hash of what it is made of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// The versions of other guests, by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guests: Option<Hashes>,
    /// Programs that a build calls beside its toolchain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helpers: Option<Hashes>,
    /// The oracles, in the order in which they are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oracles: Option<Vec<OracleKey>>,
    /// Files outside of the source that its Makefiles and Kconfig files include.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside: Option<Hashes>,
    /// How the project is configured and built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<ProjectKey>,
    /// QEMU, if an oracle boots; the inner `None`: it did not say its version.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "noted"
    )]
    pub qemu: Option<Option<String>>,
    /// The source tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceKey>,
    /// The kernel that stands for the start, and what of its modules the guest gets: hashes of the contents by name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_kernel: Option<Hashes>,
    /// Wall time of one judgement, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<u64>,
    /// The programs that make what is in the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolchain: Option<ToolchainKey>,
    /// The state of the source's files, by git or by size and time. Only in older runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tree: Option<String>,
    /// Parts that this version does not know, as they were written.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A part that is there, be it null.
fn noted<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(from).map(Some)
}

impl RunKey {
    /// The key in a JSON value, as a result has it.
    ///
    /// # Errors
    /// A part has another type than each version gives it.
    pub fn from_json(json: &Value) -> Result<Self, serde_json::Error> {
        Self::deserialize(json)
    }

    /// The key as a JSON value.
    #[must_use]
    pub fn to_json(&self) -> Value {
        // Its maps have text for keys, so nothing in it can fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// A source tree: the same for a copy elsewhere, and for a tree that was changed and put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceId {
    /// Of all paths and contents, in hex.
    pub hash: String,
    /// How many files it has.
    pub files: usize,
}

/// The source of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SourceKey {
    /// By contents.
    Contents(SourceId),
    /// By path, and by a hash of its Makefile. Only in older runs.
    Path(String),
    /// In a form that this version does not know.
    Unknown(Value),
}

/// The toolchain of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ToolchainKey {
    /// For each program a hash of its contents, and its first line of `--version`.
    Programs(Hashes),
    /// What compiler and linker say of themselves. Only in older runs.
    Versions(String),
    /// In a form that this version does not know.
    Unknown(Value),
}

/// The environment of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EnvironmentKey {
    /// With hashes that a number of the run keys.
    Keyed(NotedVariables),
    /// In a form that cannot be compared: without that number.
    Unknown(Value),
}

/// Environment variables, most of them as hashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotedVariables {
    /// The number of the run that keys its hashes, in hex.
    pub salt: String,
    /// Values, or their hashes, by the names of the variables.
    pub variables: Hashes,
}

impl NotedVariables {
    /// How the hash of a value begins that is not shown.
    pub const HIDDEN: &'static str = "blake3:";

    /// Is it the hash of a value?
    #[must_use]
    pub fn is_hidden(noted: &str) -> bool {
        noted.starts_with(Self::HIDDEN)
    }
}

/// One oracle of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OracleKey {
    /// By its files.
    Files(OracleFiles),
    /// By one hash of its program and the guest. Only in older runs.
    Hash(String),
    /// In a form that this version does not know.
    Unknown(Value),
}

/// The files of an oracle: hashes of their contents by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OracleFiles {
    /// What the oracle consists of.
    pub files: Hashes,
    /// Its name.
    pub name: String,
    /// The files that it uses. Older versions did not look at them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<Hashes>,
}

/// The project profile of a run, as `kconfig` wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProjectKey(Value);

impl ProjectKey {
    /// The key of a profile.
    ///
    /// # Errors
    /// The profile is not of text, such as a path that is not UTF-8.
    pub fn of(profile: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_value(profile).map(Self)
    }

    /// The profile again.
    ///
    /// # Errors
    /// It lacks something that this version needs.
    pub fn read<P: DeserializeOwned>(&self) -> Result<P, serde_json::Error> {
        P::deserialize(&self.0)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Reads a key and writes it again.
    fn again(key: &Value) -> Value {
        RunKey::from_json(key).unwrap().to_json()
    }

    #[test]
    fn a_key_of_each_form_is_written_as_it_was_read() {
        for key in [
            json!({}),
            json!({ "source": { "hash": "1", "files": 2 }, "arch": "x86_64", "timeout": 300, "base": "A\n",
                "oracles": [{ "name": "x", "files": { "x": "1" }, "uses": { "y": "2" } }],
                "environment": { "salt": "1", "variables": { "A": "1" } }, "outside": {}, "helpers": { "m4": "1" },
                "toolchain": { "gcc": "1 gcc" }, "qemu": "1 qemu", "guest": "12", "guests": { "debian": "34" },
                "project": { "name": "toy", "later": [1] } }),
            json!({ "source": "/a 1", "tree": "git 1", "oracles": ["12"], "toolchain": "gcc 12" }),
            json!({ "environment": { "W": "1" }, "qemu": null }),
        ] {
            assert_eq!(again(&key), key);
        }
    }

    #[test]
    fn what_this_version_does_not_know_of_a_key_is_kept() {
        for key in [
            json!({ "later": { "a": 1 } }),
            json!({ "source": { "hash": "1", "files": 2, "commit": "3" } }),
            json!({ "source": 1, "toolchain": [1], "environment": 5 }),
            json!({ "oracles": [{ "name": "x", "files": {}, "later": true }, {}] }),
            json!({ "environment": { "salt": "1", "variables": {}, "later": 1 } }),
        ] {
            assert_eq!(again(&key), key);
        }
    }
}
