//! Requests, the unit of search, and fragments, the files made of them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Symbol, Tristate, Value};

/// One assignment that is asked for: `EPOLL=y`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Request {
    /// The symbol.
    pub symbol: Symbol,
    /// The value.
    pub value: Value,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}={}", self.symbol, self.value))
    }
}

/// The number of a request in the list of the start's requests, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub u32);

impl RequestId {
    /// The index into the list of requests.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of requests, in the form that `KCONFIG_ALLCONFIG` and `merge_config.sh` read.
///
/// The order is kept. Symbols must be distinct; the reader of files checks that.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fragment {
    requests: Vec<Request>,
}

impl Fragment {
    /// Makes a fragment of these requests, in this order.
    #[must_use]
    pub fn new(requests: Vec<Request>) -> Self {
        Self { requests }
    }

    /// The requests, in order.
    #[must_use]
    pub fn requests(&self) -> &[Request] {
        &self.requests
    }

    /// The value asked for `symbol`, if any.
    #[must_use]
    pub fn get(&self, symbol: &Symbol) -> Option<&Value> {
        self.requests
            .iter()
            .find(|r| r.symbol == *symbol)
            .map(|r| &r.value)
    }

    /// The number of requests.
    #[must_use]
    pub fn len(&self) -> usize {
        self.requests.len()
    }

    /// Is it empty?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.requests.is_empty()
    }
}

/// The text of the file: one line a request, with the `CONFIG_` prefix.
impl fmt::Display for Fragment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Request { symbol, value } in &self.requests {
            match value {
                Value::Tristate(Tristate::N) => writeln!(f, "# CONFIG_{symbol} is not set")?,
                _ => writeln!(f, "CONFIG_{symbol}={value}")?,
            }
        }
        Ok(())
    }
}
