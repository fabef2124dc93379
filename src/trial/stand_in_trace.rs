//! Traces a boot of the kernel that stands for the start: its guest tells where its functions are, and the source which
//! objects they are of.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::files::CONFIG;
use super::runner::TrialRunner;
use super::stand_in::StandIn;
use super::tracing::{FOLDER, LOGS, cut_early, not_of_this_kernel, read_all};
use crate::model::{ResolvedConfig, TrialId, WorkerId};
use crate::oracle::{self, Oracle, OracleVerdict};
use crate::supervise::CancelToken;
use crate::trace::{
    Activity, Definitions, Image, KernelSymbol, Placed, Ran, around, placed, read_symbols,
};
use crate::{Error, Result};

/// The name of the script by which the guest lists its functions, and of its folder.
const SYMBOLS: &str = "symbols";

/// A kernel with this is moved, unless its command line forbids it.
const KASLR: &str = "CONFIG_RANDOMIZE_BASE=y";

/// The script. What is typed is echoed: the mark at the end is one that only a shell can make of it.
const SCRIPT: &str = r#"#!/bin/sh
# The functions of the kernel, as the guest lists them, with the addresses that they have without KASLR.
exec kbisect boot \
    --initrd "$KBISECT_GUEST/shell.cpio" --append 'nokaslr KBISECT_MODE=shell' \
    --when '^guest# ' \
    --send 'mount -t proc proc /proc; grep " [tTwW] " /proc/kallsyms; echo end: $((6 * 7 * 1000))' \
    --until '^end: 42000'
"#;

impl TrialRunner {
    /// What runs of the kernel that stands for the start when the oracles boot it once more. `config` is the start's:
    /// its objects are those that functions can be of. `trial` is the one that judged it. Nothing if the oracles do
    /// not boot it by `kbisect boot`.
    ///
    /// # Errors
    /// It cannot be told, for another reason.
    pub(super) fn trace_stand_in(
        &self,
        config: &ResolvedConfig,
        trial: TrialId,
        cancel: &CancelToken,
    ) -> Result<Option<Activity>> {
        let objects = self.objects(&config.config);
        if objects.is_empty() || !self.oracles.iter().any(Oracle::boots) {
            return Ok(None);
        }
        if self.guest.is_none() {
            return Err(Error::failed(
                "only kbisect's guest lists the functions of a kernel, and no oracle uses it",
            ));
        }
        let folder = self.folder(trial).join(FOLDER);
        let (tree, logs) = (folder.join(StandIn::TREE), folder.join(LOGS));
        fs::create_dir_all(&logs).map_err(|e| Error::io("make the folder", &logs, e))?;
        let traced = self.boot_stand_in(config, trial, &folder, &tree, cancel);
        let read = traced.and_then(|symbols| {
            let definitions = Definitions::in_sources(&self.plan.source, &objects);
            let image = Image::of_symbols(&symbols, &[], &definitions);
            let (own, modules) = (image.range(), around(&symbols)?);
            // Modules are where the kernel is not.
            let whole = own.start..own.end.max(modules.end);
            let logs = read_all(&logs, &image, &whole)?;
            Ok((symbols, definitions, logs))
        });
        for folder in [&logs, &tree] {
            let _ = fs::remove_dir_all(folder);
        }
        let (symbols, definitions, logs) = read?;
        if logs.is_empty() {
            return Ok(None);
        }
        let ran = logs.into_iter().flatten().reduce(Ran::and);
        let ran = ran.ok_or_else(not_of_this_kernel)?;
        let Placed { symbols, lost } = placed(&symbols, &ran)?;
        let image = Image::of_symbols(&symbols, &lost, &definitions);
        let activity = Activity::of(&image, &ran);
        match activity.is_cut_early() {
            true => Err(cut_early()),
            false => Ok(Some(activity)),
        }
    }

    /// Has the oracles boot it with a trace, and then the guest list its functions.
    fn boot_stand_in(
        &self,
        config: &ResolvedConfig,
        trial: TrialId,
        folder: &Path,
        tree: &Path,
        cancel: &CancelToken,
    ) -> Result<Vec<KernelSymbol>> {
        self.lay_out(tree, &config.text)?;
        let path = folder.join(CONFIG);
        // The kernel may have KASLR where the start does not ask for it: `kbisect boot` is to switch it off.
        let text = format!("{}{KASLR}\n", config.text);
        fs::write(&path, text).map_err(|e| Error::io("write", &path, e))?;
        let job = self.job_of_stand_in(WorkerId(0), tree, path, folder);
        let traced = oracle::Job {
            trace: Some(folder.join(LOGS)),
            ..job.clone()
        };
        let outcome = oracle::judge_all(&self.traced(), &traced, cancel)?;
        if outcome.verdict != OracleVerdict::Accept {
            return Err(Error::failed(format!(
                "the oracle {} did not accept the kernel of trial {trial} while it was traced",
                outcome.oracle
            ))
            .hint(format!("its output is in {}", folder.display())));
        }
        // Its folder in `folder` gets the same name.
        let script = tree.join(SYMBOLS);
        fs::write(&script, SCRIPT).map_err(|e| Error::io("write", &script, e))?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))
            .map_err(|e| Error::io("write", &script, e))?;
        let lister = oracle::find(&script.to_string_lossy())?;
        let outcome = lister.judge(&job, cancel)?;
        let own = folder.join(lister.name());
        if outcome.verdict != OracleVerdict::Accept {
            return Err(Error::failed(
                "the guest does not get to list the functions of its kernel",
            )
            .hint(format!("its console is in {}", own.display())));
        }
        read_symbols(&own.join("console.log"))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fmt::Write;

    use super::super::watched::tests::{Setting, setting};
    use super::*;
    use crate::kconfig::parse_config;

    /// A fake `kbisect`: each boot writes what there is beside it, a trace or a console.
    const FAKE: &str = r#"#!/bin/sh
own=${0%/*}
grep -q CONFIG_RANDOMIZE_BASE=y "$KBISECT_CONFIG" || exit 1
[ -z "${KBISECT_TRACE-}" ] || cp "$own/in_asm" "$KBISECT_TRACE/1.in_asm"
cp "$own/console" "$KBISECT_TRIAL/console.log"
"#;

    const BEGIN: u64 = 0xffff_ffff_8100_0000;

    /// A source that builds `fs/exec.c`, and a kernel of it that does not come from there.
    fn made_elsewhere(console: &str, in_asm: &str) -> Setting {
        let mut setting = setting("true");
        let dir = setting.dir.path().canonicalize().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            path
        };
        write("source/Makefile", "core-y := fs/\n");
        write("source/fs/Makefile", "obj-y += exec.o\n");
        write(
            "source/fs/exec.c",
            "int load(void)\n{\n}\nint idle(void)\n{\n}\n",
        );
        write("fake/console", console);
        write("fake/in_asm", in_asm);
        setting.runner.kbisect = write("fake/kbisect", FAKE);
        let boots = write("boots", "#!/bin/sh\nexec kbisect boot\n");
        setting.runner.oracles = vec![oracle::find(boots.to_str().unwrap()).unwrap()];
        setting.runner.guest = Some(dir.join("fake"));
        setting.runner.stand_in = Some(StandIn {
            image: write("kernel", "kernel"),
            modules: None,
        });
        setting
    }

    fn trace(setting: &Setting) -> Result<Option<Activity>> {
        let text = "CONFIG_X=y\n";
        let config = ResolvedConfig::new(text.into(), parse_config(text));
        let cancel = CancelToken::new();
        setting.runner.trace_stand_in(&config, TrialId(1), &cancel)
    }

    fn list() -> String {
        let mut list = format!("{BEGIN:016x} T start_kernel\r\n");
        for number in 1..2000 {
            let name = match number {
                1 => "load".to_owned(),
                2 => "idle".to_owned(),
                _ => format!("f{number}"),
            };
            write!(list, "{:016x} t {name}\r\n", BEGIN + number * 16).unwrap();
        }
        list
    }

    fn blocks(addresses: &[u64]) -> String {
        let block = |address| format!("IN:\n{address:#018x}:  90  nop\n");
        addresses.iter().map(block).collect()
    }

    #[test]
    fn what_ran_of_a_kernel_that_was_made_elsewhere_is_told_by_its_guest_and_the_source() {
        let setting = made_elsewhere(&list(), &blocks(&[BEGIN, BEGIN + 16]));
        let activity = trace(&setting).unwrap().unwrap();
        let functions = activity.evidence([&"fs/exec.o".to_owned()], []).functions;
        assert_eq!((functions.all, functions.ran), (2, 1));
        let left = setting.runner.folder(TrialId(1)).join(FOLDER);
        assert!(!left.join(LOGS).exists() && !left.join(StandIn::TREE).exists());
    }

    #[test]
    fn a_guest_without_a_list_a_kernel_that_was_moved_and_no_guest_are_told_apart() {
        let ran = blocks(&[BEGIN, BEGIN + 16]);
        let says = |setting: &Setting| trace(setting).unwrap_err().to_string();
        let without = made_elsewhere("grep: /proc/kallsyms: No such file\r\n", &ran);
        assert!(
            says(&without).contains("does not list"),
            "{}",
            says(&without)
        );
        let moved = made_elsewhere(&list(), &blocks(&[BEGIN + 0x4000, BEGIN + 0x4010]));
        assert!(
            says(&moved).contains("not of this kernel"),
            "{}",
            says(&moved)
        );
        let mut alone = made_elsewhere(&list(), &ran);
        alone.runner.guest = None;
        assert!(
            says(&alone).contains("no oracle uses it"),
            "{}",
            says(&alone)
        );
        let mut other = made_elsewhere(&list(), &ran);
        let accept = other.dir.path().join("accept");
        other.runner.oracles = vec![oracle::find(accept.to_str().unwrap()).unwrap()];
        assert_eq!(trace(&other).unwrap(), None);
    }
}
