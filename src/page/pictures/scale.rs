//! Scales of pictures, and round numbers along them.

use crate::model::bytes;

/// A number along an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tick {
    pub(super) value: f64,
    pub(super) label: String,
}

/// The first round number from `most` on at which there could be a tick: the end of a scale that begins at 0.
pub(super) fn rounded_up(most: f64, ticks: u32) -> f64 {
    let step = round_step(most, ticks).max(1.0);
    ((most / step).ceil() * step).max(most)
}

/// Maps values to coordinates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    values: (f64, f64),
    places: (f64, f64),
    steps: Steps,
}

/// Which steps along a scale are equally long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Steps {
    /// Those of equal difference.
    Equal,
    /// Those of equal ratio.
    Ratios,
}

impl Scale {
    /// Maps the values from the first to the second to such places.
    pub(super) fn new(values: (f64, f64), places: (f64, f64), steps: Steps) -> Self {
        Self {
            values,
            places,
            steps,
        }
    }

    /// The place of a value. A value out of range is at the edge.
    pub(super) fn at(&self, value: f64) -> f64 {
        let on = |n: f64| match self.steps {
            Steps::Equal => n,
            Steps::Ratios => n.max(1.0).ln(),
        };
        let (from, to) = (on(self.values.0), on(self.values.1));
        let span = to - from;
        let part = match span > 0.0 {
            true => ((on(value) - from) / span).clamp(0.0, 1.0),
            false => 0.0,
        };
        self.places.0 + part * (self.places.1 - self.places.0)
    }
}

/// The smallest of 1, 2 and 5 times a power of ten of which at most `most` fit in `span`.
fn round_step(span: f64, most: u32) -> f64 {
    let least = span / f64::from(most.max(1));
    if !(least > 0.0 && least.is_finite()) {
        return 1.0;
    }
    let power = 10_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|n| n * power);
    let fits = steps.into_iter().find(|step| *step >= least * 0.999_999);
    fits.unwrap_or(10.0 * power)
}

/// The multiples of `step` from `from` to `to`.
fn multiples(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (from / step).ceil();
    let count = ((to / step + 1e-9).floor() - first).clamp(-1.0, 100.0) as i32 + 1;
    (0..count).map(move |n| (first + f64::from(n)) * step)
}

/// Round numbers of things from 0.
pub(super) fn counts(most_things: f64, most: u32) -> Vec<Tick> {
    let step = round_step(most_things, most).max(1.0);
    let ticks = multiples(0.0, most_things, step);
    ticks
        .map(|value| Tick {
            label: grouped(value),
            value,
        })
        .collect()
}

/// 1, 2 and 5 times powers of ten, for a scale of [`Steps::Ratios`]; powers of ten alone if that is many.
pub(super) fn ratios(from: f64, to: f64) -> Vec<Tick> {
    let decades = (0..20).map(|power| 10_f64.powi(power));
    let all = decades.flat_map(|decade| [1.0, 2.0, 5.0].map(|n| n * decade));
    let ticks = all.filter(|value| (from..=to).contains(value));
    let ticks: Vec<f64> = ticks.collect();
    let few = ticks.len() <= 9;
    let is_power = |value: &f64| value.log10().fract().abs() < 1e-9;
    ticks
        .into_iter()
        .filter(|value| few || is_power(value))
        .map(|value| Tick {
            label: grouped(value),
            value,
        })
        .collect()
}

/// Round sizes.
pub(super) fn sizes(from: f64, to: f64, most: u32) -> Vec<Tick> {
    let step = round_step(to - from, most).max(1.0);
    let ticks = multiples(from, to, step);
    ticks
        .map(|value| Tick {
            label: signed_bytes(value),
            value,
        })
        .collect()
}

/// Round times from 0, in milliseconds.
pub(super) fn times(longest: f64, most: u32) -> Vec<Tick> {
    const SECOND: f64 = 1e3;
    const MINUTE: f64 = 60.0 * SECOND;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    let parts = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0];
    let seconds = parts.map(|n| n * SECOND);
    let minutes = parts.map(|n| n * MINUTE);
    let hours = [1.0, 2.0, 3.0, 6.0, 12.0].map(|n| n * HOUR);
    let steps = seconds.into_iter().chain(minutes).chain(hours);
    let least = longest / f64::from(most.max(1));
    let step = if least < SECOND {
        round_step(longest, most).max(1.0)
    } else {
        let step = steps.into_iter().find(|step| *step >= least);
        step.unwrap_or_else(|| (round_step(longest / DAY, most)).max(1.0) * DAY)
    };
    let ticks = multiples(0.0, longest, step);
    ticks
        .map(|value| Tick {
            label: time(value),
            value,
        })
        .collect()
}

/// A round time in words: `0`, `200 ms`, `1.5 s`, `1 min 30 s`, `2 h`.
fn time(ms: f64) -> String {
    let whole = ms.round().max(0.0) as u64;
    let (minute, hour, day) = (60_000, 3_600_000, 86_400_000);
    let of = |n: u64, unit: &str, rest: u64, small: &str| match rest {
        0 => format!("{} {unit}", grouped(n as f64)),
        _ => format!("{n} {unit} {rest} {small}"),
    };
    match whole {
        0 => "0".into(),
        1..1000 => format!("{whole} ms"),
        _ if whole < minute => format!("{} s", decimal(ms / 1e3)),
        _ if whole < hour => of(whole / minute, "min", whole % minute / 1000, "s"),
        _ if whole < day => of(whole / hour, "h", whole % hour / minute, "min"),
        _ => of(whole / day, "d", whole % day / hour, "h"),
    }
}

/// A number with as many decimals as it needs, three at most.
fn decimal(n: f64) -> String {
    let text = format!("{n:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A size with its sign: `1.5 MB`, `−20 kB`, `0`.
pub(super) fn signed_bytes(n: f64) -> String {
    let text = bytes(n.abs().round() as u64).replace(".0 ", " ");
    match n.round() {
        0.0 => "0".into(),
        n if n < 0.0 => format!("\u{2212}{text}"),
        _ => text,
    }
}

/// A whole number with its thousands apart: `4,851`.
pub(super) fn grouped(n: f64) -> String {
    let digits = format!("{:.0}", n.abs());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(ticks: &[Tick]) -> Vec<&str> {
        ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&counts(49.0, 6)), ["0", "10", "20", "30", "40"]);
        assert_eq!(labels(&counts(4851.0, 4)), ["0", "2,000", "4,000"]);
        assert_eq!(labels(&counts(1.0, 6)), ["0", "1"]);
        assert_eq!(labels(&counts(0.0, 6)), ["0"]);
        assert_eq!(
            labels(&times(490_766.0, 6)),
            ["0", "2 min", "4 min", "6 min", "8 min"]
        );
        assert_eq!(
            labels(&times(9e6, 6)),
            ["0", "30 min", "1 h", "1 h 30 min", "2 h", "2 h 30 min"]
        );
        assert_eq!(labels(&times(1700.0, 4)), ["0", "500 ms", "1 s", "1.5 s"]);
        assert_eq!(labels(&times(0.0, 4)), ["0"]);
        assert_eq!(
            labels(&times(9.0 * 864e5, 5)),
            ["0", "2 d", "4 d", "6 d", "8 d"]
        );
        assert_eq!(
            labels(&sizes(-30_000.0, 400_000.0, 5)),
            ["0", "100 kB", "200 kB", "300 kB", "400 kB"]
        );
        assert_eq!(labels(&sizes(0.0, 2_671_616.0, 4)), ["0", "1 MB", "2 MB"]);
        assert_eq!(
            labels(&sizes(-2e3, 1e3, 4)),
            ["\u{2212}2 kB", "\u{2212}1 kB", "0", "1 kB"]
        );
        assert_eq!(labels(&ratios(18.0, 300.0)), ["20", "50", "100", "200"]);
        assert_eq!(labels(&ratios(1.0, 4851.0)), ["1", "10", "100", "1,000"]);
    }

    proptest! {
        #[test]
        fn there_are_few_ticks_and_all_are_in_range(n in any::<u64>(), small in 0_u64..100_000) {
            for n in [n as f64, small as f64] {
                for ticks in [counts(n, 6), times(n, 6), sizes(0.0, n, 6)] {
                    prop_assert!((1..=7).contains(&ticks.len()), "{n}: {ticks:?}");
                    prop_assert!(ticks.iter().all(|tick| (0.0..=n).contains(&tick.value)));
                }
                prop_assert!(ratios(1.0, n.max(1.0)).len() <= 20);
            }
        }

        #[test]
        fn a_place_is_in_the_picture(from in any::<f64>(), to in any::<f64>(), value in any::<f64>()) {
            for steps in [Steps::Equal, Steps::Ratios] {
                let place = Scale::new((from, to), (10.0, 20.0), steps).at(value);
                // What comes of values that are no numbers is no number, and is written as 0.
                prop_assert!(place.is_nan() || (10.0..=20.0).contains(&place), "{place}");
            }
        }
    }
}
