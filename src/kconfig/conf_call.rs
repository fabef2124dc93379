//! How make calls the tree's own `conf`: recorded once, during a real call.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::project::Project;
use crate::error::unless_absent;
use crate::identity::MAKE_OPTIONS;
use crate::supervise::{self, CancelToken, Ended, How, Log, Spec, find_program};
use crate::{Error, ErrorKind, Result};

/// See the file itself.
pub(super) const SHIM: &str = include_str!("conf_shim.c");

/// Wall time that one run of `conf` may take, or of a command that it asks the shell for. It
/// takes a second or two.
pub(super) const LIMIT: Duration = Duration::from_secs(120);

/// In the folder that a call was learnt in: what the shim wrote down, and the log.
const RECORD: &str = "record";
const LOG: &str = "conf.log";
const ENVIRON: &str = "environ";

/// A call of `conf`, as make does it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) program: PathBuf,
    pub(super) args: Vec<OsString>,
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) cwd: PathBuf,
    pub(super) shim: Shim,
}

/// The compiled shim and the folder of the answers that it remembers.
#[derive(Debug, Clone)]
pub(super) struct Shim {
    library: PathBuf,
    pub(super) answers: PathBuf,
}

impl Shim {
    fn at(work: &Path) -> Self {
        Self {
            library: work.join("conf_shim.so"),
            answers: work.join("answers"),
        }
    }

    /// Compiles the shim in `work`, and has it keep its answers there.
    fn make(work: &Path, log: &Path, cancel: &CancelToken) -> Result<Self> {
        let shim = Self::at(work);
        fs::create_dir_all(&shim.answers)
            .map_err(|e| Error::io("make the folder", &shim.answers, e))?;
        let source = work.join("conf_shim.c");
        fs::write(&source, SHIM).map_err(|e| Error::io("write", &source, e))?;
        let spec = Spec::new("cc")
            .args(["-O2", "-shared", "-fPIC", "-o"])
            .arg(&shim.library)
            .arg(&source)
            .arg("-ldl")
            .log(Log::Append(log.to_owned()))
            .wall(LIMIT);
        if !supervise::run(&spec, cancel)?.success() {
            return Err(
                Error::failed("the helper for Kconfig cannot be compiled").hint(format!(
                    "see {}; `kbisect doctor` tells what is missing",
                    log.display()
                )),
            );
        }
        Ok(shim)
    }

    /// Is it there?
    fn is_made(&self) -> bool {
        self.library.is_file() && self.answers.is_dir()
    }

    /// What it needs in the environment.
    pub(super) fn env(&self) -> Vec<(OsString, OsString)> {
        let mut preload = self.library.clone().into_os_string();
        if let Some(theirs) = std::env::var_os("LD_PRELOAD").filter(|p| !p.is_empty()) {
            preload.push(":");
            preload.push(theirs);
        }
        vec![
            ("LD_PRELOAD".into(), preload),
            ("KBISECT_SHELL_CACHE".into(), self.answers.clone().into()),
        ]
    }
}

impl Call {
    /// Has make build the `conf` of the tree `source` in the folder `work`, which is emptied, and
    /// watches how it calls it.
    ///
    /// # Errors
    /// make fails, or does not call a `conf`.
    pub(super) fn learn(
        source: &Path,
        project: &Project,
        work: &Path,
        cancel: &CancelToken,
    ) -> Result<Self> {
        unless_absent(fs::remove_dir_all(work)).map_err(|e| Error::io("remove", work, e))?;
        let tree = work.join("tree");
        let record = work.join(RECORD);
        for folder in [&tree, &record] {
            fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, e))?;
        }
        let log = work.join(LOG);
        let shim = Shim::make(work, &log, cancel)?;
        let short = Short::of(&tree)?;
        let spec = make(source, project, &tree, &short.path, shim.env())
            .arg(&project.base_target)
            .env("KBISECT_CONF_RECORD", &record)
            .log(Log::Append(log.clone()));
        let ended = supervise::run(&spec, cancel)?;
        check(ended, "make", &log).map_err(|error| lacks_target(error, project, &log))?;
        forget_ours(&record.join(ENVIRON))?;
        Self::learnt(work)
    }

    /// Are the files there that it needs?
    pub(super) fn is_whole(&self) -> bool {
        self.shim.is_made()
            && self.cwd.is_dir()
            && self.program.to_str().and_then(find_program).is_some()
    }

    /// The call that was learnt in `work`.
    ///
    /// # Errors
    /// None was.
    pub(super) fn learnt(work: &Path) -> Result<Self> {
        let record = work.join(RECORD);
        let read = |name: &str| {
            fs::read(record.join(name)).map_err(|_| {
                Error::failed("make did not call Kconfig's `conf`").hint(format!(
                    "is this a Kconfig project? See {}",
                    work.join(LOG).display()
                ))
            })
        };
        let env = variables(&read(ENVIRON)?)
            .filter(|(name, _)| !OURS.iter().any(|ours| name == ours))
            .collect();
        Ok(Self {
            program: PathBuf::from(OsStr::from_bytes(&read("exe")?)),
            args: words(&read("cmdline")?)
                .map(OsStr::to_owned)
                .skip(1)
                .collect(),
            env,
            cwd: PathBuf::from(OsStr::from_bytes(&read("cwd")?)),
            shim: Shim::at(work),
        })
    }
}

/// The error of make, or a better one if the project has no target for the smallest configuration.
fn lacks_target(error: Error, project: &Project, log: &Path) -> Error {
    let target = &project.base_target;
    let said = fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    // Older versions of make begin the name with a backquote.
    let is_it = |quote| said.contains(&format!("No rule to make target {quote}{target}'"));
    if !is_it('\'') && !is_it('`') {
        return error;
    }
    let target = target.escape_debug();
    Error::usage(format!(
        "the project {} has no make target {target}, by which kbisect gets its smallest configuration",
        project.name.escape_debug()
    ))
    .hint(
        "if it is a Kconfig project, name a target that calls `conf` for one by base-target in [project] of \
         kbisect.toml; the README describes the table",
    )
}

/// A call of make that configures in the folder `tree`, which Kconfig knows by the name `short`.
pub(super) fn make(
    source: &Path,
    project: &Project,
    tree: &Path,
    short: &Path,
    shim: Vec<(OsString, OsString)>,
) -> Spec {
    let mut output = OsString::from(&project.output_variable);
    output.push("=");
    // A trailing slash, since SeaBIOS joins the variable and names of files without one.
    output.push(tree.join(""));
    // On the command line, since SeaBIOS sets it to a file in the source tree.
    let mut config = OsString::from("KCONFIG_CONFIG=");
    config.push(short.join(".config"));
    let mut spec = Spec::new("make")
        .arg("-C")
        .arg(source)
        .arg(output)
        .arg(config)
        .args(&project.make_args)
        .in_english()
        .env_remove("KCONFIG_ALLCONFIG")
        .env_remove("KCONFIG_CONFIG")
        .wall(Duration::from_secs(600));
    // As for builds: what make is told from outside would hold for Kconfig only.
    for name in MAKE_OPTIONS {
        spec = spec.env_remove(name);
    }
    for (name, value) in project.make_env().chain(shim) {
        spec = spec.env(name, value);
    }
    spec
}

/// Another name of a folder, if its own is long: a `conf` of 2008 (toybox has one) takes names of 127 bytes, writes
/// behind its buffer if they are longer, and may go on to say that all is well.
pub(super) struct Short {
    pub(super) path: PathBuf,
    /// Where the other name is.
    _folder: Option<tempfile::TempDir>,
}

impl Short {
    /// So long may a folder's name be, with room for those of files in it.
    const ENOUGH: usize = 80;

    pub(super) fn of(folder: &Path) -> Result<Self> {
        if folder.as_os_str().len() <= Self::ENOUGH {
            let path = folder.to_owned();
            return Ok(Self {
                path,
                _folder: None,
            });
        }
        // `$TMPDIR` may be long, too.
        let place = Path::new("/tmp");
        let wrong = |e| Error::io("make a folder in", place, e);
        let short = tempfile::tempdir_in(place).map_err(wrong)?;
        let path = short.path().join("tree");
        std::os::unix::fs::symlink(folder, &path)
            .map_err(|e| Error::io("make the link", &path, e))?;
        let folder = Some(short);
        Ok(Self {
            path,
            _folder: folder,
        })
    }
}

/// The texts in a file like `/proc/PID/environ`.
fn words(bytes: &[u8]) -> impl Iterator<Item = &OsStr> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    bytes.split(|b| *b == 0).map(OsStr::from_bytes)
}

fn variables(bytes: &[u8]) -> impl Iterator<Item = (OsString, OsString)> {
    words(bytes).filter_map(|entry| {
        let at = entry.as_bytes().iter().position(|b| *b == b'=')?;
        let (name, value) = entry.as_bytes().split_at(at);
        let value = OsStr::from_bytes(&value[1..]);
        Some((OsStr::from_bytes(name).to_owned(), value.to_owned()))
    })
}

/// Leaves only what make added to our environment, or changed: there may be secrets in it, and a
/// later call has its own.
fn forget_ours(path: &Path) -> Result<()> {
    let bytes = fs::read(path).unwrap_or_default();
    let mut kept = Vec::new();
    for (name, value) in variables(&bytes) {
        if std::env::var_os(&name).as_ref() != Some(&value) {
            for part in [name.as_bytes(), b"=", value.as_bytes(), b"\0"] {
                kept.extend_from_slice(part);
            }
        }
    }
    fs::write(path, kept).map_err(|e| Error::io("write", path, e))
}

/// Variables that are no part of a call: ours, make's own business, and where the temporary files
/// of the run were that learnt it.
const OURS: [&str; 4] = [
    "KBISECT_CONF_RECORD",
    "KCONFIG_CONFIG",
    "MAKEFLAGS",
    "TMPDIR",
];

/// Turns an end that is no success into an error with the last words of `log`.
pub(super) fn check(ended: Ended, what: &str, log: &Path) -> Result<()> {
    match ended.how {
        How::Exited(0) => Ok(()),
        How::Cancelled => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
        How::TimedOut(_) | How::Signalled(nix::libc::SIGXFSZ) => Err(Error::failed(format!(
            "{what} does not come to an end"
        ))
        .hint("it asks again and again for a number that has no default: give it in the start")),
        How::Exited(_) | How::Signalled(_) => {
            let text = fs::read(log).unwrap_or_default();
            let text = crate::model::sanitize(&String::from_utf8_lossy(&text));
            let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
            let tail = lines[lines.len().saturating_sub(5)..].join("\n");
            Err(Error::failed(format!(
                "{what} failed: {}",
                lines.last().copied().unwrap_or("without a word")
            ))
            .hint(format!("its last words:\n{tail}")))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_project_without_the_target_is_told_how_to_name_another() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let said = |text: &str| {
            fs::write(log.path(), text).unwrap();
            let error = Error::failed("make failed");
            lacks_target(error, &Project::busybox(), log.path()).to_string()
        };
        for quote in ['\'', '`'] {
            let text = format!("make: *** No rule to make target {quote}allnoconfig'.  Stop.\n");
            assert!(said(&text).contains("has no make target allnoconfig"));
        }
        let other = "make: *** No rule to make target 'x.c', needed by 'allnoconfig'.  Stop.\n";
        assert_eq!(said(other), "make failed");
    }
}
