//! Tests of all pictures.
#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// A report of a run with these parts.
fn details(parts: &Value) -> Details {
    let mut all = json!({
        "v": 1, "kbisect": "0.1.0", "standing": "minimal",
        "asked": {"command": "kbisect run", "at": 0, "oracles": [], "facts": []},
        "said": [], "builds": {}, "options": [], "lines": [], "removed": [], "steps": [], "free": [],
        "trials": [], "map": {"rows": [], "columns": []}, "edges": [],
    });
    let all_parts = all.as_object_mut().unwrap();
    for (name, part) in parts.as_object().unwrap() {
        all_parts.insert(name.clone(), part.clone());
    }
    serde_json::from_value(all).unwrap()
}

fn option(name: &str, image_bytes: Option<i64>, prompt: &str) -> Value {
    json!({
        "symbol": name, "value": "y", "why": "unproved", "said": "", "image_bytes": image_bytes,
        "about": {"prompt": prompt, "file": "Kconfig", "line": 1},
    })
}

fn step(trial: u32, ms: u64, requests: usize, image: Option<u64>) -> Value {
    json!({
        "trial": trial, "ms": ms, "trials": trial, "requests": requests, "lines": 3 * requests,
        "image": image, "removed": 1,
    })
}

/// `times`: when it began, when its build began and ended, and when it ended.
fn trial(trial: u32, end: &str, worker: u32, times: [u64; 4]) -> Value {
    json!({
        "trial": trial, "of": "candidate", "round": 0, "end": end, "worker": worker,
        "worker_is_known": true, "began_ms": times[0], "build_ms": times[1], "oracle_ms": times[2],
        "ended_ms": times[3], "cpu_seconds": 1.0, "objects": 1, "cached": 0, "lines": 1, "reused": 0,
    })
}

fn column(trial: u32, end: &str, had: &str) -> Value {
    json!({"trial": trial, "end": end, "had": had})
}

/// A run of 6 trials on 2 workers; the answer has 3 requests of 5.
fn small() -> Details {
    details(&json!({
        "options": [
            option("NET", Some(300_000), "Networking support"),
            option("INET", Some(120_500), "TCP/IP <networking>"),
            option("TTY", Some(-4096), "Enable TTY"),
        ],
        "steps": [step(1, 60_000, 5, Some(2_000_000)), step(3, 125_000, 4, None), step(4, 160_000, 3, Some(1_500_000))],
        "trials": [
            trial(1, "pass", 0, [0, 2_000, 50_000, 60_000]),
            trial(2, "fail-oracle", 0, [60_000, 61_000, 90_000, 120_000]),
            trial(3, "pass", 1, [60_000, 65_000, 100_000, 125_000]),
            trial(4, "pass", 0, [120_000, 121_000, 150_000, 160_000]),
            trial(5, "fail-build", 1, [130_000, 131_000, 150_000, 150_000]),
            trial(6, "open", 1, [155_000, 165_000, 165_000, 165_000]),
        ],
        "map": {
            "rows": ["NET", "INET", "TTY", "PCI", "USB"],
            "columns": [
                column(1, "pass", "11111"), column(2, "fail-oracle", "01101"),
                column(3, "pass", "11101"), column(4, "pass", "11100"),
                column(5, "fail-build", "10100"), column(6, "open", "11000"),
            ],
        },
        "edges": [{"from": "INET", "to": "NET"}],
    }))
}

/// Compares a picture, and all that it says, with the files of its name.
fn is_as_recorded(id: &str) {
    let picture = all(&small()).into_iter().find(|picture| picture.id == id);
    let picture = picture.unwrap();
    let mut said = format!("{}\n\n{}\n\n", picture.title, picture.description);
    for row in std::iter::once(&picture.table.head).chain(&picture.table.rows) {
        said += &row.join(" | ");
        said.push('\n');
    }
    let file = |kind: &str| {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/snapshots/pictures");
        let path = std::path::PathBuf::from(format!("{folder}/{id}.{kind}"));
        snapbox::Data::read_from(&path, None).raw()
    };
    snapbox::assert_data_eq!(picture.svg, file("svg"));
    snapbox::assert_data_eq!(said, file("txt"));
}

#[test]
fn the_pictures_are_in_their_order() {
    let pictures = all(&small());
    let ids: Vec<&str> = pictures.iter().map(|picture| picture.id).collect();
    assert_eq!(
        ids,
        [
            "best-over-time",
            "best-over-trials",
            "trial-map",
            "worker-timeline",
            "dependency-graph",
            "image-by-option"
        ]
    );
}

#[test]
fn the_best_over_time_is_a_line_of_steps() {
    is_as_recorded("best-over-time");
}

#[test]
fn the_best_over_trials_is_a_line_of_steps() {
    is_as_recorded("best-over-trials");
}

#[test]
fn the_trial_map_has_a_cell_for_each_request_that_a_trial_had() {
    is_as_recorded("trial-map");
}

#[test]
fn the_worker_timeline_has_a_row_for_each_worker() {
    is_as_recorded("worker-timeline");
}

#[test]
fn the_dependency_graph_links_to_options() {
    is_as_recorded("dependency-graph");
}

#[test]
fn the_bars_of_image_bytes_go_from_the_largest_to_the_smallest() {
    is_as_recorded("image-by-option");
}

#[test]
fn a_picture_without_data_is_left_out() {
    assert_eq!(all(&details(&json!({}))), []);
    let without_costs = details(&json!({"options": [option("NET", None, "Networking")]}));
    assert_eq!(all(&without_costs), []);
}

#[test]
fn one_trial_without_duration_makes_good_pictures() {
    let one = details(&json!({
        "options": [option("NET", Some(0), "Networking")],
        "steps": [step(1, 0, 1, Some(0))],
        "trials": [trial(1, "pass", 0, [0; 4])],
        "map": {"rows": ["NET"], "columns": [column(1, "pass", "1")]},
    }));
    let pictures = all(&one);
    assert_eq!(pictures.len(), 5);
    pictures.iter().for_each(check);
}

#[test]
fn a_trial_that_waited_for_its_worker_is_not_drawn_over_the_one_before() {
    let run = details(&json!({
        "trials": [
            trial(1, "pass", 0, [0, 0, 4_000, 10_000]),
            // It was handed out at 2 s, and taken at 10 s.
            trial(2, "pass", 0, [2_000, 11_000, 15_000, 20_000]),
        ],
    }));
    let pictures = all(&run);
    let row = pictures[0].table.rows[0].join(" ");
    assert_eq!(
        row,
        "0 2 1.0 5.0 % 8.0 40.0 % 11.0 55.0 % 0.0 0.0 % 0.0 0.0 %"
    );
}

#[test]
fn a_wide_range_of_sizes_has_a_logarithmic_scale() {
    let run = details(&json!({"steps": [step(1, 10, 4_851, None), step(9, 20, 18, None)]}));
    let pictures = all(&run);
    assert!(pictures[0].svg.contains("requests, logarithmic"));
    for tick in [">10<", ">100<", ">1,000<"] {
        assert!(pictures[0].svg.contains(tick), "{tick}");
    }
    assert!(!pictures[0].svg.contains("class=\"area\""));
}

#[test]
fn requests_that_depend_on_one_another_are_drawn() {
    let options = ["A", "B", "C"].map(|name| option(name, None, name));
    let run = details(&json!({
        "options": options,
        "edges": [{"from": "A", "to": "B"}, {"from": "B", "to": "A"}, {"from": "C", "to": "C"}],
    }));
    let pictures = all(&run);
    assert_eq!(pictures.len(), 1);
    check(&pictures[0]);
    assert!(pictures[0].svg.contains("class=\"edge back\""));
}

#[test]
fn the_largest_run_makes_less_than_two_megabytes() {
    let name = |n: usize| format!("AN_OPTION_WITH_A_LONG_NAME_{n}");
    let names: Vec<String> = (0..4_851).map(name).collect();
    let options: Vec<Value> = (0..4_851_i64)
        .map(|n| option(&names[n as usize], Some(n * 40 - 20_000), "A prompt"))
        .collect();
    let edges: Vec<Value> = (1..4_851)
        .map(|n| json!({"from": names[n], "to": names[n * 7 % n.div_ceil(3)]}))
        .collect();
    let ends = ["pass", "fail-oracle", "fail-build", "unresolved", "open"];
    let trials = (0..10_000_u32).map(|n| {
        let begin = u64::from(n / 40) * 20_000;
        let times = [begin, begin + 900, begin + 9_000, begin + 19_000];
        trial(n, ends[n as usize % 5], n % 40, times)
    });
    let had: [String; 2] = [0, 1].map(|odd| "01".repeat(2_426)[odd..].to_owned());
    let columns = (0..1_000_u32).map(|n| {
        let (end, had) = (ends[n as usize % 5], &had[n as usize % 2]);
        column(9_000 + n, end, had)
    });
    let steps = (0..4_850_u32).map(|n| {
        let image = Some(9_000_000 - u64::from(n) * 1_000);
        step(n * 2, u64::from(n) * 1_000, 4_851 - n as usize, image)
    });
    let run = details(&json!({
        "options": options,
        "edges": edges,
        "trials": trials.collect::<Vec<_>>(),
        "map": {"rows": names, "columns": columns.collect::<Vec<_>>()},
        "steps": steps.collect::<Vec<_>>(),
    }));
    let pictures = all(&run);
    assert_eq!(pictures.len(), 6);
    let bytes: usize = pictures.iter().map(|picture| picture.svg.len()).sum();
    assert!(bytes < 2_000_000, "{bytes}");
    for picture in &pictures {
        check(picture);
        assert!(
            picture.description.contains("shown"),
            "{}",
            picture.description
        );
    }
}

/// The picture is well-formed, harmless, and its table is regular.
fn check(picture: &Picture) {
    let parsed = roxmltree::Document::parse(&picture.svg);
    let parsed = parsed.unwrap_or_else(|error| panic!("{error}: {}", picture.svg));
    let root = parsed.root_element();
    assert!(root.has_tag_name(("http://www.w3.org/2000/svg", "svg")));
    let known = [
        "svg", "title", "desc", "g", "rect", "circle", "line", "path", "text", "a", "defs",
        "pattern",
    ];
    let mut ids = std::collections::BTreeSet::new();
    for node in root.descendants().filter(roxmltree::Node::is_element) {
        assert!(known.contains(&node.tag_name().name()), "{node:?}");
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on") && name != "style", "{node:?}");
            assert!(name != "href" || value.starts_with("#CONFIG_"), "{node:?}");
            assert!(name != "id" || ids.insert(value), "{value} twice");
            let is_number = ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "height"];
            if is_number.contains(&name) {
                assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{node:?}");
            }
            assert!(name != "d" || !value.contains(['N', 'i']), "{value}");
        }
    }
    for part in [
        root.attribute("aria-labelledby"),
        root.attribute("aria-describedby"),
    ] {
        assert!(ids.contains(part.unwrap()), "{part:?}");
    }
    let links = root.descendants().any(|node| node.has_tag_name("a"));
    assert_eq!(
        root.attribute("role"),
        Some(if links { "group" } else { "img" })
    );
    assert!(
        !picture.description.contains("NaN"),
        "{}",
        picture.description
    );
    for row in &picture.table.rows {
        assert_eq!(row.len(), picture.table.head.len());
    }
}

fn time() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..1_000, 0_u64..10_000_000, any::<u64>()]
}

fn end() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "pass",
        "fail-oracle",
        "fail-build",
        "unresolved",
        "open",
    ])
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        (0_u32..20).prop_map(|n| format!("OPTION_{n}")),
        "[A-Z_0-9]{1,60}"
    ]
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        Just("</title><script>alert(1)</script>".to_owned()),
        Just("]]>&#0;\" onload='x' \u{1b}[31m\u{202e}".to_owned()),
    ]
}

prop_compose! {
    fn any_details()(
        options in vec((name(), any::<Option<i64>>(), hostile()), 0..30),
        edges in vec((name(), name()), 0..40),
        steps in vec((any::<u32>(), time(), any::<u16>(), any::<Option<u64>>()), 0..20),
        trials in vec((any::<u32>(), end(), 0_u32..50, [time(), time(), time(), time()]), 0..60),
        rows in vec(name(), 0..30),
        columns in vec((any::<u32>(), end(), "[01x]{0,40}"), 0..60),
    ) -> Details {
        let options = options.iter().map(|(name, bytes, prompt)| option(name, *bytes, prompt));
        let edges = edges.iter().map(|(from, to)| json!({"from": from, "to": to}));
        let steps = steps.iter().map(|(n, ms, requests, image)| step(*n, *ms, usize::from(*requests), *image));
        let trials = trials.iter().map(|(n, end, worker, times)| trial(*n, end, *worker, *times));
        let columns = columns.iter().map(|(n, end, had)| column(*n, end, had));
        details(&json!({
            "options": options.collect::<Vec<_>>(),
            "edges": edges.collect::<Vec<_>>(),
            "steps": steps.collect::<Vec<_>>(),
            "trials": trials.collect::<Vec<_>>(),
            "map": {"rows": rows, "columns": columns.collect::<Vec<_>>()},
        }))
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn pictures_are_well_formed_whatever_the_run(details in any_details()) {
        all(&details).iter().for_each(check);
    }
}

#[test]
fn the_style_sheet_has_each_class() {
    let mut classes = std::collections::BTreeSet::new();
    for picture in all(&small()) {
        let parsed = roxmltree::Document::parse(&picture.svg).unwrap();
        let named = parsed
            .descendants()
            .filter_map(|node| node.attribute("class"));
        classes.extend(named.flat_map(str::split_whitespace).map(str::to_owned));
    }
    let unknown: Vec<&String> = classes
        .iter()
        .filter(|class| !STYLE.contains(&format!(".{class}")))
        .collect();
    assert_eq!(unknown, Vec::<&String>::new());
}
