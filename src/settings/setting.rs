//! What a setting is: a row of the [list](super::SETTINGS).

use super::kind::Kind;
use super::values::Settings;

/// A setting: a flag `--KEY`, and a key of the settings file.
#[derive(Debug)]
pub struct Setting {
    /// Its name.
    pub key: &'static str,
    /// The letter of its short flag, if it has one.
    pub short: Option<char>,
    /// The form of its values, for help texts.
    pub value_name: &'static str,
    /// Its meaning, for help texts.
    pub doc: &'static str,
    /// The default, for help texts; empty if there is none.
    pub default: &'static str,
    /// Its section in the help.
    pub section: Section,
    /// The type of its values.
    pub kind: Kind,
    /// What it affects.
    pub effect: Effect,
}

/// A section of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What is searched.
    Subject,
    /// How it is searched.
    Search,
    /// Builds.
    Builds,
    /// The run as a whole.
    Run,
    /// Flags of all commands: how messages look.
    Common,
}

/// What a setting affects.
#[derive(Debug, Clone, Copy)]
pub enum Effect {
    /// Verdicts or the list of requests. The key of the run has it, by contents.
    Key,
    /// The candidates of the search, and so the meaning of its journal.
    Search {
        /// The name of the field in the record of a run.
        field: &'static str,
        /// Its value.
        value: fn(&Settings) -> serde_json::Value,
    },
    /// Nothing that is recorded. It may differ from session to session.
    None,
}

/// The defaults of a row.
pub(super) const ROW: Setting = Setting {
    key: "",
    short: None,
    value_name: "",
    doc: "",
    default: "",
    section: Section::Run,
    kind: Kind::Word(&[]),
    effect: Effect::None,
};
