//! `conf` of the kernel source, built once for all toys.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use kbisect::setup::{BUILD, SOURCE, Setup};
use kbisect::supervise::CancelToken;

/// Where it is; it is made by whoever asks first.
pub fn path() -> &'static Path {
    static CONF: OnceLock<PathBuf> = OnceLock::new();
    CONF.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("toy");
        fs::create_dir_all(&folder).unwrap();
        let conf = folder.join("conf");
        let _lock = super::lock(&folder.join("lock"));
        if !conf.is_file() {
            make(&folder, &conf);
        }
        conf
    })
}

fn make(folder: &Path, conf: &Path) {
    let work = tempfile::tempdir_in(folder).unwrap();
    let output = Command::new("make")
        .arg("-C")
        .arg(source())
        .arg(format!("O={}", work.path().display()))
        .arg("allnoconfig")
        .env_remove("MAKEFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    // Renamed, so that it is whole when it is there.
    fs::rename(work.path().join("scripts/kconfig/conf"), conf).unwrap();
}

/// As the program finds it.
fn source() -> PathBuf {
    if let Some(path) = env::var_os("KBISECT_SOURCE_TREE") {
        return path.into();
    }
    let cancel = CancelToken::new();
    let mut note = |_: &str| {};
    let mut setup = Setup::new(&mut note, &cancel).unwrap();
    setup.ensure(BUILD).unwrap();
    setup.ensure(SOURCE).unwrap();
    setup.kernel_source().unwrap()
}
