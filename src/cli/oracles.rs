//! `kbisect oracles`: lists the oracles that come with kbisect, or shows one.

use super::print::{print, print_event};
use super::shown::Shown;
use crate::Result;
use crate::oracle::{SHIPPED, Shipped, shipped};

/// Arguments of `kbisect oracles`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Oracle to print
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    if let Some(name) = &args.name {
        print(shipped(name)?.script)?;
    } else if shown.is_json() {
        let object =
            |s: &Shipped| serde_json::json!({ "name": s.name, "description": s.description() });
        let oracles: Vec<_> = SHIPPED.iter().map(object).collect();
        print_event("oracles", &serde_json::json!({ "oracles": oracles }))?;
    } else {
        let line = |s: &Shipped| format!("{:12} {}\n", s.name, s.description());
        print(&SHIPPED.iter().map(line).collect::<String>())?;
    }
    Ok(0)
}
