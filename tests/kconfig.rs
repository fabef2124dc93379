//! Kconfig on real trees: what `conf`, called directly, makes of a fragment is byte for byte what
//! make would, and a start is taken apart without a change of what it resolves to.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use kbisect::ErrorKind;
use kbisect::kconfig::{
    CheckedResolver, ConfResolver, EC2_START, Precedence, Project, Prompt, Resolver, Start,
    analyse, known_symbols, read,
};
use kbisect::model::{Fragment, Request, RequestId, RequestSet, Symbol, Tristate, Value};
use kbisect::setup::{BUILD, SOURCE, Setup};
use kbisect::supervise::{CancelToken, Log, Spec, run};

struct Bench {
    source: PathBuf,
    project: Project,
    known: HashSet<Symbol>,
    resolver: ConfResolver,
    dir: tempfile::TempDir,
    cancel: CancelToken,
}

fn bench(project: Project, source: impl Fn(&mut Setup<'_>) -> PathBuf) -> Bench {
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(BUILD).unwrap();
    let source = source(&mut setup);
    project.check_source(&source).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work");
    let resolver = ConfResolver::build(&source, &project, &work, &cancel).unwrap();
    let known = known_symbols(&source).unwrap();
    let base = project
        .base_fragment(&|symbol| known.contains(symbol))
        .unwrap();
    let resolver = resolver.over(base, &known);
    Bench {
        source,
        project,
        known,
        resolver,
        dir,
        cancel,
    }
}

fn linux() -> Bench {
    bench(Project::linux("x86_64").unwrap(), |setup| {
        setup.ensure(SOURCE).unwrap();
        setup.kernel_source().unwrap()
    })
}

impl Bench {
    fn resolve(&self, fragment: &Fragment) -> kbisect::model::ResolvedConfig {
        self.resolver.resolve(fragment, &self.cancel).unwrap()
    }

    fn analyse(&self, text: &str, keep: &[&str]) -> kbisect::Result<Start> {
        let keep: Vec<Symbol> = keep.iter().map(|s| Symbol::new(s).unwrap()).collect();
        analyse(
            &read(text.as_bytes()),
            &keep,
            &self.known,
            &self.resolver,
            &self.resolver,
            &self.cancel,
        )
    }

    /// What make itself makes of a fragment, over the same base.
    fn by_make(&self, fragment: &Fragment, tree: &Path) -> String {
        fs::create_dir_all(tree).unwrap();
        let asked = tree.join("asked");
        fs::write(&asked, format!("{}{fragment}", self.resolver.base())).unwrap();
        let spec = Spec::new("make")
            .arg("-C")
            .arg(&self.source)
            .arg(format!("O={}", tree.display()))
            .args(&self.project.make_args)
            .arg("allnoconfig")
            .env("KCONFIG_ALLCONFIG", &asked)
            .log(Log::File(tree.join("log")));
        let spec = self
            .project
            .make_env()
            .fold(spec, |spec, (name, value)| spec.env(name, value));
        assert!(run(&spec, &self.cancel).unwrap().success());
        fs::read_to_string(tree.join(".config")).unwrap()
    }
}

fn without(fragment: &Fragment, left_out: &[usize]) -> Fragment {
    let kept = fragment
        .requests()
        .iter()
        .enumerate()
        .filter(|(i, _)| !left_out.contains(i));
    Fragment::new(kept.map(|(_, r)| r.clone()).collect())
}

fn names(start: &Start, of: impl Iterator<Item = RequestId>) -> BTreeSet<&str> {
    of.map(|id| start.requests[id.index()].symbol.as_str())
        .collect()
}

#[test]
fn linux_resolves_as_make_would_and_the_ec2_set_is_taken_apart() {
    let bench = linux();
    let whole = read(EC2_START.as_bytes()).fragment;
    let some = without(&whole, &[3, 14, 22, 30, 44]);
    let tree = bench.dir.path().join("make");
    for fragment in [&whole, &some, &Fragment::default()] {
        assert_eq!(bench.resolve(fragment).text, bench.by_make(fragment, &tree));
    }

    // Answers that were cut short count for nothing.
    let answers = bench.dir.path().join("work/answers");
    let mut cut = 0;
    for entry in fs::read_dir(&answers).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        cut += 1;
    }
    assert!(cut > 50, "{cut} answers were remembered");
    assert_eq!(bench.resolve(&whole).text, bench.by_make(&whole, &tree));

    // From several threads at once, too.
    let alone: Vec<_> = (0..6)
        .map(|i| bench.resolve(&without(&whole, &[i])).fingerprint)
        .collect();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..6)
            .map(|i| {
                scope.spawn({
                    let (bench, whole) = (&bench, &whole);
                    move || bench.resolve(&without(whole, &[i])).fingerprint
                })
            })
            .collect();
        let together: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(together, alone);
    });

    let start = bench.analyse(EC2_START, &["ENA_ETHERNET"]).unwrap();
    assert_eq!(start.resolved.config.len(), 513);
    assert_eq!(start.base.config.len(), 392);
    let requests = start.fragment();
    let places: Vec<Option<usize>> = requests
        .requests()
        .iter()
        .map(|r| start.resolved.text.find(&format!("CONFIG_{}=", r.symbol)))
        .collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted());
    assert_eq!(
        bench.resolve(&requests).fingerprint,
        bench.resolve(&whole).fingerprint
    );
    for i in 0..requests.len() {
        let rest = bench.resolve(&without(&requests, &[i])).fingerprint;
        assert_ne!(
            rest,
            start.resolved.fingerprint,
            "{} is idle",
            requests.requests()[i]
        );
    }
    let all: BTreeSet<&str> = names(&start, (0..requests.len() as u32).map(RequestId));
    for request in ["EPOLL", "FUTEX", "SERIAL_8250_CONSOLE", "VIRTIO_NET"] {
        assert!(all.contains(request), "{request}");
    }
    for implied in ["SERIAL_CORE", "ZLIB_INFLATE", "64BIT", "LOG_BUF_SHIFT"] {
        assert!(!all.contains(implied), "{implied}");
    }
    let kept = names(&start, start.keep.iter());
    for needed in [
        "ENA_ETHERNET",
        "NETDEVICES",
        "ETHERNET",
        "NET_VENDOR_AMAZON",
        "PCI",
        "NET",
    ] {
        assert!(kept.contains(needed), "{needed} in {kept:?}");
    }
    assert!(!kept.contains("TTY"));
    let unkept: Vec<usize> = (0..requests.len())
        .filter(|i| !start.keep.contains(RequestId(*i as u32)))
        .collect();
    let ena = Symbol::new("ENA_ETHERNET").unwrap();
    let alone = bench.resolve(&without(&requests, &unkept));
    assert_eq!(*alone.config.get(&ena), Value::YES, "what is kept suffices");

    let prompts = bench
        .resolver
        .prompts(&start.resolved, &bench.cancel)
        .unwrap();
    let prompt = |name| prompts.get(&Symbol::new(name).unwrap()).copied();
    assert_eq!(prompt("EPOLL"), Some(Prompt::Switchable));
    assert_eq!(prompt("PREEMPT_NONE"), Some(Prompt::Member));
    assert_eq!(prompt("SERIAL_CORE"), None, "it has no prompt");
    assert_eq!(prompt("64BIT"), None, "the architecture decides it");
}

#[test]
fn what_a_request_selects_may_stay_without_it() {
    let Bench {
        resolver,
        known,
        dir,
        cancel,
        ..
    } = linux();
    let model = resolver.parse_natively(&cancel).unwrap();
    let quick = CheckedResolver::new(resolver, Some(model), dir.path());
    let analyse = |keep: &[Symbol]| {
        let parsed = read(EC2_START.as_bytes());
        analyse(&parsed, keep, &known, quick.conf(), &quick, &cancel).unwrap()
    };
    let start = analyse(&[]);
    let id = |name: &str| {
        let named = |r: &&Request| r.symbol.as_str() == name;
        let at = start.requests.iter().position(|r| named(&r)).unwrap();
        RequestId(u32::try_from(at).unwrap())
    };
    // NULL_BLK selects CONFIGFS_FS, which nobody asks for, and that SYSFS.
    let (sysfs, disk) = (id("SYSFS"), id("BLK_DEV_NULL_BLK"));
    let selectors = |id: RequestId| start.selectors[id.index()].iter().collect::<Vec<_>>();
    assert_eq!(selectors(sysfs), [disk]);
    assert!(selectors(disk).is_empty());
    assert!(
        start
            .fixed
            .iter()
            .all(|(r, _)| r.symbol.as_str() != "SYSFS")
    );
    let full = RequestSet::full(start.requests.len());
    let config = |keep: &RequestSet| {
        let kept = keep.iter().map(|id| start.requests[id.index()].clone());
        let fragment = Fragment::new(kept.collect());
        quick.conf().resolve(&fragment, &cancel).unwrap()
    };
    let same = start.resolved.fingerprint;
    assert_eq!(config(&full.without(sysfs)).fingerprint, same, "it is idle");
    let symbol = Symbol::new("SYSFS").unwrap();
    let is_on = |keep: &RequestSet| !config(keep).config.get(&symbol).is_no();
    assert!(is_on(&full.without(disk)), "and stays when the disk goes");
    assert!(!is_on(&full.without(disk).without(sysfs)));
    let kept = analyse(&[symbol]).keep;
    assert_eq!(
        kept.iter().collect::<Vec<_>>(),
        [sysfs],
        "it is kept for itself"
    );
}

#[test]
fn what_a_start_does_not_get_is_told() {
    let bench = linux();
    let text = "CONFIG_VIRTIO_BLK=y\nCONFIG_NO_SUCH_THING=y\nCONFIG_TTY=m\nCONFIG_PRINTK=m\n\
                CONFIG_TTY=y\n";
    let problems: Vec<String> = read(text.as_bytes())
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        problems,
        ["line 5: TTY again (it is on line 3); this one holds"]
    );
    let start = bench.analyse(text, &[]).unwrap();
    let missing: Vec<String> = start
        .missing
        .iter()
        .map(|(r, got)| format!("{r} -> {got}"))
        .collect();
    assert!(
        missing.contains(&"VIRTIO_BLK=y -> n".to_owned()),
        "{missing:?}"
    );
    assert_eq!(start.unknown.len(), 1);
    assert_eq!(
        (start.unknown[0].0, start.unknown[0].1.as_str()),
        (2, "NO_SUCH_THING")
    );
    let tty = Symbol::new("TTY").unwrap();
    assert!(start.requests.iter().any(|r| r.symbol == tty));
    assert_eq!(
        *start.resolved.config.get(&tty),
        Value::Tristate(Tristate::Y)
    );

    let error = bench.analyse(text, &["E1000"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[test]
fn busybox_resolves_what_it_is_asked_for() {
    let bench = bench(Project::busybox(), |setup| setup.busybox_source().unwrap());
    let start = bench
        .analyse("CONFIG_CAT=y\nCONFIG_FEATURE_CATN=y\nCONFIG_SORT=y\n", &[])
        .unwrap();
    let names = names(&start, (0..start.requests.len() as u32).map(RequestId));
    assert_eq!(names, BTreeSet::from(["CAT", "FEATURE_CATN", "SORT"]));
    assert_eq!(start.missing, vec![]);
    // Nothing else came on with them: what they do not depend on is as in the base.
    let changed = start.resolved.config.diff(&start.base.config);
    let on: BTreeSet<&str> = changed.iter().map(|(s, _, _)| s.as_str()).collect();
    assert_eq!(on, BTreeSet::from(["CAT", "FEATURE_CATN", "SORT"]));

    // The base is what its own allnoconfig makes.
    let tree = bench.dir.path().join("make");
    let nothing = Fragment::default();
    assert_eq!(bench.resolve(&nothing).text, bench.by_make(&nothing, &tree));

    // Its own prompts are asked: old ones have no option for it, and no terminal here.
    let prompts = bench
        .resolver
        .prompts(&start.resolved, &bench.cancel)
        .unwrap();
    let prompt = |name| prompts.get(&Symbol::new(name).unwrap()).copied();
    assert_eq!(prompt("CAT"), Some(Prompt::Switchable));
    assert_eq!(
        prompt("FEATURE_EDITING_MAX_LEN"),
        None,
        "a menu that is off"
    );
}

#[test]
fn where_start_and_base_differ_the_start_holds_as_long_as_the_request_is_there() {
    let mut bench = linux();
    let base = read(b"CONFIG_LOG_BUF_SHIFT=14\n").fragment;
    let known = bench.known.clone();
    bench.resolver = bench.resolver.over(base, &known);
    let start = "CONFIG_LOG_BUF_SHIFT=17\n";
    // The base is preferred if nobody says otherwise.
    let fixed = bench.analyse(start, &[]).unwrap();
    assert!(fixed.requests.is_empty());
    assert_eq!(fixed.overruled.len(), 1);
    bench.resolver = bench.resolver.preferring(Precedence::Start);
    let start = bench.analyse(start, &[]).unwrap();
    assert_eq!(start.requests.len(), 1);
    assert_eq!(start.overruled[0].holds, Precedence::Start);
    let shift = |config: &kbisect::model::ResolvedConfig| {
        config
            .config
            .get(&Symbol::new("LOG_BUF_SHIFT").unwrap())
            .to_string()
    };
    assert_eq!(shift(&start.resolved), "17");
    assert_eq!(shift(&start.base), "14");
}

/// A fake project whose `conf` is as old ones are: it has little room for the name of the `.config`, and says
/// that it wrote one whatever happens.
struct OldProject {
    dir: tempfile::TempDir,
    project: Project,
}

impl OldProject {
    fn new(method: &str, conf: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = dir.path().join("source").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let makefile = "export KCONFIG_CONFIG\n\
            allnoconfig:\n\tcc -o $(O)conf conf.c\n\tsrctree=$(CURDIR) $(O)conf -n Kconfig\n";
        write("Makefile", makefile);
        write("Kconfig", "config A\n\tbool \"a\"\n");
        write("conf.c", conf);
        let text = format!("name = 'old'\ntargets = ['all']\nproduct = 'x'\nmethod = '{method}'\n");
        let project = toml::from_str(&text).unwrap();
        Self { dir, project }
    }

    /// Resolves `A=y`, with a work folder of a long name.
    fn resolve(&self) -> kbisect::Result<String> {
        let cancel = CancelToken::new();
        let work = self.dir.path().join("w".repeat(150));
        let source = self.dir.path().join("source");
        let conf = ConfResolver::build(&source, &self.project, &work, &cancel)?;
        let fragment = read(b"CONFIG_A=y\n").fragment;
        Ok(conf.resolve(&fragment, &cancel)?.text)
    }
}

#[test]
fn an_old_conf_that_has_little_room_for_names_is_called_with_short_ones() {
    let conf = r##"
        #include <stdio.h>
        #include <stdlib.h>
        #include <string.h>
        int main(void) {
            const char *name = getenv("KCONFIG_CONFIG");
            FILE *file;
            if (strlen(name) > 127)
                abort();
            file = fopen(name, "w");
            fputs("#\n# Automatically generated make config: don't edit\n#\nCONFIG_A=y\n", file);
            return fclose(file);
        }
    "##;
    let text = OldProject::new("allconfig", conf).resolve().unwrap();
    assert!(text.ends_with("CONFIG_A=y\n"), "{text}");
}

#[test]
fn a_conf_that_wrote_nothing_has_not_answered() {
    let project = OldProject::new("oldconfig", "int main(void) { return 0; }");
    let error = project.resolve().unwrap_err();
    assert!(error.to_string().contains("wrote nothing"), "{error}");
}
