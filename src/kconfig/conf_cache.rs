//! Caches what was learnt of a tree's `conf` for later runs, keyed by everything that it depends on.
//!
//! What it depends on is in the name of its folder: the source (its path; of Linux the states of Makefile
//! and `scripts`, of any other project of all its files), how make is called, the environment but for
//! what is known to be harmless, the programs of a build, and what is installed where Debian and
//! others note it. What Kconfig asks the shell for beyond that is taken to stay as it is: if it
//! does not, remove the folder.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, FileTimes, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use super::conf_call::{Call, SHIM};
use super::project::Project;
use crate::identity::{self, Variables};
use crate::supervise::CancelToken;
use crate::{Error, ErrorKind, Result};

/// Changes with what is in a folder, or what its name says.
const VERSION: u32 = 3;

/// How many are kept: those that were used last. Each takes some 3 MB.
const KEPT: usize = 12;

/// How often a lock that another process holds is tried again.
const RETRY: Duration = Duration::from_millis(50);

/// Written last: what is in the folder is complete. Its time is that of the last use.
const COMPLETE: &str = "complete";

/// What changes when something is installed: folders have a new time then.
const INSTALLED: &[&str] = &[
    "/etc/alternatives",
    "/etc/ld.so.cache",
    "/lib/apk/db/installed",
    "/usr/include",
    "/usr/lib/gcc",
    "/usr/local/include",
    "/var/lib/dpkg/status",
    "/var/lib/pacman/local",
    "/var/lib/rpm/rpmdb.sqlite",
];

/// A folder with a call that was learnt; nobody removes it while this lives.
#[derive(Debug)]
pub(super) struct Kept {
    _in_use: File,
}

impl Kept {
    /// The call that is kept in the folder `cache` for this source and toolchain, or a new one.
    ///
    /// # Errors
    /// As for [`Call::learn`]; the folder cannot be used.
    pub(super) fn find_or_make(
        source: &Path,
        project: &Project,
        cache: &Path,
        cancel: &CancelToken,
    ) -> Result<(Self, Call)> {
        // Nobody else's business: what is in an environment can be secret.
        let mut builder = DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(cache);
        made.map_err(|e| Error::io("make the folder", cache, e))?;
        let name = name(source, project);
        let folder = cache.join(&name);
        // Beside the folder: it stays when that goes.
        let path = cache.join(format!("{name}.lock"));
        let lock = File::create(&path).map_err(|e| Error::io("open", &path, e))?;
        let kept = || {
            let text = fs::read_to_string(folder.join(COMPLETE)).ok()?;
            let call = (text == VERSION.to_string()).then(|| Call::learnt(&folder).ok())??;
            call.is_whole().then_some(call)
        };
        loop {
            take(&lock, File::try_lock_shared, &path, cancel)?;
            if let Some(call) = kept() {
                touch(&folder.join(COMPLETE));
                return Ok((Self { _in_use: lock }, call));
            }
            let unlock = || lock.unlock().map_err(|e| Error::io("unlock", &path, e));
            unlock()?;
            take(&lock, File::try_lock, &path, cancel)?;
            // Perhaps another process was quicker.
            if kept().is_none() {
                make(source, project, &folder, cancel)?;
            }
            clear(cache, &name);
            // Not changed into a shared one, as that would not be done in one step. Between the
            // two, somebody may remove the folder: then once more.
            unlock()?;
        }
    }
}

fn make(source: &Path, project: &Project, folder: &Path, cancel: &CancelToken) -> Result<()> {
    let call = Call::learn(source, project, folder, cancel)?;
    if !call.is_whole() {
        return Err(Error::failed("make did not leave Kconfig's `conf` behind"));
    }
    let complete = folder.join(COMPLETE);
    // First of all, what it says is complete must be on the disk.
    let synced = File::open(folder).and_then(|f| nix::unistd::syncfs(f).map_err(Into::into));
    synced
        .and_then(|()| fs::write(&complete, VERSION.to_string()))
        .map_err(|e| Error::io("write", &complete, e))
}

/// Takes a lock, in this way; waits while another process is in the way.
fn take(
    lock: &File,
    way: fn(&File) -> std::result::Result<(), TryLockError>,
    path: &Path,
    cancel: &CancelToken,
) -> Result<()> {
    loop {
        match way(lock) {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if cancel.is_cancelled() => {
                return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(RETRY),
            Err(TryLockError::Error(e)) => return Err(Error::io("lock", path, e)),
        }
    }
}

/// Notes the time of a use. If that fails, the folder goes earlier than it should.
fn touch(path: &Path) {
    if let Ok(file) = File::open(path) {
        let _ = file.set_times(FileTimes::new().set_modified(SystemTime::now()));
    }
}

/// Removes what was not used for longest, and is not in use. What cannot be removed only takes
/// space.
fn clear(cache: &Path, except: &str) {
    let mut others: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != OsStr::new(except) {
            let used = fs::metadata(path.join(COMPLETE)).and_then(|m| m.modified());
            others.push((used.unwrap_or(SystemTime::UNIX_EPOCH), path));
        }
    }
    others.sort_unstable();
    let surplus = (others.len() + 1).saturating_sub(KEPT);
    for (_, folder) in others.into_iter().take(surplus) {
        if let Ok(lock) = File::create(folder.with_extension("lock"))
            && lock.try_lock().is_ok()
        {
            let _ = fs::remove_file(folder.join(COMPLETE));
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// What a call depends on, as a name.
fn name(source: &Path, project: &Project) -> String {
    let mut lines = vec![
        format!("{VERSION} {}", blake3::hash(SHIM.as_bytes())),
        format!("{source:?}"),
        format!("{project:?}"),
    ];
    lines.extend(stamp(&source.join("Makefile")));
    if project.name == "linux" {
        lines.extend(stamps(&source.join("scripts")));
    } else {
        // Files of Kconfig may be made of any others, as those of BusyBox are.
        lines.extend(stamps(source));
    }
    for (name, value) in std::env::vars_os() {
        if !identity::is_harmless(&name) {
            lines.push(format!("{name:?}={value:?}"));
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path);
    let installed = INSTALLED.iter().map(PathBuf::from);
    lines.extend(folders.chain(installed).filter_map(|p| stamp(&p)));
    let variables = Variables::of(&project.make_args, &project.env);
    let programs = identity::programs(&variables);
    lines.extend(programs.iter().filter_map(|p| stamp(p)));
    lines.sort_unstable();
    let hash = blake3::hash(lines.join("\n").as_bytes()).to_hex();
    hash[..16].to_owned()
}

/// The states of all files in a folder, but for what git keeps.
fn stamps(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && entry.file_name() == ".git" => {}
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => lines.extend(stamp(&entry.path())),
            }
        }
    }
    lines
}

/// A file or folder and its state; `None` when it is not there.
fn stamp(path: &Path) -> Option<String> {
    let meta = fs::metadata(path).ok()?;
    let (seconds, nanos) = (meta.mtime(), meta.mtime_nsec());
    Some(format!("{path:?} {} {seconds}.{nanos}", meta.size()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A fake source whose make calls a fake `conf`.
    fn source(dir: &Path) -> Project {
        fs::create_dir_all(dir.join("scripts")).unwrap();
        fs::write(dir.join("scripts/conf.c"), "int main(void) { return 0; }\n").unwrap();
        fs::write(
            dir.join("Makefile"),
            "allnoconfig:\n\t@echo made >>made\n\tcc -o $(O)conf scripts/conf.c\n\t$(O)conf --allnoconfig Kconfig\n",
        )
        .unwrap();
        Project::linux("x86_64").unwrap()
    }

    fn made(dir: &Path) -> usize {
        let text = fs::read_to_string(dir.join("made")).unwrap_or_default();
        text.lines().count()
    }

    #[test]
    fn a_call_is_learnt_once_until_what_it_depends_on_changes() {
        let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let project = source(dir.path());
        let cancel = CancelToken::new();
        let find = || Kept::find_or_make(dir.path(), &project, cache.path(), &cancel).unwrap();
        let (_first, one) = find();
        let (_second, two) = find();
        assert_eq!(made(dir.path()), 1);
        assert_eq!(one.args, ["--allnoconfig", "Kconfig"]);
        assert_eq!((one.program, one.args), (two.program, two.args));
        fs::write(dir.path().join("scripts/new.sh"), "").unwrap();
        find();
        assert_eq!(made(dir.path()), 2);
    }

    #[test]
    fn one_that_was_not_learnt_to_the_end_is_learnt_again() {
        let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let project = source(dir.path());
        let cancel = CancelToken::new();
        let find = || Kept::find_or_make(dir.path(), &project, cache.path(), &cancel).unwrap();
        find();
        let folder = cache.path().join(name(dir.path(), &project));
        fs::remove_file(folder.join(COMPLETE)).unwrap();
        find();
        assert_eq!(made(dir.path()), 2);
    }

    #[test]
    fn those_not_used_for_longest_go_unless_they_are_in_use() {
        let cache = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - Duration::from_secs(1000);
        for i in 0..KEPT + 2 {
            let folder = cache.path().join(format!("f{i:02}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(COMPLETE), "").unwrap();
            let time = old + Duration::from_secs(i as u64);
            let file = File::open(folder.join(COMPLETE)).unwrap();
            file.set_modified(time).unwrap();
        }
        let in_use = File::create(cache.path().join("f00.lock")).unwrap();
        in_use.lock_shared().unwrap();
        let is_there = |name: &str| cache.path().join(name).exists();
        clear(cache.path(), "f13");
        assert!(is_there("f00") && !is_there("f01") && is_there("f02"));
        drop(in_use);
        clear(cache.path(), "f13");
        assert!(!is_there("f00") && is_there("f02"));
    }

    #[test]
    fn of_the_environment_only_what_make_adds_is_kept_and_for_nobody_else() {
        use std::os::unix::fs::PermissionsExt;
        let (dir, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let project = source(dir.path());
        let cache = cache.path().join("kconfig");
        let cancel = CancelToken::new();
        let (_kept, call) = Kept::find_or_make(dir.path(), &project, &cache, &cancel).unwrap();
        let names: Vec<&std::ffi::OsString> = call.env.iter().map(|(name, _)| name).collect();
        assert!(names.iter().any(|n| *n == "KBUILD_BUILD_USER"), "{names:?}");
        assert!(!names.iter().any(|n| *n == "PATH"), "{names:?}");
        let mode = fs::metadata(&cache).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
