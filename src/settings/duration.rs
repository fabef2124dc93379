//! Times as people write them: `90`, `90s`, `10m`, `1h30m`.

use std::time::Duration;

/// The hint for a time that cannot be read.
pub const TIME_HINT: &str = "write it as 90, 90s, 10m or 1h30m, a year at most";

/// A year, in seconds. Clocks cannot count to all that a number can say.
const LONGEST: u64 = 365 * 24 * 3600;

/// The units, largest first, in seconds.
const UNITS: [(char, u64); 3] = [('h', 3600), ('m', 60), ('s', 1)];

/// Reads `90` (seconds), `90s`, `10m`, `2h` or `1h30m`: each unit once, the largest first. Returns `None`
/// for zero and for more than a year.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let is_digit = |c: char| c.is_ascii_digit();
    let seconds = if !rest.is_empty() && rest.chars().all(is_digit) {
        rest.parse().ok()?
    } else {
        let mut units = UNITS.iter();
        let mut sum = 0_u64;
        while !rest.is_empty() {
            let after = rest.trim_start_matches(is_digit);
            let number: u64 = rest[..rest.len() - after.len()].parse().ok()?;
            let after = after.trim_start();
            let (name, seconds) = units.find(|(name, _)| after.starts_with(*name))?;
            sum = sum.checked_add(number.checked_mul(*seconds)?)?;
            rest = after[name.len_utf8()..].trim_start();
        }
        sum
    };
    (1..=LONGEST)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        let seconds = |text| parse_duration(text).map(|time| time.as_secs());
        for (text, is) in [
            ("90", 90),
            (" 90 ", 90),
            ("90s", 90),
            ("10m", 600),
            ("10 m", 600),
            ("2h", 7200),
            ("1h30m", 5400),
            ("1h 30m 5s", 5405),
            ("1h5s", 3605),
        ] {
            assert_eq!(seconds(text), Some(is), "{text}");
        }
        for text in [
            "",
            "0",
            "0h0m",
            "8761h",
            "18446744073709551615",
            "soon",
            "h",
            "m10",
            "30m1h",
            "1h1h",
            "1h30",
            "1.5h",
            "-5s",
            "+5",
            "5ä",
            "１０m",
            "99999999999999999999h",
            "9999999999999999h",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
