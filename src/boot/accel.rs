//! Which acceleration works here.
//!
//! `/dev/kvm` can be there and not work: no right to open it, nested virtualisation that lacks
//! something, a guest that starts and hangs. So a kernel is booted; that it works is kept
//! until the host is started anew.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};

use super::{
    Accel, Board, Budget, Clock, Firmware, Kernel, Machine, Memory, Outcome, Plan, Watch, boot,
};
use crate::dirs::cache_dir;
use crate::supervise::{CancelToken, boot_id};
use crate::{Error, Result};

const KVM: &str = "/dev/kvm";
/// Many times what the kernel needs with KVM to get to its end without a root.
const PROBE: Duration = Duration::from_secs(5);
/// The version of the cache file.
const VERSION: u32 = 1;

/// An acceleration, and why not the better one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What to use.
    pub accel: Accel,
    /// Why it is not KVM.
    pub reason: Option<String>,
}

impl Choice {
    fn tcg(reason: impl Into<String>) -> Self {
        Self {
            accel: Accel::Tcg,
            reason: Some(reason.into()),
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Cached {
    v: u32,
    boot_id: String,
    choice: Choice,
}

/// Says which acceleration works on this host, by booting `kernel`, which must be a good one,
/// without a root.
///
/// # Errors
/// `cancel` was quicker.
pub fn choose_accel(kernel: &Path, cancel: &CancelToken) -> Result<Choice> {
    if let Err(error) = File::options().read(true).write(true).open(KVM) {
        // Quick to find out, and quick to change: not kept.
        return Ok(Choice::tcg(format!("{KVM} cannot be opened: {error}")));
    }
    // Without an id or a place for it, it is found out each time.
    let boot_id = boot_id();
    let cache = cache_file();
    if let Some(choice) = cache.as_deref().and_then(|cache| cached(cache, &boot_id)) {
        return Ok(choice);
    }
    let choice = probe(kernel, cancel)?;
    // That it failed may be the kernel's fault, or that of a busy moment: tried again next time.
    let works = choice.accel == Accel::Kvm;
    if let Some(cache) = cache.filter(|_| works && !boot_id.is_empty()) {
        // It only saves time.
        let _ = keep(&cache, &boot_id, &choice);
    }
    Ok(choice)
}

fn probe(kernel: &Path, cancel: &CancelToken) -> Result<Choice> {
    let interrupted = || Error::new(crate::ErrorKind::Interrupted, "interrupted");
    let Ok(dir) = tempfile::tempdir() else {
        return Ok(Choice::tcg("there is no room for a trial of KVM"));
    };
    // The end of the kernel's own start: with no root it panics there, or soon after.
    // A constant.
    #[allow(clippy::unwrap_used)]
    let until = Regex::new("Freeing unused kernel|VFS: |Run .* as init process").unwrap();
    let image = kernel.to_owned();
    let machine = Machine {
        board: Board::Pc,
        firmware: Firmware::Direct(Kernel {
            image,
            initrd: None,
            append: String::new(),
        }),
        drives: Vec::new(),
        nic: None,
        memory: Memory(256),
        accel: Accel::Kvm,
        clock: Clock::Host,
        trace: None,
    };
    let budget = Budget {
        wall: PROBE,
        cpu: None,
        first_byte_cpu: None,
        idle: PROBE,
    };
    let plan = Plan {
        machine,
        forwards: Vec::new(),
        watch: Watch {
            steps: Vec::new(),
            until,
            fail_on: Vec::new(),
        },
        command: None,
        budget,
        console_log: dir.path().join("console.log"),
    };
    Ok(match boot(&plan, cancel) {
        Ok(finished) => match finished.outcome {
            Outcome::Reached(_) | Outcome::Panic(_) => Choice {
                accel: Accel::Kvm,
                reason: None,
            },
            Outcome::Cancelled => return Err(interrupted()),
            _ => Choice::tcg(format!(
                "a trial of KVM failed: {}",
                finished.evidence(&plan)
            )),
        },
        Err(error) => Choice::tcg(format!("a trial of KVM failed: {error}")),
    })
}

/// Without a place for it, the answer is found out each time.
fn cache_file() -> Option<PathBuf> {
    Some(cache_dir().ok()?.join("accel.json"))
}

fn cached(cache: &Path, boot_id: &str) -> Option<Choice> {
    let cached: Cached = serde_json::from_slice(&fs::read(cache).ok()?).ok()?;
    (cached.v == VERSION && cached.boot_id == boot_id).then_some(cached.choice)
}

fn keep(cache: &Path, boot_id: &str, choice: &Choice) -> std::io::Result<()> {
    let dir = cache.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let cached = Cached {
        v: VERSION,
        boot_id: boot_id.to_owned(),
        choice: choice.clone(),
    };
    // Several boots may find it out at once: each puts a whole file in place.
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    file.write_all(&serde_json::to_vec(&cached)?)?;
    file.persist(cache)?;
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_kept_for_this_start_of_the_host_only() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("kbisect/accel.json");
        assert_eq!(cached(&cache, "one"), None);
        let choice = Choice::tcg("why");
        keep(&cache, "one", &choice).unwrap();
        assert_eq!(cached(&cache, "one"), Some(choice));
        assert_eq!(cached(&cache, "two"), None);
    }
}
