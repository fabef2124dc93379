//! Errors with a kind, an exit code and a hint of what to do.

use std::fmt;
use std::path::Path;

/// The result of most fallible functions here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of error it is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Anything that is none of the others: exit code 1.
    Failed,
    /// The command line or a settings file is wrong: 2.
    Usage,
    /// The start does not pass its oracle: 3.
    StartFails,
    /// The run was stopped early, and nothing has passed yet; it can be resumed: 4.
    Unfinished,
    /// Another run holds the directory: 5.
    Locked,
    /// The oracle, or what is built, is too unreliable to go on: 6.
    Unreliable,
    /// The user interrupted; the run can be resumed: 130.
    Interrupted,
}

impl ErrorKind {
    /// The exit code of the process.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Usage => 2,
            Self::StartFails => 3,
            Self::Unfinished => 4,
            Self::Locked => 5,
            Self::Unreliable => 6,
            Self::Interrupted => 130,
        }
    }
}

/// What went wrong, and what to do about it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of `kind`. The message names the thing and what is wrong with it, in lower
    /// case, without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            source: None,
        }
    }

    /// [`ErrorKind::Failed`].
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Failed, message)
    }

    /// [`ErrorKind::Usage`].
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Usage, message)
    }

    /// A file, or a line of one, has a version that only a later kbisect knows.
    pub fn newer(what: impl fmt::Display) -> Self {
        Self::failed(format!("{what} was written by a newer kbisect"))
    }

    /// An I/O error while `doing` something ("read", "make the folder") with `path`.
    pub fn io(doing: &str, path: &Path, source: std::io::Error) -> Self {
        let hint = match source.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                Some("free some space and start again with `kbisect resume`: nothing is lost")
            }
            std::io::ErrorKind::FileTooLarge => Some(
                "raise the limit of file sizes (`ulimit -f`), then `kbisect resume`: nothing is lost",
            ),
            _ => None,
        };
        let mut error = Self::failed(format!("cannot {doing} {}", path.display())).because(source);
        if let Some(hint) = hint {
            error = error.hint(hint);
        }
        error
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the error behind it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What the user can do about it, if we know.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// What came of a removal, where it is as well if there was nothing to remove.
pub(crate) fn unless_absent(removed: std::io::Result<()>) -> std::io::Result<()> {
    match removed {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|e| e as _)
    }
}
