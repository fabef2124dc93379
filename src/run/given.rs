//! The files of the start: found, unpacked and merged.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::lists::{few, unreadable};
use super::project::project;
use crate::input::{self, Merged, Part};
use crate::kconfig::{self, ConfResolver, Problem, ProblemKind};
use crate::model::{Symbol, sanitize_line};
use crate::settings::Settings;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// The name of standard input as a start.
pub(super) const STDIN: &str = "-";

/// The name of this machine's own configuration as a start.
pub(super) const RUNNING: &str = "running";

/// One of the files of a start.
pub(crate) enum Piece {
    /// It is there.
    Read(Part, Vec<input::Layer>),
    /// It is a file of the source, or a target of its make.
    Target(String),
}

/// A start as text.
pub(crate) struct Given {
    /// The names of its files, for people.
    pub(crate) name: String,
    /// The files.
    parts: Vec<Part>,
    /// All of them as one text.
    pub(crate) merged: Merged,
    /// How they were unpacked, for people; empty if they are text.
    pub(crate) packed: Vec<String>,
    /// One of them is a whole `.config`: Kconfig wrote it.
    pub(crate) is_whole: bool,
    /// There is no file: the start is kbisect's own.
    pub(crate) is_own: bool,
}

/// Reads the files of the start. Targets of make are left as they are: they need the source.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when a file is not there or has no configuration in it.
pub(crate) fn pieces(settings: &Settings) -> Result<Vec<Piece>> {
    // A project that there is not has no start either.
    project(settings.project.as_ref(), &settings.arch)?;
    if settings.start.is_empty() && !is_linux(settings) {
        return Err(Error::usage("this project needs a --start")
            .hint("a .config that works, or a fragment of one; for `explain` it is --config"));
    }
    settings.start.iter().map(|path| piece(path)).collect()
}

pub(super) fn is_linux(settings: &Settings) -> bool {
    match &settings.project {
        None => true,
        Some(toml::Value::String(name)) => name == "linux",
        Some(_) => false,
    }
}

fn piece(path: &Path) -> Result<Piece> {
    let name = sanitize_line(&path.to_string_lossy(), 200);
    let (name, bytes) = if path == Path::new(STDIN) {
        ("standard input".to_owned(), stdin()?)
    } else if path.exists() {
        (name, read(path)?)
    } else if path == Path::new(RUNNING) {
        let path = running()?;
        (path.display().to_string(), read(&path)?)
    } else if is_target(path) {
        return Ok(Piece::Target(name));
    } else {
        let error = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(Error::usage(format!("cannot read {name}")).because(error).hint(
            "--start takes a file, - for standard input, `running` for this machine's configuration, package:NAME for \
             that of a package, or a target of make such as x86_64_defconfig",
        ));
    };
    let unpacked = input::unpack(&name, bytes)?;
    let text = unpacked.text;
    Ok(Piece::Read(Part { name, text }, unpacked.layers))
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|e| unreadable("this", path, e))
}

/// All of standard input.
fn stdin() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().read_to_end(&mut bytes);
    read.map_err(|e| Error::usage("cannot read standard input").because(e))?;
    Ok(bytes)
}

/// Where the configuration of this machine's kernel is.
fn running() -> Result<PathBuf> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let beside = format!("/boot/config-{}", release.trim());
    let places = ["/proc/config.gz".to_owned(), beside];
    let found = places.iter().find(|place| Path::new(place).is_file());
    found.map(PathBuf::from).ok_or_else(|| {
        Error::usage("the configuration of the running kernel is not on this machine").hint(
            format!(
                "it would be {}: copy it from where the kernel was built",
                places.join(" or ")
            ),
        )
    })
}

/// Can this be the name of a target that configures?
fn is_target(path: &Path) -> bool {
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || b"_.-+".contains(&c);
    path.to_str()
        .is_some_and(|name| name.ends_with("config") && name.bytes().all(is_plain))
}

/// Merges the files of the start, once those that make writes are there.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when make has no such target.
pub(crate) fn merge(
    pieces: Vec<Piece>,
    settings: &Settings,
    conf: &ConfResolver,
    cancel: &CancelToken,
) -> Result<Given> {
    let project = project(settings.project.as_ref(), &settings.arch)?;
    let is_own = pieces.is_empty();
    let mut parts = Vec::new();
    let mut packed = Vec::new();
    let mut is_whole = false;
    for piece in pieces {
        let is_first = parts.is_empty();
        match piece {
            Piece::Read(part, layers) => {
                is_whole |= input::is_whole(&part.text);
                packed.extend(layers.iter().map(ToString::to_string));
                parts.push(part);
            }
            Piece::Target(name) => {
                let files = conf.fragments_named(&name);
                for file in &files {
                    let name = file.display().to_string();
                    let text = read(file)?;
                    parts.push(Part { name, text });
                }
                if files.is_empty() {
                    if !is_first {
                        return Err(Error::usage(format!(
                            "there is no file {name}, and no fragment of that name in the source"
                        ))
                        .hint("a target that writes a whole configuration can only be the first --start"));
                    }
                    let text = conf.make_config(&project, &name, cancel)?;
                    is_whole = true;
                    let name = format!("make {name}");
                    parts.push(Part { name, text });
                }
            }
        }
    }
    if is_own {
        parts.push(Part {
            name: "the EC2 set".to_owned(),
            text: kconfig::EC2_START.into(),
        });
    }
    let names: Vec<&str> = parts.iter().map(|part| part.name.as_str()).collect();
    let merged = match parts.as_slice() {
        // Byte for byte: what is wrong with it is told as it is.
        [one] => Merged {
            text: one.text.clone(),
            places: Vec::new(),
            redefined: Vec::new(),
        },
        several => input::merge(several),
    };
    Ok(Given {
        name: names.join(" + "),
        merged,
        packed,
        is_whole,
        is_own,
        parts,
    })
}

impl Given {
    /// Its files.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// Which values of earlier files later ones replace, in one line; none if they replace none.
    pub(crate) fn replaced(&self) -> Option<String> {
        const SHOWN: usize = 5;
        let changes = &self.merged.redefined;
        let lines: Vec<&str> = changes.iter().map(|c| c.after.as_str()).collect();
        let count = changes.len();
        (count > 0).then(|| {
            format!(
                "start: {count} values of earlier files are replaced by later ones: {}",
                few(&lines, SHOWN)
            )
        })
    }

    /// The file and the line in it that a line of the merged text is from.
    fn place(&self, line: usize) -> (&str, usize) {
        match line
            .checked_sub(1)
            .and_then(|at| self.merged.places.get(at))
        {
            Some((part, line)) => (&self.parts[*part].name, *line),
            None => (&self.name, line),
        }
    }

    /// The problems of each file that has any, with lines of that file.
    pub(crate) fn problems(&self, problems: &[Problem]) -> Vec<(String, Vec<Problem>)> {
        let mut found: Vec<(String, Vec<Problem>)> = Vec::new();
        for problem in problems {
            let (name, line) = self.place(problem.line);
            let kind = match &problem.kind {
                ProblemKind::Duplicate(symbol, earlier) => {
                    ProblemKind::Duplicate(symbol.clone(), self.place(*earlier).1)
                }
                ProblemKind::Late(symbol, earlier) => {
                    ProblemKind::Late(symbol.clone(), self.place(*earlier).1)
                }
                kind => kind.clone(),
            };
            let problem = Problem { line, kind };
            match found.iter_mut().find(|(of, _)| of == name) {
                Some((_, problems)) => problems.push(problem),
                None => found.push((name.to_owned(), vec![problem])),
            }
        }
        found
    }

    /// The same of unknown symbols.
    pub(crate) fn unknown(
        &self,
        unknown: &[(usize, Symbol)],
    ) -> Vec<(String, Vec<(usize, Symbol)>)> {
        let mut found: Vec<(String, Vec<(usize, Symbol)>)> = Vec::new();
        for (line, symbol) in unknown {
            let (name, line) = self.place(*line);
            match found.iter_mut().find(|(of, _)| of == name) {
                Some((_, symbols)) => symbols.push((line, symbol.clone())),
                None => found.push((name.to_owned(), vec![(line, symbol.clone())])),
            }
        }
        found
    }
}
