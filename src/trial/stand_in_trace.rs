//! Traces a boot of the kernel that stands for the start: its guest tells where its functions are, and the source which
//! objects they are of.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::files::CONFIG;
use super::runner::TrialRunner;
use super::stand_in::StandIn;
use super::tracing::{FOLDER, LOGS, cut_early, not_of_this_kernel, read_all};
use crate::kmod::Present;
use crate::model::{ResolvedConfig, TrialId, WorkerId};
use crate::oracle::{self, Oracle, OracleVerdict};
use crate::supervise::CancelToken;
use crate::trace::{
    Activity, Definitions, GuestSigns, Image, Placed, Ran, Sign, around, kernel_symbols, placed,
    read_console,
};
use crate::{Error, Result};

/// The name of the script by which the guest tells of its kernel, and of its folder.
const SYMBOLS: &str = "symbols";

/// A kernel with this is moved, unless its command line forbids it.
const KASLR: &str = "CONFIG_RANDOMIZE_BASE=y";

/// The network card of the guest, for oracles whose guests have one.
const NIC: &str = r#""--nic ${KBISECT_NIC:-virtio}""#;

/// The script. What is typed is echoed: the mark at the end is one that only a shell can make of it. Lines of files begin
/// with the marks of [`GuestSigns`]. A guest may lack any of the files. `@nic@` is its network card.
const SCRIPT: &str = r#"#!/bin/sh
# The functions of the kernel, as the guest lists them, with the addresses that they have without KASLR; and the modules,
# mounts, sockets and devices that it has.
nic=@nic@
exec kbisect boot \
    --initrd "$KBISECT_GUEST/shell.cpio" --append 'nokaslr KBISECT_MODE=shell' $nic \
    --when '^guest# ' \
    --send 'mount -t proc proc /proc; grep " [tTwW] " /proc/kallsyms; p() { cat $2 | while read -r l; do echo "$1: $l"; done; }; p modules /proc/modules; p mounts /proc/mounts; p protocols /proc/net/protocols; mount -t sysfs sysfs /sys; p device "/sys/bus/*/devices/*/modalias"; echo end: $((6 * 7 * 1000))' \
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
                "only the guest busybox lists the functions of a kernel, and no oracle uses it",
            ));
        }
        let folder = self.folder(trial).join(FOLDER);
        let (tree, logs) = (folder.join(StandIn::TREE), folder.join(LOGS));
        fs::create_dir_all(&logs).map_err(|e| Error::io("make the folder", &logs, e))?;
        let traced = self.boot_stand_in(config, trial, &folder, &tree, cancel);
        let read = traced.and_then(|console| {
            let symbols = kernel_symbols(&console)?;
            let definitions = Definitions::in_sources(&self.plan.source, &objects);
            let image = Image::of_symbols(&symbols, &[], &definitions);
            let (own, modules) = (image.range(), around(&symbols)?);
            // Modules are where the kernel is not.
            let whole = own.start..own.end.max(modules.end);
            let logs = read_all(&logs, &image, &whole)?;
            let signs = GuestSigns::read(&console);
            Ok((symbols, signs, definitions, logs))
        });
        for folder in [&logs, &tree] {
            let _ = fs::remove_dir_all(folder);
        }
        let (symbols, signs, definitions, logs) = read?;
        if logs.is_empty() {
            return Ok(None);
        }
        let ran = logs.into_iter().flatten().reduce(Ran::and);
        let ran = ran.ok_or_else(not_of_this_kernel)?;
        let Placed { symbols, lost } = placed(&symbols, &ran)?;
        let image = Image::of_symbols(&symbols, &lost, &definitions);
        let activity = Activity::of(&image, &ran).with_signs(self.options_of(&signs));
        match activity.is_cut_early() {
            true => Err(cut_early()),
            false => Ok(Some(activity)),
        }
    }

    /// The options (without `CONFIG_`) of what the guest was seen to use: an alias stands for a module, and the makefile
    /// beside its source names the option. A module that the guest was not given is not needed, whatever answers to it.
    fn options_of(&self, signs: &GuestSigns) -> BTreeMap<String, Sign> {
        let folder = self.stand_in.as_ref();
        let folder = folder.and_then(|kernel| kernel.installed.as_ref());
        // Without the folder nobody knows what an alias stands for.
        let present = folder.and_then(|folder| Present::of(folder, &signs.loaded).ok());
        let present = present.unwrap_or_default();
        let by_alias = signs.aliases.iter().flat_map(|(alias, sign)| {
            let objects = present.answering(alias);
            objects.map(|object| (object, *sign)).collect::<Vec<_>>()
        });
        let held = signs.held.iter().filter_map(|name| present.named(name));
        let mut options: BTreeMap<String, Sign> = BTreeMap::new();
        for (object, sign) in by_alias.chain(held.map(|object| (object, Sign::Held))) {
            for symbol in self.forecasts.options_of(object) {
                let seen = options.entry(symbol).or_insert(sign);
                *seen = sign.max(*seen);
            }
        }
        options
    }

    /// The flag for the network card of the guest, in quotes: that of a header, or the usual one if a program has the
    /// flag.
    fn card(&self) -> String {
        let headers = self.oracles.iter().filter_map(Oracle::header);
        let machines = headers.map(|header| header.hardware());
        let named = machines.filter(|machine| machine.nic.is_some());
        for text in named.map(|machine| machine.to_string()) {
            if let Some(nic) = text.split(' ').find_map(|word| word.strip_prefix("nic=")) {
                return format!("\"--nic {nic}\"");
            }
        }
        match self.oracles.iter().any(|oracle| oracle.mentions("--nic")) {
            true => NIC.to_owned(),
            false => String::new(),
        }
    }

    /// Has the oracles boot it with a trace, and then the guest tell of its kernel: what it writes.
    fn boot_stand_in(
        &self,
        config: &ResolvedConfig,
        trial: TrialId,
        folder: &Path,
        tree: &Path,
        cancel: &CancelToken,
    ) -> Result<String> {
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
        let text = SCRIPT.replace("@nic@", &self.card());
        fs::write(&script, text).map_err(|e| Error::io("write", &script, e))?;
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
        read_console(&own.join("console.log"))
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
echo "$*" >>"$own/called"
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
            installed: None,
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
    fn what_the_guest_uses_is_told_by_its_modules_and_the_makefiles() {
        let told = "modules: virtio_net 61440 0 - Live 0x0\r\nmounts: /dev/vda / ext4 rw 0 0\r\n\
                    device: virtio:d00000001v00001AF4\r\ndevice: virtio:d00000002v00001AF4\r\n";
        let ran = blocks(&[BEGIN, BEGIN + 16]);
        let mut setting = made_elsewhere(&(list() + told), &ran);
        let dir = setting.dir.path().to_owned();
        let put = |file: &str, bytes: &[u8]| {
            let path = dir.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        };
        for (file, text) in [
            (
                "source/fs/ext4/Makefile",
                "obj-$(CONFIG_EXT4_FS) += ext4.o\n",
            ),
            (
                "source/drivers/net/Makefile",
                "obj-$(CONFIG_VIRTIO_NET) += virtio_net.o\n",
            ),
            (
                "source/drivers/block/Makefile",
                "obj-$(CONFIG_VIRTIO_BLK) += virtio_blk.o\n",
            ),
            ("installed/modules.builtin", "kernel/fs/ext4/ext4.ko\n"),
            ("installed/modules.builtin.modinfo", "ext4.alias=fs-ext4\0"),
        ] {
            put(file, text.as_bytes());
        }
        for (file, alias) in [
            (
                "installed/kernel/drivers/net/virtio_net.ko",
                "alias=virtio:d00000001v*",
            ),
            (
                "installed/kernel/drivers/block/virtio_blk.ko",
                "alias=virtio:d00000002v*",
            ),
        ] {
            put(file, &crate::kmod::tests::module(&[alias]));
        }
        let signs = |setting: &Setting| {
            let activity = trace(setting).unwrap().unwrap();
            ["EXT4_FS", "VIRTIO_NET", "VIRTIO_BLK"].map(|symbol| activity.sign(symbol))
        };
        assert_eq!(
            signs(&setting),
            [None; 3],
            "nobody knows what its aliases are"
        );
        setting.runner.stand_in.as_mut().unwrap().installed = Some(dir.join("installed"));
        // The guest got on without the driver of the disk.
        assert_eq!(
            signs(&setting),
            [Some(Sign::Mounted), Some(Sign::Device), None]
        );
        fs::remove_dir_all(dir.join("installed")).unwrap();
        assert_eq!(signs(&setting), [None; 3], "the folder is gone");
    }

    #[test]
    fn the_guest_has_a_network_card_if_an_oracle_asks_for_one() {
        for (text, card) in [
            ("exec kbisect boot", None),
            ("exec kbisect boot --nic e1000", Some("virtio")),
            ("# kbisect: nic=e1000\nexec kbisect boot", Some("e1000")),
            ("# kbisect: level=full\nexec kbisect boot", None),
        ] {
            let mut setting = made_elsewhere(&list(), &blocks(&[BEGIN, BEGIN + 16]));
            let dir = setting.dir.path();
            let path = dir.join("boots");
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            setting.runner.oracles = vec![oracle::find(path.to_str().unwrap()).unwrap()];
            trace(&setting).unwrap().unwrap();
            let called = fs::read_to_string(dir.join("fake/called")).unwrap();
            let lists = called
                .lines()
                .find(|line| line.contains("kallsyms"))
                .unwrap();
            let is = lists.split_once(" --nic ").map(|(_, rest)| rest);
            let is = is.and_then(|rest| rest.split(' ').next());
            assert_eq!(is, card, "{lists}");
        }
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
        assert!(
            !alone.dir.path().join("fake/called").exists(),
            "nothing is booted for it"
        );
        let mut other = made_elsewhere(&list(), &ran);
        let accept = other.dir.path().join("accept");
        other.runner.oracles = vec![oracle::find(accept.to_str().unwrap()).unwrap()];
        assert_eq!(trace(&other).unwrap(), None);
    }
}
