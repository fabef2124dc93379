//! Reads small plain files, whatever lies in their place.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;

/// Longest file that is read, in bytes.
const LONGEST: u64 = 32 << 20;

/// The text of a file. None if there is none, it is no plain file, or it is too long: oracles can write to the folders of
/// trials, and a report is to be made all the same.
pub(crate) fn plain_file(path: &Path) -> Option<String> {
    // A pipe would wait for its other end.
    // Nor a link: the page would show a file of its reader to others.
    let flags = (OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).bits();
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .ok()?;
    let meta = file.metadata().ok()?;
    if !meta.is_file() || meta.len() > LONGEST {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_a_plain_file_of_a_sane_size_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::write(path("text"), b"CONFIG_A=y\n\xff").unwrap();
        nix::unistd::mkfifo(&path("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::fs::symlink("/dev/zero", path("zero")).unwrap();
        fs::create_dir(path("folder")).unwrap();
        let long = fs::File::create(path("long")).unwrap();
        long.set_len(LONGEST + 1).unwrap();
        assert_eq!(plain_file(&path("text")).unwrap(), "CONFIG_A=y\n\u{fffd}");
        for name in ["pipe", "zero", "folder", "long", "none"] {
            assert_eq!(plain_file(&path(name)), None, "{name}");
        }
    }
}
