//! Reads the settings file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use toml::{Spanned, Value};

use super::partial::PartialSettings;
use super::setting::Setting;
use super::values::OUTPUT;
use crate::{Error, Result};

/// The settings file, looked for in the working directory.
pub const FILE: &str = "kbisect.toml";

/// Reads a settings file. Returns the settings and the unknown keys.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when it is no TOML or a value is of the wrong
/// type.
pub fn read(path: &Path) -> Result<(PartialSettings, Vec<String>)> {
    let text = fs::read_to_string(path).map_err(|e| Error::io("read", path, e))?;
    let wrong = |start: Option<usize>, message: &str| {
        let error = format!("{} is no settings file", path.display());
        let Some(before) = start.and_then(|start| text.get(..start)) else {
            return Error::usage(format!("{error}: {message}"));
        };
        let number = 1 + before.matches('\n').count();
        let line = text.lines().nth(number - 1).unwrap_or_default().trim();
        let error = Error::usage(format!("{error}: line {number}: {message}"));
        match line {
            // It ends too early.
            "" => error,
            line => error.hint(format!("that line is `{line}`")),
        }
    };
    let parsed: BTreeMap<String, Spanned<Value>> =
        toml::from_str(&text).map_err(|e| wrong(e.span().map(|span| span.start), e.message()))?;
    let (mut settings, mut unknown) = (PartialSettings::new(), Vec::new());
    for (key, value) in parsed {
        let start = value.span().start;
        match Setting::named(&key) {
            None => unknown.push(key),
            Some(setting) => settings
                .set(setting, value.into_inner())
                .map_err(|expected| wrong(Some(start), &format!("{key}: expected {expected}")))?,
        }
    }
    Ok((settings, unknown))
}

/// The run directory of a command: `given`, else the one in [`FILE`], else [`OUTPUT`].
///
/// # Errors
/// Those of [`read`].
pub fn output(given: Option<&Path>) -> Result<PathBuf> {
    let file = Path::new(FILE);
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    let settings = match file.is_file() {
        true => read(file)?.0,
        false => PartialSettings::new(),
    };
    Ok(settings.text("output").unwrap_or(OUTPUT).into())
}
