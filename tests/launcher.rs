//! The compiler launcher with a real gcc: what it gives is what the compiler gives, whatever
//! happens to its cache; and for objects of a real kernel, byte for byte.
#![allow(clippy::unwrap_used)]

mod turns;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kbisect::build::Kbuild;
use kbisect::cc::{CACHE, LAUNCHER, Means, NOTES, STATE, TOOLCHAIN, identity, read_notes};
use kbisect::identity::compiler_state;
use kbisect::kconfig::{EC2_START, parse_config};
use kbisect::setup::{BUILD, SOURCE, Setup};
use kbisect::supervise::CancelToken;

/// A cache, a folder for build trees, and the launcher.
struct Bench {
    dir: tempfile::TempDir,
    toolchain: String,
    state: OsString,
}

/// By the set-up code of the program.
fn set_up<T>(what: impl FnOnce(&mut Setup<'_>) -> T) -> T {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    what(&mut Setup::new(&mut note, &cancel).unwrap())
}

impl Bench {
    fn new() -> Self {
        set_up(|setup| setup.ensure(BUILD).unwrap());
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("bin")).unwrap();
        symlink(
            env!("CARGO_BIN_EXE_kbisect"),
            dir.path().join("bin").join(LAUNCHER),
        )
        .unwrap();
        Self {
            dir,
            toolchain: identity("gcc", &CancelToken::new()).unwrap(),
            state: compiler_state("gcc", &CancelToken::new()).unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn command(&self, program: &str, cwd: &Path) -> Command {
        let mut path = self.path("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap());
        let mut command = Command::new(program);
        command
            .current_dir(cwd)
            .env("PATH", path)
            .env(CACHE, self.path("cache"))
            .env(TOOLCHAIN, &self.toolchain)
            .env(NOTES, self.path("notes"))
            .stdin(Stdio::null());
        command
    }

    /// How the objects were come by since this was asked last, in the order of their names.
    fn means(&self) -> Vec<Means> {
        let mut notes = read_notes(&self.path("notes"));
        let _ = fs::remove_file(self.path("notes"));
        notes.sort_by(|a, b| a.object.cmp(&b.object));
        notes.into_iter().map(|note| note.means).collect()
    }

    /// From now on [`Bench::calls`] knows what gcc is asked for.
    fn note_calls(&self) {
        let path = std::env::var("PATH").unwrap();
        let note = format!("echo \"$*\" >> '{}'", self.path("calls").display());
        self.program("gcc", &format!("{note}\nPATH='{path}' exec gcc \"$@\""));
    }

    /// Puts a program there that does this, in shell.
    fn program(&self, name: &str, does: &str) {
        let program = self.path("bin").join(name);
        fs::write(&program, format!("#!/bin/sh\n{does}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What gcc was asked for since this was asked last.
    fn calls(&self) -> Vec<Asks> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let _ = fs::remove_file(self.path("calls"));
        let asks = |call: &str| match (call.contains(" -E"), call.contains("-fdirectives-only")) {
            (true, true) => Directives,
            (true, false) => Text,
            (false, true) => OfDirectives,
            (false, false) if call.contains("cpp-output") => OfText,
            (false, false) => OfSource,
        };
        calls.lines().map(asks).collect()
    }

    /// All files of the cache.
    fn cached(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        files(&self.path("cache"), &mut found);
        found
    }
}

fn files(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// What gcc is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asks {
    /// The text with its directives carried out.
    Directives,
    /// The text with all macros expanded.
    Text,
    /// The object of the one,
    OfDirectives,
    /// of the other,
    OfText,
    /// and of the source.
    OfSource,
}

/// A tree of one source, as Kbuild has it: one header and all values.
struct Tree<'a> {
    bench: &'a Bench,
    path: PathBuf,
}

const SOURCE_TEXT: &str = "#include \"generated/autoconf.h\"\n#include \"a.h\"\n\
    int used(void)\n{\n\treturn VALUE;\n}\n";
const HEADER: &str = "#ifdef CONFIG_WIDE\n#ifdef CONFIG_TEXT\n#define MORE\n#endif\n#define VALUE 2\n#else\n\
    #define VALUE 1\n#endif\n";

impl<'a> Tree<'a> {
    fn new(bench: &'a Bench, name: &str) -> Self {
        let path = bench.path(name);
        let source = bench.path("source");
        for dir in [&source, &path.join("include/generated")] {
            fs::create_dir_all(dir).unwrap();
        }
        let tree = Self { bench, path };
        if !source.join("a.c").exists() {
            fs::write(source.join("a.c"), SOURCE_TEXT).unwrap();
            tree.header(HEADER);
        }
        tree
    }

    fn header(&self, text: &str) {
        fs::write(self.bench.path("source/a.h"), text).unwrap();
        settle(&self.bench.path("source"));
    }

    fn set(&self, values: &[&str]) {
        let lines = values.iter().map(|v| format!("#define CONFIG_{v} 1\n"));
        let text: String = lines.collect();
        fs::write(self.path.join("include/generated/autoconf.h"), text).unwrap();
    }

    fn gcc(&self, options: &[&str]) -> Output {
        let source = self.bench.path("source/a.c");
        let mut command = self.bench.command(LAUNCHER, &self.path);
        command
            .args([
                "gcc",
                "-Wp,-MMD,.a.o.d",
                "-nostdinc",
                "-Iinclude",
                "-O2",
                "-Wall",
            ])
            .args(options)
            .args(["-c", "-o", "a.o"])
            .arg(source);
        command.output().unwrap()
    }

    /// Compiles, and checks that the object is what the compiler itself gives.
    fn compile(&self, options: &[&str]) -> Vec<Means> {
        let output = self.gcc(options);
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let source = self.bench.path("source/a.c");
        let mut gcc = Command::new("gcc");
        gcc.current_dir(&self.path)
            .args(["-Wp,-MMD,.b.o.d", "-nostdinc", "-Iinclude", "-O2", "-Wall"])
            .args(options)
            .args(["-c", "-o", "b.o"])
            .arg(source);
        let direct = gcc.output().unwrap();
        assert_eq!(output.stderr, direct.stderr);
        let read = |name: &str| fs::read(self.path.join(name)).unwrap();
        assert!(
            read("a.o") == read("b.o"),
            "another object than the compiler's"
        );
        assert_eq!(read(".a.o.d"), read(".b.o.d"));
        self.bench.means()
    }
}

/// Makes the times of all files in it so old that nobody takes them for changed just now.
fn settle(dir: &Path) {
    let mut found = Vec::new();
    files(dir, &mut found);
    // The time of the last change of state cannot be set: it passes.
    let last = found.iter().map(|f| fs::metadata(f).unwrap());
    let last = last.map(|m| {
        use std::os::unix::fs::MetadataExt;
        m.ctime() as i128 * 1_000_000_000 + i128::from(m.ctime_nsec())
    });
    let last = last.max().unwrap();
    let now = || {
        let now = std::time::SystemTime::now();
        now.duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos() as i128
    };
    while now() < last + 30_000_000 {
        std::thread::yield_now();
    }
}

use Asks::{Directives, OfDirectives, OfSource, OfText, Text};
use Means::{Compiled, Known, SameText};

#[test]
fn an_object_is_compiled_once_for_the_values_that_it_mentions() {
    let bench = Bench::new();
    let (one, two) = (Tree::new(&bench, "tree-1"), Tree::new(&bench, "tree-2"));
    one.set(&["WIDE"]);
    two.set(&["WIDE", "OTHER"]);
    assert_eq!(one.compile(&[]), [Compiled]);
    assert_eq!(two.compile(&[]), [Known], "nobody mentions OTHER");
    two.set(&[]);
    assert_eq!(two.compile(&[]), [Compiled]);
    two.set(&["TEXT"]);
    assert_eq!(
        two.compile(&[]),
        [SameText],
        "what is left out mentions TEXT"
    );
    assert_eq!(one.compile(&[]), [Known]);
    assert_eq!(
        one.compile(&["-Iother"]),
        [SameText],
        "another call, the same text"
    );
    assert_eq!(one.compile(&["-O1"]), [Compiled]);
}

#[test]
fn what_another_compiler_makes_is_neither_kept_nor_taken_for_what_the_first_makes() {
    let bench = Bench::new();
    let one = Tree::new(&bench, "tree-1");
    let compile = |values: &[&str]| {
        one.set(values);
        let mut command = bench.command(LAUNCHER, &one.path);
        let source = bench.path("source/a.c");
        command.env(STATE, &bench.state);
        command.args([
            "gcc",
            "-Wp,-MMD,.a.o.d",
            "-nostdinc",
            "-Iinclude",
            "-c",
            "-o",
            "a.o",
        ]);
        assert!(command.arg(source).output().unwrap().status.success());
        bench.means()
    };
    assert_eq!(compile(&["WIDE"]), [Compiled]);
    assert_eq!(compile(&["WIDE"]), [Known]);
    let before = bench.cached().len();
    // A fake of the same name, which is found first.
    bench.note_calls();
    assert_eq!(compile(&[]), []);
    assert_eq!(compile(&["WIDE"]), [], "it may make another object of it");
    assert_eq!(bench.cached().len(), before);
    fs::remove_file(bench.path("bin/gcc")).unwrap();
    assert_eq!(compile(&["WIDE"]), [Known]);
}

#[test]
fn a_changed_header_is_never_overlooked() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    assert_eq!(tree.compile(&[]), [Compiled]);
    // As long as before.
    tree.header(&HEADER.replace("VALUE 1", "VALUE 3"));
    assert_eq!(tree.compile(&[]), [Compiled]);
    tree.header(HEADER);
    assert_eq!(tree.compile(&[]), [Known]);
}

#[test]
fn what_the_assembler_reads_is_never_taken_from_the_cache() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    tree.header("#define VALUE 1\nasm(\".incbin \\\"data\\\"\");\n");
    for data in ["one", "two", "three"] {
        fs::write(tree.path.join("data"), data).unwrap();
        // The launcher leaves it to the compiler, and has nothing to note.
        assert_eq!(tree.compile(&[]), []);
    }
}

#[test]
fn what_is_not_known_is_compiled_from_text_whose_macros_are_not_expanded() {
    let bench = Bench::new();
    bench.note_calls();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    assert_eq!(tree.compile(&[]), [Compiled]);
    assert_eq!(bench.calls(), [Directives, OfDirectives]);
    tree.set(&["TEXT"]);
    assert_eq!(tree.compile(&[]), [SameText]);
    assert_eq!(bench.calls(), [Directives]);
    assert_eq!(tree.compile(&[]), [Known]);
    assert_eq!(bench.calls(), []);
    assert_eq!(tree.compile(&["-Werror"]), [Compiled]);
    assert_eq!(bench.calls(), [Directives, OfSource]);
    tree.header(&format!("{HEADER}/* CONFIG_NEW */\n"));
    assert_eq!(tree.compile(&[]), [Compiled]);
    tree.set(&["TEXT", "NEW"]);
    assert_eq!(tree.compile(&[]), [Compiled], "a comment mentions NEW");
}

#[test]
fn what_cannot_be_told_before_macros_are_expanded_is_known_by_all_of_its_text() {
    let bench = Bench::new();
    bench.note_calls();
    let tree = Tree::new(&bench, "tree-1");
    for (number, start) in [
        "#define JOIN(x) CONFIG_##x\n#define VALUE JOIN(WIDE)\n",
        "#define VALUE __LINE__ + sizeof(__BASE_FILE__)\n",
        "int f(int), g(int);\n#define f(x) g(x)\n#pragma push_macro(\"f\")\n#undef f\n\
         #pragma pop_macro(\"f\")\n#define VALUE f(1)\n",
        "#pragma redefine_extname old new\nint old(void);\n#define VALUE old()\n",
        "#pragma GCC optimize(\"O0\")\n#define VALUE 1\n",
    ]
    .into_iter()
    .enumerate()
    {
        let about = format!("CONFIG_TEXT{number}");
        tree.header(&format!(
            "{start}#ifdef CONFIG_A\n#ifdef {about}\n#endif\n#endif\n"
        ));
        tree.set(&["WIDE"]);
        assert_eq!(tree.compile(&[]), [Compiled], "{start}");
        assert_eq!(bench.calls(), [Directives, Text, OfText], "{start}");
        tree.set(&["WIDE", &format!("TEXT{number}")]);
        assert_eq!(tree.compile(&[]), [SameText], "{start}");
        bench.calls();
        // Compiled from its source, and known by its text all the same.
        assert_eq!(tree.compile(&["-Werror"]), [Compiled], "{start}");
        assert_eq!(bench.calls(), [Directives, Text, OfSource], "{start}");
        tree.set(&["WIDE"]);
        assert_eq!(tree.compile(&["-Werror"]), [SameText], "{start}");
        bench.calls();
    }
}

#[test]
fn what_an_open_quote_would_swallow_is_compiled() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    tree.header(
        "#if 0\ndon't\n#endif\nint f(void) { return 1; }\n#if 0\ncan't\n#endif\n#define VALUE f()\n",
    );
    // The compiler warns of it, and is left to do that.
    assert_eq!(tree.compile(&[]), []);
    // Nobody warns in a header of the system's.
    let quiet = ["-isystem", "sys"];
    fs::create_dir_all(tree.path.join("sys")).unwrap();
    fs::rename(bench.path("source/a.h"), tree.path.join("sys/a.h")).unwrap();
    settle(&tree.path);
    assert_eq!(tree.compile(&quiet), [Compiled]);
}

#[test]
fn the_text_that_gcc_gives_is_understood_with_all_that_may_be_in_it() {
    let bench = Bench::new();
    bench.note_calls();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&["WIDE"]);
    let extra = bench.path("source/extra.h");
    let blank = "\n".repeat(20);
    let all = format!("#define ONE 1{blank}static int one(void);\n#include \"empty.h\"\n");
    fs::write(&extra, all).unwrap();
    fs::write(bench.path("source/empty.h"), "").unwrap();
    tree.header(&format!(
        "#pragma GCC system_header\n#define VALUE one()\n{blank}#include \"extra.h\"\n\
         #if 0\n#error don't\n#endif\n/*\n * not .incbin\n */\nstatic int one(void) {{ return CONFIG_WIDE; }}\n"
    ));
    let include = extra.display().to_string();
    for options in [
        &["-include", &include][..],
        &["-isystem", "sys"],
        &["-Wall"],
    ] {
        assert_eq!(tree.compile(options), [Compiled], "{options:?}");
        let calls = bench.calls();
        assert_eq!(calls, [Directives, OfDirectives], "{options:?}");
    }
}

#[test]
fn an_object_has_the_name_of_its_source_in_it() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    let names = ["b.c", "c.c"].map(|name| bench.path("source").join(name));
    let mut objects = Vec::new();
    for name in &names {
        fs::write(name, "#include \"a.h\"\n").unwrap();
        settle(&bench.path("source"));
        let mut gcc = bench.command(LAUNCHER, &tree.path);
        gcc.args(["gcc", "-Iinclude", "-c", "-o", "a.o"]).arg(name);
        assert!(gcc.status().unwrap().success());
        objects.push(fs::read(tree.path.join("a.o")).unwrap());
    }
    assert_ne!(objects[0], objects[1]);
}

#[test]
fn macros_that_tell_where_they_are_tell_what_they_always_told() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    let text = "const char *file = __FILE__; int line = __LINE__, at = __COUNTER__;\n\
                #define PLACE(x) #x __FILE__\n#define VALUE __LINE__ + __COUNTER__\n\
                const char *place = PLACE(a  /* b */ + c);\n\
                int shift(int a) { return 1 << a; }\n";
    tree.header(text);
    assert_eq!(tree.compile(&[]), [Compiled]);
    tree.header(&format!("\n{text}"));
    assert_eq!(tree.compile(&[]), [Compiled], "all lines are others");
    let source = bench.path("source").display().to_string();
    for option in [
        &format!("-fmacro-prefix-map={source}/="),
        "-fsanitize=undefined",
    ] {
        assert_eq!(tree.compile(&[option]), [Compiled], "{option}");
    }
}

#[test]
fn with_debug_information_an_object_is_known_in_its_tree() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    // What is compiled from text says so, so the objects are not compared.
    let compile = || assert!(tree.gcc(&["-g"]).status.success());
    compile();
    compile();
    assert_eq!(bench.means(), [Compiled, Known]);
}

#[test]
fn warnings_are_given_again_and_errors_are_the_compilers() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    tree.header(
        "#define VALUE unused_variable_in_macro()\nstatic int f(void) { int x; return x; }\n\
                 static inline int unused_variable_in_macro(void) { return f(); }\n",
    );
    // `compile` compares what is said.
    assert_eq!(tree.compile(&["-Wuninitialized"]), [Compiled]);
    assert_eq!(tree.compile(&["-Wuninitialized"]), [Known]);
    tree.header("#define VALUE nothing\n");
    let output = tree.gcc(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("'nothing' undeclared")
            || String::from_utf8_lossy(&output.stderr).contains("‘nothing’ undeclared")
    );
    tree.header("#error this must not be built\n");
    let output = tree.gcc(&[]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("#error this must not be built"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(bench.means(), []);
}

#[test]
fn a_corrupted_cache_is_compiled_anew() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    assert_eq!(tree.compile(&[]), [Compiled]);
    for kind in ["contents", "outcomes", "calls"] {
        for file in bench.cached() {
            if file.components().any(|c| c.as_os_str() == kind) {
                let mut bytes = fs::read(&file).unwrap();
                let middle = bytes.len() / 2;
                bytes[middle] ^= 0x40;
                fs::write(&file, bytes).unwrap();
            }
        }
        let means = tree.compile(&[]);
        assert_ne!(means, [Known], "{kind}");
        assert_eq!(tree.compile(&[]), [Known], "{kind}");
    }
    for file in bench.cached() {
        fs::write(&file, b"").unwrap();
    }
    assert_eq!(tree.compile(&[]), [Compiled]);
}

#[test]
fn a_cache_that_cannot_be_written_costs_nothing_but_time() {
    let bench = Bench::new();
    fs::write(bench.path("cache"), "a file").unwrap();
    let tree = Tree::new(&bench, "tree-1");
    tree.set(&[]);
    assert_eq!(tree.compile(&[]), [Compiled]);
    assert_eq!(tree.compile(&[]), [Compiled]);
}

#[test]
fn many_compilers_at_once_share_a_cache() {
    let bench = Bench::new();
    Tree::new(&bench, "tree-00");
    let names: Vec<String> = (0..16).map(|n| format!("tree-{n:02}")).collect();
    std::thread::scope(|scope| {
        for (n, name) in names.iter().enumerate() {
            let tree = Tree::new(&bench, name);
            tree.set(if n % 2 == 0 { &["WIDE"] } else { &[] });
            scope.spawn(move || assert!(tree.gcc(&[]).status.success()));
        }
    });
    assert_eq!(bench.means().len(), names.len());
    let tree = Tree::new(&bench, "tree-99");
    for values in [&["WIDE"][..], &[]] {
        tree.set(values);
        assert_eq!(tree.compile(&[]), [Known]);
    }
}

/// A compiler that notes each call of it, and what asks it through the launcher.
struct Asked<'a> {
    bench: &'a Bench,
    tree: PathBuf,
}

impl<'a> Asked<'a> {
    /// `does` is shell, with the arguments in `$@`.
    fn new(bench: &'a Bench, does: &str) -> Self {
        bench.program("counted", &format!("echo >> \"$COUNTED\"\n{does}"));
        let tree = bench.path("asked");
        fs::create_dir_all(&tree).unwrap();
        Self { bench, tree }
    }

    fn gcc(bench: &'a Bench) -> Self {
        Self::new(bench, "exec gcc \"$@\"")
    }

    fn ask(&self, words: &str, text: &str) -> Output {
        let mut command = self.bench.command(LAUNCHER, &self.tree);
        command
            .arg("counted")
            .args(words.split_whitespace())
            .env("COUNTED", self.bench.path("count"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // Who does not read it says so by other means.
        let _ = stdin.write_all(text.as_bytes());
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    /// How often the compiler was called since this was asked last.
    fn calls(&self) -> usize {
        let count = self.bench.path("count");
        let calls = fs::read(&count).unwrap_or_default().len();
        let _ = fs::remove_file(count);
        calls
    }
}

#[test]
fn a_question_is_asked_once_and_answered_with_all_that_the_compiler_wrote() {
    let bench = Bench::new();
    let asked = Asked::gcc(&bench);
    for name in ["one", "other"] {
        let done = asked.ask(&format!("-Werror -m64 -c -x c /dev/null -o {name}"), "");
        assert!(done.status.success() && done.stderr.is_empty());
    }
    assert_eq!(asked.calls(), 1);
    let read = |name: &str| fs::read(asked.tree.join(name)).unwrap();
    assert!(read("one").starts_with(b"\x7fELF") && read("one") == read("other"));

    let ask = || asked.ask("-E -P -x c -", "version __GNUC__\n");
    let (first, second) = (ask(), ask());
    assert!(first.stdout.starts_with(b"version 1"), "{first:?}");
    assert_eq!((first, asked.calls()), (second, 1));

    let ask = |text| {
        let _ = fs::remove_file(asked.tree.join("tmp"));
        asked.ask("-c -x assembler-with-cpp -o tmp -", text)
    };
    assert!(ask("nop").status.success() && ask("nop").status.success());
    assert_eq!(asked.calls(), 1);
    let (first, second) = (ask("nonsense"), ask("nonsense"));
    assert!(!first.status.success() && !second.status.success());
    assert!(!asked.tree.join("tmp").exists());
    // It is asked something else as well: can it do anything at all?
    assert_eq!(asked.calls(), 2);
}

#[test]
fn an_option_that_is_not_known_is_refused_in_the_same_words() {
    let bench = Bench::new();
    let asked = Asked::gcc(&bench);
    let ask = || asked.ask("-Werror -fnonsense -c -x c /dev/null -o tmp", "");
    let (first, second) = (ask(), ask());
    assert!(String::from_utf8_lossy(&first.stderr).contains("-fnonsense"));
    assert_eq!((first, asked.calls()), (second, 2));
}

#[test]
fn a_compiler_that_gave_out_is_asked_again() {
    let bench = Bench::new();
    let words = "-m64 -c -x c /dev/null -o tmp";
    for says in [
        "cc1: error: No space left on device",
        "gcc: fatal error: Killed signal terminated program cc1",
        // It does not say why, and cannot do what has nothing special in it either.
        "gcc: error: sorry",
        "",
    ] {
        let asked = Asked::new(&bench, &format!("echo '{says}' >&2; exit 1"));
        for _ in 0..2 {
            assert_eq!(asked.ask(words, "").status.code(), Some(1));
            assert!(asked.calls() > 0, "{says}");
        }
    }
    let asked = Asked::gcc(&bench);
    assert!(asked.ask(words, "").status.success());
}

#[test]
fn a_refusal_for_want_of_a_folder_is_no_answer_for_other_folders() {
    let bench = Bench::new();
    let asked = Asked::gcc(&bench);
    let ask = |file: &str| {
        let words = format!("-Werror -fstack-protector -c -x c /dev/null -o {file}");
        asked.ask(&words, "").status.success()
    };
    assert!(!ask("no-folder/tmp"));
    assert!(ask("tmp"));
    assert_eq!(asked.calls(), 2);
    // What lies there is left to the compiler, though the answer is known.
    fs::write(asked.tree.join("other"), "something").unwrap();
    symlink("other", asked.tree.join("link")).unwrap();
    assert!(ask("link") && ask("other") && ask("third"));
    assert_eq!(asked.calls(), 2);
    assert!(!ask("no-folder/tmp") && ask("fourth"));
}

#[test]
fn a_compiler_that_is_not_there_is_named_by_whoever_asked_it() {
    let bench = Bench::new();
    let mut command = bench.command(LAUNCHER, bench.dir.path());
    let output = command
        .args(["no-such-compiler", "-E", "-x", "c", "-"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(127));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-compiler"));
}

#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let bench = Bench::new();
    let asked = Asked::gcc(&bench);
    for _ in 0..2 {
        let mut command = bench.command(LAUNCHER, &asked.tree);
        command.args(["counted", "-E", "-x", "c", "/dev/null"]);
        command.env("COUNTED", bench.path("count"));
        let full = File::options().write(true).open("/dev/full").unwrap();
        assert!(!command.stdout(full).status().unwrap().success());
    }
    assert_eq!(asked.calls(), 1);
}

#[test]
fn an_object_that_cannot_be_written_is_left_to_the_compiler() {
    let bench = Bench::new();
    let tree = Tree::new(&bench, "tree");
    tree.set(&["WIDE"]);
    assert_eq!(tree.compile(&[]), [Compiled]);
    bench.note_calls();
    fs::remove_file(tree.path.join("a.o")).unwrap();
    fs::create_dir(tree.path.join("a.o")).unwrap();
    let output = tree.gcc(&[]);
    assert!(!output.status.success());
    let says = String::from_utf8_lossy(&output.stderr);
    assert!(!says.is_empty() && !says.contains(LAUNCHER), "{says}");
    assert_eq!(bench.calls().last(), Some(&OfSource));
}

#[test]
fn a_corrupted_answer_is_asked_anew() {
    let bench = Bench::new();
    let asked = Asked::gcc(&bench);
    let ask = || asked.ask("-E -P -x c -", "__GNUC__\n").stdout;
    let answer = ask();
    for file in bench.cached() {
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
    }
    assert_eq!((ask(), asked.calls()), (answer, 2));
}

#[test]
fn a_text_that_may_read_files_is_asked_each_time() {
    let bench = Bench::new();
    let asked = Asked::gcc(&bench);
    let data = asked.tree.join("data");
    let mut objects = Vec::new();
    for text in ["a", "b"] {
        fs::write(&data, text).unwrap();
        let done = asked.ask(
            "-c -x assembler-with-cpp -o tmp -",
            &format!(".incbin \"{}\"\n", data.display()),
        );
        assert!(done.status.success(), "{done:?}");
        objects.push(fs::read(asked.tree.join("tmp")).unwrap());
    }
    assert_ne!(objects[0], objects[1]);
    assert_eq!(asked.calls(), 2);
}

#[test]
fn what_is_no_compilation_goes_straight_to_the_compiler() {
    let bench = Bench::new();
    let version = |program: &str, args: &[&str]| {
        let output = bench
            .command(program, bench.dir.path())
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success());
        output.stdout
    };
    assert_eq!(
        version(LAUNCHER, &["gcc", "--version"]),
        version("gcc", &["--version"])
    );
    let none = bench
        .command(LAUNCHER, bench.dir.path())
        .arg("no-such-compiler")
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(127));
    assert!(String::from_utf8_lossy(&none.stderr).contains("no-such-compiler"));
    let nothing = bench.command(LAUNCHER, bench.dir.path()).output().unwrap();
    assert_eq!(nothing.status.code(), Some(127));
}

/// A real project, of which a part is compiled.
struct Project<'a> {
    source: PathBuf,
    /// For each make.
    variables: &'a [&'a str],
    target: String,
    /// Old Kconfig does not read a fragment: this fills in a config with its lines put in.
    settle: Option<&'a str>,
    /// Lines of every config, and those of which each has about one half.
    always: &'a str,
    sometimes: Vec<&'a str>,
    configs: usize,
    /// What a clean build has at least.
    objects: usize,
}

impl Project<'_> {
    /// Random configs, one after the other in one tree through the cache, and each from nothing
    /// without it: all objects must be the same. The last config is the first once more.
    fn compare(&self, bench: &Bench) {
        // A linear congruential generator (Knuth's MMIX): the same configs each time.
        let mut state = 6_364_136_223_846_793_005_u64;
        let mut chance = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        let mut fragments: Vec<String> = (1..self.configs)
            .map(|_| {
                let half = self.sometimes.iter().copied();
                let half: Vec<&str> = half.filter(|_| chance() % 2 == 0).collect();
                format!("{}\n{}\n", self.always, half.join("\n"))
            })
            .collect();
        fragments.extend(fragments.first().cloned());
        let (mut cached, mut compiled) = (0, 0);
        for (n, fragment) in fragments.iter().enumerate() {
            let clean = bench.path("clean");
            let _ = fs::remove_dir_all(&clean);
            for (tree, compiler) in [(&bench.path("tree"), "kbisect-cc gcc"), (&clean, "gcc")] {
                fs::create_dir_all(tree).unwrap();
                self.build(bench, tree, compiler, fragment);
            }
            for means in bench.means() {
                *(if means == Compiled {
                    &mut compiled
                } else {
                    &mut cached
                }) += 1;
            }
            self.same_objects(&clean, &bench.path("tree"), n);
            self.listed_objects(&clean);
        }
        assert!(
            cached > 0 && compiled > 0,
            "{cached} from the cache, {compiled} compiled"
        );
    }

    fn build(&self, bench: &Bench, tree: &Path, compiler: &str, fragment: &str) {
        let make = |goals: &[&str]| self.make(bench, tree, compiler, goals);
        if let Some(settle) = self.settle {
            make(&["allnoconfig"]);
            let file = tree.join(".config");
            let mut config = fs::read_to_string(&file).unwrap();
            for line in fragment.lines() {
                // It believes the first line that it finds.
                let name = line.split('=').next().unwrap();
                let unset = format!("# {name} is not set\n");
                config = config.replace(&unset, "") + line + "\n";
            }
            fs::write(&file, config).unwrap();
            make(&[settle]);
        } else {
            let file = bench.path("fragment");
            fs::write(&file, fragment).unwrap();
            make(&[
                "allnoconfig",
                &format!("KCONFIG_ALLCONFIG={}", file.display()),
            ]);
        }
        make(&[&self.target]);
    }

    fn make(&self, bench: &Bench, tree: &Path, compiler: &str, goals: &[&str]) {
        let file = fs::File::create(bench.path("log")).unwrap();
        let mut make = bench.command("make", &self.source);
        let status = make
            .arg("-j2")
            .args(self.variables)
            .arg(format!("O={}", tree.display()))
            .arg(format!("CC={compiler}"))
            .args(goals)
            .env("KCONFIG_NOTIMESTAMP", "1")
            .env("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 1970")
            .env("KBUILD_BUILD_VERSION", "1")
            .env("KBUILD_BUILD_USER", "kbisect")
            .env("KBUILD_BUILD_HOST", "kbisect")
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .status()
            .unwrap();
        let log = || fs::read_to_string(bench.path("log")).unwrap_or_default();
        assert!(status.success(), "{compiler}, {goals:?}: {}", log());
    }

    /// What a part of a kernel consists of is what its makefiles list.
    fn listed_objects(&self, clean: &Path) {
        if self.settle.is_some() || !self.target.ends_with('/') {
            return;
        }
        let config = parse_config(&fs::read_to_string(clean.join(".config")).unwrap());
        let mut listed = Kbuild::new(&self.source, "x86_64").objects(&config);
        listed.retain(|object| object.starts_with(&self.target));
        let mut built = Vec::new();
        files(&clean.join(&self.target), &mut built);
        built.retain(|object| object.extension().is_some_and(|e| e == "o"));
        let name = |object: PathBuf| object.strip_prefix(clean).unwrap().display().to_string();
        let built: BTreeSet<String> = built.into_iter().map(name).collect();
        assert_eq!(listed, built);
    }

    fn same_objects(&self, clean: &Path, tree: &Path, config: usize) {
        let mut objects = Vec::new();
        files(clean, &mut objects);
        objects.retain(|o| o.extension().is_some_and(|e| e == "o") || o.ends_with("vmlinux"));
        assert!(objects.len() >= self.objects, "{} objects", objects.len());
        for object in objects {
            let name = object.strip_prefix(clean).unwrap();
            // Tools of the build, which have the path of their tree in them.
            if name.starts_with("tools") || name.starts_with("scripts") {
                continue;
            }
            // Always compiled with `-g`, so that the name of the tree is in there, too. They go straight
            // to the compiler; what of them gets into the kernel is compared with the kernel.
            if name.starts_with("arch/x86/realmode/rm") {
                continue;
            }
            let ours = fs::read(tree.join(name)).unwrap();
            assert!(
                ours == fs::read(&object).unwrap(),
                "config {config}: {} differs",
                name.display()
            );
        }
    }
}

/// `KBISECT_OBJECT_CONFIGS=N` (3 or more) makes it N configs, `KBISECT_OBJECT_TARGETS=vmlinux` compares whole
/// kernels instead of a part of their objects.
#[test]
fn objects_of_a_kernel_are_byte_for_byte_those_of_a_clean_build() {
    let _turn = turns::take();
    let bench = Bench::new();
    let project = Project {
        source: set_up(|setup| {
            setup.ensure(SOURCE).unwrap();
            setup.kernel_source().unwrap()
        }),
        variables: &["ARCH=x86_64"],
        target: std::env::var("KBISECT_OBJECT_TARGETS").unwrap_or("mm/".into()),
        settle: None,
        always: "CONFIG_EXPERT=y\nCONFIG_64BIT=y",
        sometimes: EC2_START
            .lines()
            .filter(|l| l.starts_with("CONFIG_"))
            .collect(),
        configs: std::env::var("KBISECT_OBJECT_CONFIGS").map_or(3, |n| n.parse().unwrap()),
        objects: 50,
    };
    project.compare(&bench);
}

/// BusyBox writes its symbols in other ways than the kernel, and is built by an older Kbuild.
#[test]
fn objects_of_busybox_are_byte_for_byte_those_of_a_clean_build() {
    let _turn = turns::take();
    let bench = Bench::new();
    let project = Project {
        source: set_up(|setup| setup.busybox_source().unwrap()),
        variables: &[],
        target: "shell/".into(),
        settle: Some("oldconfig"),
        always: "CONFIG_SHELL_ASH=y",
        sometimes: vec![
            "CONFIG_LONG_OPTS=y",
            "CONFIG_FEATURE_VERBOSE_USAGE=y",
            "CONFIG_ASH_PRINTF=y",
            "CONFIG_ASH_TEST=y",
            "CONFIG_ASH_ALIAS=y",
            "CONFIG_ASH_JOB_CONTROL=y",
            "CONFIG_FEATURE_SH_MATH=y",
        ],
        configs: 3,
        objects: 3,
    };
    project.compare(&bench);
}
