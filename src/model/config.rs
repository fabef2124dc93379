//! Resolved configs and the fingerprints that name them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Symbol, Tristate, Value};

/// The assignments of a configuration: every symbol that has a value other than `n`.
///
/// "Not set" is the same as absent: Kconfig writes both for one and the same kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "BTreeMap<Symbol, Value>", into = "BTreeMap<Symbol, Value>")]
pub struct Config {
    assignments: BTreeMap<Symbol, Value>,
}

impl Config {
    /// How many lines with an `=` the `.config` has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.assignments.len()
    }

    /// Is nothing set?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty()
    }

    /// The value of `symbol`; `n` if it is not set.
    #[must_use]
    pub fn get(&self, symbol: &Symbol) -> &Value {
        self.assignments.get(symbol).unwrap_or(&Value::NO)
    }

    /// How many symbols are `m`.
    #[must_use]
    pub fn modules(&self) -> usize {
        let is_module = |value: &&Value| **value == Value::Tristate(Tristate::M);
        self.assignments.values().filter(is_module).count()
    }

    /// All assignments, sorted by symbol.
    pub fn iter(&self) -> impl Iterator<Item = (&Symbol, &Value)> {
        self.assignments.iter()
    }

    /// The hash of the sorted assignments.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = blake3::Hasher::new();
        for (symbol, value) in &self.assignments {
            hasher.update(format!("{symbol}={value}\n").as_bytes());
        }
        Fingerprint(*hasher.finalize().as_bytes())
    }

    /// The symbols whose value differs, with the value here and the one in `other`.
    #[must_use]
    pub fn diff<'a>(&'a self, other: &'a Self) -> Vec<(&'a Symbol, &'a Value, &'a Value)> {
        let (mut ours, mut theirs) = (self.iter().peekable(), other.iter().peekable());
        let mut differ = Vec::new();
        // Both are sorted.
        loop {
            let order = match (ours.peek(), theirs.peek()) {
                (None, None) => return differ,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => a.cmp(b),
            };
            let one = ours.next_if(|_| order.is_le());
            let other = theirs.next_if(|_| order.is_ge());
            let values = (one.map(|(_, v)| v), other.map(|(_, v)| v));
            let values = (
                values.0.unwrap_or(&Value::NO),
                values.1.unwrap_or(&Value::NO),
            );
            if let Some((symbol, _)) = one.or(other)
                && values.0 != values.1
            {
                differ.push((symbol, values.0, values.1));
            }
        }
    }
}

impl FromIterator<(Symbol, Value)> for Config {
    /// The last value of a symbol counts; `n` removes the symbol.
    fn from_iter<T: IntoIterator<Item = (Symbol, Value)>>(iter: T) -> Self {
        let mut assignments = BTreeMap::new();
        for (symbol, value) in iter {
            if value.is_no() {
                assignments.remove(&symbol);
            } else {
                assignments.insert(symbol, value);
            }
        }
        Self { assignments }
    }
}

impl From<BTreeMap<Symbol, Value>> for Config {
    fn from(assignments: BTreeMap<Symbol, Value>) -> Self {
        assignments.into_iter().collect()
    }
}

impl From<Config> for BTreeMap<Symbol, Value> {
    fn from(config: Config) -> Self {
        config.assignments
    }
}

/// The name of a resolved config: the BLAKE3 hash of its sorted assignments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(pub [u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&blake3::Hash::from_bytes(self.0).to_hex()[..12])
    }
}

impl From<Fingerprint> for String {
    fn from(f: Fingerprint) -> Self {
        f.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = blake3::HexError;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        Ok(Self(*blake3::Hash::from_hex(s)?.as_bytes()))
    }
}

/// The `.config` that Kconfig makes of base and fragment, and that is built.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Sent", into = "Sent")]
pub struct ResolvedConfig {
    /// The file as Kconfig wrote it.
    pub text: String,
    /// Its assignments.
    pub config: Config,
    /// Its name.
    pub fingerprint: Fingerprint,
}

/// The form in which a [`ResolvedConfig`] is sent. Its name is not: that is computed.
#[derive(Serialize, Deserialize)]
struct Sent {
    text: String,
    config: Config,
}

impl From<Sent> for ResolvedConfig {
    fn from(Sent { text, config }: Sent) -> Self {
        Self::new(text, config)
    }
}

impl From<ResolvedConfig> for Sent {
    fn from(ResolvedConfig { text, config, .. }: ResolvedConfig) -> Self {
        Self { text, config }
    }
}

impl ResolvedConfig {
    /// Pairs a file with its assignments.
    #[must_use]
    pub fn new(text: String, config: Config) -> Self {
        let fingerprint = config.fingerprint();
        Self {
            text,
            config,
            fingerprint,
        }
    }
}
