//! What taking the start apart found besides requests, with the reasons.

use serde::{Deserialize, Serialize};

use super::request::Request;
use super::symbol::{Symbol, Value};

/// What became of each line of the start that is no request, and of each line of the resolved start that nobody
/// asked for.
///
/// Reasons come from the native Kconfig engine. Where the tree's own `conf` does its work, they are `Unknown`.
/// Texts of Kconfig files are safe to show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Analysis {
    /// Assignments without which the start resolves to the same config.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<Dropped>,
    /// Assignments that no request can switch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed: Vec<Fixed>,
    /// Assignments that did not take effect. They can be among the dropped and the fixed ones, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Missing>,
    /// Symbols that the source does not have.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Unknown>,
    /// Lines of the resolved start that no request asks for, by symbol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub implied: Vec<Implied>,
}

/// What sets a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum SetBy {
    /// Its default.
    Default {
        /// As the Kconfig file has it.
        default: String,
    },
    /// Other symbols select it.
    Selected {
        /// Which, with the conditions of the selects: `USB && PCI`.
        by: Vec<String>,
    },
    /// Other symbols imply it.
    Implied {
        /// Which, with the conditions.
        by: Vec<String>,
    },
    /// It is the member that its choice takes.
    Chosen,
    /// The base asks for it.
    Base,
    /// Nobody could tell.
    Unknown,
}

/// An assignment without which the start resolves to the same config.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// The assignment.
    #[serde(flatten)]
    pub request: Request,
    /// What sets the symbol without it.
    #[serde(flatten)]
    pub why: SetBy,
}

/// An assignment that no request can switch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fixed {
    /// The assignment.
    #[serde(flatten)]
    pub request: Request,
    /// Why.
    #[serde(flatten)]
    pub why: WhyFixed,
}

/// Why no request can switch a symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum WhyFixed {
    /// It has no visible prompt.
    NoPrompt {
        /// What sets it.
        set: SetBy,
        /// What it needs for a prompt; empty if it never has one, or nobody could tell.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        needs: Vec<String>,
    },
    /// A `select` leaves it no other value.
    Forced {
        /// The selects, with their conditions; empty if nobody could tell.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        by: Vec<String>,
    },
    /// The base resolves to the same value.
    SameAsBase,
    /// The base asks for the symbol itself.
    InBase,
}

/// An assignment that did not take effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The assignment.
    #[serde(flatten)]
    pub request: Request,
    /// The value that the symbol got.
    pub got: Value,
    /// Why.
    #[serde(flatten)]
    pub why: WhyMissing,
}

/// Why an assignment did not take effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "why")]
pub enum WhyMissing {
    /// Dependencies are not met.
    Needs {
        /// Those that are not.
        needs: Vec<String>,
    },
    /// Other symbols select it.
    Selected {
        /// Which, with the conditions.
        by: Vec<String>,
    },
    /// Its choice takes another member.
    NotChosen,
    /// It has no prompt: only other symbols set it.
    NoPrompt,
    /// Its dependencies or its range allow no more.
    Limited,
    /// Nobody could tell.
    Unknown,
}

/// A symbol that the source does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unknown {
    /// The symbol.
    pub symbol: Symbol,
    /// Its line in the file of the start.
    pub line: usize,
    /// Symbols that are spelt like it, the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub near: Vec<String>,
}

/// A line of the resolved start that no request asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Implied {
    /// The line.
    #[serde(flatten)]
    pub request: Request,
    /// What sets the symbol.
    #[serde(flatten)]
    pub why: SetBy,
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_form_is_as_it_was_and_is_read_back() {
        let request = |name: &str| Request {
            symbol: name.parse().unwrap(),
            value: Value::YES,
        };
        let analysis = Analysis {
            dropped: vec![Dropped {
                request: request("A"),
                why: SetBy::Default {
                    default: "y".into(),
                },
            }],
            fixed: vec![
                Fixed {
                    request: request("B"),
                    why: WhyFixed::Forced {
                        by: vec!["X && Y".into()],
                    },
                },
                Fixed {
                    request: request("C"),
                    why: WhyFixed::NoPrompt {
                        set: SetBy::Selected {
                            by: vec!["X".into()],
                        },
                        needs: vec!["EXPERT".into()],
                    },
                },
                Fixed {
                    request: request("D"),
                    why: WhyFixed::SameAsBase,
                },
            ],
            missing: vec![Missing {
                request: request("E"),
                got: Value::NO,
                why: WhyMissing::Needs {
                    needs: vec!["NET".into()],
                },
            }],
            unknown: vec![Unknown {
                symbol: "EPOL".parse().unwrap(),
                line: 3,
                near: vec!["EPOLL".into()],
            }],
            implied: vec![Implied {
                request: request("F"),
                why: SetBy::Chosen,
            }],
        };
        let json = json!({
            "dropped": [{ "symbol": "A", "value": "y", "why": "default", "default": "y" }],
            "fixed": [
                { "symbol": "B", "value": "y", "why": "forced", "by": ["X && Y"] },
                { "symbol": "C", "value": "y", "why": "no-prompt", "set": { "why": "selected", "by": ["X"] },
                  "needs": ["EXPERT"] },
                { "symbol": "D", "value": "y", "why": "same-as-base" },
            ],
            "missing": [{ "symbol": "E", "value": "y", "got": "n", "why": "needs", "needs": ["NET"] }],
            "unknown": [{ "symbol": "EPOL", "line": 3, "near": ["EPOLL"] }],
            "implied": [{ "symbol": "F", "value": "y", "why": "chosen" }],
        });
        assert_eq!(serde_json::to_value(&analysis).unwrap(), json);
        assert_eq!(serde_json::from_value::<Analysis>(json).unwrap(), analysis);
    }
}
