//! `kbisect oracles`: lists the oracles that come with kbisect, or shows one.

use serde_json::{Value, json};

use super::print::{print, print_event};
use super::shown::Shown;
use crate::Result;
use crate::guest::Guest;
use crate::oracle::{Header, SHIPPED, Shipped, shipped};

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
        let oracles = SHIPPED.iter().map(object).collect::<Result<Vec<_>>>()?;
        print_event("oracles", &json!({ "oracles": oracles }))?;
    } else {
        print(&SHIPPED.iter().map(lines).collect::<Result<String>>()?)?;
    }
    Ok(0)
}

/// What it is for, and below it what it needs.
fn lines(shipped: &Shipped) -> Result<String> {
    let (name, description) = (shipped.name, shipped.description());
    let mut text = format!("{name:16} {description}\n");
    if let Some(header) = shipped.header()? {
        text += &format!("{:16} {header}\n", "");
    }
    Ok(text)
}

fn object(shipped: &Shipped) -> Result<Value> {
    let header = shipped.header()?;
    let header = header.as_ref();
    Ok(json!({
        "name": shipped.name,
        "description": shipped.description(),
        "guest": header.and_then(Header::guest).map(Guest::name),
        "machine": header.map(|header| header.hardware().to_string()),
        "level": header.map(Header::levels_text),
    }))
}
