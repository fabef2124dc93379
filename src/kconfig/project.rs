//! Project profiles: how a Kconfig project is configured and built, and where its product is.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::{Fragment, ProjectKey, Request, Symbol, Value, near};
use crate::{Error, Result};

/// A project that is configured by Kconfig and built by make outside of its source tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Project {
    /// For people.
    pub name: String,
    /// Given to every make: `ARCH=x86_64`.
    #[serde(default)]
    pub make_args: Vec<String>,
    /// make's target for the smallest configuration.
    #[serde(default = "allnoconfig")]
    pub base_target: String,
    /// How a fragment is laid over it.
    #[serde(default)]
    pub method: Method,
    /// make's targets for the product.
    pub targets: Vec<String>,
    /// make's target for modules; none if they are not built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules_target: Option<String>,
    /// The product's path in the build tree.
    pub product: PathBuf,
    /// make's variable for the build tree.
    #[serde(default = "o")]
    pub output_variable: String,
    /// Assignments of the base, where the tree has the symbols: `EXPERT=y`.
    #[serde(default)]
    pub base: Vec<String>,
    /// The compiler, as make would call it if it were not told (`CC`): for what is called before it.
    /// Nothing: it is left alone. No verdict depends on it.
    #[serde(default, skip_serializing)]
    pub compiler: Option<String>,
    /// Variables that make equal configurations give equal products.
    #[serde(default)]
    pub env: Vec<(String, String)>,
}

/// How `conf` is made to lay a fragment over the base.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// As `make allnoconfig KCONFIG_ALLCONFIG=fragment` does it.
    #[default]
    Allconfig,
    /// As `make oldconfig` does it, on a file that sets everything to no but the fragment. For
    /// projects whose allnoconfig sets everything to no whatever `KCONFIG_ALLCONFIG` says, as
    /// that of BusyBox does.
    Oldconfig,
}

fn allnoconfig() -> String {
    "allnoconfig".to_owned()
}

fn o() -> String {
    "O".to_owned()
}

/// The keys that describe a project in a table.
const KEYS: [&str; 11] = [
    "base",
    "base-target",
    "compiler",
    "env",
    "make-args",
    "method",
    "modules-target",
    "name",
    "output-variable",
    "product",
    "targets",
];

/// The key of `[project]` that is spelt most like an unknown one.
#[must_use]
pub fn like_project_key(key: &str) -> Option<&'static str> {
    near(&key.replace('_', "-"), KEYS).first().copied()
}

/// The profiles that come with kbisect.
pub const PROFILES: &[&str] = &["linux", "busybox"];

impl Project {
    /// The Linux kernel, for an architecture as make's `ARCH` names it.
    ///
    /// # Errors
    /// When nobody here knows what that architecture boots.
    pub fn linux(arch: &str) -> Result<Self> {
        let (target, product) = match arch {
            "x86" | "x86_64" | "i386" => ("bzImage", "arch/x86/boot/bzImage"),
            "arm64" => ("Image", "arch/arm64/boot/Image"),
            "riscv" => ("Image", "arch/riscv/boot/Image"),
            _ => {
                return Err(Error::usage(format!(
                    "the architecture `{}` is not known",
                    arch.escape_debug()
                ))
                .hint("known are x86_64, i386, arm64 and riscv; describe others by [project] in kbisect.toml"));
            }
        };
        let pin = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Ok(Self {
            name: "linux".into(),
            make_args: vec![format!("ARCH={arch}")],
            base_target: allnoconfig(),
            method: Method::Allconfig,
            targets: vec![target.into()],
            modules_target: None,
            product: product.into(),
            output_variable: o(),
            base: vec!["EXPERT=y".into()],
            compiler: Some("gcc".into()),
            env: vec![
                pin("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970"),
                pin("KBUILD_BUILD_USER", "kbisect"),
                pin("KBUILD_BUILD_HOST", "kbisect"),
                // The count of builds in a tree is part of the image otherwise.
                pin("KBUILD_BUILD_VERSION", "1"),
            ],
        })
    }

    /// BusyBox.
    #[must_use]
    pub fn busybox() -> Self {
        Self {
            name: "busybox".into(),
            make_args: vec![],
            base_target: allnoconfig(),
            method: Method::Oldconfig,
            targets: vec!["busybox".into()],
            modules_target: None,
            product: "busybox".into(),
            output_variable: o(),
            base: vec![],
            compiler: Some("gcc".into()),
            env: vec![
                ("KCONFIG_NOTIMESTAMP".into(), "1".into()),
                ("SOURCE_DATE_EPOCH".into(), "0".into()),
            ],
        }
    }

    /// The same with its modules built, too.
    ///
    /// # Errors
    /// It has none, as far as is known.
    pub fn keeping_modules(mut self) -> Result<Self> {
        if self.name == "linux" && self.modules_target.is_none() {
            self.modules_target = Some("modules".into());
        }
        match self.modules_target {
            Some(_) => Ok(self),
            None => Err(Error::usage(format!(
                "--modules keep: the project {} has no modules",
                self.name.escape_debug()
            ))
            .hint("leave it out; or name make's target for modules, modules-target in [project]")),
        }
    }

    /// The same with no modules built.
    #[must_use]
    pub fn without_modules(self) -> Self {
        Self {
            modules_target: None,
            ..self
        }
    }

    /// The profile of this name.
    ///
    /// # Errors
    /// When there is none, or it does not know the architecture.
    pub fn named(name: &str, arch: &str) -> Result<Self> {
        match name {
            "linux" => Self::linux(arch),
            "busybox" => Ok(Self::busybox()),
            _ => Err(
                Error::usage(format!("there is no project `{}`", name.escape_debug())).hint(
                    format!(
                        "there are {}; describe others by [project] in kbisect.toml",
                        PROFILES.join(" and ")
                    ),
                ),
            ),
        }
    }

    /// What the key of a run says of it.
    ///
    /// # Errors
    /// Its product has a path that is not UTF-8.
    pub fn key(&self) -> Result<ProjectKey> {
        ProjectKey::of(self)
            .map_err(|e| Error::failed("the project cannot be written to the run").because(e))
    }

    /// Checks that `source` is a tree of such a project that can be built elsewhere.
    ///
    /// # Errors
    /// When it is not there, has no Makefile, or holds the remains of a build in it: then
    /// builds with `O=` refuse to work.
    pub fn check_source(&self, source: &Path) -> Result<()> {
        if !source.is_dir() {
            return Err(
                Error::usage(format!("there is no source tree {}", source.display()))
                    .hint("name one with --source, or run `kbisect setup` for Debian's kernel"),
            );
        }
        if !source.join("Makefile").is_file() {
            return Err(Error::usage(format!(
                "{} is no source tree of {}: it has no Makefile",
                source.display(),
                self.name
            )));
        }
        // What Kbuild's own check looks at (`outputmakefile`, `archprepare`).
        let remains = [".config", "include/config", "include/generated/autoconf.h"];
        if let Some(found) = remains.iter().find(|r| source.join(r).exists()) {
            return Err(Error::usage(format!(
                "the source tree {} is not clean: it has {found}",
                source.display()
            ))
            .hint(format!(
                "save its .config if you need it; then: make -C {} mrproper",
                source.display()
            )));
        }
        Ok(())
    }

    /// The base's requests, without symbols that the tree does not know.
    ///
    /// # Errors
    /// When an assignment of the profile is none.
    pub fn base_fragment(&self, known: &dyn Fn(&Symbol) -> bool) -> Result<Fragment> {
        let mut requests = self.base_requests()?;
        requests.retain(|request| known(&request.symbol));
        Ok(Fragment::new(requests))
    }

    /// The symbols of the base that the tree does not know.
    ///
    /// # Errors
    /// As for [`base_fragment`](Self::base_fragment).
    pub fn unknown_in_base(&self, known: &HashSet<Symbol>) -> Result<Vec<Symbol>> {
        let symbols = self.base_requests()?.into_iter().map(|r| r.symbol);
        Ok(symbols.filter(|symbol| !known.contains(symbol)).collect())
    }

    fn base_requests(&self) -> Result<Vec<Request>> {
        let request = |text: &String| {
            parse_assignment(text).ok_or_else(|| {
                Error::usage(format!("`{}` is no assignment", text.escape_debug()))
                    .hint("in [project], base = [\"SYMBOL=y\"]")
            })
        };
        self.base.iter().map(request).collect()
    }

    /// How a person lays the fragment in `file` over the smallest configuration.
    #[must_use]
    pub fn usage(&self, file: &str) -> String {
        match self.method {
            Method::Allconfig => {
                let words = std::iter::once("make")
                    .chain(self.make_args.iter().map(String::as_str))
                    .map(str::to_owned);
                let rest = [
                    format!("KCONFIG_ALLCONFIG={file}"),
                    self.base_target.clone(),
                ];
                words.chain(rest).collect::<Vec<_>>().join(" ")
            }
            Method::Oldconfig => {
                format!("append {file} to a .config with everything off, then: make oldconfig")
            }
        }
    }

    /// The command with which a person builds the product, once it is configured.
    #[must_use]
    pub fn make_command(&self) -> String {
        let options = ["make", "-j$(nproc)"].into_iter();
        let words = options.chain(
            self.make_args
                .iter()
                .chain(&self.targets)
                .map(String::as_str),
        );
        words.collect::<Vec<_>>().join(" ")
    }

    /// The command with which a person builds the modules of the product and puts them into a folder.
    #[must_use]
    pub fn modules_command(&self) -> String {
        let words = ["make", "-j$(nproc)"].into_iter();
        let words = words.chain(self.make_args.iter().map(String::as_str));
        let rest = ["modules", "modules_install", "INSTALL_MOD_PATH=ROOT"];
        words.chain(rest).collect::<Vec<_>>().join(" ")
    }

    /// The environment for make.
    pub fn make_env(&self) -> impl Iterator<Item = (OsString, OsString)> + '_ {
        self.env
            .iter()
            .map(|(name, value)| (name.into(), value.into()))
    }
}

fn parse_assignment(text: &str) -> Option<Request> {
    let (name, value) = text.split_once('=')?;
    let value: Value = value.parse().ok()?;
    Some(Request {
        symbol: Symbol::new(name).ok()?,
        value,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn a_tree_with_a_build_in_it_is_refused_with_the_way_out() {
        let dir = tempfile::tempdir().unwrap();
        let project = Project::linux("x86_64").unwrap();
        assert_eq!(
            project.check_source(dir.path()).unwrap_err().kind(),
            ErrorKind::Usage
        );
        fs::write(dir.path().join("Makefile"), "").unwrap();
        project.check_source(dir.path()).unwrap();
        fs::write(dir.path().join(".config"), "").unwrap();
        let error = project.check_source(dir.path()).unwrap_err();
        assert!(error.hint_text().unwrap().contains("mrproper"));
    }

    #[test]
    fn the_base_has_only_symbols_that_the_tree_knows() {
        let project = Project::linux("x86_64").unwrap();
        assert_eq!(
            project.base_fragment(&|_| true).unwrap().to_string(),
            "CONFIG_EXPERT=y\n"
        );
        assert!(project.base_fragment(&|_| false).unwrap().is_empty());
    }

    #[test]
    fn a_project_can_be_described_in_the_settings_file() {
        let text =
            "name = 'seabios'\ntargets = ['all']\nproduct = 'bios.bin'\noutput-variable = 'OUT'\n";
        let project: Project = toml::from_str(text).unwrap();
        assert_eq!(project.base_target, "allnoconfig");
        assert_eq!(project.output_variable, "OUT");
    }

    #[test]
    fn a_misspelt_key_of_a_project_is_answered_by_the_one_that_is_spelt_like_it() {
        assert_eq!(like_project_key("make_arg"), Some("make-args"));
        assert_eq!(like_project_key("xyz"), None);
        let written = serde_json::to_value(Project::busybox()).unwrap();
        let written = written.as_object().unwrap().keys().map(String::as_str);
        // The one that is not written.
        let mut keys: Vec<&str> = written.chain(["compiler", "modules-target"]).collect();
        keys.sort_unstable();
        assert_eq!(keys, KEYS);
    }

    #[test]
    fn how_to_use_a_fragment_depends_on_the_project() {
        let linux = Project::linux("x86_64").unwrap();
        assert_eq!(
            linux.usage("minimal.fragment"),
            "make ARCH=x86_64 KCONFIG_ALLCONFIG=minimal.fragment allnoconfig"
        );
        assert!(Project::busybox().usage("f").ends_with("make oldconfig"));
    }

    #[test]
    fn unknown_architectures_and_projects_are_refused() {
        assert!(Project::named("linux", "pdp11").is_err());
        assert!(Project::named("plan9", "x86_64").is_err());
    }

    #[test]
    fn modules_are_kept_of_a_kernel_and_of_no_project_without_any() {
        let kernel = Project::linux("x86_64").unwrap();
        let kept = kernel.clone().keeping_modules().unwrap();
        assert_eq!(kept.modules_target.as_deref(), Some("modules"));
        assert_eq!(kept.without_modules(), kernel);
        let error = Project::busybox().keeping_modules().unwrap_err();
        assert!(error.to_string().contains("busybox has no modules"));
    }
}
