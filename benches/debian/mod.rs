//! Debian's kernel source, and its own `conf`: what several benches begin with.

use std::path::{Path, PathBuf};

use kbisect::dirs::cache_dir;
use kbisect::kconfig::{ConfResolver, Project};
use kbisect::setup::Setup;
use kbisect::supervise::CancelToken;

/// Where the source is.
pub fn source(cancel: &CancelToken) -> PathBuf {
    let mut note = |_: &str| {};
    Setup::new(&mut note, cancel)
        .and_then(|mut setup| setup.kernel_source())
        .expect("`kbisect setup` was run")
}

/// Its `conf`, as a run begins with it.
pub fn conf(source: &Path, work: &Path, cancel: &CancelToken) -> ConfResolver {
    let project = Project::linux("x86_64").expect("a known architecture");
    let cache = cache_dir().expect("a home").join("kconfig");
    ConfResolver::kept(source, &project, &cache, work, cancel).expect("make works here")
}
