//! The failing trials of all runs on this machine, as an index of symptoms; what it says of a text.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::dirs::data_dir;
use crate::journal::{RunDir, write_atomically};
use crate::logs::{self, Log, Meaning};
use crate::model::{Stage, TrialId};
use crate::oracle::{Header, shipped};
use crate::report::{RESULT, Reason, Report};
use crate::run::plain::plain_file;
use crate::symptoms::{Answer, Entry, Given, Index, Search, lines};
use crate::trial::CONFIG;
use crate::{Error, Result};

/// The folder, in the data folder. It has a file for each run.
const FOLDER: &str = "symptoms";

/// The longest file of it that is read, in bytes.
const LONGEST: u64 = 4 << 20;

/// The project whose options these are.
const LINUX: &str = "linux";

/// What is known of a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diagnosis {
    /// What it means in words, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<Meaning>,
    /// The options.
    #[serde(flatten)]
    pub answer: Answer,
    /// How many trials were asked.
    pub trials: usize,
}

/// Which options may be missing, by a text or a log: from the index that comes with kbisect, and from all runs on this
/// machine. `warn` is told which files cannot be read; they are passed over.
///
/// # Errors
/// The folder of this machine's runs cannot be read.
pub fn diagnose(text: &str, given: Given, warn: &mut dyn FnMut(&str)) -> Result<Diagnosis> {
    diagnose_by(&folder()?, text, given, warn)
}

fn diagnose_by(
    folder: &Path,
    text: &str,
    given: Given,
    warn: &mut dyn FnMut(&str),
) -> Result<Diagnosis> {
    // A run of this machine may be in the shipped index as well, of an older kbisect.
    let mut index = read(folder, warn)?;
    index.add(Index::shipped()?);
    let search = Search::new(index);
    let log = Log::of_bytes(text.as_bytes());
    let meaning = logs::meaning(&logs::Failure {
        stage: Stage::Oracle,
        evidence: match given {
            Given::Text => text.lines().next().unwrap_or_default(),
            Given::Log => "",
        },
        good: None,
        bad: (given == Given::Log).then_some(&log),
        build: None,
    });
    Ok(Diagnosis {
        meaning,
        answer: search.ask(text, given),
        trials: search.trials(),
    })
}

/// The folder of this user.
fn folder() -> Result<PathBuf> {
    Ok(data_dir()?.join(FOLDER))
}

/// What the runs in `folder` have.
fn read(folder: &Path, warn: &mut dyn FnMut(&str)) -> Result<Index> {
    let mut index = Index::default();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(index),
        Err(e) => return Err(Error::io("read", folder, e)),
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "json"));
    paths.sort();
    for path in paths {
        match one(&path) {
            Ok(run) => index.add(run),
            Err(error) => warn(&format!("the symptoms of a run are passed over: {error}")),
        }
    }
    Ok(index)
}

fn one(path: &Path) -> Result<Index> {
    let failed = |e| Error::io("read", path, e);
    let meta = fs::metadata(path).map_err(failed)?;
    let size = meta.len();
    // To open a pipe would wait for its other end.
    if !meta.is_file() {
        let path = path.display();
        return Err(Error::failed(format!("{path} is no plain file")));
    }
    if size > LONGEST {
        return Err(Error::failed(format!(
            "{} is too long for an index of symptoms: {size} bytes",
            path.display()
        )));
    }
    let text = fs::read_to_string(path).map_err(failed)?;
    Index::parse(&text, path)
}

/// Adds the failing trials of the run in `dir` to those of this machine; returns how many. The same run again replaces
/// its own.
///
/// # Errors
/// There is no result in `dir`; it cannot be written.
pub fn add_symptoms(dir: &Path) -> Result<usize> {
    let report = super::report(dir)?;
    keep(&folder()?, entries_of_run(dir, &report))
}

/// Adds the failing trials of a run that has just ended to those of this machine.
///
/// # Errors
/// They cannot be written.
pub(super) fn keep_run(dir: &Path, report: &Report) -> Result<()> {
    let entries = entries_of_run(dir, report);
    // Without any there need be no data folder.
    match entries.is_empty() {
        true => Ok(()),
        false => keep(&folder()?, entries).map(|_| ()),
    }
}

/// Writes the entries of one run, and returns how many they are.
fn keep(folder: &Path, entries: Vec<Entry>) -> Result<usize> {
    let Some(run) = entries.first().and_then(|entry| entry.run.clone()) else {
        return Ok(0);
    };
    let count = entries.len();
    let index = Index {
        entries,
        ..Index::default()
    };
    fs::create_dir_all(folder).map_err(|e| Error::io("make the folder", folder, e))?;
    write_atomically(
        &folder.join(format!("{run}.json")),
        index.text()?.as_bytes(),
    )?;
    Ok(count)
}

/// The failing trials of a run in which one option was removed, and of which the console is still there. None if the
/// options are not those of a kernel.
#[must_use]
pub fn entries_of_run(dir: &Path, report: &Report) -> Vec<Entry> {
    let project = &report.key["project"];
    // Runs of old versions name none.
    if !project.is_null() && project["name"] != LINUX {
        return Vec::new();
    }
    let begun = [dir.join("run.json"), dir.join(RESULT)];
    let Some(text) = begun.iter().find_map(|path| plain_file(path)) else {
        return Vec::new();
    };
    let run = blake3::hash(text.as_bytes()).to_hex()[..16].to_owned();
    let good = [report.after.trial, report.before.trial];
    let good = good.map(|trial| consoles(dir, trial));
    let good = good
        .into_iter()
        .find(|found| !found.is_empty())
        .unwrap_or_default();
    let mut entries = Vec::new();
    for kept in &report.kept {
        let Reason::Needed {
            trial,
            evidence,
            lines: carried,
            ..
        } = &kept.reason
        else {
            continue;
        };
        let evidence = evidence.as_deref().unwrap_or_default();
        let mut found: Vec<String> = Vec::new();
        let consoles = consoles(dir, *trial);
        for (oracle, console) in &consoles {
            let good = good.iter().find(|(name, _)| name == oracle);
            for line in lines(evidence, good.map(|(_, log)| log), Some(console)) {
                if !found.contains(&line) {
                    found.push(line);
                }
            }
        }
        if found.is_empty() {
            continue;
        }
        entries.push(Entry {
            symbol: kept.request.symbol.clone(),
            carried: *carried,
            run: Some(run.clone()),
            known: None,
            guest: consoles.iter().find_map(|(oracle, _)| guest_of(oracle)),
            oracles: consoles.into_iter().map(|(oracle, _)| oracle).collect(),
            kernel: kernel_of(dir, *trial),
            lines: found,
        });
    }
    entries
}

/// The consoles of a trial, each with its oracle's name, in the order of the names.
fn consoles(dir: &Path, trial: TrialId) -> Vec<(String, Log)> {
    let folders = fs::read_dir(RunDir::trial_dir(dir, trial));
    let mut found = Vec::new();
    for entry in folders.into_iter().flatten().flatten() {
        if let Ok(log) = Log::read(&entry.path().join("console.log")) {
            found.push((entry.file_name().to_string_lossy().into_owned(), log));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn guest_of(oracle: &str) -> Option<String> {
    let header = shipped(oracle).ok()?.header().ok()??;
    Header::guest(&header).map(|guest| guest.name().to_owned())
}

/// The version in the first lines of a config: `# Linux/x86 6.1.192 Kernel Configuration`.
fn kernel_of(dir: &Path, trial: TrialId) -> Option<String> {
    let text = plain_file(&RunDir::trial_dir(dir, trial).join(CONFIG))?;
    let line = text
        .lines()
        .take(5)
        .find(|line| line.ends_with(" Kernel Configuration"))?;
    line.split_whitespace().nth(2).map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn silent(text: &str) {
        panic!("nothing is to be warned of, but {text}");
    }

    /// A folder with a result, a good trial 1 and a trial 2 that failed without FUTEX.
    fn run_in(dir: &Path, project: &str) -> Report {
        let result = format!(
            r#"{{"v": 4, "kbisect": "0.1.0", "settings": {{}}, "status": "minimal",
                "key": {{"project": {{"name": "{project}"}}}},
                "before": {{"trial": 1, "requests": 2, "lines": 9, "image": null, "oracle_seconds": 1.0}},
                "after": {{"trial": 1, "requests": 1, "lines": 5, "image": null, "oracle_seconds": 1.0}},
                "kept": [{{"symbol": "FUTEX", "value": "y", "why": "needed", "trial": 2, "stage": "oracle",
                    "evidence": "on the console: guest: failed: dropbear -E", "lines": 3}},
                    {{"symbol": "NET", "value": "y", "why": "needed", "trial": 3, "stage": "oracle",
                    "evidence": "its console is gone", "lines": 3}},
                    {{"symbol": "TTY", "value": "y", "why": "kept"}}],
                "cost": {{"passed": 1, "failed": 1, "unresolved": 0, "reused": 0, "objects": 0,
                    "build_cpu": {{"secs": 0, "nanos": 0}}, "wall": {{"secs": 0, "nanos": 0}}, "sittings": 1}},
                "files": []}}"#
        );
        fs::write(dir.join(RESULT), result).unwrap();
        for (trial, console) in [
            ("0001", "guest: sshd is up\r\n"),
            (
                "0002",
                "The futex facility returned an unexpected error code.\r\n",
            ),
        ] {
            let folder = dir.join("trials").join(trial);
            fs::create_dir_all(folder.join("ssh-ok")).unwrap();
            fs::write(folder.join("ssh-ok/console.log"), console).unwrap();
            let config =
                "#\n# Automatically generated\n# Linux/x86 6.1.192 Kernel Configuration\n#\n";
            fs::write(folder.join("config"), config).unwrap();
        }
        super::super::report(dir).unwrap()
    }

    #[test]
    fn a_runs_failing_trials_with_a_console_are_its_entries() {
        let temp = tempfile::tempdir().unwrap();
        let report = run_in(temp.path(), LINUX);
        let entries = entries_of_run(temp.path(), &report);
        let text = serde_json::to_value(&entries).unwrap();
        assert_eq!(
            text,
            serde_json::json!([{
                "symbol": "FUTEX", "carried": 3, "run": entries[0].run, "oracles": ["ssh-ok"],
                "guest": "busybox-ssh", "kernel": "6.1.192",
                "lines": [
                    "guest: failed: dropbear -E",
                    "The futex facility returned an unexpected error code.",
                ],
            }])
        );
    }

    #[test]
    fn options_of_another_project_are_not_those_of_a_kernel() {
        let temp = tempfile::tempdir().unwrap();
        let report = run_in(temp.path(), "busybox");
        assert!(entries_of_run(temp.path(), &report).is_empty());
        let folder = temp.path().join("symptoms");
        assert_eq!(
            keep(&folder, entries_of_run(temp.path(), &report)).unwrap(),
            0
        );
        assert!(!folder.exists());
    }

    #[test]
    fn a_run_is_kept_once_and_asked() {
        let temp = tempfile::tempdir().unwrap();
        let report = run_in(temp.path(), LINUX);
        let folder = temp.path().join("new/symptoms");
        let ask = || diagnose_by(&folder, "dropbear -E", Given::Text, &mut silent).unwrap();
        let before = ask();
        for _ in 0..2 {
            assert_eq!(
                keep(&folder, entries_of_run(temp.path(), &report)).unwrap(),
                1
            );
        }
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        let after = ask();
        assert_eq!(after.trials, before.trials + 1);
        let gave = |diagnosis: &Diagnosis| {
            let mut options = diagnosis.answer.options.iter();
            options
                .find(|o| o.symbol.as_str() == "FUTEX")
                .map_or(0, |o| o.gave)
        };
        assert_eq!(gave(&after), gave(&before) + 1);
    }

    #[test]
    fn damaged_and_newer_and_endless_files_are_passed_over_and_named() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path();
        fs::write(folder.join("a.json"), "{").unwrap();
        fs::write(folder.join("b.json"), r#"{"v": 99, "entries": []}"#).unwrap();
        let endless = fs::File::create(folder.join("c.json")).unwrap();
        endless.set_len(1 << 40).unwrap();
        fs::write(folder.join("d.txt"), "not ours").unwrap();
        let mut warnings = Vec::new();
        let mut warn = |text: &str| warnings.push(text.to_owned());
        let text = "openpty: No such file or directory";
        let found = diagnose_by(folder, text, Given::Text, &mut warn).unwrap();
        assert_eq!(found.answer.options[0].symbol.as_str(), "UNIX98_PTYS");
        assert_eq!(
            found.meaning.unwrap().code,
            logs::MeaningCode::NoPseudoTerminal
        );
        assert_eq!(warnings.len(), 3);
        for (warning, says) in warnings.iter().zip(["a.json", "newer", "too long"]) {
            assert!(warning.contains(says), "{warning}");
        }
    }

    #[test]
    fn of_a_whole_log_its_errors_are_looked_up() {
        let temp = tempfile::tempdir().unwrap();
        let log = "[    0.0] Linux version 6.1.192 (x) #1\n[    0.4] Run /init as init process\n\
            mount: mounting proc on /proc failed: No such device\r\nguest: sshd is up\r\n";
        let found = diagnose_by(temp.path(), log, Given::Log, &mut silent).unwrap();
        assert_eq!(found.answer.options[0].symbol.as_str(), "PROC_FS");
        assert_eq!(
            found.meaning.unwrap().code,
            logs::MeaningCode::MissingFileSystem
        );
        let nothing = diagnose_by(temp.path(), "all is well\n", Given::Log, &mut silent).unwrap();
        assert!(nothing.answer.options.is_empty() && nothing.meaning.is_none());
    }
}
