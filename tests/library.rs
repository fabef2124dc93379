//! A whole run by the library, without the command line, on a toy project.
#![allow(clippy::unwrap_used)]

mod toy;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

use kbisect::model::{Event, WorkerState};
use kbisect::run::{self, Changes, Control, End, Plan};
use kbisect::settings::{self, Machine, Settings};
use kbisect::supervise::CancelToken;
use kbisect::{ErrorKind, Result};
use toy::{CALLS, Rule, Spec, TWELVE_NEEDED, Toy, set};

/// Says in which toy a run is to be made: the cache folder is known by the environment of the process.
const TOY: &str = "KBISECT_TEST_TOY";

/// Does `work` in the folder of a toy, in a process of its own: the test `name` once more.
fn in_a_toy(name: &str, work: impl FnOnce()) {
    in_a_toy_with(name, "", work);
}

/// The same, and the oracle does `first` before it answers.
fn in_a_toy_with(name: &str, first: &str, work: impl FnOnce()) {
    if env::var_os(TOY).is_some() {
        // The toy's builds and oracle call nothing of ours.
        let _ = kbisect::cli::serve();
        return work();
    }
    let toy = Toy::new(&Spec::twelve().oracle(&Rule::all(&TWELVE_NEEDED).script(first)));
    let status = Command::new(env::current_exe().unwrap())
        .args(["--exact", name])
        .current_dir(toy.path(""))
        .env(TOY, "yes")
        .env("KBISECT_CACHE", toy.path("cache"))
        .env("KBISECT_DATA", toy.path("data"))
        .status()
        .unwrap();
    assert!(status.success());
}

fn settings() -> Result<Settings> {
    let (asked, _) = settings::read(Path::new(settings::FILE))?;
    Settings::complete(&asked.with("output", "out"), Machine::here())
}

#[test]
fn a_run_by_the_library_finds_the_answer_and_is_over_when_it_is_resumed() {
    let name = "a_run_by_the_library_finds_the_answer_and_is_over_when_it_is_resumed";
    in_a_toy(name, || {
        let settings = settings().unwrap();
        let control = Control::by_token(&CancelToken::new());
        let mut events = 0;
        let ended = run::search(&Plan::new(&settings), &control, &mut |_| events += 1).unwrap();
        assert_eq!(ended.end, End::Over);
        let kept = ended.report.kept.iter();
        let kept: BTreeSet<String> = kept.map(|kept| kept.request.symbol.to_string()).collect();
        assert_eq!(kept, set(&TWELVE_NEEDED));
        assert!(events > 10);
        let again = run::resume(&ended.dir, &Changes::default(), &control, &mut |_| {}).unwrap();
        assert_eq!((again.end, again.report), (End::OverBefore, ended.report));
    });
}

#[test]
fn a_run_that_the_library_cancels_can_be_resumed() {
    in_a_toy("a_run_that_the_library_cancels_can_be_resumed", || {
        let settings = settings().unwrap();
        let cancel = CancelToken::new();
        let control = Control::by_token(&cancel);
        // As soon as the start has passed, and two trials more.
        let mut trials = 0;
        let stopped = run::search(&Plan::new(&settings), &control, &mut |event| {
            if let Event::TrialEnded { .. } = event {
                trials += 1;
                if trials == 3 {
                    cancel.cancel();
                }
            }
        });
        let error = stopped.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        let control = Control::by_token(&CancelToken::new());
        let out = Path::new("out");
        let ended = run::resume(out, &Changes::default(), &control, &mut |_| {}).unwrap();
        assert_eq!(ended.report.kept.len(), TWELVE_NEEDED.len());
    });
}

#[test]
fn a_run_that_the_library_cancels_in_a_trial_ends_and_can_be_resumed() {
    let name = "a_run_that_the_library_cancels_in_a_trial_ends_and_can_be_resumed";
    // Of all but the start, a trial lasts until it is cancelled.
    let wait = "test $calls = 1 || test -e \"$toy/state/go\" || exec sleep 1000";
    let first = format!("{CALLS}\n{wait}");
    in_a_toy_with(name, &first, || {
        let (asked, _) = settings::read(Path::new(settings::FILE)).unwrap();
        let asked = asked.with("output", "out").with("jobs", 1);
        let settings = Settings::complete(&asked, Machine::here()).unwrap();
        let cancel = CancelToken::new();
        let control = Control::by_token(&cancel);
        let mut cancelled = 0;
        let stopped = run::search(&Plan::new(&settings), &control, &mut |event| match event {
            Event::Worker {
                state: WorkerState::Judging { trial, .. },
                ..
            } if trial.0 > 1 => cancel.cancel(),
            Event::TrialCancelled { .. } => {
                cancelled += 1;
                assert_eq!(cancelled, 1, "it is cancelled again and again");
            }
            _ => {}
        });
        let error = stopped.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        fs::write("state/go", "").unwrap();
        let control = Control::by_token(&CancelToken::new());
        let out = Path::new("out");
        let ended = run::resume(out, &Changes::default(), &control, &mut |_| {}).unwrap();
        assert_eq!(ended.report.kept.len(), TWELVE_NEEDED.len());
    });
}

#[test]
fn a_program_that_does_not_serve_its_runs_is_refused() {
    let asked = settings::PartialSettings::new().with("oracle", "shell-ok");
    let settings = Settings::complete(&asked, Machine::here()).unwrap();
    let control = Control::by_token(&CancelToken::new());
    let refused = run::search(&Plan::new(&settings), &control, &mut |_| {});
    assert!(refused.unwrap_err().to_string().contains("does not serve"));
}
