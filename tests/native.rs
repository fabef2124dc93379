//! The native Kconfig engine against the tree's own `conf`, byte for byte.
//!
//! More than CI does, for example 10,000 fragments on another architecture:
//! `KBISECT_FRAGMENTS=10000 KBISECT_ARCH=arm64 cargo nextest run --release nonsense`
#![allow(clippy::unwrap_used)]

mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use kbisect::Result;
use kbisect::dirs::cache_dir;
use kbisect::kconfig::engine::{
    Dialect, Env, Graph, Message, Mode, Model, NodeKind, Shell, ShellError, SymKind, Value, parse,
};
use kbisect::kconfig::{
    Changes, CheckedResolver, ConfResolver, EC2_START, Method, Precedence, ProblemKind, Project,
    Prompt, Resolver, Selectors, Variations, analyse, dependents, parse_config, prompts, read,
    read_as, symbols,
};
use kbisect::model::{Fragment, Request, RequestId, ResolvedConfig, Symbol};
use kbisect::setup::Setup;
use kbisect::supervise::{self, CancelToken, Spec};
use rayon::prelude::*;
use trees::{Compared, MODES, Random, compare_changes, parse_tree, resolve};

/// A fragment that makes no sense: some symbols, some values, in any order, some of them twice,
/// some unknown, some of the wrong type or out of their range.
fn nonsense(model: &Model, random: &mut Random) -> String {
    let mut symbols: Vec<_> = model.defined().collect();
    symbols.sort_unstable();
    let lines = random.one(&[3, 20, 200, 2000, 10_000]);
    let mut out = String::new();
    for _ in 0..lines {
        let id = random.one(&symbols);
        let name = model.name(id);
        let value = match model.kind(id) {
            _ if random.below(200) == 0 => random.one(&["m", "y", "12", "\"x", "0x1g"]).to_owned(),
            SymKind::Bool => random.one(&["y", "y", "n"]).to_owned(),
            SymKind::Tristate => random.one(&["y", "m", "y", "n"]).to_owned(),
            SymKind::Int => (random.below(100_000) >> random.below(17)).to_string(),
            SymKind::Hex => format!("{:#x}", random.below(1 << 30) >> random.below(31)),
            SymKind::String => format!("\"a{}\\\"\"", random.below(10)),
            SymKind::Unknown => "y".to_owned(),
        };
        if value == "n" {
            writeln!(out, "# CONFIG_{name} is not set").unwrap();
        } else {
            writeln!(out, "CONFIG_{name}={value}").unwrap();
        }
        if random.below(1000) == 0 {
            writeln!(out, "CONFIG_NOBODY_KNOWS_{}=y", random.below(9)).unwrap();
        }
    }
    out
}

struct Bench {
    _work: tempfile::TempDir,
    conf: ConfResolver,
    model: Model,
    cancel: CancelToken,
}

fn source() -> PathBuf {
    if let Some(path) = env::var_os("KBISECT_SOURCE_TREE") {
        return path.into();
    }
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(&kbisect::setup::all()).unwrap();
    setup.kernel_source().unwrap()
}

/// As a run has it: learnt once and kept.
fn conf(source: &Path, project: &Project, work: &Path, cancel: &CancelToken) -> ConfResolver {
    let cache = cache_dir().unwrap().join("kconfig");
    ConfResolver::kept(source, project, &cache, work, cancel).unwrap()
}

impl Bench {
    fn linux() -> Self {
        let arch = env::var("KBISECT_ARCH").unwrap_or_else(|_| "x86_64".to_owned());
        Self::of(&Project::linux(&arch).unwrap(), &source())
    }

    fn of(project: &Project, source: &Path) -> Self {
        let cancel = CancelToken::new();
        let work = tempfile::tempdir().unwrap();
        let conf = conf(source, project, work.path(), &cancel);
        let model = conf.parse_natively(&cancel).unwrap();
        Self {
            _work: work,
            conf,
            model,
            cancel,
        }
    }

    /// What differs, as a message.
    fn differ(&self, mode: Mode, text: Option<&str>) -> Option<String> {
        let theirs = self
            .conf
            .reference(mode, text.map(str::as_bytes), &self.cancel)
            .unwrap();
        let ours = resolve(&self.model, mode, text).write();
        if ours == theirs {
            return None;
        }
        let (a, b) = (parse_config(&ours), parse_config(&theirs));
        let symbols = a.diff(&b);
        Some(format!(
            "{mode:?}: {:?}, native then conf",
            &symbols[..symbols.len().min(5)]
        ))
    }
}

#[test]
fn in_all_modes_the_native_engine_writes_what_conf_writes() {
    let bench = Bench::linux();
    let mut cases = Vec::new();
    for mode in MODES {
        cases.extend([(mode, Some("")), (mode, Some(EC2_START))]);
        if mode != Mode::OldDef {
            cases.push((mode, None));
        }
    }
    // Each single removal from the EC2 set.
    let lines: Vec<&str> = EC2_START.lines().collect();
    let is_line = |i: &usize| lines[*i].starts_with("CONFIG_");
    let removals: Vec<String> = (0..lines.len())
        .filter(is_line)
        .map(|i| [&lines[..i], &lines[i + 1..]].concat().join("\n"))
        .collect();
    cases.extend(
        removals
            .iter()
            .map(|text| (Mode::AllNo, Some(text.as_str()))),
    );
    let differ: Vec<String> = cases
        .par_iter()
        .filter_map(|(mode, text)| bench.differ(*mode, *text))
        .collect();
    assert_eq!(differ, Vec::<String>::new());
}

/// What `KBISECT_PROJECT` names, with the source in `KBISECT_SOURCE_TREE`; Linux by default.
fn project() -> Project {
    let named = |text: &str| toml::from_str(text).unwrap();
    match env::var("KBISECT_PROJECT").as_deref() {
        Ok("busybox") => Project::busybox(),
        Ok("seabios") => named(
            "name = 'seabios'\ntargets = ['all']\nproduct = 'bios.bin'\noutput-variable = 'OUT'",
        ),
        Ok("u-boot") => named(
            "name = 'u-boot'\ntargets = ['all']\nproduct = 'u-boot'\nbase-target = 'sandbox_defconfig'",
        ),
        Ok("coreboot") => named(
            "name = 'coreboot'\ntargets = ['all']\nproduct = 'coreboot.rom'\noutput-variable = 'obj'\nmake-args = ['KCONFIG_STRICT=']",
        ),
        // It writes into its source: this is to be a copy.
        Ok("toybox") => {
            named("name = 'toybox'\ntargets = ['toybox']\nproduct = 'toybox'\nmethod = 'oldconfig'")
        }
        _ => Project::linux(&env::var("KBISECT_ARCH").unwrap_or_else(|_| "x86_64".to_owned()))
            .unwrap(),
    }
}

#[test]
fn of_nonsense_the_native_engine_makes_what_conf_makes() {
    compare_nonsense(&project(), &source());
}

/// The oldest copy of Kconfig that is around.
#[test]
fn of_busyboxs_nonsense_the_native_engine_makes_what_conf_makes() {
    let source = busybox();
    compare_nonsense(&Project::busybox(), &source);
    let bench = Bench::of(&Project::busybox(), &source);
    compare_prompts(&bench, Mode::OldDef, &mut Random(3));
}

fn busybox() -> PathBuf {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(&kbisect::setup::all()).unwrap();
    setup.busybox_source().unwrap()
}

fn compare_nonsense(project: &Project, source: &Path) {
    let bench = Bench::of(project, source);
    // BusyBox's `conf` answers one question after the other, in other modes than this one.
    let modes: &[Mode] = match project.method {
        Method::Allconfig => &MODES,
        Method::Oldconfig => &[Mode::OldDef],
    };
    let count = env::var("KBISECT_FRAGMENTS").map_or(150, |n| n.parse().unwrap());
    let differ: Vec<String> = (1..=count)
        .into_par_iter()
        .filter_map(|seed: u64| {
            let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let mode = if random.below(2) == 0 {
                modes[0]
            } else {
                random.one(modes)
            };
            let text = nonsense(&bench.model, &mut random);
            let differ = bench.differ(mode, Some(&text))?;
            Some(format!("seed {seed}: {differ}"))
        })
        .collect();
    assert_eq!(differ, Vec::<String>::new());
}

/// Debian's cloud config and the tree's own defconfigs, or the configs in `KBISECT_CONFIGS`, as
/// they are and with lines missing.
#[test]
fn of_distributions_configs_with_gaps_the_native_engine_makes_what_conf_makes() {
    let bench = Bench::linux();
    let count = env::var("KBISECT_FRAGMENTS").map_or(30, |n| n.parse().unwrap());
    let mut files = Vec::new();
    if let Some(folder) = env::var_os("KBISECT_CONFIGS") {
        let entries = fs::read_dir(folder).unwrap();
        files.extend(entries.map(|entry| entry.unwrap().path()));
    } else {
        let mut note = |_: &str| {};
        let mut setup = Setup::new(&mut note, &bench.cancel).unwrap();
        files.push(setup.cloud_kernel().unwrap().config);
        let configs = source().join("arch/x86/configs");
        files
            .extend(["i386_defconfig", "x86_64_defconfig", "tiny.config"].map(|n| configs.join(n)));
    }
    files.sort_unstable();
    let configs: Vec<String> = files
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    let differ: Vec<String> = (0..count)
        .into_par_iter()
        .filter_map(|seed: u64| {
            let mut random = Random((seed + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let which = usize::try_from(seed).unwrap() % configs.len();
            let one_in = random.one(&[2, 5, 20, 100, 1000, usize::MAX]);
            let lines = configs[which].lines();
            let left = lines.filter(|_| one_in == usize::MAX || random.below(one_in) > 0);
            let text = left.collect::<Vec<_>>().join("\n") + "\n";
            let mode = random.one(&MODES);
            let differ = bench.differ(mode, Some(&text))?;
            Some(format!("{}, seed {seed}: {differ}", files[which].display()))
        })
        .collect();
    assert_eq!(differ, Vec::<String>::new());
}

/// So many changes as `KBISECT_CHANGES` says, from random files and from what distributions have.
#[test]
#[allow(clippy::print_stdout)] // by hand
fn what_a_change_reaches_becomes_what_the_whole_tree_makes_of_it() {
    let project = project();
    let bench = Bench::of(&project, &source());
    let graph = Graph::of(&bench.model);
    let count = env::var("KBISECT_CHANGES").map_or(120, |n| n.parse().unwrap());
    const OF_ONE: usize = 20;
    let compared: Vec<Compared> = (0..count / OF_ONE)
        .into_par_iter()
        .map(|seed| {
            let mut random = Random((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let mode = match (project.method, random.below(2)) {
                (Method::Oldconfig, _) => Mode::OldDef,
                (Method::Allconfig, 0) => Mode::AllNo,
                (Method::Allconfig, _) => random.one(&MODES),
            };
            let mut text = nonsense(&bench.model, &mut random);
            if random.below(2) == 0 {
                // Much is on.
                text = resolve(&bench.model, Mode::AllMod, Some(&text)).write() + &text;
            }
            let asked = bench.model.assignments(text);
            compare_changes(&bench.model, &graph, mode, &asked, OF_ONE, &mut random)
        })
        .collect();
    let alike: usize = compared.iter().map(|c| c.alike).sum();
    let left: usize = compared.iter().map(|c| c.left).sum();
    let lines: usize = compared.iter().map(|c| c.lines).sum();
    println!("{alike} changes of {lines} lines alike, {left} left to the whole way");
    assert!(alike > left);
}

/// The native engine, asked for the whole of each question.
struct Whole<'a>(&'a CheckedResolver);

impl Resolver for Whole<'_> {
    fn resolve(&self, fragment: &Fragment, cancel: &CancelToken) -> Result<ResolvedConfig> {
        self.0.resolve(fragment, cancel)
    }

    fn foresee(&self, fragment: &Fragment, cancel: &CancelToken) -> Result<ResolvedConfig> {
        self.0.foresee(fragment, cancel)
    }

    fn foresee_prompts(&self, config: &ResolvedConfig) -> Option<BTreeMap<Symbol, Prompt>> {
        self.0.foresee_prompts(config)
    }

    fn foresee_selectors(&self, config: &ResolvedConfig) -> Option<Selectors> {
        self.0.foresee_selectors(config)
    }
}

#[test]
fn a_start_is_taken_apart_alike_whether_all_is_resolved_for_each_question_or_what_changes() {
    let source = source();
    let bench = Bench::linux();
    let (project, cancel) = (Project::linux("x86_64").unwrap(), &bench.cancel);
    let known = symbols(&bench.model);
    let work = tempfile::tempdir().unwrap();
    let conf = conf(&source, &project, work.path(), cancel);
    let base = project
        .base_fragment(&|symbol| known.contains(symbol))
        .unwrap();
    let conf = conf.over(base, &known);
    let model = conf.parse_natively(cancel).unwrap();
    let resolver = CheckedResolver::new(conf, Some(model), work.path());
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, cancel).unwrap();
    let cloud = fs::read_to_string(setup.cloud_kernel().unwrap().config).unwrap();
    let mut random = Random(7);
    let lines: Vec<&str> = cloud.lines().filter(|l| l.contains("CONFIG_")).collect();
    let more = (0..60).map(|_| random.one(&lines).to_owned() + "\n");
    let text = more.collect::<String>() + "CONFIG_LOG_BUF_SHIFT=17\n" + EC2_START;
    let parsed = read_as(text.as_bytes(), resolver.conf().dialect(), resolver.model());
    let keep = ["EPOLL", "NET", "EXT4_FS"].map(|name| Symbol::new(name).unwrap());
    let keep: Vec<Symbol> = keep
        .into_iter()
        .filter(|s| parsed.fragment.get(s).is_some())
        .collect();
    let take_apart = |quick: &dyn Resolver| {
        let start = analyse(&parsed, &keep, &known, resolver.conf(), quick, cancel).unwrap();
        let carried = dependents(&start.requests, &start.selectors, quick, cancel).unwrap();
        (start, carried)
    };
    let (whole, of_whole) = take_apart(&Whole(&resolver));
    let (parts, of_parts) = take_apart(&resolver);
    assert!(!whole.dropped.is_empty() && of_whole.iter().any(|set| !set.is_empty()));
    assert_eq!(parts.requests, whole.requests);
    assert_eq!(parts.dropped, whole.dropped);
    assert_eq!(parts.fixed, whole.fixed);
    assert_eq!(parts.selectors, whole.selectors);
    assert_eq!(parts.keep, whole.keep);
    assert_eq!(of_parts, of_whole);
}

/// In the mode in which `conf` asks one question after the other, what nobody asks for is asked to be off.
#[test]
fn what_busybox_becomes_without_some_requests_is_what_the_whole_becomes() {
    let (project, cancel) = (Project::busybox(), CancelToken::new());
    let work = tempfile::tempdir().unwrap();
    let conf = conf(&busybox(), &project, work.path(), &cancel);
    let model = conf.parse_natively(&cancel).unwrap();
    let known = symbols(&model);
    let mut random = Random(5);
    let mut file = |pieces: usize| {
        let text = (0..pieces)
            .map(|_| nonsense(&model, &mut random))
            .collect::<String>();
        let read = read_as(text.as_bytes(), conf.dialect(), Some(&model)).fragment;
        // A number that is out of its range is taken back, and all else with it asked anew.
        let is_number = |r: &&Request| matches!(r.value, kbisect::model::Value::Number(_));
        let others = read.requests().iter().filter(|r| !is_number(r));
        Fragment::new(others.cloned().collect())
    };
    // Of what both ask for, the base's is back when the request is gone.
    let (base, start) = (file(2), file(6));
    let conf = conf.over(base, &known).preferring(Precedence::Start);
    let requests = conf.preferred(&start).requests().to_vec();
    let resolver = CheckedResolver::new(conf, Some(model), work.path());
    let whole = Whole(&resolver);
    assert!(resolver.vary(&requests).is_some() && whole.vary(&requests).is_none());
    let mut parts = Variations::new(&resolver, &requests, &cancel).unwrap();
    let mut whole = Variations::new(&whole, &requests, &cancel).unwrap();
    let mut changes = 0;
    for at in 0..100 {
        let count = 1 + random.below(5);
        let one = |random: &mut Random| random.below(requests.len());
        let ids: Vec<RequestId> = (0..count)
            .map(|_| RequestId(u32::try_from(one(&mut random)).unwrap()))
            .collect();
        // For good, now and then.
        let (ours, _) = parts.leave_out_if(&ids, |_| at % 5 == 0).unwrap();
        let (theirs, _) = whole.leave_out_if(&ids, |_| at % 5 == 0).unwrap();
        let sorted = |mut changes: Changes| {
            changes.sort();
            changes
        };
        assert_eq!(sorted(ours), sorted(theirs.clone()), "{ids:?}");
        assert_eq!(parts.config(), whole.config());
        changes += theirs.len();
    }
    assert!(changes > 0);
}

#[test]
fn the_minimal_config_is_the_one_that_conf_saves() {
    let bench = Bench::linux();
    let differ: Vec<u64> = (1..=40_u64)
        .into_par_iter()
        .filter(|seed| {
            let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let text = nonsense(&bench.model, &mut random);
            let theirs = bench.conf.reference_defconfig(&text, &bench.cancel);
            let mut state = resolve(&bench.model, Mode::OldDef, Some(&text));
            theirs.unwrap() != state.write_defconfig()
        })
        .collect();
    assert_eq!(differ, Vec::<u64>::new(), "seeds");
}

#[test]
fn where_the_native_engine_and_conf_differ_conf_is_right_and_the_user_is_told() {
    let bench = Bench::linux();
    let fragment = read(EC2_START.as_bytes()).fragment;
    let right = bench.conf.resolve(&fragment, &bench.cancel).unwrap();
    // The model of another architecture is a wrong one here.
    let work = tempfile::tempdir().unwrap();
    let project = Project::linux("i386").unwrap();
    let other = conf(&source(), &project, work.path(), &bench.cancel);
    let wrong = other.parse_natively(&bench.cancel).unwrap();
    let evidence = tempfile::tempdir().unwrap();
    let checked = CheckedResolver::new(bench.conf, Some(wrong), evidence.path());
    let foreseen = checked.foresee(&fragment, &bench.cancel).unwrap();
    assert_ne!(foreseen.fingerprint, right.fingerprint);
    assert_eq!(checked.resolve(&fragment, &bench.cancel).unwrap(), right);
    let warnings = checked.warnings();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("conf is used from here on"));
    // From now on it is asked alone.
    assert_eq!(checked.foresee(&fragment, &bench.cancel).unwrap(), right);
    assert_eq!(checked.warnings(), Vec::<String>::new());
    let folder = fs::read_dir(evidence.path()).unwrap().next().unwrap();
    let folder = folder.unwrap().path();
    let kept = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    assert_eq!(kept("conf.config"), right.text);
    assert_eq!(kept("native.config"), foreseen.text);
    assert!(kept("fragment").contains("CONFIG_EPOLL=y\n"));
}

#[test]
fn what_conf_confirmed_is_not_asked_again() {
    let bench = Bench::linux();
    let fragment = read(EC2_START.as_bytes()).fragment;
    let model = bench.model;
    let checked = CheckedResolver::new(bench.conf, Some(model), Path::new("/nowhere"));
    let first = checked.resolve(&fragment, &bench.cancel).unwrap();
    // `conf` cannot run any more: it would be told that it is cancelled.
    let cancelled = CancelToken::new();
    cancelled.cancel();
    assert_eq!(checked.resolve(&fragment, &cancelled).unwrap(), first);
    assert!(checked.resolve(&Fragment::default(), &cancelled).is_err());
    assert_eq!(checked.warnings(), Vec::<String>::new());
}

#[test]
fn a_config_resolves_to_itself() {
    let bench = Bench::linux();
    (1..=40_u64).into_par_iter().for_each(|seed| {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = nonsense(&bench.model, &mut random);
        let once = resolve(&bench.model, Mode::OldDef, Some(&text)).write();
        let again = resolve(&bench.model, Mode::OldDef, Some(&once)).write();
        assert!(again == once, "seed {seed}");
    });
}

#[test]
fn the_typed_values_are_those_of_the_lines() {
    let bench = Bench::linux();
    (1..=10_u64).into_par_iter().for_each(|seed| {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text = nonsense(&bench.model, &mut random);
        let mut state = resolve(&bench.model, random.one(&MODES), Some(&text));
        let written = state.write();
        let is_line = |line: &&str| line.contains("CONFIG_");
        let lines: Vec<&str> = written.lines().filter(is_line).collect();
        let line = |(id, value): (_, Value)| match (bench.model.name(id), value) {
            (name, Value::NO) => format!("# CONFIG_{name} is not set"),
            (name, value) => format!("CONFIG_{name}={value}"),
        };
        let values: Vec<String> = state.values().into_iter().map(line).collect();
        assert!(values == lines, "seed {seed}");
    });
}

#[test]
fn a_walk_over_the_whole_tree_meets_every_symbol_and_every_condition() {
    let bench = Bench::linux();
    let model = &bench.model;
    let mut state = resolve(model, Mode::AllNo, Some(EC2_START));
    let (source, mut met) = (source(), BTreeSet::new());
    for node in model.walk() {
        for condition in [node.depends(), node.shown_if(), node.visible_if()] {
            let Some(condition) = condition else { continue };
            // A conjunction holds as far as all its parts do.
            let parts = condition.conjuncts();
            let least = parts.iter().map(|part| state.eval(*part)).min();
            assert_eq!(Some(state.eval(condition)), least, "{condition}");
            assert!(!condition.to_string().is_empty());
        }
        if let NodeKind::Symbol(id) = node.kind() {
            met.insert(id);
            assert!(source.join(node.file()).is_file() && node.line() > 0);
        }
    }
    assert_eq!(met, model.defined().collect());
    let epoll = model.find("EPOLL").unwrap();
    let node = model.definitions(epoll).next().unwrap();
    assert_eq!(
        (node.file(), node.path()),
        ("init/Kconfig", vec!["General setup"])
    );
}

/// The kernel's own tests of Kconfig, those about values.
#[test]
fn the_kernels_own_tests_of_choices_pass() {
    let tests = source().join("scripts/kconfig/tests");
    let model = |test: &str| parse_tree(&tests.join(test), Dialect::default()).unwrap();
    let text = |path: &str| fs::read_to_string(tests.join(path)).unwrap();
    let choice = model("choice");
    for (mode, name) in [
        (Mode::AllNo, "allno"),
        (Mode::AllYes, "allyes"),
        (Mode::AllMod, "allmod"),
        (Mode::AllDef, "alldef"),
    ] {
        let expected = text(&format!("choice/{name}_expected_config"));
        let got = resolve(&choice, mode, None).write();
        assert!(got.contains(&expected), "{name}: {got}");
    }
    let got = resolve(
        &model("inter_choice"),
        Mode::OldDef,
        Some(&text("inter_choice/defconfig")),
    )
    .write();
    assert!(got.contains(&text("inter_choice/expected_config")), "{got}");
    // The user's answer there is `y` for the choice: its member that is `m` is not shown.
    let asked = "CONFIG_CHOICE0=y\n";
    let got = resolve(&model("choice_value_with_m_dep"), Mode::OldDef, Some(asked)).write();
    assert!(
        got.contains(&text("choice_value_with_m_dep/expected_config")),
        "{got}"
    );
    let got = resolve(&model("no_write_if_dep_unmet"), Mode::AllNo, None).write();
    assert_eq!(got, text("no_write_if_dep_unmet/expected_config"));
}

/// Those about the preprocessor: what the files tell, and what is refused.
#[test]
fn the_kernels_own_tests_of_the_preprocessor_pass() {
    struct RealShell;
    impl Shell for RealShell {
        fn run(&mut self, command: &str) -> Result<String, ShellError> {
            let spec = Spec::new("/bin/sh").args(["-c", command]);
            let (_, output) = supervise::capture(&spec, &CancelToken::new())?;
            Ok(String::from_utf8(output).unwrap())
        }
    }
    let tests = source().join("scripts/kconfig/tests/preprocess");
    for name in ["builtin_func", "escape", "variable"] {
        let env = Env {
            source: tests.join(name),
            ..Env::default()
        };
        let model = parse("Kconfig", &env, &mut RealShell).unwrap();
        let (mut out, mut err) = (String::new(), String::new());
        for message in model.messages() {
            match message {
                Message::Info(text) => writeln!(out, "{text}").unwrap(),
                Message::Warning(text) => writeln!(err, "{text}").unwrap(),
            }
        }
        let expected = |file: &str| fs::read_to_string(tests.join(name).join(file));
        assert_eq!(err, expected("expected_stderr").unwrap(), "{name}");
        assert_eq!(
            out,
            expected("expected_stdout").unwrap_or_default(),
            "{name}"
        );
    }
    let refused = parse_tree(&tests.join("circular_expansion"), Dialect::default()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "Kconfig:5: the variable `X` refers to itself"
    );
}

/// Each of them is found, and no other: the kernel's own test again.
#[test]
fn symbols_that_depend_on_themselves_are_told_with_the_way_round() {
    let tests = source().join("scripts/kconfig/tests");
    let error = parse_tree(&tests.join("err_recursive_dep"), Dialect::default()).unwrap_err();
    let text = format!("{error}\n{}", error.hint_text().unwrap());
    let found: Vec<&str> = text.split(['\n', ';']).map(str::trim).collect();
    assert_eq!(
        found,
        [
            "recursive dependency: A (Kconfig:5) depends on A (Kconfig:5)",
            "and B (Kconfig:11) is selected by B (Kconfig:11)",
            "C1 (Kconfig:17) depends on C2 (Kconfig:21), which depends on C1 (Kconfig:17)",
            "D1 (Kconfig:27) depends on D2 (Kconfig:32), which is selected by D1 (Kconfig:27)",
            "E1 (Kconfig:37) depends on E2 (Kconfig:42), which is implied by E1 (Kconfig:37)",
            "F1 (Kconfig:47) has a default with F2 (Kconfig:51), which depends on F1 (Kconfig:47)",
            "G (Kconfig:60) depends on G (Kconfig:60)",
        ]
    );
    let error = parse_tree(&tests.join("err_recursive_inc"), Dialect::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Kconfig.inc3:2: `Kconfig.inc1` includes itself"
    );
}

/// `conf` is asked what it would ask.
#[test]
fn the_visible_prompts_are_those_that_conf_asks() {
    compare_prompts(&Bench::linux(), Mode::AllNo, &mut Random(7));
}

fn compare_prompts(bench: &Bench, mode: Mode, random: &mut Random) {
    let mut texts = vec![EC2_START.to_owned()];
    texts.extend((0..12).map(|_| nonsense(&bench.model, random)));
    texts.par_iter().for_each(|text| {
        let text = resolve(&bench.model, mode, Some(text)).write();
        let config = ResolvedConfig::new(text.clone(), parse_config(&text));
        let mut theirs = bench.conf.prompts(&config, &bench.cancel).unwrap();
        let ours = prompts(&mut resolve(&bench.model, Mode::OldDef, Some(&text)));
        // It shows what is on and has something below it, as a title, visible or not.
        theirs.retain(|symbol, prompt| *prompt != Prompt::Forced || ours.contains_key(symbol));
        assert!(theirs.len() > 100);
        let differ: Vec<_> = theirs
            .keys()
            .chain(ours.keys())
            .filter(|s| theirs.get(s) != ours.get(s))
            .map(|s| (s, ours.get(s), theirs.get(s)))
            .collect();
        assert!(differ.is_empty(), "native, then conf: {differ:?}");
    });
}

/// A file that a person has had hands on: a fragment, with lines of which Kconfig makes something
/// else than one might think.
fn scrawled(model: &Model, random: &mut Random) -> Vec<u8> {
    let mut symbols: Vec<_> = model.defined().collect();
    symbols.sort_unstable();
    let members: Vec<_> = symbols
        .iter()
        .copied()
        .filter(|id| model.is_member(*id))
        .collect();
    let mut out = Vec::new();
    let mut before: Vec<&str> = Vec::new();
    for _ in 0..random.one(&[5, 50, 500]) {
        let id = match random.below(10) {
            0 if !members.is_empty() => random.one(&members),
            _ => random.one(&symbols),
        };
        let mut name = model.name(id);
        if random.below(20) == 0 && !before.is_empty() {
            name = random.one(&before);
        }
        before.push(name);
        let kind = model.find(name).map(|id| model.kind(id));
        let value = match kind {
            _ if random.below(20) == 0 => random.one(&["y", "m", "n", "5", "0x5", "\"a\"", ""]),
            Some(SymKind::Int) => random.one(&["5", "1200", "-3", "007", "0", "5 ", "1k"]),
            Some(SymKind::Hex) => random.one(&["0x10", "1000", "ff", "0XfF", "0x", "-1", "Fe "]),
            Some(SymKind::String) => random.one(&[
                "\"\"",
                "\"box\"",
                "box",
                "\"b\\\"o\\\\x\"",
                "\"a\\nb\"",
                "\"a\\",
                "\"",
                "'a'",
            ]),
            _ => random.one(&["y", "y", "m", "n", "yes", "no", "maybe", "Y", "y,", "\"y\""]),
        };
        let tail = match random.below(4) {
            0 => random.one(&[
                " # text",
                " ",
                "\t",
                "\r",
                "\0",
                "\0CONFIG_NET=y",
                "CONFIG_NET=y",
                "#",
                " \\",
                "\r\r",
                "=y",
                "\"",
                ",",
            ]),
            _ => "",
        };
        let line = match random.below(12) {
            0 => format!("# CONFIG_{name} is not set{tail}"),
            1 => format!("#CONFIG_{name} is not set"),
            2 => format!(
                "#{}CONFIG_{name} is not set",
                random.one(&["  ", "\t", "x", "#", "\0"])
            ),
            3 => format!(
                "# CONFIG_{name} is not {}",
                random.one(&["settled", "se", "set\0x"])
            ),
            4 => format!(
                "{}CONFIG_{name}={value}",
                random.one(&[" ", "\t", "\u{feff}", "\0"])
            ),
            5 => format!("# CONFIG_{name}={value}{tail}"),
            6 => random
                .one(&[
                    "", "\r", "#", "# ", "text", "CONFIG_", "CONFIG_X", "\0", "C",
                ])
                .into(),
            7 => format!("CONFIG_CONFIG_{name}={value}"),
            8 if random.below(20) == 0 => {
                format!(
                    "CONFIG_{name}={value}{}CONFIG_NET=y",
                    " ".repeat(1000 + random.below(40))
                )
            }
            _ => format!("CONFIG_{name}={value}{tail}"),
        };
        out.extend_from_slice(line.as_bytes());
        if random.below(50) == 0 {
            // In a string it could not be kept.
            let is_quoted = line.contains('"');
            out.extend_from_slice(if is_quoted { b"" } else { b" \xff" });
        }
        out.extend_from_slice(random.one(&["\n", "\n", "\n", "\r\n"]).as_bytes());
    }
    if random.below(4) == 0 {
        out.pop();
    }
    out
}

/// More than CI does: `KBISECT_SCRAWLS=2000 cargo nextest run a_file_is_read`.
fn compare_scrawls(project: &Project, source: &Path) {
    let bench = Bench::of(project, source);
    let mode = match project.method {
        Method::Allconfig => Mode::AllNo,
        Method::Oldconfig => Mode::OldDef,
    };
    let count = env::var("KBISECT_SCRAWLS").map_or(300, |n| n.parse().unwrap());
    let dialect = bench.conf.dialect();
    let outcomes: Vec<Option<String>> = (1..=count)
        .into_par_iter()
        .map(|seed: u64| {
            let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let file = scrawled(&bench.model, &mut random);
            let read = read_as(&file, dialect, Some(&bench.model));
            let untold = read.problems.iter().all(|p| {
                !matches!(
                    p.kind,
                    ProblemKind::Contradiction(_) | ProblemKind::NotKept(_)
                )
            });
            if !untold {
                return None;
            }
            let theirs = bench.conf.reference(mode, Some(&file), &bench.cancel);
            let theirs = theirs.unwrap();
            let fragment = read.fragment.to_string();
            let ours = resolve(&bench.model, mode, Some(&fragment)).write();
            if ours == theirs {
                return Some(String::new());
            }
            let (a, b) = (parse_config(&ours), parse_config(&theirs));
            let symbols = a.diff(&b);
            Some(format!(
                "seed {seed}: {:?}",
                &symbols[..symbols.len().min(5)]
            ))
        })
        .collect();
    let compared: Vec<String> = outcomes.into_iter().flatten().collect();
    assert!(compared.len() > usize::try_from(count).unwrap() / 2);
    let differ: Vec<&String> = compared.iter().filter(|text| !text.is_empty()).collect();
    assert_eq!(differ, Vec::<&String>::new(), "ours, then theirs");
}

#[test]
fn a_file_is_read_as_conf_reads_it() {
    compare_scrawls(&project(), &source());
}

#[test]
fn a_file_is_read_as_busyboxs_conf_reads_it() {
    compare_scrawls(&Project::busybox(), &busybox());
}
