//! Puts files into an ext2 file system without mounting it, by `debugfs`.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use crate::boot::Nameless;
use crate::model::sanitize_line;
use crate::supervise::{CancelToken, Log, Spec, capture, find_system_program, run};
use crate::{Error, ErrorKind, Result};

/// The program that reads and writes file systems of the ext family.
const DEBUGFS: &str = "debugfs";
/// What it says when there is no room.
const FULL: &str = "Could not allocate";

/// Files that are to be put into a file system.
pub(super) struct BootFiles<'a> {
    /// The image, in the words of `debugfs`.
    device: String,
    folder: Option<&'a Path>,
    cancel: &'a CancelToken,
    files: Vec<Added<'a>>,
}

struct Added<'a> {
    folder: &'static str,
    name: &'static str,
    content: &'a [u8],
}

impl<'a> BootFiles<'a> {
    /// Into the file system in `image` that begins at this byte. `folder` is for temporary files.
    pub(super) fn new(
        image: &Nameless,
        begin: u64,
        folder: Option<&'a Path>,
        cancel: &'a CancelToken,
    ) -> Self {
        Self {
            device: format!("{}?offset={begin}", image.path().display()),
            folder,
            cancel,
            files: Vec::new(),
        }
    }

    /// To be put into `folder`, which is there, in place of an older one.
    pub(super) fn add(&mut self, folder: &'static str, name: &'static str, content: &'a [u8]) {
        self.files.push(Added {
            folder,
            name,
            content,
        });
    }

    /// Puts them there.
    ///
    /// # Errors
    /// There is no `debugfs`, or no room.
    pub(super) fn write(&self) -> Result<()> {
        let program = program(DEBUGFS)?;
        let wrong = |e| Error::failed("cannot put the kernel into /boot").because(e);
        let mut commands = String::new();
        let mut sources = Vec::new();
        for Added {
            folder,
            name,
            content,
        } in &self.files
        {
            let source = Nameless::new(self.folder).map_err(wrong)?;
            source.file().write_all(content).map_err(wrong)?;
            let path = source.path();
            commands += &format!("cd {folder}\nrm {name}\nwrite {} {name}\n", path.display());
            sources.push(source);
        }
        let script = Nameless::new(self.folder).map_err(wrong)?;
        script
            .file()
            .write_all(commands.as_bytes())
            .map_err(wrong)?;
        let log = Nameless::new(self.folder).map_err(wrong)?;
        let spec = Spec::new(&program)
            .args(["-w", "-f"])
            .arg(script.path())
            .arg(&self.device)
            .in_english()
            .log(Log::File(log.path()));
        run(&spec, self.cancel)?;
        let mut said = String::new();
        let _ = log.file().read_to_string(&mut said);
        // It ends with 0 whatever happened.
        for added in &self.files {
            if self.read(&program, added)? != added.content {
                return Err(self.not_written(added, &said));
            }
        }
        Ok(())
    }

    fn read(&self, program: &Path, added: &Added<'_>) -> Result<Vec<u8>> {
        let path = format!("cat {}/{}", added.folder.trim_end_matches('/'), added.name);
        let spec = Spec::new(program).args(["-R", &path, &self.device]);
        let (_, content) = capture(&spec, self.cancel)?;
        if self.cancel.is_cancelled() {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        Ok(content)
    }

    fn not_written(&self, added: &Added<'_>, said: &str) -> Error {
        if said.contains(FULL) {
            let size = |added: &Added<'_>| added.content.len() as u64;
            let all: u64 = self.files.iter().map(size).sum();
            return Error::failed(format!(
                "the kernel ({} MiB) does not fit into /boot of the guest",
                all.div_ceil(1 << 20)
            ))
            .hint("boot it without GRUB (boot=direct)");
        }
        let line = said.lines().rev().find(|line| line.contains(added.name));
        let error = Error::failed(format!("{DEBUGFS} did not write {} into /boot", added.name));
        match line {
            Some(line) => error.because(sanitize_line(line, 200)),
            None => error,
        }
    }
}

fn program(name: &str) -> Result<PathBuf> {
    find_system_program(name).ok_or_else(|| {
        Error::failed(format!("boot=grub needs {name}, which is not installed"))
            .hint("apt-get install e2fsprogs")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_told_with_its_package() {
        let error = program("no-such-debugfs").unwrap_err();
        assert!(error.to_string().contains("no-such-debugfs"), "{error}");
        assert_eq!(error.hint_text(), Some("apt-get install e2fsprogs"));
    }
}
