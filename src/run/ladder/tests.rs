//! Tests of a ladder's file and table.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::{StoredSettings, Symbol, Value};
use crate::report::Plain;

fn requests(names: &[&str]) -> Vec<Request> {
    let request = |name: &&str| Request {
        symbol: Symbol::new(name).unwrap(),
        value: Value::YES,
    };
    names.iter().map(request).collect()
}

fn step(oracle: &str, state: StepState, found: Option<(&[&str], &[&str])>) -> Step {
    Step {
        oracle: oracle.to_owned(),
        dir: oracle.into(),
        state,
        found: found.map(|(adds, drops)| Found {
            certified: state == StepState::Minimal,
            requests: 6,
            lines: 405,
            image: Some(1_052_672),
            adds: requests(adds),
            drops: requests(drops),
            trials: 23,
            wall_seconds: 149.25,
        }),
        error: (state == StepState::StartFails).then(|| "the start does not pass".to_owned()),
    }
}

fn ladder() -> Ladder {
    let drivers: Vec<String> = (1..=12).map(|n| format!("A_DRIVER_{n}")).collect();
    let mut adds: Vec<&str> = drivers.iter().map(String::as_str).collect();
    adds.push("PCI");
    Ladder::new(
        StoredSettings::of(&serde_json::json!({})).unwrap(),
        vec![
            step("shell-ok", StepState::Minimal, Some((&["TTY", "PCI"], &[]))),
            step("/x/my-oracle", StepState::StartFails, None),
            step("net-ok", StepState::Unproved, Some((&adds, &["TTY"]))),
            step("same", StepState::Leaves, Some((&[], &[]))),
            step("slow", StepState::Stopped, Some((&[], &[]))),
            step("later", StepState::Waiting, None),
        ],
    )
}

#[test]
fn the_table_says_of_each_step_what_it_adds() {
    let text = ladder_text(&ladder(), &Plain);
    snapbox::assert_data_eq!(
        text,
        snapbox::str![[r#"
step         requests    lines      image  trials         time  result
1 shell-ok          6      405     1.1 MB      23   2 min 29 s  certified
    needs: TTY PCI
2 my-oracle         -        -          -       -            -  the start does not pass
    the start does not pass
3 net-ok            6      405     1.1 MB      23   2 min 29 s  not proved
    adds: A_DRIVER_1 A_DRIVER_2 A_DRIVER_3 A_DRIVER_4 A_DRIVER_5 A_DRIVER_6 A_DRIVER_7 A_DRIVER_8
        A_DRIVER_9 A_DRIVER_10 A_DRIVER_11 A_DRIVER_12 PCI
    does without: TTY
4 same              6      405     1.1 MB      23   2 min 29 s  minimal if the oracle is monotone
    adds: nothing
5 slow              6      405     1.1 MB      23   2 min 29 s  stopped
6 later             -        -          -       -            -  not begun, or not at its end
6 steps, 1 of them certified; 92 trials, 9 min 57 s in all

"#]]
    );
}

#[test]
fn the_file_is_read_as_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!Ladder::is_in(dir.path()));
    let ladder = Ladder {
        kbisect: "1.2.3".to_owned(),
        ..ladder()
    };
    ladder.write(dir.path()).unwrap();
    assert_eq!(Ladder::read(dir.path()).unwrap(), ladder);
    let text = std::fs::read_to_string(dir.path().join("ladder.json")).unwrap();
    snapbox::assert_data_eq!(
        text.lines().take(40).collect::<Vec<_>>().join("\n"),
        snapbox::str![[r#"
{
  "v": 1,
  "kbisect": "1.2.3",
  "settings": {},
  "steps": [
    {
      "oracle": "shell-ok",
      "dir": "shell-ok",
      "state": "minimal",
      "certified": true,
      "requests": 6,
      "lines": 405,
      "image": 1052672,
      "adds": [
        {
          "symbol": "TTY",
          "value": "y"
        },
        {
          "symbol": "PCI",
          "value": "y"
        }
      ],
      "drops": [],
      "trials": 23,
      "wall_seconds": 149.25
    },
    {
      "oracle": "/x/my-oracle",
      "dir": "/x/my-oracle",
      "state": "start-fails",
      "error": "the start does not pass"
    },
    {
      "oracle": "net-ok",
      "dir": "net-ok",
      "state": "unproved",
      "certified": false,
      "requests": 6,
      "lines": 405,
"#]]
    );
}

#[test]
fn a_damaged_or_newer_file_is_refused_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("ladder.json");
    let said = |text: &str| {
        std::fs::write(&file, text).unwrap();
        Ladder::read(dir.path()).unwrap_err().to_string()
    };
    assert!(said("{").ends_with("ladder.json is damaged"));
    assert!(said("{\"v\": 99}").ends_with("ladder.json was written by a newer kbisect"));
}

#[test]
fn the_exit_code_is_the_worst_of_all_steps() {
    for (codes, worst) in [
        (&[0, 0][..], 0),
        (&[0, 4, 0], 4),
        (&[4, 3, 0], 3),
        (&[3, 6, 4], 6),
        (&[6, 130], 130),
    ] {
        assert_eq!(codes.iter().fold(0, |all, code| worse(all, *code)), worst);
    }
}

#[test]
fn an_error_that_ends_a_ladder_says_how_to_go_on_with_all_of_it() {
    let dir = Path::new("out");
    let hint = |error: Error| going_on(error, dir).hint_text().map(str::to_owned);
    let all = "kbisect ladder --output out";
    let of_step = Error::failed("x").hint("to go on: kbisect resume out/01-x");
    assert_eq!(hint(of_step), Some(format!("to go on: {all}")));
    let interrupted = Error::new(ErrorKind::Interrupted, "interrupted");
    assert_eq!(hint(interrupted), Some(format!("to go on: {all}")));
    let full = Error::failed("x")
        .hint("free some space and start again with `kbisect resume`: nothing is lost");
    let wanted = format!("free some space and start again with `{all}`: nothing is lost");
    assert_eq!(hint(full), Some(wanted));
    assert_eq!(
        hint(Error::usage("x").hint("give another --output")),
        Some("give another --output".to_owned())
    );
    assert_eq!(hint(Error::usage("x")), None);
}
