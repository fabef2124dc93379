//! The programs that make calls in a build, identified by contents.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::compiler::compiler;
use crate::model::sanitize_line;
use crate::supervise::{self, CancelToken, Spec, find_program};

/// What a build calls: the variable that names it, what it is called in GNU's toolchain, and in LLVM's.
struct Tool {
    variable: &'static str,
    gnu: &'static str,
    llvm: &'static str,
    is_for: For,
}

/// What a program is for, and so how it is called if its variable does not say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    /// The machine that the product is for: with the prefix `CROSS_COMPILE`.
    Target,
    /// The machine that builds.
    Host,
}

const fn tool(variable: &'static str, gnu: &'static str, llvm: &'static str, is_for: For) -> Tool {
    Tool {
        variable,
        gnu,
        llvm,
        is_for,
    }
}

/// Those that make what is in a product.
const TOOLS: &[Tool] = &[
    tool("CC", "gcc", "clang", For::Target),
    tool("LD", "ld", "ld.lld", For::Target),
    tool("AS", "as", "as", For::Target),
    tool("AR", "ar", "llvm-ar", For::Target),
    tool("NM", "nm", "llvm-nm", For::Target),
    tool("OBJCOPY", "objcopy", "llvm-objcopy", For::Target),
    tool("STRIP", "strip", "llvm-strip", For::Target),
    tool("HOSTCC", "gcc", "clang", For::Host),
];

/// Others that Kconfig and make call: they write what is compiled, or work on what was compiled.
const OTHERS: &[(&str, &str)] = &[
    ("RUSTC", "rustc"),
    ("BINDGEN", "bindgen"),
    ("PAHOLE", "pahole"),
    ("PYTHON3", "python3"),
    ("PERL", "perl"),
    ("MAKE", "make"),
    ("LEX", "flex"),
    ("YACC", "bison"),
];

/// The variables that make sees: those of its command line, then those of the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those of a project: of the arguments of make (`ARCH=x86_64`), of what is added to its environment, and
    /// of the environment itself.
    #[must_use]
    pub fn of(make_args: &[String], env: &[(String, String)]) -> Self {
        let mut all: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        all.extend(env.iter().cloned());
        let assigned = make_args.iter().filter_map(|arg| arg.split_once('='));
        all.extend(
            assigned.map(|(name, value)| (name.trim_end_matches(':').to_owned(), value.to_owned())),
        );
        Self(all)
    }

    /// The value of one; empty if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Is the toolchain LLVM's (`LLVM=1`, `LLVM=-15`, `LLVM=/opt/llvm/bin/`)?
    #[must_use]
    pub fn is_llvm(&self) -> bool {
        !self.get("LLVM").is_empty()
    }

    /// The names by which a build may call `tool`: what its variable says, and what Kbuild calls it, which
    /// heeds only the command line.
    fn names(&self, tool: &Tool) -> Vec<String> {
        let asked = self.get(tool.variable);
        // `CC="ccache gcc"` is two of them.
        let mut names: Vec<String> = asked.split_whitespace().map(str::to_owned).collect();
        let llvm = self.get("LLVM");
        names.push(match (tool.is_for, self.is_llvm()) {
            (_, true) if llvm.ends_with('/') => format!("{llvm}{}", tool.llvm),
            (_, true) if llvm.starts_with('-') => format!("{}{llvm}", tool.llvm),
            (_, true) => tool.llvm.to_owned(),
            (For::Target, false) => format!("{}{}", self.get("CROSS_COMPILE"), tool.gnu),
            (For::Host, false) => tool.gnu.to_owned(),
        });
        names
    }
}

/// The names by which a build may call programs, Kconfig's own questions included: some are not there.
pub(super) fn called(variables: &Variables) -> Vec<String> {
    let mut names: Vec<String> = TOOLS
        .iter()
        .flat_map(|tool| variables.names(tool))
        .collect();
    // The helper for Kconfig is compiled by it, and many a project's tools are.
    names.push("cc".to_owned());
    names.extend(helpers(variables));
    names
}

/// The names of [`OTHERS`].
pub(super) fn helpers(variables: &Variables) -> Vec<String> {
    let mut names = Vec::new();
    for (variable, name) in OTHERS {
        let asked = variables.get(variable).split_whitespace();
        names.extend(asked.map(str::to_owned));
        names.push((*name).to_owned());
    }
    names
}

/// The programs of a build that are there, and others that Kconfig asks, sorted and without links.
#[must_use]
pub fn programs(variables: &Variables) -> Vec<PathBuf> {
    let names = called(variables);
    let mut found: Vec<PathBuf> = names.iter().filter_map(|name| find_program(name)).collect();
    found.sort_unstable();
    found.dedup();
    let real = |path: &PathBuf| path.canonicalize().ok();
    found.iter().filter_map(real).collect()
}

/// The programs that make what is in a product, by the names by which they are called: for each a hash of
/// its contents, of a compiler with what it calls, and what it says of itself.
#[must_use]
pub fn toolchain(variables: &Variables, cancel: &CancelToken) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    for tool in TOOLS {
        for name in variables.names(tool) {
            if !all.contains_key(&name)
                && let Some(text) = program(&name, cancel)
            {
                all.insert(name, text);
            }
        }
    }
    all
}

/// What the program `name` is: a hash of its contents, of a compiler with what it calls, and what it says of
/// itself. Nothing if it is not there.
#[must_use]
pub fn program(name: &str, cancel: &CancelToken) -> Option<String> {
    let path = find_program(name)?;
    let spec = Spec::new(name).arg("--version").in_english();
    let said = supervise::answer(&spec.wall(Duration::from_secs(20)), cancel);
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
    let version = sanitize_line(said.lines().next().unwrap_or_default(), 100);
    // Others have no compiler proper to ask for.
    let is_compiler = ["gcc", "g++", "cc"].iter().any(|end| name.ends_with(end));
    let hash = is_compiler.then(|| compiler(name, cancel)).flatten();
    let hash = hash.or_else(|| contents(&path))?;
    Some(format!("{} {version}", &hash[..16]).trim_end().to_owned())
}

fn contents(path: &Path) -> Option<String> {
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut File::open(path).ok()?, &mut hasher).ok()?;
    Some(hasher.finalize().to_hex().to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn variables(args: &[&str]) -> Variables {
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        Variables::of(&args, &[])
    }

    fn names(variables: &Variables, of: &str) -> Vec<String> {
        variables.names(TOOLS.iter().find(|tool| tool.variable == of).unwrap())
    }

    #[test]
    fn what_make_calls_is_found_by_its_variables() {
        let cross = variables(&["CROSS_COMPILE=aarch64-linux-gnu-"]);
        assert_eq!(names(&cross, "LD"), ["aarch64-linux-gnu-ld"]);
        assert_eq!(names(&cross, "HOSTCC"), ["gcc"]);
        let llvm = variables(&["LLVM=-15"]);
        assert_eq!(names(&llvm, "CC"), ["clang-15"]);
        assert_eq!(names(&llvm, "LD"), ["ld.lld-15"]);
        let llvm = variables(&["LLVM=/opt/llvm/bin/"]);
        assert_eq!(names(&llvm, "AR"), ["/opt/llvm/bin/llvm-ar"]);
        let wrapped = variables(&["CC=ccache gcc-11"]);
        assert_eq!(names(&wrapped, "CC"), ["ccache", "gcc-11", "gcc"]);
    }

    #[test]
    fn a_toolchain_with_another_program_is_another_one() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let prefix = dir.path().join("x-");
        let write = |text: &str| {
            let path = dir.path().join("x-ld");
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        };
        let variables = variables(&[&format!("CROSS_COMPILE={}", prefix.display())]);
        let cancel = CancelToken::new();
        let ld = || {
            let all = toolchain(&variables, &cancel);
            all[&format!("{}ld", prefix.display())].clone()
        };
        write("#!/bin/sh\necho fake ld 1.0\n");
        let one = ld();
        assert!(one.ends_with(" fake ld 1.0"), "{one}");
        assert_eq!(ld(), one);
        write("#!/bin/sh\necho fake ld 1.0 #\n");
        assert_ne!(ld(), one);
    }

    #[test]
    fn a_compiler_is_known_by_what_it_calls() {
        let cancel = CancelToken::new();
        let text = program("gcc", &cancel).unwrap();
        assert_eq!(text[..16], compiler("gcc", &cancel).unwrap()[..16]);
        assert_eq!(program("no-such-program", &cancel), None);
    }
}
