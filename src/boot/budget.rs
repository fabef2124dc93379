//! The limits of a boot: CPU time and wall time.

use std::time::Duration;

use super::{Accel, Clock, Record};

/// A boot may take this many times the CPU time of the start's own, and sleep in silence this many times as long as
/// that did.
const FACTOR: f64 = 5.0;
/// But always this much: small figures vary a lot.
const CPU_FLOOR: Duration = Duration::from_secs(12);
/// The same until the first byte.
const FIRST_BYTE_FLOOR: Duration = Duration::from_secs(5);
/// How long a guest may sleep in silence always: a driver may wait some seconds for a link or an answer for which the
/// start's did not.
const SILENCE_FLOOR: Duration = Duration::from_secs(10);
/// And how long if nothing is known of the start.
const IDLE: Duration = Duration::from_secs(60);
/// And how long at least if only the time of the start's whole boot is known.
const IDLE_FLOOR: Duration = Duration::from_secs(30);
/// Wall time, where nobody says anything. Generous: on a busy host it says little about the
/// guest.
const WALL: Duration = Duration::from_secs(300);

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
    /// The budget of a boot. The start's own boot is its measure, if it is known and ran the
    /// same way; `wall` and `cpu` are what the user asked for.
    #[must_use]
    pub fn plan(
        wall: Option<Duration>,
        cpu: Option<Duration>,
        start: Option<&Record>,
        accel: Accel,
        clock: Clock,
    ) -> Self {
        let start = start.filter(|start| start.accel == accel);
        let measured = |seconds: f64, floor: Duration| {
            // A record can hold any number: then the floor is all there is.
            Duration::try_from_secs_f64(seconds * FACTOR).map_or(floor, |limit| limit.max(floor))
        };
        let cpu = cpu.or_else(|| start.map(|start| measured(start.cpu_s, CPU_FLOOR)));
        let first_byte_cpu = start
            .and_then(|start| start.first_byte_cpu_s)
            .map(|seconds| measured(seconds, FIRST_BYTE_FLOOR));
        let idle = match clock {
            // Here a guest that waits sees the time jump, so it waits for ever.
            Clock::Icount => Duration::from_secs(10),
            // Here it may wait for a network to come up, say, as the start had to.
            Clock::Host => start.map_or(IDLE, |start| match start.longest_silence_s {
                Some(seconds) => measured(seconds, SILENCE_FLOOR),
                None => measured(start.wall_s, IDLE_FLOOR).min(IDLE),
            }),
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

    fn plan(start: Option<&Record>, accel: Accel) -> Budget {
        Budget::plan(None, None, start, accel, Clock::Host)
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
        let budget = Budget::plan(second, second, Some(&start(9.0)), Accel::Tcg, Clock::Icount);
        assert_eq!((Some(budget.wall), budget.cpu), (second, second));
    }
}
