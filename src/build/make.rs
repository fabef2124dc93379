//! Runs make on a configuration and says what came of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::evidence::{BuildFailure, read_failure};
use crate::cc;
use crate::error::unless_absent;
use crate::model::ResolvedConfig;
use crate::supervise::{self, CancelToken, How, JobServer, Log, Spec, quote};
use crate::{Error, Result};

/// How to build a project: everything but the tree and the configuration.
#[derive(Debug, Clone)]
pub struct MakePlan {
    /// The source tree. Nothing is written to it.
    pub source: PathBuf,
    /// Variables and options for make, the targets included, without `O=`.
    pub args: Vec<OsString>,
    /// The variable that names the build tree: `O` for Kbuild.
    pub output_variable: String,
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

    /// The variables that tell make where `tree` is.
    fn places(&self, tree: &Path) -> Vec<OsString> {
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

/// After so many compiled objects the cache is looked at: is it too large?
const MANY: u32 = 100;

/// Kbuild's variable for the build tree.
const KBUILD_OUTPUT: &str = "O";

/// A built product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// The file, in the build tree.
    pub path: PathBuf,
    /// BLAKE3 of its contents, in hex.
    pub hash: String,
    /// Its size in bytes.
    pub size: u64,
}

/// What came of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Built {
    /// The product.
    Product(Product),
    /// The source does not build so; with the first error.
    Failed(String),
    /// The machine gave out; with the line that says so.
    Starved(String),
    /// It was stopped because it was no longer wanted.
    Cancelled,
}

/// What a build took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// Wall time, without the wait for a job slot.
    pub wall: Duration,
    /// CPU time of all processes.
    pub cpu: Duration,
    /// Objects made anew.
    pub objects: u32,
    /// What our own launcher noted of each object.
    pub notes: Vec<cc::Note>,
}

impl Cost {
    /// How many of the objects came from the object cache.
    #[must_use]
    pub fn cached(&self) -> u32 {
        let notes = self.notes.iter();
        let cached = notes.filter(|note| note.means != cc::Means::Compiled);
        // A kernel has some thousands.
        cached.count() as u32
    }

    /// How many were compiled.
    #[must_use]
    pub fn compiled(&self) -> u32 {
        // make's log has no word of some that it compiles, and the launcher none of assembler.
        self.objects.saturating_sub(self.cached())
    }
}

/// Builds `config` in `tree`, with the job slots of `jobs`; calls `progress` with the number
/// of objects compiled so far. Output goes to `log`.
///
/// # Errors
/// make cannot be run, or says that it succeeded and left no product; the source tree or a
/// program that the build calls is gone. That the *source* does not build is no error but
/// [`Built::Failed`].
pub fn build(
    plan: &MakePlan,
    tree: &Path,
    config: &ResolvedConfig,
    jobs: &JobServer,
    log: &Path,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(u32),
) -> Result<(Built, Cost)> {
    let config_path = tree.join(&plan.config);
    // Written only when it differs: a newer file makes Kbuild run Kconfig once more.
    if fs::read(&config_path).ok().as_deref() != Some(config.text.as_bytes()) {
        fs::write(&config_path, &config.text).map_err(|e| Error::io("write", &config_path, e))?;
    }
    let Some(slot) = jobs.slot(cancel)? else {
        return Ok((Built::Cancelled, Cost::default()));
    };
    let mut spec = Spec::new("make")
        .arg("-C")
        .arg(&plan.source)
        .arg("--no-print-directory")
        .args(plan.places(tree))
        .args(&plan.args)
        .log(Log::File(log.to_owned()))
        .wall(plan.limit)
        // make waits for its compilers, gives its job slots back and removes half-written
        // targets when it is asked to end.
        .grace(Duration::from_secs(10))
        .in_english()
        .env_remove("KCONFIG_ALLCONFIG")
        .env_remove("KCONFIG_CONFIG");
    for (name, value) in &plan.env {
        spec = spec.env(name, value);
    }
    // The log begins anew, too.
    let notes = log.with_extension("objects");
    unless_absent(fs::remove_file(&notes)).map_err(|e| Error::io("remove", &notes, e))?;
    if let Some(launcher) = &plan.launcher {
        spec = spec.arg(format!("CC={}", launcher.command));
        for (name, value) in &launcher.env {
            spec = spec.env(name, value);
        }
        if launcher.store.is_some() {
            spec = spec.env(cc::NOTES, &notes);
        }
    }
    slot.configure(&mut spec);

    let mut counter = ObjectCounter::new(log);
    let ended = supervise::run_with(&spec, cancel, &mut || {
        if let Some(objects) = counter.look() {
            progress(objects);
        }
    })?;
    counter.look();
    drop(slot);
    let notes = cc::read_notes(&notes);
    let cost = Cost {
        wall: ended.wall,
        cpu: ended.cpu,
        objects: counter.objects,
        notes,
    };

    if cost.compiled() > MANY
        && let Some(store) = plan.launcher.as_ref().and_then(|l| l.store.as_ref())
    {
        store.shrink();
    }

    let built = match ended.how {
        How::Exited(0) => Built::Product(product(&tree.join(&plan.product))?),
        How::Exited(_) => match read_failure(log)? {
            // Whatever the log says: without a source, nothing is said of the configuration.
            _ if !has_source(&plan.source) => return Err(source_gone(&plan.source)),
            BuildFailure::Config(why) => Built::Failed(why),
            BuildFailure::Starved(why) => Built::Starved(why),
            BuildFailure::ToolMissing(why) => {
                return Err(Error::failed(format!("the build lacks a program: {why}"))
                    .hint("`kbisect doctor` tells what is missing; then `kbisect resume`"));
            }
        },
        How::Cancelled => Built::Cancelled,
        // Somebody else's signal, most likely the kernel's for want of memory.
        How::Signalled(signal) => Built::Starved(format!("make was killed by signal {signal}")),
        How::TimedOut(_) => Built::Starved(format!(
            "the build took longer than {} s",
            plan.limit.as_secs()
        )),
    };
    Ok((built, cost))
}

/// Is the source tree still there?
#[must_use]
pub fn has_source(source: &Path) -> bool {
    source.join("Makefile").is_file()
}

/// The source tree is not there any more.
#[must_use]
pub fn source_gone(source: &Path) -> Error {
    Error::failed(format!("the source tree {} is gone", source.display()))
        .hint("put it back and go on with `kbisect resume`: nothing is lost")
}

fn product(path: &Path) -> Result<Product> {
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
    })
}

/// Counts the compiled objects in a build log that grows.
struct ObjectCounter<'a> {
    log: &'a Path,
    read: u64,
    partial: Vec<u8>,
    objects: u32,
}

impl<'a> ObjectCounter<'a> {
    fn new(log: &'a Path) -> Self {
        Self {
            log,
            read: 0,
            partial: Vec::new(),
            objects: 0,
        }
    }

    /// Reads what is new; the number of objects if it has changed. A log that cannot be read
    /// now is read the next time: this is only for people to see.
    fn look(&mut self) -> Option<u32> {
        let mut file = File::open(self.log).ok()?;
        file.seek(SeekFrom::Start(self.read)).ok()?;
        let mut new = Vec::new();
        self.read += file.read_to_end(&mut new).ok()? as u64;
        self.partial.extend_from_slice(&new);
        let whole = self
            .partial
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |i| i + 1);
        let before = self.objects;
        for line in self
            .partial
            .drain(..whole)
            .as_slice()
            .split(|b| *b == b'\n')
        {
            if is_object_line(line) {
                self.objects += 1;
            }
        }
        (self.objects != before).then_some(self.objects)
    }
}

/// `  CC      mm/slab.o` and `  AS      ...`, Kbuild's short lines.
fn is_object_line(line: &[u8]) -> bool {
    line.starts_with(b"  CC  ") || line.starts_with(b"  AS  ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::model::Config;

    /// A project of one file: `make` copies the configuration to the product.
    fn project(makefile: &str) -> (tempfile::TempDir, MakePlan, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let (source, tree) = (dir.path().join("source"), dir.path().join("tree"));
        fs::create_dir_all(&source).unwrap();
        fs::create_dir_all(&tree).unwrap();
        fs::write(source.join("Makefile"), makefile).unwrap();
        let plan = MakePlan {
            source,
            args: vec!["all".into()],
            output_variable: "O".into(),
            env: vec![],
            product: "image".into(),
            config: ".config".into(),
            limit: Duration::from_secs(30),
            launcher: None,
        };
        (dir, plan, tree)
    }

    fn run(makefile: &str, cancel: &CancelToken) -> Result<(Built, Cost)> {
        let (dir, plan, tree) = project(makefile);
        let config = ResolvedConfig::new("CONFIG_X=y\n".into(), Config::default());
        let jobs = JobServer::new(NonZeroUsize::MIN).unwrap();
        build(
            &plan,
            &tree,
            &config,
            &jobs,
            &dir.path().join("log"),
            cancel,
            &mut |_| {},
        )
    }

    #[test]
    fn a_build_gives_its_product_and_counts_its_objects() {
        let makefile = "all:\n\t@echo '  CC      a.o'\n\t@echo '  AS      b.o'\n\t@echo '  LD      c'\n\t@cp $(O)/.config $(O)/image\n";
        let (built, cost) = run(makefile, &CancelToken::new()).unwrap();
        let Built::Product(product) = built else {
            panic!("{built:?}")
        };
        assert_eq!(product.size, 11);
        assert_eq!(cost.objects, 2);
    }

    #[test]
    fn a_project_that_is_not_kbuild_is_told_where_its_configuration_is() {
        let (_dir, mut plan, _) = project("");
        let command = |plan: &MakePlan| {
            let text = plan.command_line(Path::new("/t"));
            text.split_once(" -C ")
                .unwrap()
                .1
                .split_once(' ')
                .unwrap()
                .1
                .to_owned()
        };
        assert_eq!(command(&plan), "O=/t all");
        plan.args.push("CFLAGS=-O2 -g".into());
        let line = plan.command_line(Path::new("/my trees/t"));
        assert!(
            line.ends_with(" 'O=/my trees/t' all 'CFLAGS=-O2 -g'"),
            "{line}"
        );
        plan.args.pop();
        plan.output_variable = "OUT".into();
        assert_eq!(command(&plan), "OUT=/t/ KCONFIG_CONFIG=/t/.config all");
    }

    #[test]
    fn a_compiler_error_fails_the_config() {
        let makefile = "all:\n\t@echo 'a.c:1:1: error: no'; false\n";
        let (built, _) = run(makefile, &CancelToken::new()).unwrap();
        assert_eq!(built, Built::Failed("a.c:1:1: error: no".into()));
    }

    #[test]
    fn a_source_tree_that_vanishes_is_no_verdict() {
        let makefile = "all:\n\t@rm -r $(CURDIR); echo 'a.c:1:1: error: no'; false\n";
        let error = run(makefile, &CancelToken::new()).unwrap_err();
        assert!(error.to_string().contains("is gone"), "{error}");
    }

    #[test]
    fn a_program_that_is_missing_is_no_verdict() {
        let makefile = "all:\n\tno-such-compiler -c x.c\n";
        let error = run(makefile, &CancelToken::new()).unwrap_err();
        assert!(error.to_string().contains("no-such-compiler"), "{error}");
    }

    #[test]
    fn a_make_that_leaves_no_product_is_an_error_with_a_hint() {
        let error = run("all:\n\t@true\n", &CancelToken::new()).unwrap_err();
        assert!(error.hint_text().unwrap().contains("product"));
    }

    #[test]
    fn a_cancelled_build_gives_no_verdict() {
        let cancel = CancelToken::new();
        cancel.cancel();
        let (built, _) = run("all:\n\t@sleep 100\n", &cancel).unwrap();
        assert_eq!(built, Built::Cancelled);
    }
}
