//! Makes everything ready that a run needs: tools, source, Kconfig, oracles, guest.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::base::over_base;
use super::checks;
use super::compiler::{launcher, own_link};
use super::project::{check_clean, is_own, project, still_clean};
use super::tell::{Watcher, note, warn};
use super::tools::{Tools, Want, WhenMissing};

use crate::boot;
use crate::build::{Launcher, MakePlan};
use crate::identity::{self, SourceTree, Toolset, Tracked, Variables};
use crate::kconfig::engine::{Message, Model};
use crate::kconfig::{self, CheckedResolver, ConfResolver, Project};
use crate::model::{CompilerLauncher, contract, sanitize_line};
use crate::oracle::{self, Oracle, SHIPPED, Written};
use crate::settings::{Base, Settings};
use crate::setup::{self, GuestDir, Need, Setup};
use crate::supervise::{CancelToken, find_program};
use crate::{Error, ErrorKind, Result, places};

/// Wall time that one build may take. A kernel takes minutes; this is for a make that hangs.
const BUILD_LIMIT: Duration = Duration::from_secs(4 * 3600);

/// Makes the tools of a run ready.
pub(crate) fn tools(
    settings: &Settings,
    when: WhenMissing,
    want: Want,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
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
    let wants_guest = |o: &Oracle| is_shipped(o, settings) || o.mentions(contract::GUEST);
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
            tell,
            format!(
                "builds do not see {name} of the environment: they take no options for make from outside. What \
                 they are to see is set as a variable of its own, or in make-args of [project]"
            ),
        );
    }
    let mut line = |text: &str| note(tell, text);
    let mut setup = Setup::new(&mut line, cancel)?;
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
        tell,
        format!("source: {} ({})", source.display(), project.name),
    );

    let cache = places::cache_dir()?;
    checks::buildable(
        &cache,
        "the cache folder",
        "name another one by KBISECT_CACHE",
    )?;
    if !SourceTree::is_known(&source, &cache) {
        note(tell, "the source is read once, to know it by its contents");
    }
    let watched = Arc::new(SourceTree::open(&source, &cache, cancel)?);
    let kept = cache.join("kconfig");
    let resolver = ConfResolver::kept(&source, &project, &kept, work.path(), cancel);
    // If it did, that explains an error better than make does.
    still_clean(&watched, &project, cancel, tell)?;
    let resolver = resolver?;
    let model = native(&resolver, cancel, tell)?;
    let known = match &model {
        Some(model) => kconfig::symbols(model),
        None => kconfig::known_symbols(&source)?,
    };
    if settings.base == Base::Expert && is_own(settings) {
        for symbol in project.unknown_in_base(&known)? {
            let near = kconfig::spelling(&symbol, &known);
            warn(
                tell,
                format!("[project] base: this source has no symbol {symbol}: {near}"),
            );
        }
    }
    let resolver = over_base(settings, &project, resolver, model.as_ref(), &known, tell)?;
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
    key[identity::ENVIRONMENT] = identity::environment(&project.env)?;
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
        Want::Judge => launcher(settings, &project, &cache, work.path(), cancel, tell)?,
        Want::Look => None,
    };
    let plan = plan(&project, source, &resolver, launcher);
    let kbisect = own_link(work.path(), super::OWN_NAME)?;
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
        work,
    })
}

/// The source as the native engine understands it; what it does not, is left to `conf`.
fn native(
    conf: &ConfResolver,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<Option<Model>> {
    match conf.parse_natively(cancel) {
        Ok(model) => {
            for message in model.messages() {
                let (Message::Info(text) | Message::Warning(text)) = message;
                note(tell, format!("Kconfig says: {}", sanitize_line(text, 400)));
            }
            Ok(Some(model))
        }
        Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
        Err(error) => {
            note(
                tell,
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
