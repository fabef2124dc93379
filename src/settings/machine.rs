//! The size of this machine, from which some defaults come.

use std::fs;
use std::num::NonZeroUsize;

/// Bytes of memory that a trial takes: compilers, a link, a guest.
const TRIAL: u64 = 1_500_000_000;

/// The size of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: NonZeroUsize,
    /// Bytes of free memory; `None` if unknown.
    pub memory: Option<u64>,
}

impl Machine {
    /// This machine.
    #[must_use]
    pub fn here() -> Self {
        let cores = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        let available = |text: String| {
            let line = text
                .lines()
                .find(|l| l.starts_with("MemAvailable:"))?
                .to_owned();
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        let memory = fs::read_to_string("/proc/meminfo").ok().and_then(available);
        Self {
            cores,
            memory: memory.map(|kib| kib * 1024),
        }
    }

    /// How many trials it has room for at once: one for each core, if there is memory enough.
    pub(super) fn trials(self) -> NonZeroUsize {
        let by_memory = self
            .memory
            .map_or(usize::MAX, |bytes| (bytes / TRIAL) as usize);
        self.cores
            .min(NonZeroUsize::new(by_memory).unwrap_or(NonZeroUsize::MIN))
    }
}
