//! What a run knows while it goes on is what its journal says, read back.

use super::*;
use crate::journal::RunState;
use crate::model::Confidence;

/// The first start is refused, and the third configuration without A and B passes by mistake.
fn flipping() -> impl FnMut(TrialId, &Config) -> crate::Result<TrialResult> {
    let judge = needs(&["A", "B"]);
    let (mut starts, mut failures) = (0, 0);
    move |_, config| {
        let verdict = judge(config);
        starts += u32::from(config.iter().count() == 8);
        failures += u32::from(verdict.is_fail());
        if starts == 1 && failures == 0 {
            return says(Verdict::Fail(Stage::Oracle));
        }
        says(match failures {
            3 if verdict.is_fail() => Verdict::Pass,
            // The trial breaks, twice.
            5 | 6 if verdict.is_fail() => Verdict::Unresolved,
            _ => verdict,
        })
    }
}

#[test]
fn the_live_state_of_a_run_is_that_of_its_journal() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run");
    let info = info();
    let (dir, mut journal) = RunDir::create(&path, &info).unwrap();
    let (mut judge, site) = (flipping(), FakeSite::default());
    let mut workers = FakeWorkers::new(2, move |trial, config| judge(trial, config));
    let (_sender, signals) = unbounded();
    let mut events = vec![];
    let mut sink = |event: &Event| events.push(event.clone());
    let full = RequestSet::full(info.requests.len());
    let mut lab = lab_of(
        &mut workers,
        &site,
        &dir,
        &mut journal,
        &info,
        &signals,
        &mut sink,
    );
    let config = resolve(&fragment_of(&info.requests, &full));
    lab.judge_start(&config, &full).unwrap();
    let refused = lab.journal.state().refused;
    let new_search = || {
        let options = Options::new().refused(refused);
        Retesting::new(
            Algorithm::Ddmin,
            &full,
            &info.keep,
            options,
            Confidence::default(),
        )
    };
    let mut search = new_search();
    let progress = lab.journal.state().progress(full.len());
    assert_eq!((progress.passed, progress.failed), (1, 1));
    let outcome = lab.run(&mut search, vec![], progress).unwrap();
    assert_eq!(names(&outcome.best), ["A", "B"]);

    let (next_trial, refused_in_lab) = (lab.next_trial, lab.refused);
    let cache = std::mem::take(&mut lab.cache);
    let live = journal.state();
    let (_, lines) = RunDir::read(&path).unwrap();
    assert!(*live == RunState::of(&lines), "it reads another state back");
    // What the dispatcher keeps for itself while it goes on.
    let mut verdicts = live.verdicts.clone();
    verdicts.resolved(full.clone(), live.start_config().unwrap());
    assert!(cache == verdicts, "{cache:?}\n{verdicts:?}");
    assert_eq!(live.best(full.len()).as_ref(), Some(&outcome.best));
    assert_eq!(
        (live.next_trial(), live.refused),
        (next_trial, refused_in_lab)
    );
    // The journal says who made each trial, as the events do.
    let ended = events.iter().filter_map(|event| match event {
        Event::TrialEnded {
            worker, judgement, ..
        } => Some((judgement.trial, *worker)),
        _ => None,
    });
    let by = live.judged.iter().map(|judged| {
        let worker = judged.by.map(|by| by.worker);
        (judged.judgement.trial, worker)
    });
    assert_eq!(by.collect::<Vec<_>>(), ended.collect::<Vec<_>>());
    let told = events.iter().rev().find_map(|event| match event {
        Event::Progress { progress, .. } => Some(progress.clone()),
        _ => None,
    });
    let told = told.unwrap();
    let progress = live.progress(outcome.best.len());
    let counts = |p: &Progress| (p.passed, p.failed, p.unresolved, p.reused);
    assert_eq!(counts(&told), counts(&progress));
    assert_eq!(
        (told.requests, told.lines),
        (progress.requests, progress.lines)
    );
    // The search, too, goes the same way again.
    let mut again = new_search();
    search::replay(calls(&lines), &mut again).unwrap();
    assert_eq!(again.best(), &outcome.best);
    assert_eq!(again.certificate(), outcome.certificate);
}
