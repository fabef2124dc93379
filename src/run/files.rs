//! JSON files of a run, with their versions.

use std::path::Path;

use crate::model::understand;
use crate::{Error, Result};

/// The result, in the run directory.
pub(crate) const MINIMAL_CONFIG: &str = "minimal.config";
pub(crate) const MINIMAL_FRAGMENT: &str = "minimal.fragment";

/// What is in a file of ours, of which this is the text.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(
    text: &str,
    path: &Path,
    newest: u32,
) -> Result<T> {
    understand(text.as_bytes(), newest, path)?;
    serde_json::from_str(text)
        .map_err(|e| Error::failed(format!("{} is damaged", path.display())).because(e))
}

/// `value` as the text of a file.
pub(crate) fn json_file(value: &impl serde::Serialize) -> Result<String> {
    written(serde_json::to_string_pretty(value))
}

fn written(text: serde_json::Result<String>) -> Result<String> {
    text.map(|text| text + "\n")
        .map_err(|e| Error::failed("cannot write JSON").because(e))
}
