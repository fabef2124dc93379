//! Times, sizes and numbers in words for people.

use std::time::Duration;

/// `9.4 s`, `12 s`, `3 min 05 s`, `1 h 02 min`.
#[must_use]
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `812 B`, `2.7 MB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    let mut size = n as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if size < 1000.0 {
            return if unit == "B" {
                format!("{n} B")
            } else {
                format!("{size:.1} {unit}")
            };
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

/// A number with its noun, which takes an s if it is not one.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_worded_for_people() {
        let word = |ms| duration(Duration::from_millis(ms));
        assert_eq!(word(9_440), "9.4 s");
        assert_eq!(word(59_999), "59 s");
        assert_eq!(word(185_000), "3 min 05 s");
        assert_eq!(word(3_725_000), "1 h 02 min");
    }

    #[test]
    fn sizes_are_worded_for_people() {
        assert_eq!(bytes(812), "812 B");
        assert_eq!(bytes(2_671_616), "2.7 MB");
    }
}
