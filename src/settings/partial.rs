//! Some settings, not yet completed or checked.

use std::collections::BTreeMap;
use std::path::Path;

use toml::Value;

use super::setting::Setting;

/// The settings from flags or from a settings file, by key. Each value is of its setting's
/// [`Kind`](super::Kind).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PartialSettings {
    values: BTreeMap<&'static str, Value>,
}

impl PartialSettings {
    /// No settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets `value`.
    ///
    /// # Errors
    /// It is not of the setting's kind. The text says what was expected.
    pub fn set(&mut self, setting: &Setting, value: Value) -> Result<(), &'static str> {
        setting.kind.check(&value)?;
        self.values.insert(setting.key, value);
        Ok(())
    }

    /// These settings, and `value` for the key. For callers that know that both are valid.
    ///
    /// # Panics
    /// There is no such setting, or the value is not of its kind.
    #[must_use]
    #[expect(clippy::panic, reason = "a mistake of the program that calls it")]
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let set = Setting::named(key).map(|setting| self.set(setting, value.into()));
        match set {
            Some(Ok(())) => self,
            Some(Err(expected)) => panic!("{key}: {expected}"),
            None => panic!("there is no setting {key}"),
        }
    }

    /// These settings, and a path for the key, if there is one.
    ///
    /// # Panics
    /// As [`with`](Self::with).
    #[must_use]
    pub fn with_path(self, key: &str, path: Option<&Path>) -> Self {
        match path {
            // The settings file is text, and so are the run's records.
            Some(path) => self.with(key, path.to_string_lossy().into_owned()),
            None => self,
        }
    }

    /// The value of this key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key)
    }

    /// The text of this key.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The texts of this key.
    pub fn texts(&self, key: &str) -> impl Iterator<Item = &str> {
        let list = self.get(key).and_then(Value::as_array);
        let one = self.text(key);
        one.into_iter()
            .chain(list.into_iter().flatten().filter_map(Value::as_str))
    }

    /// These settings, and those of `file` with other keys.
    #[must_use]
    pub fn over(mut self, file: Self) -> Self {
        for (key, value) in file.values {
            self.values.entry(key).or_insert(value);
        }
        self
    }
}
