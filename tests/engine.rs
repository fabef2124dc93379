//! The Kconfig engine by itself, on small trees. `native.rs` compares it with the tree's own `conf`.
#![allow(clippy::unwrap_used)]

mod trees;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use kbisect::Result;
use kbisect::kconfig::engine::{Dialect, Env, Graph, Mode, Model, NoShell, SymKind, Why, parse};
use kbisect::kconfig::selectors as selectors_of;
use rayon::prelude::*;
use trees::random_tree::random_tree;
use trees::{Compared, MODES, Random, compare_changes, parse_tree, resolve};

fn parse_as(text: impl AsRef<[u8]>, dialect: Dialect) -> Result<Model> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("Kconfig"), text).unwrap();
    parse_tree(dir.path(), dialect)
}

fn parse_text(text: &str) -> Result<Model> {
    parse_as(text, Dialect::default())
}

#[test]
fn mistakes_in_a_file_are_told_with_their_line() {
    let cases = [
        (
            "config A\n\tbool\n\nfoo bar\n",
            "Kconfig:4: expected a statement, found `foo`",
        ),
        (
            "config A\n\tbool \"x\" iff B\n",
            "Kconfig:2: expected the end of the line, found `iff`",
        ),
        (
            "menu \"x\"\nconfig A\n\tbool\n",
            "Kconfig:1: this block has no end",
        ),
        (
            "endif\n",
            "Kconfig:1: `endif` ends nothing that began in this file",
        ),
        (
            "config A\n\tdepends B\n",
            "Kconfig:2: expected `on`, found `B`",
        ),
        (
            "config A\n\tdefault (B\n",
            "Kconfig:2: expected `)`, found the end of the line",
        ),
        (
            "A = $(B\nB = $(A)\nconfig $(A)\n",
            "Kconfig:3: unterminated reference to `B`: missing `)`",
        ),
        (
            "A = $(A)\nconfig $(A)\n",
            "Kconfig:2: the variable `A` refers to itself",
        ),
        ("$(error-if,y,no luck)\n", "Kconfig:1: no luck"),
        (
            "source \"Kconfig\"\n",
            "Kconfig:1: `Kconfig` includes itself",
        ),
        (
            "config A\n\tbool & B\n",
            "Kconfig:2: unexpected character `&`",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(
            parse_text(text).unwrap_err().to_string(),
            expected,
            "{text}"
        );
    }
    assert!(
        parse_text("source \"gone\"\n")
            .unwrap_err()
            .hint_text()
            .unwrap()
            .contains("Kconfig:1")
    );
}

#[test]
fn no_bytes_make_the_parser_or_the_evaluator_fail_without_an_error() {
    let pieces = [
        "config A\n",
        "\tbool\n",
        "\tdefault y\n",
        "\tselect B if A\n",
        "config B\n",
        "\ttristate \"b\"\n",
        "\tdepends on A || !C\n",
        "choice\n",
        "endchoice\n",
        "menu \"m\"\n",
        "endmenu\n",
        "if A\n",
        "endif\n",
        "\thelp\n\t  text\n",
        "X := $(shell,echo)\n",
        "Y = $(X)$(1)\n",
        "$(Y,a,b)\n",
        "\trange 1 C\n",
        "config C\n",
        "\tint \"c\"\n",
        "(",
        ")",
        "\"",
        "'",
        "\\",
        "\\\n",
        "$",
        "$(",
        "=",
        "!=",
        "&&",
        "||",
        "\u{fffd}",
        "\0",
        "\n",
        " ",
        "#",
        "modules\n",
        "\toptional\n",
        "\tprompt \"p\" if B\n",
        "\timply A\n",
        "config A\n\tdef_bool A\n",
        "config B\n\tdef_bool !B\n",
        "comment \"c\"\n",
        "\tvisible if C\n",
    ];
    let dialects = ["2.6.19", "3.10.0", "4.20.0", "6.1.0", "6.12.0"].map(Dialect::of_linux);
    (1..=20_000_u64).into_par_iter().for_each(|seed| {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let text: String = (0..random.below(30)).map(|_| random.one(&pieces)).collect();
        let mut bytes = text.into_bytes();
        for _ in 0..random.below(2) * random.below(8) {
            let at = random.below(bytes.len() + 1);
            bytes.insert(at, u8::try_from(random.below(256)).unwrap());
        }
        if let Ok(model) = parse_as(&bytes, random.one(&dialects)) {
            for mode in MODES {
                let mut state = resolve(&model, mode, Some("CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=7\n"));
                let _ = state.write();
                for id in model.defined() {
                    state.explain(id);
                }
            }
        }
    });
}

fn lines(text: &str, dialect: Dialect, mode: Mode, asked: &str) -> String {
    let model = parse_as(text, dialect).unwrap();
    let text = resolve(&model, mode, Some(asked)).write();
    text.split_once("#\n#")
        .unwrap()
        .1
        .split_once("#\n")
        .unwrap()
        .1
        .to_owned()
}

/// By the versions of Linux in which LKC changed them.
#[test]
fn what_changed_between_versions_is_told_apart() {
    let (old, v6_8, v6_11) = (
        Dialect::of_linux("6.1.0"),
        Dialect::of_linux("6.8.0"),
        Dialect::of_linux("6.11.0"),
    );
    let number = "config N\n\tint \"n\"\n";
    assert_eq!(lines(number, old, Mode::AllNo, ""), "CONFIG_N=\n");
    assert_eq!(lines(number, v6_8, Mode::AllNo, ""), "CONFIG_N=0\n");
    let range = "config N\n\tint \"n\"\n\trange 1 10\n\tdefault 5\n";
    let asked = "CONFIG_N=99\n";
    assert_eq!(lines(range, old, Mode::OldDef, asked), "CONFIG_N=5\n");
    assert_eq!(lines(range, v6_8, Mode::OldDef, asked), "CONFIG_N=10\n");
    let on = "config A\n\tbool \"a\"\n\tdefault y\n";
    let asked = "# CONFIG_A is not set yet\n";
    assert_eq!(
        lines(on, old, Mode::OldDef, asked),
        "# CONFIG_A is not set\n"
    );
    assert_eq!(lines(on, v6_8, Mode::OldDef, asked), "CONFIG_A=y\n");
    // What depends on a member of a choice is none itself, nor is what depends on that.
    let choice = "choice\n\tprompt \"c\"\nconfig A\n\tbool \"a\"\nconfig B\n\tbool \"b\"\n\tdepends on A\nconfig C\n\tbool \"c\"\n\tdepends on B\nendchoice\n";
    let asked = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n";
    assert_eq!(
        lines(choice, old, Mode::AllNo, asked),
        "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n"
    );
    let two = "choice\n\tprompt \"c\"\nconfig A\n\tbool \"a\"\nconfig B\n\tbool \"b\"\nendchoice\n";
    let asked = "CONFIG_B=y\nCONFIG_A=y\n";
    for dialect in [old, v6_8, v6_11] {
        let expected = "CONFIG_A=y\n# CONFIG_B is not set\n";
        assert_eq!(lines(two, dialect, Mode::AllNo, asked), expected);
    }
}

#[test]
fn corners_of_the_language_are_as_in_lkc() {
    let old = Dialect::of_linux("6.1.0");
    // A switch that is taken for a string is always "n".
    let text = "config B\n\tdef_bool y\nconfig S\n\tstring\n\tdefault B\n";
    let expected = "CONFIG_B=y\nCONFIG_S=\"n\"\n";
    assert_eq!(lines(text, old, Mode::AllNo, ""), expected);
    // A help text may begin at the margin.
    let text = "config A\n\tbool \"a\"\n\thelp\nconfig B\nconfig C\n\tbool \"c\"\n";
    assert_eq!(
        lines(text, old, Mode::AllNo, ""),
        "# CONFIG_A is not set\n# CONFIG_C is not set\n"
    );
    // A choice that is asked for several and for one: neither holds.
    let text = "config MODULES\n\tdef_bool y\n\tmodules\nchoice\n\tprompt \"c\"\nconfig A\n\ttristate \"a\"\nconfig B\n\ttristate \"b\"\nconfig C\n\ttristate \"c\"\nendchoice\n";
    let asked = "CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=y\n";
    assert_eq!(
        lines(text, old, Mode::AllNo, asked),
        "CONFIG_MODULES=y\nCONFIG_A=m\nCONFIG_B=m\nCONFIG_C=m\n"
    );
}

#[test]
fn an_explanation_names_what_is_really_the_cause() {
    let text = "config MODULES\n\tdef_bool y\n\tmodules\nconfig EXPERT\n\tbool \"e\"\nconfig X\n\tbool \"x\" if EXPERT\nconfig L\n\ttristate\nconfig F\n\ttristate\n\tdefault y\nconfig BAR\n\ttristate \"bar\"\n\tselect F\n\tselect G\nconfig G\n\ttristate\n\tdefault m\nconfig N\n\tint\n\tdefault 5\n\trange 10 20\n";
    let model = parse_text(text).unwrap();
    let mut state = resolve(&model, Mode::AllNo, Some("CONFIG_BAR=m\n"));
    let mut explain = |name: &str| state.explain(model.find(name).unwrap()).unwrap();
    let default = |value: &str| Why::Default {
        value: value.to_owned(),
    };
    let x = explain("X");
    assert_eq!(
        (x.why, x.hidden_by[0].text.as_str()),
        (Why::Nothing, "EXPERT")
    );
    assert!(explain("L").definitions[0].prompt.is_none());
    assert_eq!(explain("F").why, default("y"));
    assert_eq!(explain("G").why, default("m"));
    assert_eq!(explain("BAR").why, Why::Requested);
    let limited = Why::Limited { asked: "5".into() };
    assert_eq!(explain("N").why, limited);
    let mut state = resolve(&model, Mode::AllNo, Some("CONFIG_BAR=y\n"));
    let g = state.explain(model.find("G").unwrap()).unwrap();
    assert_eq!(
        g.why,
        Why::Selected {
            by: vec!["BAR".into()]
        }
    );
}

#[test]
fn who_selects_what_are_those_that_are_on_where_their_condition_holds() {
    let text = "config MODULES\n\tdef_bool y\n\tmodules\nconfig A\n\ttristate \"a\"\n\tselect T\n\tselect U if C\n\tselect ONE\nconfig B\n\tbool \"b\"\n\tselect T\nconfig C\n\tbool \"c\"\nconfig T\n\tbool \"t\"\nconfig U\n\tbool \"u\"\nchoice\n\tprompt \"which\"\nconfig ONE\n\tbool \"one\"\nconfig TWO\n\tbool \"two\"\nendchoice\n";
    let model = parse_text(text).unwrap();
    let selectors = |asked: &str| -> Vec<String> {
        let all = selectors_of(&mut resolve(&model, Mode::AllNo, Some(asked)));
        let line = |(symbol, by): (_, BTreeSet<_>)| {
            let by: Vec<String> = by.iter().map(ToString::to_string).collect();
            format!("{symbol} by {}", by.join(" "))
        };
        all.into_iter().map(line).collect()
    };
    assert_eq!(selectors("CONFIG_C=y\n"), Vec::<String>::new());
    assert_eq!(selectors("CONFIG_A=m\n"), ["T by A"]);
    let all = "CONFIG_A=y\nCONFIG_B=y\nCONFIG_C=y\n";
    assert_eq!(selectors(all), ["T by A B", "U by A"]);
}

#[test]
fn a_select_that_overrides_what_a_symbol_needs_is_told() {
    let text = "config A\n\tbool \"a\"\n\tselect B\nconfig B\n\tbool\n\tdepends on C\nconfig C\n\tbool \"c\"\n";
    let model = parse_text(text).unwrap();
    for (asked, overridden) in [("CONFIG_A=y\n", true), ("CONFIG_A=y\nCONFIG_C=y\n", false)] {
        let mut state = resolve(&model, Mode::AllNo, Some(asked));
        let b = state.explain(model.find("B").unwrap()).unwrap();
        assert_eq!(
            (b.value.as_str(), b.overridden),
            ("y", overridden),
            "{asked}"
        );
    }
}

#[test]
fn files_can_be_included_relative_to_the_file_and_if_they_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    write("Kconfig", "source \"sub/Kconfig\"\nosource \"gone\"\n");
    write(
        "sub/Kconfig",
        "rsource \"more\"\norsource \"gone\"\norsource \"more2\"\n",
    );
    write("sub/more", "config A\n\tdef_bool y\n");
    write("sub/more2", "config B\n\tdef_bool y\n");
    let model = parse_tree(dir.path(), Dialect::default()).unwrap();
    let text = resolve(&model, Mode::AllNo, None).write();
    assert!(text.ends_with("CONFIG_A=y\nCONFIG_B=y\n"), "{text}");
}

/// As coreboot has it, and no copy of LKC that does not say so.
#[test]
fn where_a_source_takes_wildcards_it_reads_what_is_there_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let boards = "source \"boards/*/Kconfig\"\nsource \"site/Kconfig\"\n";
    write("Kconfig", boards);
    for name in ["b", "a", "a-b"] {
        let symbol = name.replace('-', "_").to_uppercase();
        let text = format!("config {symbol}\n\tdef_bool y\n");
        write(&format!("boards/{name}/Kconfig"), &text);
    }
    let lkc = "util/kconfig";
    write(&format!("{lkc}/symbol.c"), "dir_dep");
    write(&format!("{lkc}/confdata.c"), "# end of ");
    write(&format!("{lkc}/preprocess.c"), "");
    write(&format!("{lkc}/lexer.l"), "");
    let dialect = || Dialect::of_source(&Dialect::folder_in(dir.path()).unwrap()).unwrap();
    let error = parse_tree(dir.path(), dialect()).unwrap_err();
    assert!(error.to_string().contains("boards/*/Kconfig"), "{error}");
    write(
        &format!("{lkc}/lexer.l"),
        "void zconf_nextfiles(const char *wildcard)",
    );
    let model = parse_tree(dir.path(), dialect()).unwrap();
    let text = resolve(&model, Mode::AllNo, None).write();
    let lines = "CONFIG_A_B=y\nCONFIG_A=y\nCONFIG_B=y\n";
    assert!(text.ends_with(lines), "{text}");
}

/// As toybox has it, whose copy of LKC is of 2008.
#[test]
fn an_old_source_needs_no_quotes_and_has_a_head_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("Kconfig", "source generated/Config.in\n");
    write("generated/Config.in", "config A\n\tbool\n\tdefault y\n");
    write("kconfig/symbol.c", "");
    write("kconfig/confdata.c", "SYMBOL_FORCEWRITE");
    let folder = Dialect::folder_in(dir.path()).unwrap();
    let dialect = Dialect::of_source(&folder).unwrap();
    let env = Env {
        source: dir.path().to_owned(),
        dialect,
        project: "ToyBox".to_owned(),
        ..Env::default()
    };
    let model = parse("Kconfig", &env, &mut NoShell).unwrap();
    let text = resolve(&model, Mode::AllNo, None).write();
    assert_eq!(
        text,
        "#\n# Automatically generated make config: don't edit\n\
         # ToyBox version: KCONFIG_VERSION\n#\nCONFIG_A=y\n"
    );
    assert!(parse_tree(dir.path(), Dialect::default()).is_err());
}

#[test]
fn no_depth_exhausts_the_stack() {
    // A chain of symbols, menus within menus, a condition without end.
    let mut text = "config S0\n\tbool \"s\"\n".to_owned();
    for i in 1..50_000 {
        writeln!(text, "config S{i}\n\tbool \"s\"\n\tdepends on S{}", i - 1).unwrap();
    }
    text += &"if S1\n".repeat(5_000);
    text += "config X\n\tbool \"x\"\n";
    text += &"endif\n".repeat(5_000);
    let long = "S1 && ".repeat(50_000);
    writeln!(text, "config Y\n\tbool \"y\"\n\tdepends on {long}S2").unwrap();
    let model = parse_text(&text).unwrap();
    let asked = (0..50_000).fold("CONFIG_X=y\nCONFIG_Y=y\n".to_owned(), |mut text, i| {
        writeln!(text, "CONFIG_S{i}=y").unwrap();
        text
    });
    let mut state = resolve(&model, Mode::AllNo, Some(&asked));
    assert!(
        state
            .write()
            .ends_with("CONFIG_S49999=y\nCONFIG_X=y\nCONFIG_Y=y\n")
    );
    assert!(state.explain(model.find("Y").unwrap()).is_some());
    let error = parse_text(&format!("config A\n\tdefault {}\n", "!(".repeat(10_000))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Kconfig:2: the expression nests too deep"
    );
}

#[test]
fn the_path_of_a_definition_is_told_as_it_is_in_the_tree() {
    let text = "menu \"outer\"\nconfig A\n\tbool \"a thing\"\n\tdepends on B && C=3\n\thelp\n\t  What A does.\n\n\t  More.\nconfig B\n\tdef_bool y\nconfig C\n\tint \"number\"\n\tdefault 3\nconfig D\n\tdef_bool y\n\tselect A\nendmenu\n";
    let model = parse_text(text).unwrap();
    let mut state = resolve(&model, Mode::AllNo, Some(""));
    let explanation = state.explain(model.find("A").unwrap()).unwrap();
    assert_eq!(explanation.value, "y");
    let definition = &explanation.definitions[0];
    assert_eq!((definition.file.as_str(), definition.line), ("Kconfig", 2));
    assert_eq!(definition.menus, ["outer"]);
    assert_eq!(definition.help.as_deref(), Some("What A does.\n\nMore."));
    let needs: Vec<(&str, &str)> = explanation
        .needs
        .iter()
        .map(|t| (t.text.as_str(), t.value))
        .collect();
    assert_eq!(needs, [("B", "y"), ("C=3", "y")]);
    assert_eq!(explanation.selected_by[0].text, "D");
    assert!(Path::new(&definition.file).is_relative());
}

/// So that it can be taken out as a library, and its files be read one by one.
#[test]
fn the_engine_uses_nothing_of_the_rest_and_its_files_use_each_other_one_way() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/kconfig/engine");
    let mut uses: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let program = text.split("#[cfg(test)]").next().unwrap();
        let lines = program
            .lines()
            .filter(|l| !l.trim_start().starts_with("//"));
        for line in lines {
            let above = ["crate::", "super::super", "kbisect::"];
            assert!(!above.iter().any(|a| line.contains(a)), "{name}: {line}");
            let used = line.split("super::").skip(1).map(|rest| {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
                rest[..end.unwrap_or(rest.len())].to_owned()
            });
            uses.entry(name.clone()).or_default().extend(used);
        }
    }
    uses.remove("mod");
    assert!(uses["eval"].contains("state"), "the test sees something");
    // Takes away what uses nothing that is left, until nothing is left or all that is goes round.
    loop {
        let names: BTreeSet<String> = uses.keys().cloned().collect();
        let is_free = |used: &BTreeSet<String>| used.is_disjoint(&names);
        let before = uses.len();
        uses.retain(|_, used| !is_free(used));
        if uses.len() == before {
            break;
        }
    }
    assert_eq!(
        uses,
        BTreeMap::new(),
        "these files use each other in circles"
    );
}

/// So many trees as `KBISECT_TREES` says.
#[test]
#[allow(clippy::print_stdout)] // by hand
fn what_a_change_reaches_becomes_what_a_small_tree_makes_of_it_in_every_dialect() {
    let count = env::var("KBISECT_TREES").map_or(400, |n| n.parse().unwrap());
    let versions = [
        "2.6.0", "3.10.0", "4.14.0", "4.20.0", "5.4.0", "6.1.0", "6.8.0", "6.12.0",
    ];
    let compared: Vec<(&str, Compared)> = (1..=count)
        .into_par_iter()
        .filter_map(|seed: u64| {
            let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            let version = random.one(&versions);
            let text = random_tree(&mut random);
            // Some go round all the same, by way of a choice.
            let model = parse_as(&text, Dialect::of_linux(version)).ok()?;
            let graph = Graph::of(&model);
            let mut ids: Vec<_> = model.defined().collect();
            ids.sort_unstable();
            let ids: Vec<_> = ids
                .into_iter()
                .filter(|id| !model.name(*id).is_empty())
                .collect();
            let mut asked = String::new();
            for _ in 0..random.below(60) {
                let id = random.one(&ids);
                let (name, value) = (
                    model.name(id),
                    match model.kind(id) {
                        SymKind::Int => random.below(50).to_string(),
                        SymKind::Hex => format!("{:#x}", random.below(50)),
                        SymKind::String => format!("\"t{}\"", random.below(4)),
                        _ => random.one(&["y", "y", "m", "n"]).to_owned(),
                    },
                );
                writeln!(asked, "CONFIG_{name}={value}").unwrap();
            }
            let asked = model.assignments(asked);
            let mode = random.one(&MODES);
            let compared = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                compare_changes(&model, &graph, mode, &asked, 30, &mut random)
            }));
            let compared = compared.unwrap_or_else(|_| panic!("seed {seed}, {version}:\n{text}"));
            Some((version, compared))
        })
        .collect();
    for version in versions {
        let of = || {
            compared
                .iter()
                .filter(|(of, _)| *of == version)
                .map(|(_, compared)| compared)
        };
        let alike: usize = of().map(|compared| compared.alike).sum();
        let left: usize = of().map(|compared| compared.left).sum();
        println!("{version}: {alike} changes alike, {left} left to the whole way");
        assert!(alike > 0, "{version}");
    }
}
