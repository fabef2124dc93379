//! The types of settings: which values they have, and how a value is put into [`Settings`].

use std::num::NonZeroUsize;
use std::time::Duration;

use toml::Value;

use super::duration::{TIME_HINT, parse_duration};
use super::values::Settings;
use crate::{Error, Result};

/// The type of a setting's values, and how to put one into [`Settings`].
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// One text or several.
    Texts(fn(&mut Settings, Vec<String>) -> Result<()>),
    /// A text.
    Text(fn(&mut Settings, &str) -> Result<()>),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number that is not zero.
    Count(fn(&mut Settings, NonZeroUsize)),
    /// A whole number.
    Number(fn(&mut Settings, u32) -> Result<()>),
    /// A duration: a number of seconds, or a text such as `10m`.
    Time(fn(&mut Settings, Duration)),
    /// A number between 0.5 and 1, or a word.
    Chance(fn(&mut Settings, &str) -> Result<()>),
    /// On or off.
    Switch(fn(&mut Settings, Switch)),
    /// A name, or a table that describes a project.
    Project(fn(&mut Settings, Value)),
}

/// A value of a [`Kind::Switch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Switch {
    /// As without the setting.
    Off,
    /// The setting applies.
    On,
}

impl Kind {
    /// Is `value` of this type?
    ///
    /// # Errors
    /// It is not. The text says what was expected.
    pub fn check(&self, value: &Value) -> Result<(), &'static str> {
        let is_text = value.is_str();
        let (is_right, expected) = match self {
            Self::Texts(_) => {
                let list = value.as_array();
                let is_list = list.is_some_and(|list| list.iter().all(Value::is_str));
                (is_text || is_list, "a string or a list of strings")
            }
            Self::Text(_) | Self::Word(_) => (is_text, "a string"),
            Self::Count(_) => (count(value).is_some(), "a whole number, 1 or more"),
            Self::Number(_) => (number(value).is_some(), "a whole number"),
            Self::Time(_) => (
                is_text || number(value).is_some(),
                "a time: 90, \"90s\", \"10m\" or \"1h30m\"",
            ),
            Self::Chance(_) => (
                is_text || value.is_float(),
                "a number between 0.5 and 1, or \"none\"",
            ),
            Self::Switch(_) => (value.is_bool(), "true or false"),
            Self::Project(_) => (
                is_text || value.is_table(),
                "a name, or a table that describes a project",
            ),
        };
        if is_right { Ok(()) } else { Err(expected) }
    }

    /// Puts `value` of the setting `key` into `settings`. One of another type is left out: see [`check`](Self::check).
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): the value is not possible.
    pub fn apply(&self, key: &str, settings: &mut Settings, value: &Value) -> Result<()> {
        match self {
            Self::Texts(set) => set(settings, texts(value)),
            Self::Text(set) | Self::Chance(set) => set(settings, &text(value)),
            Self::Word(_) => Ok(()),
            Self::Count(set) => {
                if let Some(count) = count(value) {
                    set(settings, count);
                }
                Ok(())
            }
            Self::Number(set) => number(value).map_or(Ok(()), |number| set(settings, number)),
            Self::Time(set) => {
                let text = text(value);
                let time = parse_duration(&text).ok_or_else(|| {
                    let text = text.escape_debug();
                    Error::usage(format!("`{text}` is no time for --{key}")).hint(TIME_HINT)
                })?;
                set(settings, time);
                Ok(())
            }
            Self::Switch(set) => {
                let switch = match value.as_bool() {
                    Some(true) => Switch::On,
                    _ => Switch::Off,
                };
                set(settings, switch);
                Ok(())
            }
            Self::Project(set) => {
                set(settings, value.clone());
                Ok(())
            }
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(list) => list.iter().map(text).collect(),
        one => vec![text(one)],
    }
}

fn number(value: &Value) -> Option<u32> {
    value.as_integer()?.try_into().ok()
}

fn count(value: &Value) -> Option<NonZeroUsize> {
    NonZeroUsize::new(value.as_integer()?.try_into().ok()?)
}

/// Reads a number of trials or jobs: a whole number that is not zero.
///
/// # Errors
/// It is not one. The text is for people.
pub fn parse_count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "it must be a whole number, 1 or more".to_owned())
}
