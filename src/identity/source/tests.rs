//! Tests of a source tree that is watched.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

struct Tree {
    dir: tempfile::TempDir,
    cache: tempfile::TempDir,
}

fn tree() -> Tree {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("Makefile", "all:\n"),
        ("kernel/fork.c", "int a;\n"),
        ("kernel/exit.c", "int b;\n"),
        (".git/index", "whatever"),
        (".config-like", "hidden files count\n"),
    ] {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let cache = tempfile::tempdir().unwrap();
    Tree { dir, cache }
}

impl Tree {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes, until the clock of the file system has gone on: one can see that somebody wrote.
    fn write(&self, name: &str, text: &str) {
        use std::os::unix::fs::MetadataExt;
        let path = self.path(name);
        let time = || {
            fs::metadata(&path)
                .map(|m| (m.ctime(), m.ctime_nsec()))
                .ok()
        };
        let before = time();
        while time() == before {
            fs::write(&path, text).unwrap();
        }
    }

    fn open(&self) -> SourceTree {
        SourceTree::open(self.dir.path(), self.cache.path(), &CancelToken::new()).unwrap()
    }
}

fn look(source: &SourceTree, since: Generation) -> Seen {
    source.look(since, &CancelToken::new()).unwrap()
}

fn paths(names: &[&str]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

#[test]
fn a_copy_elsewhere_is_the_same_source() {
    let (one, other) = (tree(), tree());
    assert_eq!(one.open().id(), other.open().id());
    assert_eq!(one.open().id().files, 4);
}

#[test]
fn a_file_that_is_edited_and_put_back_gives_the_same_id_and_is_noticed() {
    let tree = tree();
    let source = tree.open();
    let (id, state, begin) = (source.id(), source.state_id(), source.generation());
    assert_eq!(look(&source, begin), Seen::Same);
    // As long as it was, and within the grain of the clock.
    tree.write("kernel/fork.c", "int c;\n");
    let Seen::Changed(changes) = look(&source, begin) else {
        panic!("an edit was not seen")
    };
    assert_eq!(changes.to_string(), "kernel/fork.c");
    assert_ne!(tree.open().id(), id);
    tree.write("kernel/fork.c", "int a;\n");
    assert_eq!(tree.open().id(), id);
    let touched = Seen::Touched(["kernel/fork.c".into()].into());
    assert_eq!(look(&source, begin), touched);
    // Another worker, whose trial began as early, is told too.
    assert_eq!(look(&source, begin), touched);
    assert_eq!(look(&source, source.generation()), Seen::Same);
    assert_ne!(source.state_id(), state);
}

#[test]
fn an_edit_that_keeps_size_and_time_of_modification_is_seen() {
    let tree = tree();
    let path = tree.path("kernel/fork.c");
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1000);
    let set_back = || fs::File::open(&path).unwrap().set_modified(old).unwrap();
    set_back();
    let source = tree.open();
    tree.write("kernel/fork.c", "int c;\n");
    set_back();
    assert!(matches!(
        look(&source, source.generation()),
        Seen::Changed(_)
    ));
}

#[test]
fn a_file_that_was_changed_just_before_it_was_read_is_read_again() {
    let tree = tree();
    let source = tree.open();
    // As after an edit that left the same stat: the index has other contents with it.
    let mut index = source.state().index.clone();
    let entry = index
        .entries
        .iter_mut()
        .find(|e| e.path == Path::new("Makefile"))
        .unwrap();
    assert!(entry.reading.is_racy, "it was written a moment ago");
    entry.reading.sum = [0; 32];
    let (_, seen) = index
        .look(tree.dir.path(), &Mentions::default(), &CancelToken::new())
        .unwrap();
    assert_eq!(seen.changes.changed, paths(&["Makefile"]));
    // One that had been there for long is believed.
    let entry = index
        .entries
        .iter_mut()
        .find(|e| e.path == Path::new("Makefile"))
        .unwrap();
    entry.reading.is_racy = false;
    let (_, seen) = index
        .look(tree.dir.path(), &Mentions::default(), &CancelToken::new())
        .unwrap();
    assert!(seen.changes.is_empty());
}

#[test]
fn files_that_come_and_go_and_become_programs_are_named() {
    let tree = tree();
    symlink("fork.c", tree.path("kernel/link.c")).unwrap();
    let source = tree.open();
    fs::remove_file(tree.path("kernel/exit.c")).unwrap();
    tree.write("kernel/new.c", "");
    fs::set_permissions(tree.path("Makefile"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::remove_file(tree.path("kernel/link.c")).unwrap();
    symlink("../Makefile", tree.path("kernel/link.c")).unwrap();
    let Seen::Changed(changes) = look(&source, source.generation()) else {
        panic!("nothing was seen")
    };
    assert_eq!(
        changes,
        Changes {
            changed: paths(&["Makefile", "kernel/link.c"]),
            added: paths(&["kernel/new.c"]),
            removed: paths(&["kernel/exit.c"]),
        }
    );
}

#[test]
fn a_folder_behind_a_link_counts_wherever_it_is() {
    let elsewhere = tree();
    let tree = tree();
    fs::create_dir(tree.path("drivers")).unwrap();
    symlink(elsewhere.dir.path(), tree.path("drivers/x")).unwrap();
    let source = tree.open();
    assert_eq!(source.id().files, 9);
    elsewhere.write("kernel/fork.c", "int c;\n");
    let seen = look(&source, source.generation());
    assert_eq!(seen.names(), "drivers/x/kernel/fork.c");
    let later = tree.open();
    assert_ne!(later.id(), source.id());
    elsewhere.write("kernel/fork.c", "int a;\n");
    assert_eq!(tree.open().id(), source.id());
}

#[test]
fn links_to_folders_in_a_circle_come_to_an_end() {
    let elsewhere = [tree(), tree()];
    let tree = tree();
    symlink("kernel", tree.path("inside")).unwrap();
    symlink("..", tree.path("kernel/up")).unwrap();
    symlink(tree.dir.path().parent().unwrap(), tree.path("above")).unwrap();
    assert_eq!(tree.open().id().files, 7);
    for one in &elsewhere {
        symlink(tree.dir.path(), one.path("back")).unwrap();
        for (i, other) in elsewhere.iter().enumerate() {
            symlink(other.dir.path(), one.path(&format!("to{i}"))).unwrap();
        }
    }
    symlink(elsewhere[0].dir.path(), tree.path("x")).unwrap();
    symlink(elsewhere[1].path("kernel"), tree.path("y")).unwrap();
    // Each file once, but for those of a folder that is a part of one that comes later.
    let files = tree.open().id().files;
    assert!(
        (7 + 2 + 7 + 7..=7 + 2 + 7 + 7 + 2).contains(&files),
        "{files}"
    );
}

#[test]
fn a_file_behind_a_link_counts_wherever_it_is() {
    let (tree, elsewhere) = (tree(), tempfile::tempdir().unwrap());
    let file = elsewhere.path().join("shared.c");
    fs::write(&file, "int a;\n").unwrap();
    symlink(&file, tree.path("shared.c")).unwrap();
    symlink("/nowhere", tree.path("dangling")).unwrap();
    let source = tree.open();
    fs::write(&file, "int b;\n").unwrap();
    assert_eq!(look(&source, source.generation()).names(), "shared.c");
}

#[test]
fn each_link_on_the_way_counts_also_among_the_folders_and_outside() {
    let (tree, elsewhere) = (tree(), tempfile::tempdir().unwrap());
    let at = |name: &str| elsewhere.path().join(name);
    for folder in ["one", "two"] {
        fs::create_dir(at(folder)).unwrap();
        fs::write(at(folder).join("a.c"), "int a;\n").unwrap();
    }
    let retarget = |link: &str, target: &std::path::Path| {
        let _ = fs::remove_file(at(link));
        symlink(target, at(link)).unwrap();
    };
    retarget("current", std::path::Path::new("one"));
    retarget("kernel", &tree.path("kernel"));
    fs::create_dir(tree.path("more")).unwrap();
    symlink(at("current/a.c"), tree.path("a.c")).unwrap();
    symlink(at("kernel"), tree.path("behind")).unwrap();
    symlink("Makefile", tree.path("plain")).unwrap();
    let source = tree.open();
    let id = source.id();
    // Equal contents, in another place.
    retarget("current", std::path::Path::new("two"));
    assert_eq!(look(&source, source.generation()).names(), "a.c");
    retarget("current", std::path::Path::new("one"));
    // A folder of the tree itself, whose files are looked at anyway.
    retarget("kernel", &tree.path("more"));
    assert_eq!(look(&source, source.generation()).names(), "behind");
    retarget("kernel", &tree.path("kernel"));
    assert_eq!(tree.open().id(), id);
}

#[test]
fn a_link_of_which_an_earlier_version_knew_only_where_it_leads_first_is_no_difference() {
    let tree = tree();
    symlink("Makefile", tree.path("second")).unwrap();
    symlink("second", tree.path("first")).unwrap();
    let source = tree.open();
    let mut index = source.state().index.clone();
    let at = index
        .entries
        .iter()
        .position(|e| e.path == Path::new("first"));
    let entry = &mut index.entries[at.unwrap()];
    let earlier = stamp::earlier_sum(&tree.path("first")).unwrap();
    assert_ne!(entry.reading.sum, earlier);
    entry.reading.sum = earlier;
    source.store.keep_contents("12ab", &index).unwrap();
    assert_eq!(source.since("12ab"), Some(Changes::default()));
    fs::remove_file(tree.path("first")).unwrap();
    symlink("kernel/fork.c", tree.path("first")).unwrap();
    let later = tree.open();
    assert_eq!(later.since("12ab").unwrap().to_string(), "first");
}

#[test]
fn a_log_in_the_root_counts_only_if_a_makefile_names_it() {
    let tree = tree();
    tree.write("Makefile", "all:\n\tcp table.log $(O)/table\n");
    tree.write("table.log", "1");
    tree.write("run.log", "1");
    let source = tree.open();
    let begin = source.generation();
    tree.write("run.log", "2");
    assert_eq!(look(&source, begin), Seen::Same);
    tree.write("table.log", "2");
    assert_eq!(look(&source, begin).names(), "table.log");
}

#[test]
fn what_git_and_editors_and_python_keep_is_no_part_of_a_source() {
    let tree = tree();
    let source = tree.open();
    let id = source.id();
    fs::create_dir(tree.path("kernel/__pycache__")).unwrap();
    for name in [
        ".git/HEAD",
        "kernel/__pycache__/x",
        "kernel/.fork.c.swp",
        "kernel/fork.c~",
        "run.log",
        "a.pyc",
    ] {
        tree.write(name, "new");
    }
    assert_eq!(look(&source, source.generation()), Seen::Same);
    assert_eq!(tree.open().id(), id);
}

#[test]
fn a_run_directory_in_the_tree_is_no_part_of_the_source() {
    let tree = tree();
    let source = tree.open();
    fs::create_dir_all(tree.path("kbisect.out/trials")).unwrap();
    for name in ["run.json", "journal.jsonl", "trials/build.log"] {
        tree.write(&format!("kbisect.out/{name}"), "x");
    }
    assert_eq!(look(&source, source.generation()), Seen::Same);
}

#[test]
fn what_a_build_leaves_is_watched_and_its_writing_is_no_reason_for_doubt() {
    let tree = tree();
    let source = tree.open();
    source.keep().unwrap();
    let hash = source.id().hash;
    tree.write("version.h", "1");
    let begin = source.generation();
    assert!(matches!(look(&source, begin), Seen::Changed(_)));
    source
        .adopt(&["version.h".into()].into(), &CancelToken::new())
        .unwrap();
    assert_eq!(look(&source, begin), Seen::Same);
    tree.write("version.h", "1");
    assert_eq!(look(&source, begin), Seen::Same);
    // The run goes on later, and it is there.
    let later = tree.open();
    assert_ne!(later.id().hash, hash);
    assert_eq!(later.since(&hash), Some(Changes::default()));
    tree.write("version.h", "2");
    assert_eq!(look(&source, begin).names(), "version.h");
    assert_eq!(
        SourceTree::left_in(tree.dir.path(), tree.cache.path()),
        paths(&["version.h"])
    );
}

#[test]
fn what_builds_write_is_looked_at_again_in_a_later_session() {
    let tree = tree();
    let source = tree.open();
    source.expect_writes(&["kernel/fork.c".into()].into());
    let begin = source.generation();
    tree.write("kernel/fork.c", "int a;\n");
    assert_eq!(look(&source, begin), Seen::Same);
    let later = tree.open();
    let (begin, state) = (later.generation(), later.state_id());
    // A user who edits it and puts it back.
    tree.write("kernel/fork.c", "int c;\n");
    tree.write("kernel/fork.c", "int a;\n");
    let touched = Seen::Touched(["kernel/fork.c".into()].into());
    assert_eq!(look(&later, begin), touched);
    assert_ne!(later.state_id(), state);
}

#[test]
fn what_an_earlier_session_left_is_looked_at_again() {
    let tree = tree();
    let source = tree.open();
    tree.write("version.h", "1");
    source
        .adopt(&["version.h".into()].into(), &CancelToken::new())
        .unwrap();
    let later = tree.open();
    let begin = later.generation();
    tree.write("version.h", "2");
    tree.write("version.h", "1");
    assert_eq!(look(&later, begin).names(), "version.h");
}

#[test]
fn what_differs_from_an_earlier_state_is_named_while_its_list_is_there() {
    let tree = tree();
    let source = tree.open();
    source.keep().unwrap();
    let hash = source.id().hash;
    tree.write("kernel/fork.c", "int c;\n");
    let later = tree.open();
    assert_eq!(later.since(&hash).unwrap().to_string(), "kernel/fork.c");
    assert_eq!(later.since("1234"), None);
    let explained = |hash: &str, later: &SourceTree| {
        let key = |hash: &str| {
            let json = serde_json::json!({ "source": { "hash": hash, "files": 4 } });
            RunKey::from_json(&json).unwrap()
        };
        let was = key(hash);
        later.explain(&was, was.differences(&key(&later.id().hash)))
    };
    assert_eq!(
        explained(&hash, &later)[0].details,
        ["the source was changed: kernel/fork.c"]
    );
    assert!(explained("1234", &later)[0].details[0].contains("which files is not known"));
    // Put back, with what a build left beside it.
    tree.write("kernel/fork.c", "int a;\n");
    tree.write("version.h", "1");
    let later = tree.open();
    assert_eq!(
        explained(&hash, &later)[0].details,
        ["the source was changed: version.h (added)"]
    );
    later
        .adopt(&["version.h".into()].into(), &CancelToken::new())
        .unwrap();
    assert_eq!(explained(&hash, &later), []);
}

#[test]
fn a_damaged_index_is_made_anew() {
    let tree = tree();
    let id = tree.open().id();
    let folder = tree.cache.path().join("sources");
    for entry in fs::read_dir(folder).unwrap() {
        fs::write(entry.unwrap().path(), "kbisect source index 1\nxxxx").unwrap();
    }
    assert_eq!(tree.open().id(), id);
}
