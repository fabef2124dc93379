//! The settings of a run as its files keep them.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::certify::Certify;

/// The settings of a run as its files keep them, to go on with the same ones. They are read and written without a
/// loss, whichever version wrote them; `settings` knows what they mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Value", into = "Value")]
pub struct StoredSettings {
    all: Value,
    known: Known,
}

/// What other modules than `settings` need to know of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
struct Known {
    #[serde(default)]
    certify: Certify,
}

impl StoredSettings {
    /// Settings to be kept.
    ///
    /// # Errors
    /// They cannot be written as JSON, such as a path that is not UTF-8.
    pub fn of(settings: &impl Serialize) -> Result<Self, serde_json::Error> {
        serde_json::to_value(settings).map(Self::from)
    }

    /// The settings again.
    ///
    /// # Errors
    /// They lack something that this version needs.
    pub fn read<S: DeserializeOwned>(&self) -> Result<S, serde_json::Error> {
        S::deserialize(&self.all)
    }

    /// The settings as they were written.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.all
    }

    /// Which requests the certificate must cover. Of the oldest runs, which do not say, each one.
    #[must_use]
    pub fn certify(&self) -> Certify {
        self.known.certify
    }
}

impl From<Value> for StoredSettings {
    fn from(all: Value) -> Self {
        Self {
            known: Known::deserialize(&all).unwrap_or_default(),
            all,
        }
    }
}

impl From<StoredSettings> for Value {
    fn from(settings: StoredSettings) -> Self {
        settings.all
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_written_as_they_were_read() {
        for all in [
            json!({ "certify": "leaves", "later": [1, { "a": null }] }),
            json!({ "jobs": 2 }),
            Value::Null,
        ] {
            let stored: StoredSettings = serde_json::from_value(all.clone()).unwrap();
            assert_eq!(stored.as_json(), &all);
            assert_eq!(serde_json::to_value(&stored).unwrap(), all);
        }
    }

    #[test]
    fn a_run_that_does_not_say_what_it_certifies_certifies_each_request() {
        let certify = |all: Value| StoredSettings::from(all).certify();
        assert_eq!(certify(json!({ "certify": "leaves" })), Certify::Leaves);
        assert_eq!(certify(json!({ "jobs": 2 })), Certify::Strict);
        assert_eq!(certify(Value::Null), Certify::Strict);
    }
}
