//! Modules of a start: built in, or kept, built and given to the oracle.
#![allow(clippy::unwrap_used)]

mod toy;

use toy::{COPY, Rule, Spec, Toy, symbols_on};

/// A card, a disk and a bus, which can be modules. The oracle needs the card, and does not care how it comes: built in,
/// or loaded from the archive of modules.
fn spec() -> Spec {
    let mut spec = Spec::new(&[("PROC", ""), ("SYSFS", "")], &Rule::all(&[]));
    let tristate = |name: &str| format!("config {name}\n\ttristate \"{name}\"\n\n");
    spec.kconfig += "config MODULES\n\tbool \"modules\"\n\tmodules\n\n";
    spec.kconfig += &["CARD", "DISK", "BUS"].map(tristate).concat();
    spec.start += "CONFIG_MODULES=y\nCONFIG_CARD=m\nCONFIG_DISK=m\nCONFIG_BUS=y\n";
    // make's modules: each a file with a name and nothing to depend on.
    let module =
        "printf '__attribute__((section(\".modinfo\"))) char i[] = \"depends=\";' | gcc -c -xc -";
    let recipe = format!(
        "@if [ -n \"$(WITH_MODULES)\" ]; then grep -q MODULES=y $(KCONFIG_CONFIG) || exit 1; \
         : >$(O)/modules.order; for s in $$(sed -n 's/^CONFIG_\\(.*\\)=m/\\1/p' $(KCONFIG_CONFIG)); do \
         {module} -o $(O)/$$s.ko && echo $$s.ko >>$(O)/modules.order; done; fi\n@{COPY}"
    );
    spec.project = "modules-target = 'WITH_MODULES=1'\n".to_owned();
    spec.recipe(&recipe).oracle(
        "#!/bin/sh\nbuilt_in=$(grep -c CARD=y \"$KBISECT_IMAGE\")\n\
         [ -z \"$KBISECT_MODULES\" ] || loaded=$(grep -ac -- '-CARD.ko' \"$KBISECT_MODULES\")\n\
         [ \"$built_in\" = 1 ] || [ \"${loaded:-0}\" -gt 0 ]\n",
    )
}

/// The lines of the answer.
fn answer(toy: &Toy) -> Vec<String> {
    let text = toy.read("out/minimal.fragment");
    let lines = text.lines().filter(|line| line.starts_with("CONFIG_"));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_module_that_is_needed_stays_one_and_keeps_what_makes_modules() {
    // Those that know dependents, and one that does not.
    for algorithm in ["split", "ddmin", "one-by-one"] {
        let toy = Toy::new(&spec());
        let ended = toy.run(&["--modules", "keep", "--algorithm", algorithm]);
        assert_eq!(ended.code, 0, "{}", ended.said());
        // Without MODULES the card would be built in: fewer requests, and more in the kernel.
        assert_eq!(answer(&toy), ["CONFIG_MODULES=y", "CONFIG_CARD=m"]);
        let config = toy.read("out/minimal.config");
        assert!(!config.contains("CONFIG_CARD=y"), "{config}");
        // The one that is verified is taken apart and built in the same way.
        let ended = toy.kbisect(&["verify", "out", "--output", "verified"]);
        assert_eq!(ended.code, 0, "{}", ended.said());
    }
}

#[test]
fn a_module_is_asked_for_as_built_in_unless_it_is_kept() {
    for flags in [&[][..], &["--modules", "builtin"]] {
        let toy = Toy::new(&spec());
        let ended = toy.run(flags);
        assert_eq!(ended.code, 0, "{}", ended.said());
        assert!(ended.stderr.contains("2 modules (=m) are built in (=y)"));
        assert_eq!(answer(&toy), ["CONFIG_CARD=y"]);
        assert!(!symbols_on(&toy.read("out/minimal.config")).contains("MODULES"));
        let ended = toy.kbisect(&["verify", "out", "--output", "verified"]);
        assert_eq!(ended.code, 0, "{}", ended.said());
    }
}

#[test]
fn modules_that_nothing_loads_are_refused_before_anything_is_built() {
    let toy = Toy::new(&spec().oracle("#!/bin/sh\nexit 0\n"));
    let mut other = spec();
    other.project = String::new();
    let other = Toy::new(&other);
    for (toy, why) in [
        (
            &toy,
            "check neither calls `kbisect boot` nor uses KBISECT_MODULES",
        ),
        (&other, "the project toy has no modules"),
    ] {
        let ended = toy.run(&["--modules", "keep"]);
        assert_eq!(ended.code, 2, "{}", ended.said());
        assert!(ended.stderr.contains(why), "{}", ended.said());
        assert!(!toy.path("out").exists());
    }
}

#[test]
fn a_start_that_does_not_pass_names_its_modules() {
    for judge_start in ["first", "needed"] {
        let toy = Toy::new(&spec().oracle("#!/bin/sh\n: $KBISECT_MODULES\nexit 1\n"));
        let ended = toy.run(&["--modules", "keep", "--judge-start", judge_start]);
        assert_eq!(ended.code, 3, "{}", ended.said());
        let names = "The start has CARD=m and DISK=m: ";
        assert!(ended.stderr.contains(names), "{}", ended.said());
        assert!(ended.stderr.contains("--modules builtin"));
    }
}

#[test]
fn a_run_that_asked_for_modules_by_an_older_rule_is_not_gone_on_with() {
    let toy = Toy::new(&spec());
    let ended = toy.run(&["--modules", "keep", "-j", "1", "--budget-trials", "2"]);
    assert_eq!(ended.code, 4, "{}", ended.said());
    let mut info: serde_json::Value = serde_json::from_str(&toy.read("out/run.json")).unwrap();
    info["settings"]["modules"] = serde_json::Value::Null;
    let project = info["key"]["project"].as_object_mut().unwrap();
    project.remove("modules-target").unwrap();
    toy.write("out/run.json", &info.to_string());
    let ended = toy.kbisect(&["resume", "out"]);
    assert_eq!(ended.code, 2, "{}", ended.said());
    assert!(
        ended
            .said()
            .contains("asks for modules (=m) as an older kbisect did"),
        "{}",
        ended.said()
    );
}

#[test]
fn what_must_stay_keeps_the_modules_that_it_needs() {
    let mut spec = spec();
    spec.kconfig += "config BOOL\n\tbool \"BOOL\"\n\tdepends on CARD\n\n";
    spec.start += "CONFIG_BOOL=y\n";
    let toy = Toy::new(&spec);
    let ended = toy.run(&["--modules", "keep", "--keep", "BOOL"]);
    assert_eq!(ended.code, 0, "{}", ended.said());
    let expected = ["CONFIG_MODULES=y", "CONFIG_CARD=m", "CONFIG_BOOL=y"];
    assert_eq!(answer(&toy), expected);
    let config = toy.read("out/minimal.config");
    assert!(
        expected.iter().all(|line| config.contains(line)),
        "{config}"
    );
}

#[test]
fn modules_that_more_than_one_request_decides_on_are_not_kept() {
    let refused = |spec: &Spec, why: &str| {
        let toy = Toy::new(spec);
        let ended = toy.run(&["--modules", "keep"]);
        assert_eq!(ended.code, 2, "{}", ended.said());
        let error = format!("the modules of this start cannot be kept: {why}");
        assert!(ended.said().contains(&error), "{}", ended.said());
    };
    let switch = "config MODULES\n\tbool \"modules\"\n\tmodules\n";
    let mut depending = spec();
    depending.kconfig = depending
        .kconfig
        .replace(switch, &format!("{switch}\tdepends on PROC\n"));
    refused(&depending, "MODULES depends on PROC");
    let mut selected = spec();
    selected.kconfig += "config X\n\tbool \"X\"\n\tselect MODULES\n\n";
    refused(&selected, "X selects MODULES");
}
