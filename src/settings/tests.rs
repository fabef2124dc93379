//! How settings are read, completed and compared.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use super::*;
use crate::Result;
use crate::model::Tracing;

const MACHINE: Machine = Machine {
    cores: NonZeroUsize::new(8).unwrap(),
    memory: Some(6_500_000_000),
};

fn file(text: &str) -> Result<(PartialSettings, Vec<String>)> {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    read(file.path())
}

#[test]
fn a_time_can_be_a_number_of_seconds() {
    let (settings, unknown) = file("timeout = 90\nbudget-time = '2h'\n").unwrap();
    assert!(unknown.is_empty());
    let settings = Settings::complete(&settings.with("oracle", "x"), MACHINE).unwrap();
    assert_eq!(settings.timeout.as_secs(), 90);
    assert_eq!(settings.budget_time.unwrap().as_secs(), 7200);
}

#[test]
fn more_trials_at_once_than_any_machine_has_room_for_are_refused() {
    let asked = PartialSettings::new()
        .with("oracle", "shell-ok")
        .with("jobs", 1000);
    let error = Settings::complete(&asked, MACHINE).unwrap_err();
    assert!(error.to_string().contains("at most 512"), "{error}");
}

#[test]
fn an_oracle_is_all_that_is_needed() {
    let asked = PartialSettings::new().with("oracle", "ssh-ok");
    let settings = Settings::complete(&asked, MACHINE).unwrap();
    assert_eq!(settings.arch, "x86_64");
    assert_eq!(settings.base, Base::Expert);
    assert_eq!(settings.output, Path::new("kbisect.out"));
    assert_eq!(
        settings.jobs.get(),
        4,
        "six gigabytes are enough for four trials"
    );
    assert_eq!(settings.build_jobs.get(), 8);
}

#[test]
fn no_oracle_is_an_error_that_names_one() {
    let error = Settings::complete(&PartialSettings::new(), MACHINE).unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Usage);
    assert!(error.hint_text().unwrap().contains("shell-ok"));
}

#[test]
fn flags_win_over_the_file() {
    let (settings, unknown) = file("oracle = 'net-ok'\njobs = 3\nbudget-trials = 7\n").unwrap();
    assert_eq!(unknown, Vec::<String>::new());
    let flags = PartialSettings::new()
        .with("oracle", "ssh-ok")
        .with("budget-trials", 1);
    let both = flags.over(settings);
    assert_eq!(both.texts("oracle").collect::<Vec<_>>(), ["ssh-ok"]);
    let settings = Settings::complete(&both, MACHINE).unwrap();
    assert_eq!((settings.jobs.get(), settings.budget_trials), (3, Some(1)));
}

#[test]
fn unknown_keys_are_told() {
    let (_, unknown) = file("orcale = 'x'\n").unwrap();
    assert_eq!(unknown, ["orcale"]);
}

#[test]
fn each_key_is_known_and_one_that_is_not_is_like_another() {
    for Setting { key, .. } in SETTINGS {
        // Of whatever type it is.
        let known = ["'1'", "1", "true"].iter().any(|value| {
            file(&format!("{key} = {value}\n")).is_ok_and(|(_, unknown)| unknown.is_empty())
        });
        assert!(known, "{key}");
    }
    assert_eq!(like("orcale"), Some("oracle"));
    assert_eq!(like("budget_time"), Some("budget-time"));
    assert_eq!(like("something"), None);
}

#[test]
fn values_that_ask_for_nothing_are_refused() {
    let given = PartialSettings::new().with("oracle", "ssh-ok");
    for asked in [
        given.clone().with("oracle", ""),
        given.clone().with("output", ""),
        given.with("budget-trials", 0),
    ] {
        let error = Settings::complete(&asked, MACHINE).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Usage);
    }
}

#[test]
fn a_value_of_the_wrong_type_is_a_usage_error() {
    let error = file("jobs = 'many'\n").unwrap_err();
    assert_eq!(error.kind(), crate::ErrorKind::Usage);
    assert_eq!(
        file("jobs = 0\n").unwrap_err().kind(),
        crate::ErrorKind::Usage
    );
}

#[test]
fn each_setting_that_changes_the_search_is_compared() {
    let given = PartialSettings::new().with("oracle", "ssh-ok");
    let before = Settings::complete(&given, MACHINE).unwrap();
    let record = serde_json::to_value(&before).unwrap();
    assert_eq!(before.changed_since(&record).unwrap(), None);
    for (key, value) in [
        ("algorithm", toml::Value::from("ddmin")),
        ("certify", "leaves".into()),
        ("trace", "off".into()),
        ("confidence", "none".into()),
        ("deterministic", true.into()),
    ] {
        let after = Settings::complete(&given.clone().with(key, value), MACHINE).unwrap();
        let changed = after.changed_since(&record).unwrap();
        // Traces go with the order.
        let is_told = changed == Some(key) || (key, changed) == ("deterministic", Some("trace"));
        assert!(is_told, "{key}: {changed:?}");
    }
    let after = Settings::complete(&given.with("jobs", 1), MACHINE).unwrap();
    assert_eq!(after.changed_since(&record).unwrap(), None);
}

#[test]
fn each_field_of_a_search_setting_is_in_the_record() {
    let given = PartialSettings::new().with("oracle", "ssh-ok");
    let settings = Settings::complete(&given, MACHINE).unwrap();
    let record = serde_json::to_value(&settings).unwrap();
    for setting in SETTINGS {
        if let Effect::Search { field, value } = setting.effect {
            assert_eq!(record[field], value(&settings), "{}", setting.key);
        }
    }
}

#[test]
fn the_readme_lists_each_setting_with_its_default() {
    let readme = include_str!("../../README.md");
    let rows = SETTINGS.iter().map(table_row);
    let missing: Vec<String> = rows.filter(|row| !readme.contains(row)).collect();
    assert!(
        missing.is_empty(),
        "README.md lacks\n{}",
        missing.join("\n")
    );
}

/// As the README has it.
fn table_row(setting: &Setting) -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let default = match setting.default {
        "" => String::new(),
        default => format!(" Default: {}.", cell(default)),
    };
    format!("| `{}` | {}.{default} |", setting.key, cell(setting.doc))
}

#[test]
fn only_a_prior_of_the_users_own_takes_the_place_of_a_trace() {
    let trace = |prior: &str| {
        let asked = PartialSettings::new()
            .with("oracle", "x")
            .with("prior", prior);
        Settings::complete(&asked, MACHINE).unwrap().trace
    };
    assert_eq!(trace("list"), Tracing::Off);
    for prior in [NONE, LEARNED] {
        assert_eq!(trace(prior), Tracing::Auto, "{prior}");
    }
}
