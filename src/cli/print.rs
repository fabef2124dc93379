//! Standard output: text, and events of JSON.

use serde::Serialize;
use serde_json::{Value, json};

use crate::{Error, Result};

/// Writes a result to standard output. Who closed it has seen enough.
///
/// # Errors
/// There is no room for it.
pub(super) fn print(text: &str) -> Result<()> {
    use std::io::Write;
    let mut stdout = std::io::stdout();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::failed("cannot write to standard output").because(e))
        }
        _ => Ok(()),
    }
}

/// Writes `value` as a line of JSON, for programs.
///
/// # Errors
/// There is no room for it.
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string(value).map_err(no_json)?;
    print(&(text + "\n"))
}

/// Writes the event `name` as a line of JSON, with the fields of `value`, an object.
///
/// # Errors
/// There is no room for it.
pub(super) fn print_event(name: &str, value: &impl Serialize) -> Result<()> {
    let mut event = serde_json::to_value(value).map_err(no_json)?;
    if let Value::Object(fields) = &mut event {
        fields.insert("v".to_owned(), json!(1));
        fields.insert("event".to_owned(), json!(name));
    }
    print_json(&event)
}

fn no_json(error: serde_json::Error) -> Error {
    Error::failed("cannot write JSON").because(error)
}
