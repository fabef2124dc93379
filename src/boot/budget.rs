//! The limits of a boot: CPU time and wall time.

use std::time::Duration;

use super::{Clock, Machine, Record};

/// A boot may take this many times the CPU time of the start's own, and sleep in silence this many times as long as
/// that did.
const FACTOR: f64 = 5.0;
/// But always this much: small figures vary a lot.
const CPU_FLOOR: Duration = Duration::from_secs(12);
/// The same until the first byte.
const FIRST_BYTE_FLOOR: Duration = Duration::from_secs(5);
/// How long a guest may sleep in silence always. A driver may wait for a link or an answer for which the start's did
/// not: a reset of a disk, a deferred probe and the pause between two requests for an address take 10 s and more.
const SILENCE_FLOOR: Duration = Duration::from_secs(30);
/// The same for a guest without disk and network card that starts this fast: there is nothing that it could wait for.
const QUICK: Quick = Quick {
    start_s: 5.0,
    floor: Duration::from_secs(10),
};
/// And how long if nothing is known of the start.
const IDLE: Duration = Duration::from_secs(60);
/// And how long at least if only the time of the start's whole boot is known.
const IDLE_FLOOR: Duration = Duration::from_secs(30);
/// Wall time, where nobody says anything. Generous: on a busy host it says little about the
/// guest.
const WALL: Duration = Duration::from_secs(300);

/// A guest that starts fast.
struct Quick {
    /// The start took less than this, in seconds.
    start_s: f64,
    floor: Duration,
}

/// What a boot may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Wall time.
    pub wall: Duration,
    /// CPU time of QEMU.
    pub cpu: Option<Duration>,
    /// CPU time of QEMU until the first byte on the console.
    pub first_byte_cpu: Option<Duration>,
    /// Time for which QEMU sleeps while nothing comes from the console: then the guest waits for something that will
    /// not happen.
    pub idle: Duration,
}

impl Budget {
    /// The budget of a boot of this machine. The start's own boot is its measure, if it is known and ran the
    /// same way; `wall` and `cpu` are what the user asked for.
    #[must_use]
    pub fn plan(
        wall: Option<Duration>,
        cpu: Option<Duration>,
        start: Option<&Record>,
        machine: &Machine,
    ) -> Self {
        let start = start.filter(|start| start.accel == machine.accel);
        let measured = |seconds: f64, floor: Duration| {
            // A record can hold any number: then the floor is all there is.
            Duration::try_from_secs_f64(seconds * FACTOR).map_or(floor, |limit| limit.max(floor))
        };
        let cpu = cpu.or_else(|| start.map(|start| measured(start.cpu_s, CPU_FLOOR)));
        let first_byte_cpu = start
            .and_then(|start| start.first_byte_cpu_s)
            .map(|seconds| measured(seconds, FIRST_BYTE_FLOOR));
        let is_bare = machine.drives.is_empty() && machine.nic.is_none();
        let silence = start.and_then(|start| start.longest_silence_s);
        let idle = match (machine.clock, start) {
            // Here a guest that waits sees the time jump, so it waits for ever.
            (Clock::Icount, _) => silence.map_or(QUICK.floor, |s| measured(s, QUICK.floor)),
            // Here it may wait for a network to come up, say, as the start had to.
            (Clock::Host, None) => IDLE,
            (Clock::Host, Some(start)) => match silence {
                Some(seconds) if is_bare && start.wall_s < QUICK.start_s => {
                    measured(seconds, QUICK.floor)
                }
                Some(seconds) => measured(seconds, SILENCE_FLOOR),
                None => measured(start.wall_s, IDLE_FLOOR).min(IDLE),
            },
        };
        Self {
            wall: wall.unwrap_or(WALL),
            cpu,
            first_byte_cpu,
            idle,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::boot::{Accel, Board, Firmware, Memory, Nic};

    fn start(cpu_s: f64) -> Record {
        start_of(cpu_s, 2.0)
    }

    fn start_of(cpu_s: f64, wall_s: f64) -> Record {
        serde_json::from_value(serde_json::json!({
            "v": 1, "accel": "tcg", "wall_s": wall_s, "cpu_s": cpu_s, "first_byte_cpu_s": 1.5,
            "outcome": "until",
        }))
        .unwrap()
    }

    /// A machine with a disk, whose clock is the host's.
    fn machine(accel: Accel) -> Machine {
        Machine {
            board: Board::Pc,
            firmware: Firmware::FirstDrive,
            drives: vec!["disk,if=virtio".parse().unwrap()],
            nic: None,
            memory: Memory(512),
            accel,
            clock: Clock::Host,
            trace: None,
        }
    }

    fn plan(start: Option<&Record>, accel: Accel) -> Budget {
        Budget::plan(None, None, start, &machine(accel))
    }

    #[test]
    fn the_start_is_the_measure_of_the_others() {
        let budget = plan(Some(&start(10.0)), Accel::Tcg);
        assert_eq!(budget.cpu, Some(Duration::from_secs(50)));
        assert_eq!(budget.first_byte_cpu, Some(Duration::from_millis(7500)));
    }

    #[test]
    fn a_short_start_does_not_make_a_short_budget() {
        assert_eq!(plan(Some(&start(0.5)), Accel::Tcg).cpu, Some(CPU_FLOOR));
        assert_eq!(plan(Some(&start(-1.0)), Accel::Tcg).cpu, Some(CPU_FLOOR));
        assert_eq!(
            plan(Some(&start(f64::MAX)), Accel::Tcg).cpu,
            Some(CPU_FLOOR)
        );
    }

    #[test]
    fn a_guest_may_sleep_five_times_as_long_as_the_start_did() {
        let idle = |longest: f64| {
            let mut start = start_of(1.0, 90.0);
            start.longest_silence_s = Some(longest);
            plan(Some(&start), Accel::Tcg).idle
        };
        assert_eq!(idle(7.0), Duration::from_secs(35));
        assert_eq!(idle(20.0), Duration::from_secs(100));
        for longest in [0.0, 0.4, -1.0, f64::MAX] {
            assert_eq!(idle(longest), SILENCE_FLOOR);
        }
    }

    #[test]
    fn a_guest_that_cannot_wait_for_a_device_may_sleep_for_a_shorter_time() {
        let idle = |machine: &Machine, wall_s: f64, longest: f64| {
            let mut start = start_of(1.0, wall_s);
            start.longest_silence_s = Some(longest);
            Budget::plan(None, None, Some(&start), machine).idle
        };
        let seconds = Duration::from_secs;
        let disk = machine(Accel::Tcg);
        let bare = Machine {
            drives: Vec::new(),
            ..disk.clone()
        };
        let card = Machine {
            nic: Some(Nic::Virtio),
            ..bare.clone()
        };
        let counted = Machine {
            clock: Clock::Icount,
            ..bare.clone()
        };
        for (machine, quick, slow) in [
            (&disk, 30, 30),
            (&card, 30, 30),
            (&bare, 10, 30),
            (&counted, 10, 10),
        ] {
            assert_eq!(idle(machine, 2.0, 0.1), seconds(quick), "{machine:?}");
            assert_eq!(idle(machine, 20.0, 0.1), seconds(slow), "{machine:?}");
            assert_eq!(idle(machine, 2.0, 9.0), seconds(45), "{machine:?}");
        }
        assert_eq!(
            Budget::plan(None, None, None, &counted).idle,
            seconds(10),
            "without a start"
        );
    }

    #[test]
    fn where_the_silences_of_the_start_are_not_known_its_whole_time_is_the_measure() {
        let idle = |wall_s: f64| plan(Some(&start_of(1.0, wall_s)), Accel::Tcg).idle;
        assert_eq!(idle(7.0), Duration::from_secs(35));
        assert_eq!((idle(0.5), idle(90.0)), (IDLE_FLOOR, IDLE));
        assert_eq!(plan(None, Accel::Tcg).idle, IDLE);
    }

    #[test]
    fn without_a_comparable_start_only_the_wall_limits() {
        for budget in [plan(None, Accel::Tcg), plan(Some(&start(1.0)), Accel::Kvm)] {
            assert_eq!(
                (budget.cpu, budget.first_byte_cpu, budget.wall),
                (None, None, WALL)
            );
        }
    }

    #[test]
    fn what_the_user_says_goes_before_what_was_measured() {
        let second = Some(Duration::from_secs(1));
        let budget = Budget::plan(second, second, Some(&start(9.0)), &machine(Accel::Tcg));
        assert_eq!((Some(budget.wall), budget.cpu), (second, second));
    }
}
