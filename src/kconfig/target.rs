//! Configurations that the tree's own make makes: `defconfig`, `x86_64_defconfig`, `tinyconfig`.

use std::fs;
use std::path::{Path, PathBuf};

use super::conf::ConfResolver;
use super::conf_call::{Short, make};
use super::project::Project;
use crate::model::sanitize_line;
use crate::supervise::{self, CancelToken, Log};
use crate::{Error, Result};

const LOG: &str = "make.log";

impl ConfResolver {
    /// The `.config` that `make TARGET` writes in an empty build folder.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when make fails, as there is no such target; else as for
    /// [`Self::build`].
    pub fn make_config(
        &self,
        project: &Project,
        target: &str,
        cancel: &CancelToken,
    ) -> Result<Vec<u8>> {
        let folder = self.scratch_dir()?;
        let tree = folder.path().join("tree");
        fs::create_dir(&tree).map_err(|e| Error::io("make the folder", &tree, e))?;
        let log = folder.path().join(LOG);
        let short = Short::of(&tree)?;
        let spec = make(self.source(), project, &tree, &short.path, self.build_env())
            .arg(target)
            .log(Log::Append(log.clone()));
        let ended = supervise::run(&spec, cancel)?;
        if cancel.is_cancelled() {
            return Err(Error::new(crate::ErrorKind::Interrupted, "interrupted"));
        }
        let config = tree.join(".config");
        match fs::read(&config) {
            Ok(bytes) if ended.success() => Ok(bytes),
            _ => Err(refused(target, &log)),
        }
    }

    /// The files of the tree that `make NAME` merges into a configuration, where the name is one like
    /// `kvm_guest.config`; empty if there is none.
    #[must_use]
    pub fn fragments_named(&self, name: &str) -> Vec<PathBuf> {
        if !name.ends_with(".config") {
            return Vec::new();
        }
        let folders = [
            "kernel/configs".to_owned(),
            format!("arch/{}/configs", self.srcarch()),
        ];
        let paths = folders
            .iter()
            .map(|folder| self.source().join(folder).join(name));
        paths.filter(|path| path.is_file()).collect()
    }
}

fn refused(target: &str, log: &Path) -> Error {
    let said = fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let why = said.lines().find(|line| line.contains("***"));
    let why = why.unwrap_or("it wrote no .config");
    Error::usage(format!("`make {target}` fails: {}", sanitize_line(why, 200))).hint(
        "there is no file of this name, so it is taken for a target of the tree's make; `make help` in the source \
         lists them",
    )
}
