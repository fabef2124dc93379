//! Long reports to render: a small one with a case of each kind, a hostile one, and a large one.

use kbisect::model::{Symbol, TrialId};
use kbisect::report::Details;
use serde_json::Value;

/// What is put in the place of each text from outside. If any of it runs, it sets `hacked`.
const HOSTILE: [&str; 9] = [
    "</script><script>hacked=1;alert(1)</script>",
    "\"><img src=\"http://127.0.0.1:9/leak\" onerror=\"hacked=2\">",
    "{{ 7*7 }}{% include 'top.html' %}",
    "'-hacked=3-'`${hacked=4}`",
    "</style></svg></pre></title><svg onload=hacked=5><style>*{display:none}</style>",
    "\u{202e}txet desrever\u{2066}\u{200f}",
    "=HYPERLINK(\"http://127.0.0.1:9/leak\",\"x\")",
    "| a ` b `` c | <b>bold</b> [x](javascript:hacked=6) @everyone www.example.org",
    "<meta http-equiv=refresh content=\"0;url=http://127.0.0.1:9/\"><base href=http://127.0.0.1:9/><form action=http://127.0.0.1:9/>",
];

/// A small report with a case of each kind.
pub fn small() -> Details {
    serde_json::from_str(include_str!("sample.json")).unwrap()
}

/// The small report, with something hostile in the place of each text.
pub fn hostile() -> Details {
    let mut value = serde_json::to_value(small()).unwrap();
    let mut n = 0;
    let mut next = || {
        n += 1;
        match n % 10 {
            0 => "long<i>".repeat(3_000),
            i => HOSTILE[i - 1].to_owned(),
        }
    };
    spoil(&mut value, "", &mut next);
    serde_json::from_value(value).unwrap()
}

fn spoil(value: &mut Value, key: &str, next: &mut dyn FnMut() -> String) {
    // What is no text from outside: names of variants, and names of symbols.
    const OURS: [&str; 14] = [
        "symbol", "why", "stage", "standing", "kind", "end", "of", "from", "to", "rows", "carries",
        "had", "status", "product",
    ];
    match value {
        Value::Object(fields) => {
            // The result's own texts are in `said`.
            fields
                .iter_mut()
                .filter(|(name, _)| *name != "result")
                .for_each(|(name, field)| spoil(field, name, next));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, key, next)),
        Value::String(text) if key == "value" && text.starts_with('"') => {
            *text = format!("\"{}\"", next().replace(['"', '\\'], ""));
        }
        // The symbol by which a request is implied; the other lists of this name have conditions in them.
        Value::String(text) if key == "by" && text == "TTY" => {}
        Value::String(text) if !OURS.contains(&key) && key != "value" => *text = next(),
        _ => {}
    }
}

/// A report of 10,000 trials, with 4,851 removed requests.
pub fn large() -> Details {
    let mut details = small();
    let one = details.trials[3].clone();
    details.trials = (1..=10_000)
        .map(|n| {
            let mut trial = one.clone();
            trial.trial = TrialId(n);
            trial.evidence = Some(format!("{n} ").repeat(20));
            trial
        })
        .collect();
    let gone = details.removed[2].clone();
    details.removed = (0..4_851)
        .map(|n| {
            let mut gone = gone.clone();
            gone.request.symbol = Symbol::new(&format!("REMOVED_{n}")).unwrap();
            gone.menu[0] = format!("Menu {}", n / 300);
            gone.trial = Some(TrialId(n + 1));
            gone
        })
        .collect();
    let option = details.options[0].clone();
    details.options = (0..400)
        .map(|n| {
            let mut option = option.clone();
            option.request.symbol = Symbol::new(&format!("KEPT_{n}")).unwrap();
            let log = option
                .failure
                .as_mut()
                .and_then(|failure| failure.log.as_mut());
            log.unwrap().lines =
                vec!["a line of a log that is as long as such lines are".to_owned(); 1_000];
            option
        })
        .collect();
    details
}
