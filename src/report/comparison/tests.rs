//! Comparisons of made-up results.
#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::model::{Request, Stage, Symbol, TrialId};
use crate::report::{KeptRequest, Plain, Reason, Report};

fn needed(evidence: &str) -> Reason {
    Reason::Needed {
        trial: TrialId(2),
        stage: Stage::Oracle,
        evidence: Some(evidence.to_owned()),
        lines: 1,
    }
}

fn run(dir: &str, oracle: &str, kept: &[(&str, &str, Reason)]) -> ComparedRun {
    let size = json!({"trial": 1, "requests": 9, "lines": 9, "image": null, "oracle_seconds": 1.0});
    let no_time = json!({"secs": 0, "nanos": 0});
    let report = json!({
        "v": 4, "kbisect": "0.1.0", "status": "minimal", "before": size, "after": size, "kept": [], "files": [],
        "key": {"arch": "x86_64", "project": {"name": "linux"}, "source": {"hash": "00112233445566", "files": 1}},
        "settings": {"oracles": [oracle]},
        "cost": {"passed": 1, "failed": 1, "unresolved": 0, "reused": 0, "objects": 0, "build_cpu": no_time,
                 "wall": no_time, "sittings": 1},
    });
    let mut report: Report = serde_json::from_value(report).unwrap();
    let kept = kept.iter().map(|(symbol, value, reason)| KeptRequest {
        request: Request {
            symbol: Symbol::new(symbol).unwrap(),
            value: value.parse().unwrap(),
        },
        reason: reason.clone(),
    });
    report.kept = kept.collect();
    ComparedRun {
        dir: dir.into(),
        report,
        asked: None,
    }
}

fn symbols(comparison: &Comparison) -> Vec<&str> {
    let rows = comparison.rows.iter();
    rows.map(|row| row.symbol.as_str()).collect()
}

fn names(runs: &[ComparedRun]) -> Vec<String> {
    let columns = compare(runs).unwrap().columns.into_iter();
    columns.map(|column| column.name).collect()
}

#[test]
fn requests_of_most_answers_come_first_and_then_in_menu_order() {
    let one = run(
        "1",
        "a",
        &[
            ("X", "y", needed("")),
            ("B", "y", needed("")),
            ("A", "y", needed("")),
        ],
    );
    let two = run(
        "2",
        "b",
        &[
            ("C", "y", needed("")),
            ("A", "y", needed("")),
            ("B", "y", needed("")),
        ],
    );
    let comparison = compare(&[one, two]).unwrap();
    assert_eq!(symbols(&comparison), ["B", "A", "X", "C"]);
    let summary = &comparison.summary;
    assert_eq!((summary.all, summary.some, summary.undecided), (2, 2, 0));
    let only: Vec<(&str, &str)> = (summary.only.iter())
        .map(|only| (only.column.as_str(), only.symbols[0].as_str()))
        .collect();
    assert_eq!(only, [("a", "X"), ("b", "C")]);
}

#[test]
fn what_is_unproved_or_kept_is_not_called_needed() {
    let one = run(
        "1",
        "a",
        &[("A", "y", Reason::Unproved), ("B", "y", Reason::Kept)],
    );
    let two = run("2", "b", &[("A", "y", needed(""))]);
    let summary = compare(&[one, two]).unwrap().summary;
    assert_eq!((summary.all, summary.some, summary.undecided), (0, 0, 2));
    assert_eq!(summary.only, []);
}

#[test]
fn an_unfinished_run_is_named() {
    let mut one = run("1", "a", &[("A", "y", Reason::Unproved)]);
    one.report.status = crate::report::Status::Stopped;
    let two = run("2", "b", &[]);
    let comparison = compare(&[one, two]).unwrap();
    assert_eq!(
        comparison.notes,
        ["a (1 request): unfinished: it stopped early, so some of its requests may not be needed"]
    );
    assert!(text(&comparison, &Plain).contains("it stopped early"));
}

#[test]
fn what_a_start_does_not_ask_for_is_not_asked_only_if_that_is_known() {
    let one = run("1", "a", &[("A", "y", needed("")), ("B", "y", needed(""))]);
    let mut two = run("2", "b", &[]);
    let states = |runs: &[ComparedRun]| -> Vec<State> {
        let rows = compare(runs).unwrap().rows.into_iter();
        rows.map(|row| row.cells[1].state).collect()
    };
    assert_eq!(states(&[one.clone(), two.clone()]), [State::Absent; 2]);
    two.asked = Some([Symbol::new("A").unwrap()].into());
    assert_eq!(states(&[one, two]), [State::Absent, State::NotAsked]);
}

#[test]
fn values_that_differ_are_in_the_cells() {
    let one = run("1", "a", &[("A", "y", needed("")), ("B", "5", needed(""))]);
    let two = run("2", "b", &[("A", "m", needed("")), ("B", "5", needed(""))]);
    let comparison = compare(&[one, two]).unwrap();
    let text = text(&comparison, &Plain);
    assert!(
        text.starts_with(
            "request  a          b\nA        needed =y  needed =m\nB=5      needed     needed\n"
        ),
        "{text}"
    );
}

#[test]
fn columns_are_named_by_what_tells_them_apart() {
    let with_start = |dir: &str, oracle: &str, start: &str| {
        let mut run = run(dir, oracle, &[]);
        run.report.settings["start"] = json!(start);
        run
    };
    assert_eq!(
        names(&[
            with_start("x/1", "o/a", "s/d"),
            with_start("x/2", "b", "s/d")
        ]),
        ["a", "b"]
    );
    assert_eq!(
        names(&[with_start("x/1", "a", "s/c"), with_start("x/2", "a", "s/d")]),
        ["c", "d"]
    );
    let square = [("1", "a", "c"), ("2", "a", "d"), ("3", "b", "c")];
    let square = square.map(|(dir, oracle, start)| with_start(dir, oracle, start));
    assert_eq!(names(&square), ["a c", "a d", "b c"]);
    assert_eq!(
        names(&[with_start("x/1", "a", "c"), with_start("x/2", "a", "c")]),
        ["1", "2"]
    );
    assert_eq!(
        names(&[with_start("x/1", "a", "c"), with_start("y/1", "a", "c")]),
        ["x/1", "y/1"]
    );
}

#[test]
fn another_source_is_told_by_its_contents() {
    let mut one = run("1", "a", &[]);
    let mut two = run("2", "a", &[]);
    one.report.settings["source"] = json!("/src/linux-6.1.tar.xz");
    two.report.settings["source"] = json!("/src/linux-6.6");
    assert_eq!(names(&[one.clone(), two.clone()]), ["1", "2"]);
    two.report.key["source"]["hash"] = json!("ffff");
    assert_eq!(
        names(&[one.clone(), two.clone()]),
        ["linux-6.1", "linux-6.6"]
    );
    assert_eq!(compare(&[one, two]).unwrap().differ, [Dimension::Source]);
}

#[test]
fn another_architecture_or_project_is_refused() {
    for (path, word) in [("/arch", "architectures"), ("/project/name", "projects")] {
        let one = run("1", "a", &[]);
        let mut two = run("2", "a", &[]);
        *two.report.key.pointer_mut(path).unwrap() = json!("other");
        let error = compare(&[one, two]).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn a_table_of_many_columns_is_80_wide() {
    let runs: Vec<ComparedRun> = (0..30)
        .map(|n| {
            let kept = [(
                "A_LONG_NAME_OF_A_SYMBOL_WITH_MORE_THAN_34_CHARACTERS",
                "y",
                needed(""),
            )];
            run(
                &n.to_string(),
                &format!("an-oracle-of-a-long-name-{n}"),
                &kept,
            )
        })
        .collect();
    let text = text(&compare(&runs).unwrap(), &Plain);
    let widest = text.lines().map(|line| line.chars().count()).max();
    assert!(widest.unwrap() <= 80, "{text}");
    let heads = text.lines().filter(|line| line.starts_with("request"));
    let heads: Vec<&str> = heads.flat_map(str::split_whitespace).collect();
    let numbers = heads.iter().filter(|head| head.starts_with('['));
    assert_eq!(numbers.count(), 30);
}

/// Two runs in which every text is an attack.
fn hostile() -> Comparison {
    let evil = "\u{1b}]0;x\u{7}</title><script>alert(1)</script>\u{202e}&\"'|`=1\u{0}\n| next";
    let value = "\"</text><script>|`&\"";
    let kept = [
        ("A", value, needed(evil)),
        ("B", "-5", needed(&"x".repeat(1_000_000))),
    ];
    let one = run("1", evil, &kept);
    let two = run("2", "=cmd|'calc'!A1", &[]);
    compare(&[one, two]).unwrap()
}

#[test]
fn no_hostile_text_is_markup_in_a_picture() {
    let svg = svg(&hostile());
    assert!(!svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;script&gt;"));
    assert!(!svg.contains(['\u{1b}', '\u{202e}', '\u{0}']));
    assert!(svg.len() < 20_000, "{}", svg.len());
    for tag in ["svg", "g", "text", "title", "desc", "style"] {
        let opened =
            svg.matches(&format!("<{tag}>")).count() + svg.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, svg.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn no_hostile_text_breaks_a_table() {
    let comparison = hostile();
    let markdown = markdown(&comparison);
    assert!(!markdown.contains('<'), "{markdown}");
    for row in markdown.lines().filter(|line| line.starts_with('|')) {
        let bars = row.matches('|').count() - row.matches("\\|").count();
        assert_eq!(bars, 4, "{row}");
        assert_eq!(
            row.matches('`').count(),
            row.matches("\\`").count(),
            "{row}"
        );
    }
    let text = text(&comparison, &Plain);
    assert!(!text.contains(['\u{1b}', '\u{202e}', '\u{0}']), "{text}");
}

#[test]
fn no_field_of_a_spreadsheet_is_a_formula() {
    let csv = csv(&hostile());
    assert!(csv.contains(",\"'=cmd|'calc'!A1\","), "{csv}");
    assert!(csv.contains("needed,\"'-5\""), "{csv}");
    assert_eq!(csv.matches("\r\n").count(), 3, "{csv}");
    assert_eq!(csv.matches('\n').count(), 3, "{csv}");
}
