//! The oracle contract: the environment variables by which oracles, `kbisect boot` and the guest are told what to do.
//!
//! Their meaning is in oracles/README.md. A name is never given another meaning: oracles of users rely on it.

/// The boot image, or the product of another project.
pub const IMAGE: &str = "KBISECT_IMAGE";

/// The resolved config.
pub const CONFIG: &str = "KBISECT_CONFIG";

/// The source tree.
pub const SOURCE: &str = "KBISECT_SOURCE";

/// The build tree.
pub const BUILD: &str = "KBISECT_BUILD";

/// The log of the build, with `--clean-builds`: of the whole kernel.
pub const BUILD_LOG: &str = "KBISECT_BUILD_LOG";

/// The oracle's own folder in the trial.
pub const TRIAL: &str = "KBISECT_TRIAL";

/// The time limit of the oracle, in seconds.
pub const TIMEOUT: &str = "KBISECT_TIMEOUT";

/// The file for one line that says why the kernel is not good enough.
pub const EVIDENCE: &str = "KBISECT_EVIDENCE";

/// The number of the worker.
pub const SLOT: &str = "KBISECT_SLOT";

/// The oracle's folder in the trial of the start. Not set while the start is judged.
pub const BASELINE: &str = "KBISECT_BASELINE";

/// The folder where `kbisect boot` leaves traces, if it is to trace.
pub const TRACE: &str = "KBISECT_TRACE";

/// The folder of the prepared guest. Set for oracles whose program contains this word.
pub const GUEST: &str = "KBISECT_GUEST";

/// The archive of the kernel's modules. Not set if it has none.
pub const MODULES: &str = "KBISECT_MODULES";

/// The host's port of the first forward, for the probe of `kbisect boot`.
pub const PORT: &str = "KBISECT_PORT";

/// What the init of the prepared guest does. On the kernel's command line.
pub const MODE: &str = "KBISECT_MODE";

/// The machine that the oracle's header asks for, in the words of [`Hardware`](crate::boot::Hardware):
/// `machine=pc disk=nvme nic=virtio boot=direct`. `kbisect boot` makes it.
pub const MACHINE: &str = "KBISECT_MACHINE";

/// How the guest starts: `fast` by a small init, `full` by its own.
pub const LEVEL: &str = "KBISECT_LEVEL";

/// The network card with which `net-ok` and `ssh-ok` boot. The user sets it; verdicts depend on it.
pub const NIC: &str = "KBISECT_NIC";

/// How the guest's disk is attached, where the oracle has one. The user sets it; verdicts depend on it.
pub const DISK: &str = "KBISECT_DISK";

/// Those that kbisect sets anew for each oracle or probe, whatever the user has set.
pub const SET_BY_KBISECT: [&str; 16] = [
    IMAGE, CONFIG, SOURCE, BUILD, BUILD_LOG, TRIAL, TIMEOUT, EVIDENCE, SLOT, BASELINE, TRACE,
    GUEST, MODULES, PORT, MACHINE, LEVEL,
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use super::*;

    fn all() -> impl Iterator<Item = &'static str> {
        SET_BY_KBISECT.into_iter().chain([MODE, NIC, DISK])
    }

    fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs") {
                found.push(path);
            }
        }
    }

    #[test]
    fn the_document_of_the_oracles_names_each_variable() {
        let text = include_str!("../../oracles/README.md");
        let words: Vec<&str> = text
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .collect();
        for name in all() {
            assert!(words.contains(&name), "{name}");
        }
    }

    #[test]
    fn no_other_source_writes_a_name_of_the_contract_as_a_literal() {
        let mut files = Vec::new();
        sources(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
            &mut files,
        );
        files.retain(|path| !path.ends_with("model/contract.rs"));
        assert!(files.len() > 100, "these are all sources");
        for path in files {
            let text = fs::read_to_string(&path).unwrap();
            let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            let literal = all().find(|name| code.contains(&format!("\"{name}\"")));
            assert_eq!(literal, None, "{}", path.display());
        }
    }
}
