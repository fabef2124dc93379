//! What the pool of build trees promises.
#![allow(clippy::unwrap_used)]

use super::super::plan::product_at;
use super::*;
use crate::supervise::boot_id;

#[test]
fn what_is_forgotten_is_forgotten_of_all_workers_that_there_ever_were() {
    let dir = tempfile::tempdir().unwrap();
    let open = |workers| TreePool::open(dir.path(), workers, Some(print(1))).unwrap();
    let many = open(3);
    build(&many, 2, "poisoned", print(1)).unwrap_or_default();
    open(1).forget().unwrap();
    assert_eq!(open(3).base_holds(), None);
}

fn print(n: u8) -> Fingerprint {
    Fingerprint([n; 32])
}

fn build(pool: &TreePool, worker: u32, text: &str, fingerprint: Fingerprint) -> Option<String> {
    build_from(Origin::Earlier, pool, worker, text, fingerprint)
}

fn build_from(
    origin: Origin,
    pool: &TreePool,
    worker: u32,
    text: &str,
    fingerprint: Fingerprint,
) -> Option<String> {
    let work = |tree: &Tree, _| {
        let file = tree.path().join("vmlinux");
        let before = fs::read_to_string(&file).ok();
        fs::write(&file, text).unwrap();
        tree.built(fingerprint, &product_at(&file)?)?;
        Ok(before)
    };
    let cancel = CancelToken::new();
    pool.with_tree(WorkerId(worker), fingerprint, origin, &cancel, work)
        .unwrap()
        .unwrap()
}

fn promote(pool: &TreePool, worker: u32, fingerprint: Fingerprint) {
    pool.accepted(WorkerId(worker), fingerprint);
    pool.promote(fingerprint);
}

#[test]
fn a_tree_in_which_something_else_was_begun_does_not_become_the_base() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 2, None).unwrap();
    build(&pool, 0, "start", print(1));
    promote(&pool, 0, print(1));
    build(&pool, 0, "better", print(2));
    pool.accepted(WorkerId(0), print(2));
    build(&pool, 0, "failed", print(3));
    pool.promote(print(2));
    pool.promote(print(3));
    assert_eq!(pool.base_holds(), Some(print(1)), "nor one that failed");
    build(&pool, 1, "better", print(2));
    pool.accepted(WorkerId(1), print(2));
    pool.forget_tree_of(WorkerId(1)).unwrap();
    pool.promote(print(2));
    assert_eq!(pool.base_holds(), Some(print(1)), "nor a doubtful one");
    promote(&pool, 1, print(2));
    assert_eq!(pool.base_holds(), Some(print(2)));
}

#[test]
fn what_is_to_be_built_from_an_empty_tree_finds_nothing_there_each_time() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    build(&pool, 0, "start", print(1));
    promote(&pool, 0, print(1));
    assert_eq!(build(&pool, 0, "best", print(2)).as_deref(), Some("start"));
    for _ in 0..2 {
        let before = build_from(Origin::Empty, &pool, 0, "clean", print(2));
        assert_eq!(before, None);
    }
    // It is as good as any other from then on.
    assert_eq!(build(&pool, 0, "again", print(2)).as_deref(), Some("clean"));
}

#[test]
fn a_trial_begins_from_the_best_tree_and_a_failure_leaves_no_trace() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 2, None).unwrap();
    assert_eq!(build(&pool, 0, "start", print(1)), None);
    promote(&pool, 0, print(1));
    assert_eq!(
        build(&pool, 1, "failed", print(2)).as_deref(),
        Some("start")
    );
    assert_eq!(
        build(&pool, 1, "better", print(3)).as_deref(),
        Some("start")
    );
    promote(&pool, 1, print(3));
    assert_eq!(build(&pool, 0, "next", print(4)).as_deref(), Some("better"));
    assert_eq!(build(&pool, 1, "next", print(4)).as_deref(), Some("better"));
}

#[test]
fn after_a_crash_only_completely_built_trees_count() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 2, None).unwrap();
    build(&pool, 0, "start", print(1));
    promote(&pool, 0, print(1));
    build(&pool, 0, "best", print(2));
    let crash = |tree: &Tree, _| {
        fs::write(tree.path().join("vmlinux"), "half")
            .map_err(|e| Error::io("write", tree.path(), e))
    };
    pool.with_tree(
        WorkerId(1),
        print(9),
        Origin::Earlier,
        &CancelToken::new(),
        crash,
    )
    .unwrap();
    drop(pool);
    let pool = TreePool::open(dir.path(), 2, Some(print(2))).unwrap();
    assert_eq!(pool.base_holds(), Some(print(2)));
    assert_eq!(build(&pool, 1, "x", print(4)).as_deref(), Some("best"));
    let pool = TreePool::open(dir.path(), 2, Some(print(9))).unwrap();
    assert!(
        pool.base_holds().is_some(),
        "another whole tree is better than none"
    );
}

#[test]
fn after_the_host_was_started_anew_no_tree_counts() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    build(&pool, 0, "start", print(1));
    promote(&pool, 0, print(1));
    let stamp = pool.base_path().with_extension("json");
    let text = fs::read_to_string(&stamp).unwrap();
    let text = text.replace(&boot_id(), "another");
    fs::write(&stamp, text).unwrap();
    drop(pool);
    let pool = TreePool::open(dir.path(), 1, Some(print(1))).unwrap();
    assert_eq!(pool.base_holds(), None);
}

#[test]
fn what_is_forgotten_is_built_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    build(&pool, 0, "start", print(1));
    promote(&pool, 0, print(1));
    pool.forget().unwrap();
    assert_eq!(build(&pool, 0, "next", print(2)), None);
    pool.forget().unwrap();
    let pool = TreePool::open(dir.path(), 1, Some(print(2))).unwrap();
    assert_eq!(pool.base_holds(), None);
}

/// Writes to the worker's tree as an oracle may, after `print(n)` was built in it.
fn judge(pool: &TreePool, n: u8, oracle: impl FnOnce(&Path)) -> Option<Written> {
    try_judge(pool, n, oracle).unwrap()
}

fn try_judge(pool: &TreePool, n: u8, oracle: impl FnOnce(&Path)) -> Result<Option<Written>> {
    let work = |tree: &Tree, _| {
        let (file, config) = (tree.path().join("vmlinux"), tree.path().join(".config"));
        fs::write(&file, [n]).unwrap();
        fs::write(&config, "").unwrap();
        let before = tree.built(print(n), &product_at(&file)?)?;
        oracle(tree.path());
        tree.undo_writes(&before, Some(Path::new(".config")))
    };
    let cancel = CancelToken::new();
    let done = pool.with_tree(WorkerId(0), print(n), Origin::Earlier, &cancel, work)?;
    Ok(done.unwrap())
}

#[test]
fn what_an_oracle_adds_is_removed_and_the_tree_is_used() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    let written = judge(&pool, 1, |tree| {
        fs::create_dir(tree.join("lib")).unwrap();
        fs::write(tree.join("lib/module"), "").unwrap();
        // Somebody restores it.
        fs::remove_file(tree.join(".config")).unwrap();
        fs::write(tree.join(".config"), "").unwrap();
    });
    let written = written.unwrap();
    assert_eq!(written.names, [Path::new("lib")]);
    assert!(!written.is_discarded);
    assert!(pool.warning_of(&written).unwrap().contains("(lib)"));
    assert_eq!(pool.warning_of(&written), None, "once is enough");
    promote(&pool, 0, print(1));
    assert!(!pool.base_path().join("lib").exists());
    // The next session, too.
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    assert_eq!(pool.base_holds(), Some(print(1)));
}

#[test]
fn a_tree_in_which_an_oracle_changed_a_file_is_not_built_from() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    assert_eq!(judge(&pool, 1, |_| ()), None);
    promote(&pool, 0, print(1));
    let base = pool.base_path();
    let written = judge(&pool, 2, |tree| {
        fs::remove_file(tree.join(".config")).unwrap();
    });
    assert_eq!(written, None, "whoever restores it tells");
    let written = judge(&pool, 3, |tree| {
        fs::write(tree.join("vmlinux"), "patched").unwrap();
    });
    assert!(written.unwrap().is_discarded);
    promote(&pool, 0, print(3));
    assert_eq!(
        (pool.base_path(), pool.base_holds()),
        (base, Some(print(1)))
    );
}

#[test]
fn a_base_to_which_an_oracle_wrote_is_no_base() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    judge(&pool, 1, |_| ());
    promote(&pool, 0, print(1));
    let write = |name: &'static str| {
        let work = |tree: &Path| fs::write(tree.join(name), "oracle").unwrap();
        pool.with_base(work).unwrap().1.unwrap()
    };
    assert!(!write("module").is_discarded);
    assert_eq!(pool.base_holds(), Some(print(1)));
    assert!(write("vmlinux").is_discarded);
    assert_eq!(pool.base_holds(), None);
}

#[test]
fn a_tree_that_was_written_to_in_a_session_that_was_killed_is_not_built_from() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    judge(&pool, 1, |_| ());
    promote(&pool, 0, print(1));
    fs::write(pool.base_path().join("poison"), "").unwrap();
    let pool = TreePool::open(dir.path(), 1, Some(print(1))).unwrap();
    assert_eq!(pool.base_holds(), None);
    assert!(!pool.base_path().exists());
}

#[test]
fn a_base_whose_config_an_oracle_changed_is_no_base() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    judge(&pool, 1, |_| ());
    promote(&pool, 0, print(1));
    let work = |tree: &Path| fs::write(tree.join(".config"), "CONFIG_BY_ORACLE=y\n").unwrap();
    let (_, written) = pool.with_base(work).unwrap();
    assert_eq!(written.unwrap().names, [Path::new(".config")]);
    assert_eq!(pool.base_holds(), None);
    assert_eq!(build(&pool, 0, "next", print(2)), None);
}

#[test]
fn a_base_is_discarded_while_somebody_gives_out_trees() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    judge(&pool, 1, |_| ());
    promote(&pool, 0, print(1));
    let (begun, begins) = std::sync::mpsc::channel();
    let (went_on, goes_on) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let pool = &pool;
        let writer = scope.spawn(move || {
            pool.with_base(|tree| {
                begun.send(()).unwrap();
                goes_on.recv().unwrap();
                fs::write(tree.join("vmlinux"), "patched").unwrap();
            })
        });
        begins.recv().unwrap();
        let roles = pool.roles();
        went_on.send(()).unwrap();
        // It would hang here if it waited for the roles.
        let (_, written) = writer.join().unwrap().unwrap();
        assert!(written.unwrap().is_discarded);
        drop(roles);
    });
    assert_eq!(pool.base_holds(), None);
    assert_eq!(build(&pool, 0, "next", print(2)), None);
}

#[test]
fn a_tree_of_which_a_killed_session_had_not_yet_removed_all_is_not_built_from() {
    let dir = tempfile::tempdir().unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    judge(&pool, 1, |_| ());
    promote(&pool, 0, print(1));
    let poisoned = try_judge(&pool, 2, |tree| {
        fs::write(tree.join("vmlinux"), "patched").unwrap();
        // As if it were killed in the removal: the folder of the tree cannot be removed.
        fs::rename(tree, tree.with_extension("moved")).unwrap();
        fs::write(tree, "").unwrap();
    });
    assert!(poisoned.is_err());
    let tree = dir.path().join(if pool.base_path().ends_with("tree-000") {
        "tree-001"
    } else {
        "tree-000"
    });
    fs::remove_file(&tree).unwrap();
    fs::rename(tree.with_extension("moved"), &tree).unwrap();
    let pool = TreePool::open(dir.path(), 1, Some(print(1))).unwrap();
    assert_eq!(pool.base_holds(), Some(print(1)));
    assert!(!tree.exists());
}

#[test]
fn a_file_or_a_link_in_the_place_of_a_tree_does_not_stop_the_next_session() {
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("vmlinux"), "mine").unwrap();
    fs::write(dir.path().join("tree-000"), "").unwrap();
    std::os::unix::fs::symlink(&other, dir.path().join("tree-001")).unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    assert_eq!(build(&pool, 0, "start", print(1)), None);
    promote(&pool, 0, print(1));
    assert_eq!(build(&pool, 0, "next", print(2)).as_deref(), Some("start"));
    let text = fs::read_to_string(other.join("vmlinux")).unwrap();
    assert_eq!(text, "mine");
}

#[test]
fn without_a_base_a_trial_begins_from_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("tree-001")).unwrap();
    fs::write(dir.path().join("tree-001/vmlinux"), "left over").unwrap();
    let pool = TreePool::open(dir.path(), 1, None).unwrap();
    assert_eq!(build(&pool, 0, "start", print(1)), None);
}
