//! Where the output of a child goes.

use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::Stdio;

use super::Log;
use crate::{Error, Result};

/// The file of a log, if there is one.
pub(super) fn open(log: &Log) -> Result<Option<File>> {
    let open = |path: &Path| {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .map_err(|error| Error::io("write the log", path, error))
    };
    match log {
        Log::Null => Ok(None),
        Log::Append(path) => open(path).map(Some),
        Log::File(path) => {
            let file = open(path)?;
            file.set_len(0)
                .map_err(|error| Error::io("empty the log", path, error))?;
            Ok(Some(file))
        }
    }
}

/// Both streams of a child, to `log`.
pub(super) fn outputs(log: &Log) -> Result<(Stdio, Stdio)> {
    let Some(file) = open(log)? else {
        return Ok((Stdio::null(), Stdio::null()));
    };
    let twin = file
        .try_clone()
        .map_err(|error| Error::failed("cannot use a log").because(error))?;
    Ok((file.into(), twin.into()))
}
