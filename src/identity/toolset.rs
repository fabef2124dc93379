//! The programs of a build during a run: found again by name, compared by contents.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use rayon::prelude::*;

use super::outside::Outside;
use super::toolchain::{Variables, called, helpers};
use super::tracked::Tracked;
use crate::Error;
use crate::supervise::{self, CancelToken, Spec, find_program};

/// What a compiler calls, as it names them itself.
const CALLED: &[&str] = &[
    "cc1",
    "cc1plus",
    "collect2",
    "lto-wrapper",
    "lto1",
    "as",
    "ld",
];

/// What a compiler takes along without being told, as it names them itself.
const TAKEN: &[&str] = &[
    "crt1.o",
    "libc.a",
    "libc.so.6",
    "libgcc.a",
    "liblto_plugin.so",
];

/// Included by gcc without being named.
const PREDEFINED: &str = "/usr/include/stdc-predef.h";

/// The programs of a build, and what they are made of, as they were when a run began or went on.
///
/// A look finds each program anew through `PATH` and stats it; what has another stat is read. Not tracked are
/// the libraries that the programs themselves are linked with, headers of the system, and the shell with its
/// common tools (`sed`, `awk`).
#[derive(Debug, Default)]
pub struct Toolset {
    /// By the names by which they are called; of one that is not there nothing.
    programs: BTreeMap<String, Option<Tracked>>,
    /// What these are made of, and other files that builds read.
    parts: Vec<Tracked>,
    /// Files that builds would read if they were there.
    absent: Vec<PathBuf>,
}

impl Toolset {
    /// The programs that a build with these variables may call, those of the names `others`, and what is
    /// `outside` of the source that builds read.
    #[must_use]
    pub fn of(
        variables: &Variables,
        others: &[&str],
        outside: Outside,
        cancel: &CancelToken,
    ) -> Self {
        let names = called(variables);
        let names = names.into_iter().chain(others.iter().map(|n| (*n).into()));
        let names: BTreeSet<String> = names.collect();
        let found: Vec<(String, Option<PathBuf>)> = names
            .into_iter()
            .map(|name| {
                let path = find_program(&name);
                (name, path)
            })
            .collect();
        let mut paths: BTreeSet<PathBuf> = [PREDEFINED.into()].into();
        let mut asked: BTreeSet<PathBuf> = BTreeSet::new();
        for (name, path) in &found {
            let real = path.as_ref().and_then(|path| path.canonicalize().ok());
            if is_compiler(name)
                && let Some(real) = real
                && asked.insert(real)
            {
                paths.extend(parts(name, cancel));
            }
        }
        // They are large. One that cannot be read is nothing to a build either.
        let track = |path: &PathBuf| {
            // `/usr/lib/gcc/12/../../x`: for people the short form.
            let shown = path.canonicalize().unwrap_or_else(|_| path.clone());
            Tracked::new(&shown.display().to_string(), path).ok()
        };
        let paths: Vec<PathBuf> = paths.into_iter().collect();
        let mut parts: Vec<Tracked> = paths.par_iter().filter_map(track).collect();
        parts.extend(outside.files);
        let programs = found.into_par_iter().map(|(name, path)| {
            let program = path.and_then(|path| Tracked::new(&name, &path).ok());
            (name, program)
        });
        Self {
            programs: programs.collect(),
            parts,
            absent: outside.absent,
        }
    }

    /// What a key says of the programs beside the [toolchain](super::toolchain()): of each that is there a hash of
    /// its contents.
    #[must_use]
    pub fn helpers(&self, variables: &Variables) -> BTreeMap<String, String> {
        let names = helpers(variables).into_iter();
        let known =
            names.filter_map(|name| Some((self.programs.get(&name)?.as_ref()?.hash(), name)));
        known.map(|(hash, name)| (name, hash)).collect()
    }

    /// Looks whether all is what it was: how often somebody was seen to have written to any of it.
    ///
    /// # Errors
    /// It is not; the error names what differs.
    pub fn look(&self) -> crate::Result<u64> {
        let mut differs: Vec<String> = Vec::new();
        let mut writes = 0;
        for (name, program) in &self.programs {
            match (program, find_program(name)) {
                (None, None) => {}
                (None, Some(path)) => {
                    differs.push(format!("{name} (was not there, and is {})", path.display()));
                }
                (Some(program), None) => {
                    differs.push(format!("{name} ({} is gone)", program.path().display()));
                }
                (Some(program), Some(path)) if path != program.path() => differs.push(format!(
                    "{name} (was {}, and is {})",
                    program.path().display(),
                    path.display()
                )),
                (Some(program), Some(path)) => match program.look() {
                    Some(seen) => writes += seen,
                    None if path.to_str() == Some(&**name) => differs.push(name.clone()),
                    None => differs.push(format!("{name} ({})", path.display())),
                },
            }
        }
        for part in &self.parts {
            match part.look() {
                Some(seen) => writes += seen,
                None => differs.push(part.name().to_owned()),
            }
        }
        let come = self.absent.iter().filter(|path| path.is_file());
        differs.extend(come.map(|path| format!("{} (was not there)", path.display())));
        if differs.is_empty() {
            return Ok(writes);
        }
        differs.truncate(NAMED);
        let differs = crate::model::sanitize_line(&differs.join(", "), LONGEST);
        Err(Error::failed(format!("what builds use was changed during the run: {differs}")).hint(
            "put it back as it was and `kbisect resume`: nothing is lost; or start a new run with another --output",
        ))
    }

    /// A name for the state of all of it, times included.
    #[must_use]
    pub fn state_id(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        let programs = self.programs.values().flatten();
        for file in programs.chain(&self.parts) {
            file.hash_state(&mut hasher);
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// How many of what differs are named, and how many characters that may take.
const NAMED: usize = 4;
const LONGEST: usize = 600;

/// Others have nothing to ask for.
fn is_compiler(name: &str) -> bool {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.contains("gcc") || name.contains("clang") || name.ends_with("cc") || name.ends_with("++")
}

/// What the compiler `name` calls and takes along: found where it says that it looks, which is one question instead
/// of one for each.
fn parts(name: &str, cancel: &CancelToken) -> Vec<PathBuf> {
    let spec = Spec::new(name).arg("-print-search-dirs").in_english();
    let spec = spec.wall(Duration::from_secs(20));
    let said = supervise::answer(&spec, cancel).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let folders = |kind: &str| -> Vec<PathBuf> {
        let mut lines = said.lines().filter_map(|line| line.strip_prefix(kind));
        let list = lines
            .next()
            .unwrap_or_default()
            .trim_start_matches(['=', ' ']);
        list.split(':').map(PathBuf::from).collect()
    };
    let (programs, libraries) = (folders("programs:"), folders("libraries:"));
    let is_told = !said.is_empty();
    let called = CALLED.iter().filter(|_| is_told).filter_map(|part| {
        let paths = programs.iter().map(|folder| folder.join(part));
        let mut found =
            paths.filter(|path| path.to_str().is_some_and(|p| find_program(p).is_some()));
        found.next().or_else(|| find_program(part))
    });
    let taken = TAKEN.iter().filter_map(|part| {
        let mut paths = libraries
            .iter()
            .chain(&programs)
            .map(|folder| folder.join(part));
        paths.find(|path| path.is_file())
    });
    // Not resolved: a link that leads elsewhere is another program.
    called.chain(taken).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;

    /// A fake linker, and the set that has it.
    fn fake(dir: &Path, text: &str) -> Toolset {
        write(dir, text);
        let prefix = format!("CROSS_COMPILE={}/x-", dir.display());
        let variables = Variables::of(&[prefix], &[]);
        Toolset::of(
            &variables,
            &["no-such-program"],
            Outside::default(),
            &CancelToken::new(),
        )
    }

    fn write(dir: &Path, text: &str) {
        let path = dir.join("x-ld");
        fs::write(dir.join("new"), text).unwrap();
        fs::set_permissions(dir.join("new"), PermissionsExt::from_mode(0o755)).unwrap();
        fs::rename(dir.join("new"), path).unwrap();
    }

    #[test]
    fn a_program_that_is_replaced_is_named_and_one_that_is_put_back_is_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let tools = fake(dir.path(), "#!/bin/sh\n");
        let (writes, state) = (tools.look().unwrap(), tools.state_id());
        assert_eq!(tools.look().unwrap(), writes);
        write(dir.path(), "#!/bin/sh -\n");
        let error = tools.look().unwrap_err().to_string();
        assert!(error.ends_with("/x-ld"), "{error}");
        write(dir.path(), "#!/bin/sh\n");
        assert_ne!(tools.look().unwrap(), writes, "somebody wrote to it");
        assert_ne!(fake(dir.path(), "#!/bin/sh\n").state_id(), state);
        fs::remove_file(dir.path().join("x-ld")).unwrap();
        let error = tools.look().unwrap_err().to_string();
        assert!(error.contains("is gone"), "{error}");
    }

    #[test]
    fn a_program_that_comes_to_be_there_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let tools = fake(dir.path(), "#!/bin/sh\n");
        fs::copy(dir.path().join("x-ld"), dir.path().join("x-nm")).unwrap();
        let error = tools.look().unwrap_err().to_string();
        assert!(error.contains("x-nm (was not there, and is"), "{error}");
    }

    #[test]
    fn a_compiler_is_watched_with_what_it_calls() {
        let tools = Toolset::of(
            &Variables::of(&[], &[]),
            &[],
            Outside::default(),
            &CancelToken::new(),
        );
        let has = |end: &str| tools.parts.iter().any(|part| part.name().ends_with(end));
        assert!(has("/cc1") && has("/collect2") && has("as"), "{tools:?}");
        assert!(tools.programs["make"].is_some() && tools.programs["gcc"].is_some());
    }
}
