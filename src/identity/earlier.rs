//! Source and toolchain as earlier versions of kbisect recorded them, so that their runs can be resumed.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment;
use crate::model::{OracleKey, Part, RunKey, SourceKey, ToolchainKey};
use crate::supervise::{self, CancelToken, Spec, find_program};
use crate::{Error, Result};

/// Wall time that git may take. It looks at each file, on a cold disk.
const GIT: Duration = Duration::from_secs(300);

/// Parts of a key that came later: a run of which nothing is noted there goes on without.
const LATER: [Part; 3] = [Part::Helpers, Part::Environment, Part::Outside];

/// The key `is` without what the kbisect that wrote the key `was` did not note at all.
#[must_use]
pub fn noted_by(was: &RunKey, is: &RunKey) -> RunKey {
    let mut key = is.clone();
    for part in LATER {
        if was.noted(&part).is_none() {
            key.forget(&part);
        }
    }
    if let Some((was, is)) = was.environment.as_ref().zip(key.environment.as_mut()) {
        *is = environment::noted_like(was, is).unwrap_or_else(|| was.clone());
    }
    let oracles = key.oracles.iter_mut().flatten();
    for (is, was) in oracles.zip(was.oracles.iter().flatten()) {
        let has_uses = matches!(was, OracleKey::Files(was) if was.uses.is_some());
        if let (OracleKey::Files(is), false) = (is, has_uses) {
            is.uses = None;
        }
    }
    key
}

/// The key of a run in the form in which the kbisect that began it wrote `was`: `is` is that of now, `root` the
/// source, and `oracles` are the hashes that they had then. What that one did not look at is left out.
///
/// # Errors
/// The source cannot be read.
pub fn key_like(
    was: &RunKey,
    is: &RunKey,
    root: &Path,
    oracles: Vec<String>,
    cancel: &CancelToken,
) -> Result<RunKey> {
    let mut key = noted_by(was, is);
    // The first versions named the source by its path and Makefile.
    if !matches!(was.source, Some(SourceKey::Path(_))) {
        return Ok(key);
    }
    key.source = Some(SourceKey::Path(source_id(root)?));
    key.oracles = Some(oracles.into_iter().map(OracleKey::Hash).collect());
    if was.tree.is_some() {
        key.tree = Some(tree_id(root, cancel)?);
    }
    if was.toolchain.is_some() {
        key.toolchain = Some(ToolchainKey::Versions(toolchain(cancel)));
    }
    key.retain_parts_of(was);
    Ok(key)
}

/// What the programs of a build say of themselves.
#[must_use]
pub fn toolchain(cancel: &CancelToken) -> String {
    let first_line = |program: &str| {
        let spec = Spec::new(program)
            .arg("--version")
            .wall(Duration::from_secs(20));
        let output = supervise::answer(&spec, cancel)?;
        let text = String::from_utf8_lossy(&output);
        Some(text.lines().next().unwrap_or_default().to_owned())
    };
    let lines: Vec<String> = ["gcc", "ld"].into_iter().filter_map(first_line).collect();
    lines.join("; ")
}

/// Where the source is, and a hash of its Makefile, which changes with each release.
///
/// # Errors
/// The Makefile cannot be read.
pub fn source_id(source: &Path) -> Result<String> {
    let makefile = source.join("Makefile");
    let bytes = fs::read(&makefile).map_err(|e| Error::io("read", &makefile, e))?;
    let hash = blake3::hash(&bytes).to_hex();
    Ok(format!("{} {}", source.display(), &hash[..16]))
}

/// The state of all its files: of a checkout the commit and a hash of what was changed since, of
/// any other tree a hash of names, sizes and modification times.
///
/// # Errors
/// A folder cannot be read.
pub fn tree_id(source: &Path, cancel: &CancelToken) -> Result<String> {
    match checkout(source, cancel) {
        Some(id) => Ok(id),
        None => files(source),
    }
}

/// `None` when it is no checkout, or git does not want to say.
fn checkout(source: &Path, cancel: &CancelToken) -> Option<String> {
    // A folder, or in a worktree a file.
    if !source.join(".git").exists() {
        return None;
    }
    let git = find_program("git")?;
    let say = |args: &[&str]| {
        let spec = Spec::new(&git)
            .args(["--no-optional-locks", "-C"])
            .arg(source)
            .args(args)
            .in_english()
            .wall(GIT);
        supervise::answer(&spec, cancel)
    };
    let head = String::from_utf8(say(&["rev-parse", "HEAD"])?).ok()?;
    let changes = say(&["diff", "--binary", "HEAD"])?;
    let changes = blake3::hash(&changes).to_hex();
    Some(format!("git {} {}", head.trim(), &changes[..16]))
}

fn files(source: &Path) -> Result<String> {
    let mut lines = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = source.join(&folder);
        let wrong = |e| Error::io("read the folder", &path, e);
        for entry in fs::read_dir(&path).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let name = folder.join(entry.file_name());
            // One that has gone meanwhile is not there.
            let Ok(meta) = entry.metadata() else { continue };
            if !meta.is_dir() {
                lines.push(format!(
                    "{} {} {}\n",
                    name.display(),
                    meta.size(),
                    meta.mtime()
                ));
            } else if !entry.file_name().to_string_lossy().starts_with('.') {
                folders.push(name);
            }
        }
    }
    lines.sort_unstable();
    let hash = blake3::hash(lines.concat().as_bytes()).to_hex();
    Ok(format!("files {}", &hash[..16]))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key(json: &serde_json::Value) -> RunKey {
        RunKey::from_json(json).unwrap()
    }

    #[test]
    fn a_run_of_an_earlier_version_is_compared_in_its_own_way() {
        let dir = tempfile::tempdir().unwrap();
        let (root, cancel) = (dir.path(), CancelToken::new());
        fs::write(root.join("Makefile"), "all:\n").unwrap();
        fs::write(root.join("a.c"), "int a;\n").unwrap();
        let mut was = key(&serde_json::json!({
            "source": source_id(root).unwrap(),
            "tree": tree_id(root, &cancel).unwrap(),
            "toolchain": toolchain(&cancel),
            "oracles": ["12ab"],
            "arch": "x86_64",
        }));
        let is = key(
            &serde_json::json!({ "source": { "hash": "34cd", "files": 2 }, "arch": "x86_64",
            "toolchain": { "gcc": "56ef gcc" }, "qemu": "78ab qemu",
            "oracles": [{ "name": "x", "files": { "x": "90cd" } }] }),
        );
        let differs = |was: &RunKey, oracle: &str| -> Vec<String> {
            let key = key_like(was, &is, root, vec![oracle.to_owned()], &cancel).unwrap();
            let differs = was.differences(&key).into_iter();
            differs.map(|d| d.part.to_string()).collect()
        };
        assert!(differs(&was, "12ab").is_empty());
        assert_eq!(differs(&was, "34cd"), ["oracles"]);
        fs::write(root.join("a.c"), "int abc;\n").unwrap();
        assert_eq!(differs(&was, "12ab"), ["tree"]);
        // One that is older still did not look at all files.
        was.tree = None;
        assert!(differs(&was, "12ab").is_empty());
        assert_eq!(key_like(&is, &is, root, vec![], &cancel).unwrap(), is);
    }

    #[test]
    fn what_an_earlier_version_did_not_note_is_no_difference() {
        let is = key(
            &serde_json::json!({ "source": { "hash": "34cd" }, "helpers": { "make": "1" },
            "environment": { "CFLAGS": "-O2" }, "outside": {},
            "oracles": [{ "name": "x", "files": { "x": "90cd" }, "uses": { "rules.d/": "1" } }] }),
        );
        let was = key(&serde_json::json!({ "source": { "hash": "34cd" },
            "oracles": [{ "name": "x", "files": { "x": "90cd" } }] }));
        assert_eq!(noted_by(&was, &is), was);
        assert_eq!(noted_by(&is, &is), is);
        // What it noted and is not there any more still differs.
        assert_ne!(noted_by(&is, &was), is);
        let none = RunKey::default();
        assert_eq!(noted_by(&none, &none), none);
    }

    #[test]
    fn an_edited_file_makes_another_tree_and_a_copy_elsewhere_does_not() {
        let cancel = CancelToken::new();
        let tree = |text: &str| {
            let dir = tempfile::tempdir().unwrap();
            fs::create_dir(dir.path().join("mm")).unwrap();
            let file = dir.path().join("mm/slab.c");
            fs::write(&file, text).unwrap();
            let time = std::time::UNIX_EPOCH + Duration::from_secs(1000);
            fs::File::open(&file).unwrap().set_modified(time).unwrap();
            dir
        };
        let (one, same, other) = (tree("int a;"), tree("int a;"), tree("int ab;"));
        let id = |dir: &tempfile::TempDir| tree_id(dir.path(), &cancel).unwrap();
        assert_eq!(id(&one), id(&same));
        assert_ne!(id(&one), id(&other));
    }
}
