//! The filters of the page's templates.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

use super::anchors::{Anchors, List};
use super::words;
use crate::model::{Request, bytes, duration};
use crate::report::Reason;
use crate::report::details::{
    ConfigLine, FreeKind, LineWhy, OptionDetails, Standing, TrialEnd, TrialOf,
};

/// Adds them.
pub(super) fn add(environment: &mut Environment<'_>, anchors: &Arc<Anchors>) {
    environment.add_filter("standing", |it: Serde<Standing>| words::standing(it.0));
    environment.add_filter("proof", |it: Serde<Reason>| words::proof(&it));
    environment.add_filter("short", |it: Serde<OptionDetails>| words::short(&it));
    environment.add_filter("line_kind", |it: Serde<LineWhy>| words::line_kind(&it));
    environment.add_filter("free_kind", |it: Serde<FreeKind>| words::free_kind(it.0));
    environment.add_filter("trial_end", |it: Serde<TrialEnd>| words::trial_end(it.0));
    environment.add_filter("trial_of", |it: Serde<TrialOf>| words::trial_of(it.0));
    environment.add_filter("fragment_line", |it: Serde<Request>| {
        words::fragment_line(&it)
    });
    environment.add_filter("menu", |it: Serde<Vec<String>>| words::menu(&it));
    environment.add_filter("signed_bytes", words::signed_bytes);
    environment.add_filter("bytes", bytes);
    environment.add_filter("seconds", |s: f64| {
        duration(Duration::from_secs_f64(s.clamp(0.0, 1e9)))
    });
    environment.add_filter("ms", |ms: u64| duration(Duration::from_millis(ms)));
    environment.add_filter("number", number);
    environment.add_filter("signed", signed);
    environment.add_filter("reflowed", reflowed);
    environment.add_filter("day", day);
    environment.add_filter("change", change);
    environment.add_filter("by_menu", by_menu);
    environment.add_filter("line_kinds", line_kinds);
    add_links(environment, anchors);
}

fn add_links(environment: &mut Environment<'_>, anchors: &Arc<Anchors>) {
    for (name, list) in [
        ("option_id", List::Options),
        ("line_id", List::Lines),
        ("removed_id", List::Removed),
        ("free_id", List::Free),
    ] {
        let anchors = Arc::clone(anchors);
        environment.add_filter(name, move |symbol: &str| anchors.id(list, symbol));
    }
    let of = Arc::clone(anchors);
    environment.add_filter("linked", move |text: &str| {
        Value::from_safe_string(of.linked(text))
    });
    let of = Arc::clone(anchors);
    environment.add_filter("line_why", move |line: Serde<ConfigLine>| {
        Value::from_safe_string(of.linked(&words::line_why(&line.why)))
    });
    let of = Arc::clone(anchors);
    environment.add_filter("trial", move |trial: u32| {
        Value::from_safe_string(of.trial(trial))
    });
    let of = Arc::clone(anchors);
    environment.add_filter("proves", move |trial: u32| {
        Value::from_safe_string(of.proves(trial))
    });
}

/// The kinds of reasons of these lines, in words, and how many lines there are of each, the most first.
fn line_kinds(lines: Serde<Vec<ConfigLine>>) -> Vec<Value> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for line in lines.0 {
        *counts.entry(words::line_kind_said(&line.why)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|&(said, count)| (Reverse(count), said));
    let kind = |(said, count)| context! { said => said, count => count };
    counts.into_iter().map(kind).collect()
}

/// The entries by their outermost menus, in the order in which they come.
fn by_menu(entries: Vec<Value>) -> Result<Vec<Value>, minijinja::Error> {
    let mut groups: Vec<(String, Vec<Value>)> = Vec::new();
    let mut places = HashMap::new();
    for entry in entries {
        let menu = entry.get_attr("menu")?;
        let menu = match menu.is_undefined() {
            true => menu,
            false => menu.get_item_by_index(0)?,
        };
        let name = menu.as_str().unwrap_or_default().to_owned();
        let place = *places.entry(name.clone()).or_insert_with(|| {
            groups.push((name, Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(entry);
    }
    let group = |group| {
        let (name, entries): (String, Vec<Value>) = group;
        context! { name => name, entries => entries }
    };
    Ok(groups.into_iter().map(group).collect())
}

/// `12,345`
fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `−1,234`
fn signed(n: i64) -> String {
    let sign = if n < 0 { "\u{2212}" } else { "+" };
    format!("{sign}{}", number(n.unsigned_abs()))
}

/// A help text with each paragraph on one line: it was wrapped for another width. Lists and what is indented stay.
fn reflowed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let is_prose =
        |line: &str| line.starts_with(|c: char| c.is_alphanumeric() || "\"'(<".contains(c));
    let mut last = "";
    for line in text.lines() {
        if !out.is_empty() {
            let joins = is_prose(line) && is_prose(last);
            out.push(if joins { ' ' } else { '\n' });
        }
        out.push_str(line);
        last = line;
    }
    out
}

/// By how much `after` is smaller or larger than `before`: `−98.5 %`.
fn change(before: f64, after: f64) -> String {
    if before <= 0.0 {
        return String::new();
    }
    let percent = (after - before) / before * 100.0;
    // 99.97 % less is not all.
    let shown = (percent.abs() * 10.0).floor() / 10.0;
    match percent {
        p if p < 0.0 => format!("\u{2212}{shown:.1} %"),
        p if p > 0.0 => format!("+{shown:.1} %"),
        _ => "the same".to_owned(),
    }
}

/// `2026-12-01 01:32 UTC`, of seconds since 1970.
fn day(seconds: u64) -> String {
    let (mut days, of_day) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) && year < 9999 {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for length in [
        31,
        28 + u64::from(is_leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
    ] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    let (hour, minute) = (of_day / 3600, of_day / 60 % 60);
    format!(
        "{year}-{month:02}-{:02} {hour:02}:{minute:02} UTC",
        days + 1
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        let days = [0, 951_782_400, 951_868_800, 1_796_060_690, 4_107_542_399].map(day);
        assert_eq!(
            days,
            [
                "1970-01-01 00:00 UTC",
                "2000-02-29 00:00 UTC",
                "2000-03-01 00:00 UTC",
                "2026-11-30 17:44 UTC",
                "2100-02-28 23:59 UTC",
            ]
        );
    }

    #[test]
    fn a_paragraph_is_one_line_and_a_list_is_not() {
        assert_eq!(
            reflowed("one\n\"two\" is\nthree.\n\n- a\n- b\n\n  indented\nfour\nfive"),
            "one \"two\" is three.\n\n- a\n- b\n\n  indented\nfour five"
        );
    }

    #[test]
    fn a_change_is_never_rounded_up_to_all() {
        assert_eq!(change(10_000.0, 1.0), "\u{2212}99.9 %");
        assert_eq!(change(100.0, 150.0), "+50.0 %");
        assert_eq!(change(5.0, 5.0), "the same");
        assert_eq!(change(0.0, 5.0), "");
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
