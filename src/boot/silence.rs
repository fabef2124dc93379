//! Tells a guest that waits in silence from one that works, or would if the machine were not so busy.

use std::time::{Duration, Instant};

/// Looks that are further apart say nothing: then this process did not get to run either.
const BLIND: Duration = Duration::from_secs(1);

/// What a look at QEMU shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The time for which its threads ran or waited for a core, since it began.
    pub(super) wanted: Duration,
    /// All its threads sleep. In a queue for a core or for the disk none does.
    pub(super) asleep: bool,
}

/// How long a guest has slept without a word.
///
/// Only the time counts in which QEMU sleeps of its own accord. A guest that is halted in a loop wakes up for each
/// tick of its timer, which may take a tenth of a core, and more of a slow one; between the ticks it sleeps. A guest
/// that works never sleeps, however little of a core it gets.
#[derive(Debug, Default)]
pub(super) struct Silence {
    last: Option<(Instant, Duration)>,
    slept: Duration,
    longest: Duration,
}

impl Silence {
    /// Is it time for a look, if they are to be `every` so long?
    pub(super) fn is_due(&self, now: Instant, every: Duration) -> bool {
        self.last
            .is_none_or(|(then, _)| now.saturating_duration_since(then) >= every)
    }

    /// Takes a look into account.
    pub(super) fn look(&mut self, now: Instant, look: Look) {
        let last = self.last.replace((now, look.wanted));
        let Some((then, wanted)) = last.filter(|_| look.asleep) else {
            return;
        };
        let passed = now.saturating_duration_since(then);
        if passed <= BLIND {
            let wanted = look.wanted.saturating_sub(wanted);
            self.slept += passed.saturating_sub(wanted);
        }
    }

    /// The guest said something.
    pub(super) fn end(&mut self) {
        self.longest = self.longest();
        self.slept = Duration::ZERO;
        self.last = None;
    }

    /// How long the guest has slept since it last said something.
    pub(super) fn slept(&self) -> Duration {
        self.slept
    }

    /// The longest that it ever was.
    pub(super) fn longest(&self) -> Duration {
        self.longest.max(self.slept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(200);

    /// A silence after `looks` looks, a tick apart, at threads that want `wanted` of each second.
    fn silence(looks: u32, wanted: Duration, asleep: fn(u32) -> bool) -> Silence {
        let (mut silence, begin) = (Silence::default(), Instant::now());
        for n in 0..=looks {
            let look = Look {
                wanted: wanted.mul_f64(TICK.as_secs_f64()) * n,
                asleep: asleep(n),
            };
            silence.look(begin + TICK * n, look);
        }
        silence
    }

    #[test]
    fn a_halted_guest_sleeps_all_the_time() {
        assert_eq!(silence(50, Duration::ZERO, |_| true).slept(), TICK * 50);
    }

    #[test]
    fn between_the_ticks_of_its_timer_a_guest_sleeps() {
        // A third of a core, and one look in three falls into a tick.
        let third = Duration::from_millis(333);
        let slept = silence(60, third, |n| n % 3 > 0).slept();
        assert!(slept > Duration::from_secs(5), "{slept:?}");
    }

    #[test]
    fn a_guest_that_works_or_waits_for_a_core_or_a_disk_does_not_sleep() {
        let second = Duration::from_secs(1);
        // Two threads that take turns look asleep now and then.
        assert_eq!(silence(500, second, |n| n % 2 > 0).slept(), Duration::ZERO);
        // What it waits for a core is only told when it has got it, and for a disk never.
        assert_eq!(
            silence(500, Duration::ZERO, |_| false).slept(),
            Duration::ZERO
        );
    }

    #[test]
    fn what_nobody_saw_does_not_count() {
        let (mut silence, begin) = (Silence::default(), Instant::now());
        for n in 0..10 {
            let look = Look {
                wanted: Duration::ZERO,
                asleep: true,
            };
            silence.look(begin + (BLIND + TICK) * n, look);
        }
        assert_eq!(silence.slept(), Duration::ZERO);
    }

    #[test]
    fn a_word_ends_a_silence_and_the_longest_is_known() {
        let mut silence = silence(5, Duration::ZERO, |_| true);
        silence.end();
        assert_eq!(
            (silence.slept(), silence.longest()),
            (Duration::ZERO, TICK * 5)
        );
        let later = Instant::now() + TICK * 100;
        assert!(
            silence.is_due(later, TICK),
            "at once, so that none is missed"
        );
        let look = Look {
            wanted: Duration::ZERO,
            asleep: true,
        };
        silence.look(later, look);
        silence.look(later + TICK, look);
        assert!(!silence.is_due(later + TICK * 3 / 2, TICK));
        assert_eq!((silence.slept(), silence.longest()), (TICK, TICK * 5));
    }
}
