//! The modules of a start: whether they can be kept, and whether they may be why it does not pass.

use crate::kconfig::Start;
use crate::kconfig::engine::{Mode, Model};
use crate::lab::Cause;
use crate::model::{Config, MODULES, Symbol, Value};
use crate::settings::{Modules, Settings};
use crate::{Error, Result};

/// So many modules are named.
const NAMES: usize = 5;

/// The folders whose modules a kernel most likely lacks, most likely first: of network cards, buses, disks and filesystems.
const FIRST: [&str; 9] = [
    "drivers/net/",
    "drivers/virtio/",
    "drivers/block/",
    "drivers/nvme/",
    "drivers/ata/",
    "drivers/scsi/",
    "fs/",
    "net/",
    "drivers/",
];

/// What may be the cause if a kernel of this config does not pass: its modules. None if it has none.
pub(super) fn cause(config: &Config, settings: &Settings, model: Option<&Model>) -> Option<Cause> {
    let names = names(config, model)?;
    let (text, mut way_out) = match settings.modules {
        Some(Modules::Keep) => (
            format!("{names}: a module is loaded by the guest only, and not before its init"),
            "--modules builtin asks for =y where the start has =m; or have the guest load what is in \
             $KBISECT_MODULES"
                .to_owned(),
        ),
        _ => (
            format!("{names}: the guest loads no modules"),
            "--modules builtin asks for =y where the start has =m; --modules keep builds and loads modules"
                .to_owned(),
        ),
    };
    if settings.start_as.is_none() {
        way_out +=
            "; --start-as full, defconfig or fragment, if the start was read as what it is not";
    }
    Some(Cause { text, way_out })
}

/// Can the modules of this start be kept? A candidate without a request for `MODULES` asks for none of them
/// ([`fragment_of`](crate::lab::fragment_of)). That is enough only if nothing but the request, or the base, decides whether
/// there are modules: otherwise Kconfig would build them in, and make a larger kernel of fewer requests.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) if they cannot.
pub(super) fn check(start: &Start, model: Option<&Model>) -> Result<()> {
    if !start.requests.iter().any(|r| r.value == Value::MODULE) {
        return Ok(());
    }
    let refused = |why: &str| {
        let text = format!("the modules of this start cannot be kept: {why}");
        Err(Error::usage(text).hint("--modules builtin asks for =y where the start has =m"))
    };
    let Some(model) = model else {
        return refused("kbisect's own Kconfig engine cannot read this tree");
    };
    let mut state = model.resolve(Mode::AllNo, None);
    let Some(switch) = model.find(MODULES).and_then(|id| state.explain(id)) else {
        return refused("this project has no symbol MODULES");
    };
    if let Some(needs) = switch.needs.first() {
        return refused(&format!("MODULES depends on {}", needs.text));
    }
    if let Some(by) = switch.selected_by.first() {
        return refused(&format!("{} selects MODULES", by.text));
    }
    let is_asked = start.requests.iter().any(|r| r.symbol.as_str() == MODULES);
    let is_of_base = start
        .base
        .config
        .iter()
        .any(|(s, v)| s.as_str() == MODULES && !v.is_no());
    match is_asked || is_of_base {
        true => Ok(()),
        false => refused("neither the start nor the base asks for MODULES=y"),
    }
}

/// `VIRTIO_NET=m, EXT4_FS=m and 7 more`.
fn names(config: &Config, model: Option<&Model>) -> Option<String> {
    let is_module = |(_, value): &(&Symbol, &Value)| **value == Value::MODULE;
    let mut modules: Vec<&Symbol> = config.iter().filter(is_module).map(|(s, _)| s).collect();
    modules.sort_by_key(|symbol| rank(symbol, model));
    let mut names: Vec<String> = modules
        .iter()
        .take(NAMES)
        .map(|s| format!("{s}=m"))
        .collect();
    let last = match modules.len().saturating_sub(NAMES) {
        0 => names.pop()?,
        more => format!("{more} more"),
    };
    if names.is_empty() {
        return Some(last);
    }
    Some(format!("{} and {last}", names.join(", ")))
}

/// How likely it is that a kernel needs the module of this symbol: by the folder of its Kconfig file.
fn rank(symbol: &Symbol, model: Option<&Model>) -> usize {
    let place = model.and_then(|model| model.place(model.find(symbol.as_str())?));
    let folder = |file: &str| FIRST.iter().position(|first| file.starts_with(first));
    place
        .and_then(|(file, _)| folder(file))
        .unwrap_or(FIRST.len())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::kconfig::engine::{Env, NoShell, parse};
    use crate::settings::{Form, Machine};

    fn config(modules: &[&str]) -> Config {
        let module = |name: &&str| (Symbol::new(name).unwrap(), Value::MODULE);
        let on = (Symbol::new("NET").unwrap(), Value::YES);
        modules.iter().map(module).chain([on]).collect()
    }

    #[test]
    fn modules_are_named_drivers_of_network_and_disks_first() {
        let dir = tempfile::tempdir().unwrap();
        for (file, name) in [
            ("crypto/Kconfig", "AES"),
            ("fs/Kconfig", "EXT4_FS"),
            ("drivers/net/Kconfig", "VIRTIO_NET"),
        ] {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, format!("config {name}\n\ttristate \"x\"\n")).unwrap();
        }
        let all =
            "source \"crypto/Kconfig\"\nsource \"fs/Kconfig\"\nsource \"drivers/net/Kconfig\"\n";
        std::fs::write(dir.path().join("Kconfig"), all).unwrap();
        let env = Env {
            source: dir.path().to_owned(),
            ..Env::default()
        };
        let model = parse("Kconfig", &env, &mut NoShell).unwrap();
        let of = |modules: &[&str]| names(&config(modules), Some(&model));
        let three = of(&["AES", "EXT4_FS", "VIRTIO_NET"]).unwrap();
        assert_eq!(three, "VIRTIO_NET=m, EXT4_FS=m and AES=m");
        assert_eq!(of(&["AES"]).unwrap(), "AES=m");
        assert_eq!(of(&[]), None);
        let many = of(&["A", "B", "C", "D", "EXT4_FS", "F", "G"]).unwrap();
        assert_eq!(many, "EXT4_FS=m, A=m, B=m, C=m, D=m and 2 more");
    }

    #[test]
    fn the_ways_out_depend_on_what_was_asked_for() {
        let mut settings = Settings::defaults(Machine::here());
        let told = |settings: &Settings| cause(&config(&["VIRTIO_NET"]), settings, None).unwrap();
        let cause = told(&settings);
        assert_eq!(cause.text, "VIRTIO_NET=m: the guest loads no modules");
        for way in ["--modules builtin", "--modules keep", "--start-as"] {
            assert!(cause.way_out.contains(way), "{way}");
        }
        settings.modules = Some(Modules::Keep);
        settings.start_as = Some(Form::Fragment);
        let kept = told(&settings);
        assert!(kept.text.contains("not before its init"));
        assert!(kept.way_out.starts_with("--modules builtin"));
        assert!(!kept.way_out.contains("--start-as"));
    }
}
