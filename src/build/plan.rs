//! How a project is built: make's arguments, its launcher for the compiler, and the product.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::modules;
use crate::cc;
use crate::error::unless_absent;
use crate::model::Config;
use crate::supervise::quote;
use crate::{Error, Result};

/// Kbuild's variable for the build tree.
const KBUILD_OUTPUT: &str = "O";

/// A built product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The file, in the build tree.
    pub path: PathBuf,
    /// BLAKE3 of its contents, in hex; with modules, of this and of that of their archive.
    pub hash: String,
    /// Its size in bytes, without modules.
    pub size: u64,
    /// The archive of its modules, if it has any that were asked for.
    pub modules: Option<PathBuf>,
}

impl Product {
    /// The product together with the archive of its modules, if there is one.
    pub(super) fn with_modules(self, archive: PathBuf) -> Result<Self> {
        let bytes = match fs::read(&archive) {
            Ok(bytes) => bytes,
            Err(e) => {
                unless_absent(Err(e)).map_err(|e| Error::io("read", &archive, e))?;
                return Ok(self);
            }
        };
        let of_modules = blake3::hash(&bytes).to_hex();
        let both = format!("{} {of_modules}", self.hash);
        Ok(Self {
            hash: blake3::hash(both.as_bytes()).to_hex().to_string(),
            modules: Some(archive),
            ..self
        })
    }
}

/// How to build a project: everything but the tree and the configuration.
#[derive(Debug, Clone)]
pub struct MakePlan {
    /// The source tree. Nothing is written to it.
    pub source: PathBuf,
    /// Variables and options for make, the targets included, without `O=`.
    pub args: Vec<OsString>,
    /// The variable that names the build tree: `O` for Kbuild.
    pub output_variable: String,
    /// make's target for modules, if they are wanted.
    pub modules: Option<OsString>,
    /// Added to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// The product's path within the build tree.
    pub product: PathBuf,
    /// The configuration's path within the build tree.
    pub config: PathBuf,
    /// Wall time that one build may take.
    pub limit: Duration,
    /// What the compiler is called through, if anything.
    pub launcher: Option<Launcher>,
}

/// What make calls the compiler through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launcher {
    /// The launcher and the compiler: make's `CC`.
    pub command: String,
    /// Added to the environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where it keeps objects, if it is our own.
    pub store: Option<cc::Store>,
}

impl Launcher {
    /// Our own. `link` is kbisect by the name [`cc::LAUNCHER`]; `toolchain` tells compilers apart
    /// ([`cc::identity`]).
    ///
    /// # Errors
    /// The folder of the link cannot be in `PATH`.
    pub fn object_cache(
        link: &Path,
        compiler: &str,
        toolchain: &str,
        store: cc::Store,
    ) -> Result<Self> {
        let folder = link.parent().map(Path::to_owned);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(folder.into_iter().chain(std::env::split_paths(&path)))
            .map_err(|e| Error::failed("cannot add to PATH").because(e))?;
        Ok(Self {
            command: format!("{} {compiler}", cc::LAUNCHER),
            env: vec![
                ("PATH".into(), path),
                (cc::CACHE.into(), store.cache().into()),
                (cc::TOOLCHAIN.into(), toolchain.into()),
            ],
            store: Some(store),
        })
    }
}

impl MakePlan {
    /// The plan for this config: its modules are made, too, if they are wanted and it has any.
    #[must_use]
    pub fn of_config(&self, config: &Config) -> Self {
        let mut plan = self.clone();
        let wanted = self.modules.iter().filter(|_| modules::are_in(config));
        plan.args.extend(wanted.cloned());
        plan
    }

    /// The command for a build in `tree`, as a person would type it in a shell.
    #[must_use]
    pub fn command_line(&self, tree: &Path) -> String {
        let mut text = format!("make -C {}", quote(&self.source.to_string_lossy()));
        for arg in self.places(tree).iter().chain(&self.args) {
            text.push(' ');
            text.push_str(&quote(&arg.to_string_lossy()));
        }
        text
    }

    /// What was built in `tree`.
    ///
    /// # Errors
    /// It is not there, or cannot be read.
    pub fn product_in(&self, tree: &Path) -> Result<Product> {
        let product = product_at(&tree.join(&self.product))?;
        match self.modules {
            Some(_) => product.with_modules(tree.join(modules::ARCHIVE)),
            None => Ok(product),
        }
    }

    /// The archive of the modules that were built in `tree`, if they are wanted and there are any.
    #[must_use]
    pub fn modules_in(&self, tree: &Path) -> Option<PathBuf> {
        let archive = self.modules.as_ref().map(|_| tree.join(modules::ARCHIVE));
        archive.filter(|path| path.is_file())
    }

    /// The variables that tell make where `tree` is.
    pub(super) fn places(&self, tree: &Path) -> Vec<OsString> {
        let assign = |name: &str, path: PathBuf| {
            let mut text = OsString::from(name);
            text.push("=");
            text.push(path);
            text
        };
        if self.output_variable == KBUILD_OUTPUT {
            return vec![assign(KBUILD_OUTPUT, tree.to_owned())];
        }
        vec![
            // A trailing slash, since SeaBIOS joins the variable and names of files without one.
            assign(&self.output_variable, tree.join("")),
            // It takes its configuration from the source tree if nothing is said. Kbuild looks
            // in the tree, and notes another place as a thing to be built for.
            assign("KCONFIG_CONFIG", tree.join(&self.config)),
        ]
    }
}

/// The product at this path.
pub(super) fn product_at(path: &Path) -> Result<Product> {
    let wrong = |e| {
        Error::io("read the product", path, e)
            .hint("make succeeded without making it: is `product` in the project right?")
    };
    let mut hasher = blake3::Hasher::new();
    let mut file = File::open(path).map_err(wrong)?;
    let size = std::io::copy(&mut file, &mut hasher).map_err(wrong)?;
    Ok(Product {
        path: path.to_owned(),
        hash: hasher.finalize().to_hex().to_string(),
        size,
        modules: None,
    })
}
