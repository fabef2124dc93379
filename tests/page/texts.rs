//! What the report says, in each of its forms.

use std::collections::BTreeSet;
use std::path::Path;

use kbisect::page::{Served, csv, dot, html, markdown};
use kbisect::report::Details;
use kbisect::report::details::Standing;
use serde_json::Value;
use snapbox::{Assert, Data};

use super::sample::{hostile, large, small};

fn page(details: &Details) -> String {
    html(details, Served::File).unwrap()
}

/// `SNAPSHOTS=overwrite cargo test --test page` writes the snapshots anew.
fn is_as_before(text: &str, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/page")
        .join(name);
    let assert = Assert::new().action_env("SNAPSHOTS").normalize_paths(false);
    assert.eq(text, Data::read_from(&path, None).raw());
}

/// The part of `page` between the first `from` and the next `to`.
fn between<'a>(page: &'a str, from: &str, to: &str) -> &'a str {
    let start = page.find(from).unwrap() + from.len();
    &page[start..start + page[start..].find(to).unwrap()]
}

/// The text of a page without its pictures, a line for each line of its markup that has any.
fn text(page: &str) -> String {
    let body = &page[page.find("<body>").unwrap()..page.find("<script>").unwrap()];
    let pictures = between(body, "<section id=\"pictures\"", "</section>");
    let body = body.replace(pictures, ">");
    let mut out = String::new();
    for line in body.lines() {
        let mut text = String::new();
        for (i, part) in line.split('<').enumerate() {
            let shown = match i {
                0 => part,
                _ => part.split_once('>').map_or("", |(_, after)| after),
            };
            if !shown.trim().is_empty() {
                text.push_str(shown.trim());
                text.push(' ');
            }
        }
        if !text.is_empty() {
            out.push_str(text.trim_end());
            out.push('\n');
        }
    }
    out
}

#[test]
fn the_page_says_what_it_said() {
    is_as_before(&text(&page(&small())), "page.txt");
}

#[test]
fn the_markdown_is_as_it_was() {
    is_as_before(&markdown(&small()), "sample.md");
}

#[test]
fn the_csv_is_as_it_was() {
    let csv = csv(&small());
    assert!(csv.lines().count() == 7 && csv.ends_with("\r\n"), "{csv}");
    is_as_before(&csv.replace("\r\n", "\n"), "sample.csv");
}

#[test]
fn the_graph_is_as_it_was() {
    is_as_before(&dot(&small()), "sample.dot");
}

#[test]
fn each_standing_has_its_words() {
    let mut seen = Vec::new();
    for standing in [
        Standing::Minimal,
        Standing::Leaves,
        Standing::Unproved,
        Standing::Stopped,
        Standing::Running,
        Standing::NothingPassed,
    ] {
        let mut details = small();
        details.standing = standing;
        let page = page(&details);
        let badge = between(&page, "class=\"badge ", "</span>");
        let words = badge.split_once('>').unwrap().1.to_owned();
        assert!(
            markdown(&details).contains(&format!("**{words}**")),
            "{words}"
        );
        assert!(!seen.contains(&words), "{words}");
        seen.push(words);
    }
}

#[test]
fn a_run_of_which_little_is_known_has_a_page() {
    let small = small();
    let bare = Details {
        standing: Standing::NothingPassed,
        asked: kbisect::report::details::Asked::default(),
        result: None,
        said: Vec::new(),
        builds: kbisect::report::details::Builds::default(),
        usage: Vec::new(),
        options: Vec::new(),
        lines: Vec::new(),
        removed: Vec::new(),
        steps: Vec::new(),
        free: Vec::new(),
        trials: Vec::new(),
        map: kbisect::report::details::TrialMap::default(),
        edges: Vec::new(),
        gaps: Vec::new(),
        ..small
    };
    let page = page(&bare);
    assert!(page.contains("nothing has passed yet"), "{page}");
    assert!(page.contains("None is known yet."), "{page}");
    assert!(markdown(&bare).contains("nothing has passed yet"));
    assert_eq!(csv(&bare).lines().count(), 1);
    assert!(dot(&bare).ends_with("}\n"));
}

#[test]
fn hostile_text_is_no_markup_of_a_page() {
    let page = page(&hostile());
    let count = |text: &str| page.matches(text).count();
    assert_eq!(count("<script"), 1);
    assert_eq!(count("<style"), 1);
    assert_eq!(count("<meta"), 5);
    for bad in [
        "<img",
        "<base",
        "<b>",
        "<i>",
        "<svg onload",
        "onerror=\"",
        "href=\"javascript",
    ] {
        assert_eq!(count(bad), 0, "{bad}");
    }
    assert!(page.contains("{{ 7*7 }}"));
    for reordering in ['\u{202e}', '\u{2066}', '\u{200f}'] {
        assert!(!page.contains(reordering));
    }
}

#[test]
fn hostile_text_is_no_markup_of_markdown() {
    let text = markdown(&hostile());
    // A line that begins with four spaces is code.
    for line in text.lines().filter(|line| !line.starts_with("    ")) {
        // What is left when the code is taken out.
        let mut bare = String::new();
        let mut rest = line;
        while let Some(at) = rest.find('`') {
            if at > 0 && rest.as_bytes()[at - 1] == b'\\' {
                bare.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
                continue;
            }
            bare.push_str(&rest[..at]);
            let ticks = rest[at..].chars().take_while(|&c| c == '`').count();
            let fence = "`".repeat(ticks);
            let code = &rest[at + ticks..];
            let mut end = 0;
            loop {
                end += code[end..].find(&fence).expect(line);
                let run = code[end..].chars().take_while(|&c| c == '`').count();
                if run == ticks {
                    break;
                }
                end += run;
            }
            rest = &code[end + ticks..];
        }
        bare.push_str(rest);
        assert!(!bare.contains(['<', '>', '@']), "{bare}");
        assert!(!bare.replace("\\]", "").contains("]("), "{bare}");
        assert!(!bare.contains("://") && !bare.contains("www."), "{bare}");
    }
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    for row in rows {
        let pipes = row.replace("\\|", "").matches('|').count();
        assert_eq!(pipes, 6, "{row}");
    }
}

#[test]
fn no_cell_of_the_csv_is_a_formula() {
    let cells = cells(&csv(&hostile()));
    assert_eq!(cells.len(), 7 * 21);
    let is_formula =
        |cell: &&String| cell.parse::<i64>().is_err() && cell.starts_with(['=', '+', '-', '@']);
    assert_eq!(cells.iter().find(is_formula), None);
    let guarded = cells.iter().filter(|cell| cell.starts_with("'="));
    assert!(guarded.count() > 0, "nothing was tested");
}

/// The cells of a CSV file, as RFC 4180 has them.
fn cells(csv: &str) -> Vec<String> {
    let mut cells = Vec::new();
    let mut rest = csv;
    while !rest.is_empty() {
        let mut cell = String::new();
        if let Some(quoted) = rest.strip_prefix('"') {
            rest = quoted;
            loop {
                let (text, after) = rest.split_once('"').unwrap();
                cell.push_str(text);
                rest = after;
                match rest.strip_prefix('"') {
                    Some(after) => rest = after,
                    None => break,
                }
                cell.push('"');
            }
        } else {
            let end = rest.find([',', '\r']).unwrap();
            cell.push_str(&rest[..end]);
            assert!(!cell.contains(['"', '\n']), "{cell}");
            rest = &rest[end..];
        }
        let end = rest.strip_prefix(',').or_else(|| rest.strip_prefix("\r\n"));
        rest = end.unwrap();
        cells.push(cell);
    }
    cells
}

#[test]
fn a_label_of_the_graph_ends_where_it_should() {
    let dot = dot(&hostile());
    for line in dot.lines() {
        let bare = line.replace("\\\\", "").replace("\\\"", "");
        assert!(bare.matches('"').count().is_multiple_of(2), "{line}");
    }
}

#[test]
fn a_page_of_ten_thousand_trials_is_at_most_ten_megabytes() {
    let page = page(&large());
    assert!(page.contains("id=\"trial-10000\""));
    assert!(page.contains("id=\"CONFIG_REMOVED_4850\""));
    assert!(page.contains("id=\"CONFIG_KEPT_399\""));
    assert!(page.contains("logs are not shown here"));
    assert!(page.len() <= 10_000_000, "{}", page.len());
}

#[test]
fn only_a_live_page_may_ask_its_server() {
    let file = page(&small());
    assert!(file.contains("connect-src 'none'") && !file.contains(" data-version="));
    let live = html(&small(), Served::Live { version: "7" }).unwrap();
    assert!(live.contains("connect-src 'self'") && live.contains(" data-version=\"7\""));
}

/// The paths to all keys of all objects in a value, one for each name below each name.
fn keys(
    value: &Value,
    path: &str,
    below: &str,
    seen: &mut BTreeSet<String>,
    all: &mut Vec<String>,
) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let path = format!("{path}/{name}");
                if seen.insert(format!("{below}/{name}")) {
                    all.push(path.clone());
                }
                keys(field, &path, name, seen, all);
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                keys(item, &format!("{path}/{at}"), below, seen, all);
            }
        }
        _ => {}
    }
}

#[test]
fn a_page_can_do_without_each_part_that_may_be_missing() {
    let whole = serde_json::to_value(small()).unwrap();
    let mut all = Vec::new();
    keys(&whole, "", "", &mut BTreeSet::new(), &mut all);
    let mut without = 0;
    for path in all {
        let (object, name) = path.rsplit_once('/').unwrap();
        let mut value = whole.clone();
        let fields = value.pointer_mut(object).unwrap().as_object_mut().unwrap();
        fields.remove(name);
        if let Ok(details) = serde_json::from_value(value) {
            without += 1;
            if let Err(error) = kbisect::page::html(&details, kbisect::page::Served::File) {
                panic!("without {path}: {error:?}");
            }
        }
    }
    assert!(without > 15, "{without}");
}
