//! Oracles: finds them, runs them on a built kernel, and reads what they say.

mod asked;
mod boot;
mod call;
mod commands;
mod files;
mod form;
mod header;
mod initrd;
mod judge;
mod listing;
mod said;
mod shipped;
mod unloaded;
mod uses;
mod written;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use boot::{BROKEN, BootCall, CANNOT_TELL, First, broken, is_within_an_oracle};
pub use call::{COMMAND, Job};
pub use form::Forms;
pub use header::Header;
pub use judge::{OracleOutcome, OracleVerdict, judge_all};
pub use shipped::{SHIPPED, Shipped, excuse_header, shipped};
pub use written::Written;

use crate::boot::Hardware;
use crate::guest::{Guest, Medium, RECIPES};
use crate::identity::{Tracked, Version};
use crate::model::{Hashes, OracleFiles, OracleKey, contract, near};
use crate::supervise::find_program;
use crate::{Error, Result, dirs};

/// Bytes of a file up to which it may be a script.
const SMALL: u64 = 1 << 20;

/// The guest of an oracle that speaks of [`contract::GUEST`] and has no header that names one.
const USUAL_GUEST: &str = "busybox";

/// A program that says whether a built kernel is good enough.
#[derive(Debug, Clone)]
pub struct Oracle {
    name: String,
    program: PathBuf,
    /// BLAKE3 of the program's contents, as earlier versions had it.
    contents: blake3::Hash,
    /// The argument of a shipped one: its name has it, too, and so has the key of a verdict.
    argument: Option<String>,
    /// What it says that it needs.
    header: Option<Header>,
    /// The folder of the guest that it boots.
    guest: Option<PathBuf>,
    /// The program, and what it names in its folder.
    files: Arc<Vec<Tracked>>,
    /// What it names elsewhere, and folders.
    uses: Arc<Vec<Tracked>>,
    /// What of these it writes itself.
    written: Arc<Written>,
    /// The kernels that its fast form rejected.
    rejected: Arc<form::Rejected>,
    /// What else a judgement depends on: the guest, QEMU.
    tools: Vec<Arc<Tracked>>,
}

/// Finds an oracle: the name of a [shipped](SHIPPED) one, `NAME:ARGUMENT` for one that takes an argument, or a path
/// to an executable.
///
/// # Errors
/// [`ErrorKind::Usage`](crate::ErrorKind::Usage) when there is no such oracle, or it cannot be
/// executed.
pub fn find(name_or_path: &str) -> Result<Oracle> {
    if let Some((shipped, argument)) = shipped::asked(name_or_path)? {
        let program = shipped::install(shipped, &dirs::cache_dir()?)?;
        return Ok(Oracle {
            contents: shipped.hash_without_header(),
            argument: argument.map(str::to_owned),
            ..Oracle::new(name_or_path, Path::new(shipped.name), program)?
        });
    }
    let path = Path::new(name_or_path);
    if !path.is_file() {
        return Err(no_oracle(name_or_path));
    }
    let path = path
        .canonicalize()
        .map_err(|e| Error::io("look at", path, e))?;
    if find_program(&path.to_string_lossy()).is_none() {
        return Err(
            Error::usage(format!("the oracle {name_or_path} cannot be executed"))
                .hint(format!("chmod +x {name_or_path}")),
        );
    }
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Oracle::new(&name, Path::new(name_or_path), path)
}

/// What the user's environment says.
fn of_environment(variable: &str) -> String {
    let value = std::env::var_os(variable).unwrap_or_default();
    value.to_string_lossy().into_owned()
}

/// Why a name or path is no oracle, and what may be meant.
fn no_oracle(name_or_path: &str) -> Error {
    let shown = name_or_path.escape_debug();
    let names = || SHIPPED.iter().map(|shipped| shipped.name);
    let known = names().collect::<Vec<_>>().join(", ");
    let what = format!("an oracle is the path of an executable file, or one of {known}");
    if Path::new(name_or_path).is_dir() {
        return Error::usage(format!("the oracle `{shown}` is a folder")).hint(what);
    }
    let error = Error::usage(format!("there is no oracle `{shown}`"));
    match near(name_or_path, names()).as_slice() {
        [] => error.hint(what),
        near => error.hint(format!("did you mean {}? {what}", near.join(" or "))),
    }
}

/// [`find`] for several, each with a name of its own: of two with the same name, the second
/// gets a number.
///
/// # Errors
/// As for [`find`].
pub fn find_all<S: AsRef<str>>(names_or_paths: &[S]) -> Result<Vec<Oracle>> {
    let mut taken = HashSet::new();
    let mut oracles = Vec::new();
    for wanted in names_or_paths {
        let mut oracle = find(wanted.as_ref())?;
        let plain = oracle.name.clone();
        let mut number = 2;
        while oracle.folders().any(|folder| taken.contains(&folder)) {
            oracle.name = format!("{plain}-{number}");
            number += 1;
        }
        taken.extend(oracle.folders());
        oracles.push(oracle);
    }
    Ok(oracles)
}

impl Oracle {
    /// The one that is called `name`, and which people know as `shown`.
    fn new(name: &str, shown: &Path, program: PathBuf) -> Result<Self> {
        let contents = std::fs::read(&program).map_err(|e| Error::io("read", &program, e))?;
        let header = Header::read(shown, &contents)?;
        let (disk, nic) = (
            of_environment(contract::DISK),
            of_environment(contract::NIC),
        );
        let header = header.map(|header| header.with_environment(&disk, &nic));
        let files = files::of(&program)?;
        Ok(Self {
            name: name.to_owned(),
            contents: blake3::hash(&contents),
            argument: None,
            header: header.transpose()?,
            guest: None,
            uses: Arc::new(uses::of(&program, &files)),
            files: Arc::new(files),
            written: Arc::default(),
            rejected: Arc::default(),
            program,
            tools: Vec::new(),
        })
    }

    /// Those of its forms that are to be asked; at least one.
    fn forms(&self, which: Forms) -> Vec<form::Form> {
        let levels = self.header.as_ref().map(Header::levels);
        form::forms(&self.name, levels, which)
    }

    /// The names of its folders in a trial.
    fn folders(&self) -> impl Iterator<Item = String> + use<> {
        let forms = self.forms(Forms::Each).into_iter();
        forms.map(|form| form.folder)
    }

    /// Its name: that of the file. It is also the name of its folder in a trial.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The executable.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Its argument, if it takes one.
    #[must_use]
    pub fn argument(&self) -> Option<&str> {
        self.argument.as_deref()
    }

    /// What it says that it needs, if it says anything.
    #[must_use]
    pub fn header(&self) -> Option<&Header> {
        self.header.as_ref()
    }

    /// The guest that it boots: that of its header; else the usual one, if its program speaks of [`contract::GUEST`].
    #[must_use]
    pub fn guest(&self) -> Option<Guest> {
        let named = self.header.as_ref().and_then(Header::guest).cloned();
        let usual = || {
            Guest::find(USUAL_GUEST)
                .ok()
                .filter(|_| self.mentions(contract::GUEST))
        };
        named.or_else(usual)
    }

    /// Does its header name a guest? Then another can [take its place](Self::with_guest).
    #[must_use]
    pub fn names_guest(&self) -> bool {
        self.header.as_ref().and_then(Header::guest).is_some()
    }

    /// The same with another guest than that of its header, if that names one.
    ///
    /// # Errors
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage): the guest does not fit the machine of the header.
    pub fn with_guest(mut self, guest: &Guest) -> Result<Self> {
        if let Some(file) = self.missing_in(guest) {
            let name = &self.name;
            return Err(Error::usage(format!("the oracle {name} boots {file}, which the guest {} does not have", guest.name()))
                .hint(format!("copy it (`kbisect oracles {name} > mine`) and leave --initrd out: `kbisect boot` takes that of the guest")));
        }
        if self.names_guest()
            && let Some(header) = self.header.take()
        {
            let name = &self.name;
            let header = header.with_guest(guest).map_err(|why| {
                Error::usage(format!("the oracle {name} cannot be asked with the guest {}: {why}", guest.name()))
                    .hint(format!("leave --guest out, or write a header for it: `kbisect oracles {name}` shows one"))
            });
            self.header = Some(header?);
        }
        Ok(self)
    }

    /// The file that its program names of the guest of its header, and that this one lacks: archives of the user's
    /// have another name.
    fn missing_in(&self, guest: &Guest) -> Option<&'static str> {
        let is_replaced = self.header.as_ref().and_then(Header::guest).is_some();
        if !is_replaced || !matches!(guest, Guest::Own(_)) {
            return None;
        }
        let mut named = RECIPES.iter().filter_map(|recipe| match recipe.medium {
            Medium::Ram { initrd } => Some(initrd),
            Medium::Disk => None,
        });
        named.find(|file| self.mentions(file))
    }

    /// The same, whose guest is in this folder.
    #[must_use]
    pub fn booting(self, folder: &Path) -> Self {
        Self {
            guest: Some(folder.to_owned()),
            ..self
        }
    }

    /// Does its program speak of `word`?
    #[must_use]
    pub fn mentions(&self, word: &str) -> bool {
        // It was read before; one that has gone since is told when it is run.
        speaks_of(&self.program, word)
    }

    /// Does it compare kernels with the start: does its program, or a file that it uses, speak of
    /// [`contract::BASELINE`]?
    #[must_use]
    pub fn compares(&self) -> bool {
        let files = self.files.iter().chain(&*self.uses).map(Tracked::path);
        let is_small = |of: std::fs::Metadata| of.is_file() && of.len() <= SMALL;
        let mut texts = files.filter(|path| std::fs::metadata(path).is_ok_and(is_small));
        self.mentions(contract::BASELINE) || texts.any(|path| speaks_of(path, contract::BASELINE))
    }

    /// Does it look at the log of a whole build?
    #[must_use]
    pub fn reads_build_log(&self) -> bool {
        self.mentions(contract::BUILD_LOG)
    }

    /// Does it boot kernels by `kbisect boot`?
    #[must_use]
    pub fn boots(&self) -> bool {
        let asks =
            |header: &Header| header.guest().is_some() || header.hardware() != Hardware::default();
        self.header.as_ref().is_some_and(asks) || self.mentions("kbisect boot")
    }

    /// What it is made of, in the key of a verdict: its name, and the hash of each file by its name; apart those
    /// that earlier versions did not look at. What it writes itself is left out.
    #[must_use]
    pub fn key(&self) -> OracleKey {
        let hashes = |files: &[Tracked]| -> Hashes {
            let files = files.iter().filter(|file| !self.writes(file));
            files
                .map(|file| (file.name().to_owned(), file.hash()))
                .collect()
        };
        OracleKey::Files(OracleFiles {
            files: hashes(&self.files),
            name: self.name.clone(),
            uses: Some(hashes(&self.uses)),
        })
    }

    /// What it writes itself does not differ from the key `was`: takes it from there into its key `is`. Nor does
    /// what is there only now, which it may have made itself, but for programs and what is sourced.
    pub fn excuse(&self, was: &OracleKey, is: &mut OracleKey) {
        excuse_header(was, is);
        let (OracleKey::Files(was), OracleKey::Files(is)) = (was, is) else {
            return;
        };
        let files = [(&was.files, &mut is.files)];
        let uses = was.uses.as_ref().zip(is.uses.as_mut());
        for (was, is) in files.into_iter().chain(uses) {
            for (name, hash) in was {
                if self.written.has(&self.name, name) {
                    is.insert(name.clone(), hash.clone());
                }
            }
            let may_be_made = |name: &str| {
                let mut all = self.files.iter().chain(self.uses.iter());
                all.any(|file| file.name() == name && self.may_make(file, was))
            };
            is.retain(|name, _| was.contains_key(name) || !may_be_made(name));
        }
    }

    /// What it was seen to write itself is known from `written`, and noted there.
    #[must_use]
    pub fn noting(mut self, written: &Arc<Written>) -> Self {
        self.written = Arc::clone(written);
        self
    }

    /// What it was seen to do that the user should know, and was not told yet.
    pub fn take_warnings(&self) -> Vec<String> {
        self.written.take_warnings()
    }

    /// Was it seen to write this file itself?
    fn writes(&self, file: &Tracked) -> bool {
        self.written.has(&self.name, file.name())
    }

    /// Its judgements depend on these files too.
    #[must_use]
    pub fn with_tools(mut self, tools: &[Arc<Tracked>]) -> Self {
        self.tools.extend_from_slice(tools);
        self
    }

    /// All that its judgements depend on, but for what it writes itself.
    fn all(&self) -> impl Iterator<Item = &Tracked> {
        let files = self.files.iter().chain(self.uses.iter());
        let files = files.filter(|file| !self.writes(file));
        files.chain(self.tools.iter().map(AsRef::as_ref))
    }

    /// May it be that it writes this file itself when it judges? Not what is run or sourced, nor tools.
    fn may_write(&self, file: &Tracked) -> bool {
        let files = self.files.iter().chain(self.uses.iter());
        let mut files = files.filter(|own| !files::is_program(own.path()) || own.path().is_dir());
        files.any(|own| std::ptr::eq(own, file))
    }

    /// May it have made this file itself since its key said `was`? A folder with all that is in it, too.
    fn may_make(&self, file: &Tracked, was: &Hashes) -> bool {
        let is_in =
            |folder: &&Tracked| folder.path().is_dir() && file.path().starts_with(folder.path());
        let mut folders = self.uses.iter().filter(is_in);
        self.may_write(file) || folders.any(|folder| !was.contains_key(folder.name()))
    }

    /// Looks at all that its judgements depend on.
    fn look(&self) -> Vec<(&Tracked, Version)> {
        self.all().map(|file| (file, file.version())).collect()
    }

    /// A log that has only grown since it was `seen` it writes itself, if not each time: for one, when it rejects.
    fn note_logs(&self, seen: &[(&Tracked, Version)]) -> Result<()> {
        let files = seen.iter().map(|(file, _)| *file);
        let files = files.filter(|file| self.may_write(file) && written::is_log(file.path()));
        let grown: Vec<&str> = files
            .filter(|file| !file.is_first(&file.version()) && file.has_grown())
            .map(Tracked::name)
            .collect();
        self.written.note(self.name(), &grown)
    }

    fn changed(&self, file: &Tracked) -> Error {
        let oracle = self.name();
        Error::failed(format!(
            "oracle {oracle}: {} was changed during the run",
            file.name()
        ))
        .hint(
            "put it back as it was and `kbisect resume`, or start a new run with another --output. If the oracle writes \
             it itself: it has $KBISECT_TRIAL to write to",
        )
    }

    /// What the key of a verdict said of it in earlier versions: a hash of its program and of the
    /// [version of the guest](crate::guest::GuestDir::version) that it boots, if there is one.
    #[must_use]
    pub fn earlier_id(&self, guest_version: Option<&str>) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.contents.as_bytes());
        hasher.update(guest_version.unwrap_or_default().as_bytes());
        hasher.finalize().to_hex().to_string()
    }
}

/// Is `word` in the file?
fn speaks_of(path: &Path, word: &str) -> bool {
    let contents = std::fs::read(path).unwrap_or_default();
    let mut windows = contents.windows(word.len());
    windows.any(|window| window == word.as_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
