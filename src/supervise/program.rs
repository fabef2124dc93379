//! Finds programs in `PATH`.

use std::env;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

/// Finds `name` in `PATH`, as the shell does; a name with a slash is looked at where it is.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return is_executable(Path::new(name)).then(|| PathBuf::from(name));
    }
    if name.is_empty() {
        return None;
    }
    env::split_paths(&env::var_os("PATH")?)
        .map(|dir| dir.join(name))
        .find(|path| is_executable(path))
}

/// The same for a program of the system's administrator, whose folder an ordinary user need not have in `PATH`.
#[must_use]
pub fn find_system_program(name: &str) -> Option<PathBuf> {
    const FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];
    let elsewhere = || {
        let mut paths = FOLDERS.iter().map(|folder| format!("{folder}/{name}"));
        paths.find_map(|path| find_program(&path))
    };
    find_program(name).or_else(elsewhere)
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_path_and_where_they_are() {
        let sh = find_program("sh").unwrap();
        assert!(sh.is_absolute());
        assert_eq!(find_program(sh.to_str().unwrap()), Some(sh));
    }

    #[test]
    fn what_cannot_be_executed_is_not_a_program() {
        assert_eq!(find_program("/etc/passwd"), None);
        assert_eq!(find_program("/etc"), None);
        assert_eq!(find_program("no-such-program-anywhere"), None);
        assert_eq!(find_program(""), None);
    }
}
