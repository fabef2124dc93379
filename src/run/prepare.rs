//! Makes everything ready that a run needs: tools, source, Kconfig, oracles, guests.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::base::over_base;
use super::checks;
use super::compiler::{launcher, own_link};
use super::guests::{Guests, add_needs};
use super::key::Grounds;
use super::oracles::{self, Judge};
use super::project::{check_clean, project, still_clean};
use super::stand_in;
use super::tell::{Watcher, note, warn};
use super::tools::{Tools, Want, WhenMissing};

use crate::build::{Launcher, MakePlan};
use crate::identity::{self, SourceTree, Toolset};
use crate::kconfig::engine::{Message, Model};
use crate::kconfig::{self, CheckedResolver, ConfResolver, Project};
use crate::model::{Symbol, sanitize_line};
use crate::settings::{Modules, Settings};
use crate::setup::{self, Need, Setup, WorkFolder};
use crate::supervise::CancelToken;
use crate::{Error, ErrorKind, Result, dirs};

/// Wall time that one build may take. A kernel takes minutes; this is for a make that hangs.
const BUILD_LIMIT: Duration = Duration::from_secs(4 * 3600);

/// What every step of the preparation needs to know.
#[derive(Clone, Copy)]
struct Asked<'a> {
    settings: &'a Settings,
    project: &'a Project,
    cancel: &'a CancelToken,
}

/// Makes the tools of a run ready.
pub(crate) fn tools(
    settings: &Settings,
    when: WhenMissing,
    want: Want,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<Tools> {
    // Mistakes first, before anything takes time.
    let project = &wanted_project(settings)?;
    let judges = oracles::find(settings, project)?;
    oracles::check_modules(&judges, project)?;
    let asked = Asked {
        settings,
        project,
        cancel,
    };
    warn_of_make_options(tell);
    let machine = machine(asked, when, &judges, tell)?;
    let cache = dirs::cache_dir()?;
    checks::buildable(
        &cache,
        "the cache folder",
        "name another one by KBISECT_CACHE",
    )?;
    let tree = read_tree(asked, &machine, &cache, tell)?;
    let stand_in = stand_in::of(settings, machine.work.path(), tell)?;
    let grounds = Grounds {
        settings,
        project,
        base: tree.resolver.base(),
        source: &tree.source,
        model: tree.model.as_ref(),
        guests: &machine.guests,
        stand_in: stand_in.as_ref(),
    };
    let mut key = grounds.quick_key(&judges)?;
    let (judges, toolset) = match want {
        Want::Build => {
            let toolset = grounds.add_programs(&mut key, &judges, cancel);
            let judges = grounds.with_tools(judges)?;
            tree.source.keep()?;
            (judges, toolset)
        }
        Want::ResolveOnly => (judges, Toolset::default()),
    };
    let work = machine.work.path();
    let guest = machine.guests.first();
    let launcher = match want {
        Want::Build => launcher(settings, project, &cache, work, cancel, tell)?,
        Want::ResolveOnly => None,
    };
    let resolver = tree.resolver;
    Ok(Tools {
        plan: plan(project, machine.source, &resolver, launcher),
        resolver: Arc::new(
            CheckedResolver::new(resolver, tree.model, &cache.join("kconfig-differences"))
                .watching(Arc::clone(&tree.source)),
        ),
        oracles: judges.into_iter().map(|judge| judge.oracle).collect(),
        kbisect: own_link(work, super::OWN_NAME)?,
        known: tree.known,
        key,
        source: tree.source,
        toolset: Arc::new(toolset),
        stand_in,
        guest_version: guest.map(|g| g.version().to_owned()),
        guest: guest.map(|g| g.path().to_owned()),
        work: machine.work,
    })
}

/// The project of the settings, if there can be a source for it.
fn wanted_project(settings: &Settings) -> Result<Project> {
    let project = project(settings.project.as_ref(), &settings.arch)?;
    let project = match settings.modules {
        Some(Modules::Keep) => project.keeping_modules()?,
        _ => project.without_modules(),
    };
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
            "a source tree or tarball of it; `source` in kbisect.toml. (Debian's kernel is used \
             without --source only by the project linux)",
        ));
    }
    Ok(project)
}

/// Warns of variables of the environment that builds are not given.
fn warn_of_make_options(tell: &mut Watcher<'_>) {
    for name in identity::not_passed_on() {
        warn(
            tell,
            format!(
                "builds do not see {name} of the environment: they take no options for make from outside. Set \
                 variables that they must see one by one, or in make-args of [project]"
            ),
        );
    }
}

/// What this machine has for a run.
struct Machine {
    source: PathBuf,
    guests: Guests,
    work: WorkFolder,
}

/// Makes source and guests ready, and installs what is missing, if that is wanted.
fn machine(
    asked: Asked<'_>,
    when: WhenMissing,
    judges: &[Judge],
    tell: &mut Watcher<'_>,
) -> Result<Machine> {
    let Asked {
        settings,
        project,
        cancel,
    } = asked;
    let needs = needs(settings, project, judges);
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
    check_clean(project, &source)?;
    let guests = Guests::make(
        judges.iter().filter_map(|judge| judge.guest.as_ref()),
        &mut setup,
    )?;
    let work = setup.work_folder()?;
    note(
        tell,
        format!("source: {} ({})", source.display(), project.name),
    );
    Ok(Machine {
        source,
        guests,
        work,
    })
}

/// The packages that a run needs.
fn needs(settings: &Settings, project: &Project, judges: &[Judge]) -> Vec<Need> {
    let mut needs: Vec<Need> = setup::BUILD.to_vec();
    if judges.iter().any(|judge| judge.boots) {
        needs.extend_from_slice(setup::BOOT);
    }
    add_needs(
        &mut needs,
        judges.iter().filter_map(|judge| judge.guest.as_ref()),
    );
    if settings.source.is_none() && project.name == "linux" {
        needs.extend_from_slice(setup::SOURCE);
    } else if settings.source.as_ref().is_none_or(|path| path.is_file()) {
        needs.push(setup::UNPACK);
    }
    needs
}

/// The source tree, as Kconfig understands it.
struct Tree {
    source: Arc<SourceTree>,
    resolver: ConfResolver,
    model: Option<Model>,
    known: HashSet<Symbol>,
}

/// Reads the source tree, and lays requests over the base of the settings.
fn read_tree(
    asked: Asked<'_>,
    machine: &Machine,
    cache: &Path,
    tell: &mut Watcher<'_>,
) -> Result<Tree> {
    let Asked {
        settings,
        project,
        cancel,
    } = asked;
    let path = &machine.source;
    if !SourceTree::is_known(path, cache) {
        note(tell, "the source is read once, to know it by its contents");
    }
    let source = Arc::new(SourceTree::open(path, cache, cancel)?);
    let kept = cache.join("kconfig");
    let resolver = ConfResolver::kept(path, project, &kept, machine.work.path(), cancel);
    // If it did, that explains an error better than make does.
    still_clean(&source, project, cancel, tell)?;
    let resolver = resolver?;
    let model = native(&resolver, cancel, tell)?;
    let known = match &model {
        Some(model) => kconfig::symbols(model),
        None => kconfig::known_symbols(path)?,
    };
    let resolver = over_base(settings, project, resolver, model.as_ref(), &known, tell)?;
    Ok(Tree {
        source,
        resolver,
        model,
        known,
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
        modules: project.modules_target.as_ref().map(Into::into),
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::run::oracles::tests::found;
    use crate::settings::Machine;

    #[test]
    fn a_run_needs_what_the_guests_of_its_oracles_need() {
        let settings = Settings::defaults(Machine::here());
        let project = Project::linux("x86_64").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join("root");
        std::fs::create_dir_all(own.join("sbin")).unwrap();
        let disk = "# kbisect: guest=debian disk=virtio";
        let names = |texts: &[&str], guest: Option<&str>| -> Vec<&str> {
            let judges = found(texts, guest).unwrap();
            let needs = needs(&settings, &project, &judges);
            let made = ["mmdebstrap", "e2fsprogs", "ssh-keygen"];
            let names = needs.iter().map(|need| need.name);
            names.filter(|name| made.contains(name)).collect()
        };
        let debian = ["mmdebstrap", "e2fsprogs", "ssh-keygen"];
        assert_eq!(names(&[disk], None), debian);
        // Each once.
        let other = "# kbisect: guest=debian-systemd disk=nvme";
        assert_eq!(names(&["true", disk, other], None), debian);
        assert_eq!(names(&[disk], own.to_str()), debian[1..]);
        assert!(names(&["# kbisect: guest=busybox"], None).is_empty());
    }
}
