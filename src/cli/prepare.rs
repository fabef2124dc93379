//! Makes everything ready that a run needs: tools, source, Kconfig, oracles, guest.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use super::checks;
use super::compiler::{launcher, own_link};
use super::shown::Shown;
use super::start::over_base;
use serde_json::Value;

use crate::boot;
use crate::build::{Launcher, MakePlan};
use crate::identity::{self, Building, Seen, SourceTree, Toolset, Tracked, Variables, earlier};
use crate::kconfig::engine::{Message, Model};
use crate::kconfig::{self, CheckedResolver, ConfResolver, Project};
use crate::model::{CompilerLauncher, Event, Symbol, sanitize_line};
use crate::oracle::{self, Oracle, SHIPPED, Written};
use crate::settings::{self, Base, Machine, PartialSettings, Settings};
use crate::setup::{self, GuestDir, Need, Setup, WorkFolder};
use crate::supervise::{CancelToken, Signals, find_program};
use crate::ui::Ui;
use crate::{Error, ErrorKind, Result, places};

/// Wall time that one build may take. A kernel takes minutes; this is for a make that hangs.
const BUILD_LIMIT: Duration = Duration::from_secs(4 * 3600);

/// What a run works with.
pub(super) struct Tools {
    pub(super) resolver: Arc<CheckedResolver>,
    pub(super) plan: MakePlan,
    pub(super) oracles: Vec<Oracle>,
    pub(super) guest: Option<PathBuf>,
    pub(super) kbisect: PathBuf,
    /// The symbols of the source tree.
    pub(super) known: HashSet<Symbol>,
    /// What verdicts depend on, besides the resolved config; for [`Want::Look`] without what takes long.
    pub(super) key: serde_json::Value,
    /// The source tree, as it is to stay.
    pub(super) source: Arc<SourceTree>,
    /// The programs of builds, as they are to stay; for [`Want::Look`] none.
    pub(super) toolset: Arc<Toolset>,
    guest_version: Option<String>,
    /// Kconfig works here; goes when the run ends.
    _work: WorkFolder,
}

/// What to do about missing packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenMissing {
    /// Say so and stop.
    Fail,
    /// Install them.
    Install,
}

/// What the tools are wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// To build and judge: what verdicts depend on is found out.
    Judge,
    /// To ask Kconfig only.
    Look,
}

/// The settings from flags and file; what the file says of colours and format goes to `shown`.
pub(super) fn settings(
    asked: PartialSettings,
    shown: Shown,
) -> Result<(Settings, Shown, Vec<String>)> {
    let file = Path::new(settings::FILE);
    let (from_file, unknown) = if file.is_file() {
        settings::read(file)?
    } else {
        (PartialSettings::new(), vec![])
    };
    let told = |key: String| {
        let near = settings::like(&key).map(|near| format!("; did you mean `{near}`?"));
        let key = key.escape_debug();
        format!(
            "{}: unknown key `{key}`{}",
            settings::FILE,
            near.unwrap_or_default()
        )
    };
    let mut warnings: Vec<String> = unknown.into_iter().map(told).collect();
    let shown = shown.with_file(&from_file)?;
    let asked = asked.over(from_file);
    let made = Settings::complete(&asked, Machine::here());
    // It may be the very one that is missing.
    let mut settings = made.inspect_err(|_| {
        let mut ui = shown.ui();
        warnings.iter().for_each(|text| warn(ui.as_mut(), text));
    })?;
    make_absolute(&mut settings)?;
    if let Some(table @ toml::Value::Table(_)) = &settings.project {
        let mut ignored = |key: serde_ignored::Path<'_>| {
            warnings.push(told(format!("project.{key}")));
        };
        // What else is wrong with it is told when it is used.
        let _ = serde_ignored::deserialize::<_, _, Project>(table.clone(), &mut ignored);
    }
    // One that is none is told when it is used.
    if let Ok(project) = project(settings.project.as_ref(), &settings.arch) {
        checks::effects(&project, asked.text("arch"), &settings.cc_launcher)?;
        if project.compiler.is_none() && settings.cc_launcher == CompilerLauncher::Nothing {
            warnings.push(format!(
                "--no-object-cache has no effect: of the project {} no objects are kept anyway",
                project.name.escape_debug()
            ));
        }
    }
    Ok((settings, shown, warnings))
}

/// A run is resumed from anywhere: what it reads is named from the root. The output is not: it
/// is what people see, and `resume` is told where it is.
fn make_absolute(settings: &mut Settings) -> Result<()> {
    let absolute = |path: &mut PathBuf| {
        *path =
            std::path::absolute(&*path).map_err(|e| Error::io("find the folder of", path, e))?;
        Ok(())
    };
    settings.source.iter_mut().try_for_each(absolute)?;
    settings.start.iter_mut().try_for_each(absolute)?;
    if let Base::File(path) = &mut settings.base {
        absolute(path)?;
    }
    for oracle in &mut settings.oracles {
        // A shipped one goes by its name.
        if SHIPPED.iter().all(|s| s.name != *oracle) {
            let mut path = PathBuf::from(&*oracle);
            absolute(&mut path)?;
            if let (true, Some(path)) = (path.is_file(), path.to_str()) {
                *oracle = path.to_owned();
            }
        }
    }
    Ok(())
}

pub(super) fn note(ui: &mut dyn Ui, text: impl Into<String>) {
    ui.event(&Event::Note { text: text.into() });
}

pub(super) fn warn(ui: &mut dyn Ui, text: impl Into<String>) {
    ui.event(&Event::Warning { text: text.into() });
}

/// Does `work`, which the first signal cancels: nothing of it is worth finishing.
///
/// # Errors
/// Those of `work`; [`ErrorKind::Interrupted`] when there was a signal.
pub(super) fn interruptible<T>(
    signals: &Signals,
    cancel: &CancelToken,
    work: impl FnOnce(&CancelToken) -> Result<T>,
) -> Result<T> {
    let token = cancel.child();
    // Nothing is ever sent: it is dropped when the work is done.
    let (working, done) = crossbeam_channel::bounded::<()>(0);
    let (requests, first) = (signals.requests().clone(), token.clone());
    let result = thread::scope(|scope| {
        scope.spawn(move || {
            crossbeam_channel::select! {
                recv(requests) -> signal => if signal.is_ok() { first.cancel() },
                recv(done) -> _ => {}
            }
        });
        let result = work(&token);
        drop(working);
        result
    });
    if token.is_cancelled() {
        return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
    }
    result
}

/// Makes the tools of a run ready.
pub(super) fn tools(
    settings: &Settings,
    when: WhenMissing,
    want: Want,
    cancel: &CancelToken,
    ui: &mut dyn Ui,
) -> Result<Tools> {
    // Mistakes first, before anything takes time.
    let project = project(settings.project.as_ref(), &settings.arch)?;
    if let Some(dir) = settings.source.as_ref().filter(|path| !path.is_file()) {
        check_clean(&project, dir)?;
    }
    if settings.source.is_none() && !["linux", "busybox"].contains(&project.name.as_str()) {
        // Only of these two does Debian's package come by itself.
        return Err(Error::usage(format!(
            "the project {} needs a --source",
            project.name.escape_debug()
        ))
        .hint(
            "a source tree or tarball of it; `source` in kbisect.toml. (Debian's kernel comes by \
             itself to a project of the name linux)",
        ));
    }
    let written = Arc::new(Written::of_run(&settings.output));
    let oracles = oracle::find_all(&settings.oracles)?.into_iter();
    let mut oracles: Vec<Oracle> = oracles.map(|oracle| oracle.noting(&written)).collect();
    if project.name == "busybox"
        && let Some(oracle) = oracles.iter().find(|o| is_shipped(o, settings))
    {
        return Err(
            Error::usage(format!("{} boots kernels, not busybox", oracle.name()))
                .hint("give an oracle of your own; examples/busybox has one"),
        );
    }
    if project.name == "linux"
        && !matches!(settings.arch.as_str(), "x86_64" | "x86")
        && let Some(oracle) = oracles.iter().find(|o| is_shipped(o, settings))
    {
        return Err(Error::usage(format!(
            "{} boots x86_64 kernels only, not {}",
            oracle.name(),
            settings.arch.escape_debug()
        ))
        .hint("give an oracle of your own that boots it"));
    }
    let wants_guest = |o: &Oracle| is_shipped(o, settings) || o.mentions("KBISECT_GUEST");
    let boots = |o: &Oracle| wants_guest(o) || o.boots();
    let guest_wanted = oracles.iter().any(wants_guest);
    let mut needs: Vec<Need> = setup::BUILD.to_vec();
    if oracles.iter().any(boots) {
        needs.extend_from_slice(setup::BOOT);
    }
    if settings.source.is_none() && project.name == "linux" {
        needs.extend_from_slice(setup::SOURCE);
    } else if settings.source.as_ref().is_none_or(|path| path.is_file()) {
        needs.push(setup::UNPACK);
    }
    for name in identity::not_passed_on() {
        warn(
            ui,
            format!(
                "builds do not see {name} of the environment: they take no options for make from outside. What \
                 they are to see is set as a variable of its own, or in make-args of [project]"
            ),
        );
    }
    let mut tell = |text: &str| note(ui, text);
    let mut setup = Setup::new(&mut tell, cancel)?;
    match when {
        WhenMissing::Install => setup.ensure(&needs)?,
        WhenMissing::Fail => refuse_missing(&needs, cancel)?,
    }
    let source = match &settings.source {
        None if project.name == "busybox" => setup.busybox_source()?,
        None => setup.kernel_source()?,
        Some(path) if path.is_file() => setup.source_of(path)?,
        Some(path) => path
            .canonicalize()
            .map_err(|e| Error::io("look at", path, e))?,
    };
    check_clean(&project, &source)?;
    let guest = if guest_wanted {
        Some(setup.guest()?)
    } else {
        None
    };
    let work = setup.work_folder()?;
    note(
        ui,
        format!("source: {} ({})", source.display(), project.name),
    );

    let cache = places::cache_dir()?;
    checks::buildable(
        &cache,
        "the cache folder",
        "name another one by KBISECT_CACHE",
    )?;
    if !SourceTree::is_known(&source, &cache) {
        note(ui, "the source is read once, to know it by its contents");
    }
    let watched = Arc::new(SourceTree::open(&source, &cache, cancel)?);
    let kept = cache.join("kconfig");
    let resolver = ConfResolver::kept(&source, &project, &kept, work.path(), cancel);
    // If it did, that explains an error better than make does.
    still_clean(&watched, &project, cancel, ui)?;
    let resolver = resolver?;
    let model = native(&resolver, cancel, ui)?;
    let known = match &model {
        Some(model) => kconfig::symbols(model),
        None => kconfig::known_symbols(&source)?,
    };
    if settings.base == Base::Expert && is_own(settings) {
        for symbol in project.unknown_in_base(&known)? {
            let near = kconfig::spelling(&symbol, &known);
            warn(
                ui,
                format!("[project] base: this source has no symbol {symbol}: {near}"),
            );
        }
    }
    let resolver = over_base(settings, &project, resolver, model.as_ref(), &known, ui)?;
    let guest_version = guest.as_ref().map(|g| g.version().to_owned());
    let mut key = serde_json::json!({
        "source": watched.id(),
        "project": project,
        "arch": settings.arch,
        "base": resolver.base().to_string(),
        "oracles": oracles.iter().map(Oracle::key).collect::<Vec<_>>(),
        "timeout": settings.timeout.as_secs(),
    });
    let mut toolset = Toolset::default();
    key[identity::ENVIRONMENT] = serde_json::json!(identity::environment(&project.env));
    if want == Want::Judge {
        let variables = Variables::of(&project.make_args, &project.env);
        let mut others = Vec::new();
        if let CompilerLauncher::Program(program) = &settings.cc_launcher {
            others.push(program.as_str());
        }
        if oracles.iter().any(boots) {
            others.push(boot::QEMU);
        }
        // Before the key: what is replaced after this is seen by the first look.
        let read: Vec<PathBuf> = model
            .iter()
            .flat_map(|model| model.files().map(PathBuf::from))
            .collect();
        let outside = watched.outside(&read, &variables);
        key[identity::OUTSIDE] = serde_json::json!(outside.key());
        toolset = Toolset::of(&variables, &others, outside, cancel);
        key["toolchain"] = serde_json::json!(identity::toolchain(&variables, cancel));
        key[identity::HELPERS] = serde_json::json!(toolset.helpers(&variables));
        if oracles.iter().any(boots) {
            key["qemu"] = identity::program(boot::QEMU, cancel).into();
        }
        let mut guest_files = Vec::new();
        for (name, path) in guest.iter().flat_map(GuestDir::files) {
            guest_files.push(Arc::new(Tracked::new(
                &format!("the guest's {name}"),
                &path,
            )?));
        }
        let mut qemu = Vec::new();
        if let Some(path) = find_program(boot::QEMU) {
            qemu.push(Arc::new(Tracked::new(boot::QEMU, &path)?));
        }
        let with_tools = |oracle: Oracle| {
            let guest = wants_guest(&oracle).then_some(&*guest_files);
            let qemu = boots(&oracle).then_some(&*qemu);
            let tools = [guest, qemu].into_iter().flatten();
            tools.fold(oracle, Oracle::with_tools)
        };
        oracles = oracles.into_iter().map(with_tools).collect();
        watched.keep()?;
    }
    if let Some(version) = &guest_version {
        key["guest"] = version.as_str().into();
    }
    let launcher = match want {
        Want::Judge => launcher(settings, &project, &cache, work.path(), cancel, ui)?,
        Want::Look => None,
    };
    let plan = plan(&project, source, &resolver, launcher);
    let kbisect = own_link(work.path(), "kbisect")?;
    Ok(Tools {
        resolver: Arc::new(
            CheckedResolver::new(resolver, model, &cache.join("kconfig-differences"))
                .watching(Arc::clone(&watched)),
        ),
        plan,
        oracles,
        guest: guest.map(|g| g.path().to_owned()),
        kbisect,
        known,
        key,
        source: watched,
        toolset: Arc::new(toolset),
        guest_version,
        _work: work,
    })
}

impl Tools {
    /// The key in the form in which the kbisect that began a run wrote `was`. What that one did not look at is
    /// left out.
    ///
    /// # Errors
    /// The source cannot be read.
    pub(super) fn key_like(
        &self,
        was: &serde_json::Value,
        cancel: &CancelToken,
    ) -> Result<serde_json::Value> {
        let guest = self.guest_version.as_deref();
        let oracles = self.oracles.iter().map(|o| o.earlier_id(guest)).collect();
        let mut is = self.key.clone();
        let keys = is.get_mut("oracles").and_then(Value::as_array_mut);
        let keys = keys.into_iter().flatten();
        let were = was.get("oracles").and_then(Value::as_array);
        let were = were.into_iter().flatten();
        for ((oracle, key), was) in self.oracles.iter().zip(keys).zip(were) {
            oracle.excuse(was, key);
        }
        earlier::key_like(was, &is, self.source.root(), oracles, cancel)
    }

    /// Is the source still what it was when the tools were made ready?
    ///
    /// # Errors
    /// It is not: the error names the files.
    pub(super) fn check_source(&self, cancel: &CancelToken) -> Result<()> {
        check_same(&self.source, cancel)
    }
}

/// Is the source still what it was, and was it all the time?
pub(super) fn check_same(source: &SourceTree, cancel: &CancelToken) -> Result<()> {
    match source.look(source.generation(), cancel)? {
        Seen::Same => Ok(()),
        Seen::Changed(changes) => Err(identity::changed(&changes)),
        seen @ Seen::Touched(_) => Err(Error::failed(format!(
            "the source was written to meanwhile: {}",
            seen.names()
        ))
        .hint("it is as it was: do the same again")),
    }
}

/// [`Project::check_source`], which does not know who left what there.
fn check_clean(project: &Project, source: &Path) -> Result<()> {
    project.check_source(source).map_err(|error| {
        let left = || {
            let root = source.canonicalize().ok()?;
            let left = SourceTree::left_in(&root, &places::cache_dir().ok()?);
            building(project).not_clean(&root, &left)
        };
        left().unwrap_or(error)
    })
}

fn building(project: &Project) -> Building<'_> {
    Building {
        product: &project.product,
        output_variable: &project.output_variable,
    }
}

/// Did make, when it called Kconfig, write to the source?
fn still_clean(
    source: &SourceTree,
    project: &Project,
    cancel: &CancelToken,
    ui: &mut dyn Ui,
) -> Result<()> {
    // A source that is gone has errors of its own.
    let Ok(seen) = source.look(source.generation(), cancel) else {
        return Ok(());
    };
    let Seen::Changed(changes) = seen else {
        return Ok(());
    };
    if !changes.only_adds() {
        return Err(identity::changed(&changes));
    }
    source.adopt(&changes.added.iter().cloned().collect(), cancel)?;
    building(project).check(source.root(), &changes.added)?;
    warn(ui, identity::left_by_build(source, &changes.added));
    Ok(())
}

/// The source as the native engine understands it; what it does not, is left to `conf`.
fn native(conf: &ConfResolver, cancel: &CancelToken, ui: &mut dyn Ui) -> Result<Option<Model>> {
    match conf.parse_natively(cancel) {
        Ok(model) => {
            for message in model.messages() {
                let (Message::Info(text) | Message::Warning(text)) = message;
                note(ui, format!("Kconfig says: {}", sanitize_line(text, 400)));
            }
            Ok(Some(model))
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) => {
            note(
                ui,
                format!("Kconfig is left to the tree's own conf: {error}"),
            );
            Ok(None)
        }
    }
}

fn is_shipped(oracle: &Oracle, settings: &Settings) -> bool {
    SHIPPED.iter().any(|s| s.name == oracle.name())
        && settings
            .oracles
            .iter()
            .any(|wanted| wanted == oracle.name())
}

fn plan(
    project: &Project,
    source: PathBuf,
    resolver: &ConfResolver,
    launcher: Option<Launcher>,
) -> MakePlan {
    let args = project
        .make_args
        .iter()
        .chain(&project.targets)
        .map(Into::into)
        .collect();
    MakePlan {
        source,
        args,
        output_variable: project.output_variable.clone(),
        env: project.make_env().chain(resolver.build_env()).collect(),
        product: project.product.clone(),
        config: ".config".into(),
        limit: BUILD_LIMIT,
        launcher,
    }
}

/// The profile of a name, or what a table describes; without either Linux.
pub(super) fn project(wanted: Option<&toml::Value>, arch: &str) -> Result<Project> {
    match wanted {
        None => Project::named("linux", arch),
        Some(toml::Value::String(name)) => Project::named(name, arch),
        Some(table) => table.clone().try_into().map_err(|e: toml::de::Error| {
            Error::usage("[project] in kbisect.toml does not describe a project").because(e)
        }),
    }
}

/// Is the project described by the user?
fn is_own(settings: &Settings) -> bool {
    matches!(settings.project, Some(toml::Value::Table(_)))
}

fn refuse_missing(needs: &[Need], cancel: &CancelToken) -> Result<()> {
    let missing: Vec<Need> = setup::missing(needs, cancel)?
        .into_iter()
        .filter(|n| n.importance == setup::Importance::Required)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = missing.iter().map(|n| n.name).collect();
    let packages: Vec<&str> = missing.iter().flat_map(|n| n.packages).copied().collect();
    Err(
        Error::failed(format!("missing on this machine: {}", names.join(", "))).hint(format!(
            "`kbisect setup` installs it (or give --setup); by hand: {}",
            setup::install_command(&packages)
        )),
    )
}
