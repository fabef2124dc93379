//! `kbisect oracles`: lists the oracles that come with kbisect, or shows one.

use super::print::print;
use crate::run::files::json;
use std::process::ExitCode;

use super::args::MessageFormat;
use crate::model::near;
use crate::oracle::SHIPPED;
use crate::{Error, Result};

/// Arguments of `kbisect oracles`.
#[derive(Debug, clap::Args)]
pub struct OraclesArgs {
    /// Oracle to print
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// There is no oracle of that name.
pub(super) fn run(args: &OraclesArgs, format: MessageFormat) -> Result<ExitCode> {
    let text = match (&args.name, format) {
        (Some(name), _) => {
            let shipped = SHIPPED.iter().find(|shipped| shipped.name == name);
            let missing = || {
                let near = near(name, SHIPPED.iter().map(|s| s.name));
                let error = Error::usage(format!("there is no oracle `{}`", name.escape_debug()));
                match near.first() {
                    Some(near) => error.hint(format!("did you mean {near}?")),
                    None => error.hint("try: kbisect oracles"),
                }
            };
            shipped.ok_or_else(missing)?.script.to_owned()
        }
        (None, MessageFormat::Human) => {
            let line = |s: &crate::oracle::Shipped| format!("{:12} {}\n", s.name, s.description());
            SHIPPED.iter().map(line).collect()
        }
        (None, MessageFormat::Json) => {
            let object = |s: &crate::oracle::Shipped| serde_json::json!({ "name": s.name, "description": s.description() });
            let oracles: serde_json::Value = SHIPPED.iter().map(object).collect();
            json(&serde_json::json!({ "v": 1, "event": "oracles", "oracles": oracles }))?
        }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}
