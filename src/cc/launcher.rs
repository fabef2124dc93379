//! Answers a call of the compiler, from the cache or by the compiler.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use memchr::memmem;

use super::autoconf::AUTOCONF;
use super::call::{Call, Form};
use super::hash::add;
use super::manifest::{Found, Hash, Sources};
use super::note::{Means, Note};
use super::probe::{Probe, ProbeResult};
use super::store::Outcome;
use super::symbols::Values;
use super::{Store, allowlist, directives, manifest, text};
use crate::error::unless_absent;
use crate::supervise::{self, Relayed};

/// The launcher's name: what kbisect is called by to be one.
pub const LAUNCHER: &str = "kbisect-cc";

/// The variable with the cache folder; without it nothing is cached.
pub const CACHE: &str = "KBISECT_CC_CACHE";

/// The variable with what tells one toolchain from another.
pub const TOOLCHAIN: &str = "KBISECT_CC_TOOLCHAIN";

/// The variable with the state of the compiler when it was named ([`crate::identity::compiler_state`]): what a
/// compiler that was replaced since makes is not kept.
pub const STATE: &str = "KBISECT_CC_STATE";

/// The variable with the file for [`Note`]s.
pub const NOTES: &str = "KBISECT_CC_NOTES";

/// The exit code when the compiler cannot be run, as a shell gives it.
pub const CANNOT: u8 = 127;

/// The environment that makes a compiler write or say more than it is asked for.
const TALKS: &[&str] = &[
    "DEPENDENCIES_OUTPUT",
    "SUNPRO_DEPENDENCIES",
    "GCC_COMPARE_DEBUG",
    "GCC_EXTRA_DIAGNOSTIC_OUTPUT",
];

/// The environment that makes a compiler do something else.
const ENVIRONMENT: &[&str] = &[
    "CPATH",
    "C_INCLUDE_PATH",
    "COMPILER_PATH",
    "GCC_EXEC_PREFIX",
    "LIBRARY_PATH",
    "SOURCE_DATE_EPOCH",
    "GCC_COLORS",
    "LANG",
    "LC_ALL",
    "LC_MESSAGES",
    "LC_CTYPE",
];

/// A file that was changed so shortly before a call may have been changed during it: clocks of
/// filesystems go in steps.
const STEP: Duration = Duration::from_millis(10);

/// What the launcher is to do in the end.
#[derive(Debug)]
#[must_use]
pub enum Answer {
    /// Become the compiler: it is not for us.
    PassThrough,
    /// Say this, and end with this status.
    Done {
        /// The compiler's exit status.
        status: u8,
        /// What it writes to standard output.
        output: Vec<u8>,
        /// What it says on standard error.
        messages: Vec<u8>,
    },
}

/// Answers a call of `compiler` with `args`, in the working directory and environment of this
/// process.
///
/// # Errors
/// The input of a probe cannot be read. What is wrong with the cache, or an object that cannot be written, is
/// no error: then the compiler is asked.
pub fn answer(compiler: &OsString, args: &[OsString]) -> std::io::Result<Answer> {
    let (Some(cache), Some(toolchain)) = (env::var_os(CACHE), env::var_os(TOOLCHAIN)) else {
        return Ok(Answer::PassThrough);
    };
    let is_set = |name: &&str| env::var_os(name).is_some();
    if TALKS.iter().any(is_set) {
        return Ok(Answer::PassThrough);
    }
    // Whoever runs the build sees to its size.
    let mut store = Store::within(&PathBuf::from(cache), u64::MAX);
    if let Some(state) = env::var_os(STATE) {
        store = store.made_by(compiler, state);
    }
    if !store.is_of_its_compiler() {
        return Ok(Answer::PassThrough);
    }
    let Some(call) = Call::parse(args) else {
        return match Probe::parse(args) {
            // What is in the folders that these name may be included without being named.
            Some(probe) if !["CPATH", "C_INCLUDE_PATH"].iter().any(is_set) => {
                answer_probe(&probe, &store, &toolchain, compiler, args)
            }
            _ => Ok(Answer::PassThrough),
        };
    };
    let launcher = Launcher {
        compiler,
        args,
        context: context(&toolchain, call.has_directory),
        call,
        store,
        autoconf: autoconf(),
        began: SystemTime::now(),
    };
    let Some(Done {
        means,
        worth,
        relayed: done,
    }) = launcher.answer()
    else {
        return Ok(Answer::PassThrough);
    };
    if let Some(file) = env::var_os(NOTES)
        && done.status == 0
    {
        let note = Note {
            object: launcher.call.object.to_string_lossy().into_owned(),
            means,
            cpu: supervise::cpu_so_far(),
            worth,
        };
        note.add_to(Path::new(&file));
    }
    Ok(Answer::Done {
        status: done.status,
        output: Vec::new(),
        messages: done.messages,
    })
}

/// Answers a probe as it was answered before; else asks the compiler.
fn answer_probe(
    probe: &Probe<'_>,
    store: &Store,
    toolchain: &OsString,
    compiler: &OsString,
    args: &[OsString],
) -> std::io::Result<Answer> {
    let text = probe.text()?;
    let name = allowlist::is_plain(&text).then(|| {
        let mut hasher = context(toolchain, probe.has_directory);
        add(&mut hasher, b"question");
        add(&mut hasher, compiler.as_bytes());
        add(&mut hasher, &text);
        let words = probe.words.iter();
        words.for_each(|word| add(&mut hasher, word.as_bytes()));
        *hasher.finalize().as_bytes()
    });
    let known = name.and_then(|name| store.answer(&name));
    // What is known and cannot be put in its place is asked, but not kept anew.
    let keeps = name.filter(|_| known.is_none());
    if let Some(known) = known.filter(|known| probe.put(known).is_ok()) {
        return Ok(known.into());
    }
    let answered = match probe.ask(compiler, args, &text) {
        Ok(answered) => answered,
        Err(_) if probe.is_unread() => return Ok(Answer::PassThrough),
        // What it was to read is read: it cannot be left to the compiler any more.
        Err(error) => {
            let name = compiler.to_string_lossy();
            return Ok(Answer::Done {
                status: CANNOT,
                output: Vec::new(),
                messages: format!("{LAUNCHER}: {name}: {error}\n").into_bytes(),
            });
        }
    };
    if let Some(name) = keeps.filter(|_| probe.is_final(compiler, &answered)) {
        // That it cannot be kept is no reason to fail.
        let _ = store.keep_answer(&name, &answered);
    }
    Ok(answered.into())
}

impl From<ProbeResult> for Answer {
    fn from(answered: ProbeResult) -> Self {
        Self::Done {
            status: answered.status,
            output: answered.output,
            messages: answered.messages,
        }
    }
}

/// All values as they are now, if the tree has any (and not two files of them).
fn autoconf() -> Option<Vec<u8>> {
    let mut found = AUTOCONF.iter().filter_map(|path| fs::read(path).ok());
    let one = found.next()?;
    found.next().is_none().then_some(one)
}

/// What a call depends on besides files and its arguments.
fn context(toolchain: &OsString, has_directory: bool) -> blake3::Hasher {
    let mut hasher = blake3::Hasher::new();
    add(&mut hasher, b"kbisect-cc 2");
    add(&mut hasher, toolchain.as_bytes());
    for name in ENVIRONMENT {
        let value = env::var_os(name).unwrap_or_default();
        add(&mut hasher, value.as_bytes());
    }
    if has_directory {
        let directory = env::current_dir().unwrap_or_default();
        add(&mut hasher, directory.as_os_str().as_bytes());
        // By which of its names a compiler calls it.
        let name = env::var_os("PWD").unwrap_or_default();
        add(&mut hasher, name.as_bytes());
    }
    hasher
}

/// Does it make the assembler read files, which nobody knows of? (`/proc/config.gz` is one.)
fn reads_more(text: &[u8]) -> bool {
    let directives = [b".incbin".as_slice(), b".include"];
    directives
        .iter()
        .any(|directive| memmem::find(text, directive).is_some())
}

/// What was done for a call.
struct Done {
    means: Means,
    worth: Duration,
    relayed: Relayed,
}

/// What the preprocessor makes of a source.
struct Preprocessed {
    form: Form,
    text: Vec<u8>,
    /// The name of what the compiler makes of it.
    name: Hash,
    /// What it read, if the call can be known by that.
    sources: Option<Sources>,
}

/// What the compiler was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Input {
    Text,
    Source,
}

struct Launcher<'a> {
    compiler: &'a OsString,
    args: &'a [OsString],
    call: Call,
    context: blake3::Hasher,
    store: Store,
    autoconf: Option<Vec<u8>>,
    began: SystemTime,
}

impl Launcher<'_> {
    fn name(&self, kind: &[u8], args: &[OsString]) -> blake3::Hasher {
        let mut hasher = self.context.clone();
        add(&mut hasher, kind);
        add(&mut hasher, self.compiler.as_bytes());
        // It gets into the object.
        let source = Path::new(&self.call.source).file_name();
        add(&mut hasher, source.unwrap_or_default().as_bytes());
        args.iter().for_each(|arg| add(&mut hasher, arg.as_bytes()));
        hasher
    }

    /// Nothing when it is better left to the compiler.
    fn answer(&self) -> Option<Done> {
        let call = *self.name(b"call", self.args).finalize().as_bytes();
        let values = Values::of(self.autoconf.as_deref().unwrap_or_default());
        let has_values = self.autoconf.is_some();
        if has_values
            && let Some(found) = self.store.manifest(&call).and_then(|m| m.find(&values))
            && let Some(done) = self.put(&found.outcome, Some(&found.depfile))
        {
            return Some(done);
        }
        let by_directives = || self.by_directives(&values);
        let by_directives = has_values.then(by_directives).flatten();
        // If it cannot be preprocessed, the compiler itself is to say what is wrong.
        let Preprocessed {
            form,
            text,
            name,
            sources,
        } = by_directives.or_else(|| self.by_all(&values))?;
        // What was read a second time must have been the same.
        let mut is_kept = true;
        let done = match self.put(&name, None) {
            Some(done) => done,
            None => {
                let (relayed, input) = self.compile(form, &text)?;
                let done = Done {
                    means: Means::Compiled,
                    worth: supervise::cpu_so_far(),
                    relayed,
                };
                is_kept = input == Input::Text || self.is_settled(&text);
                if is_kept {
                    // That it cannot be kept is no reason to fail.
                    let _ = self.keep(&name, &done);
                }
                done
            }
        };
        if let Some(sources) = sources.filter(|sources| is_kept && !sources.form_names) {
            let _ = self.remember(&call, &values, &sources, name);
        }
        Some(done)
    }

    /// The text that the preprocessor gives, if it has nothing to say.
    fn preprocess(&self, form: Form) -> Option<Vec<u8>> {
        let done = supervise::relay(self.compiler, &self.call.preprocess(form), b"").ok()?;
        (done.status == 0 && done.messages.is_empty()).then_some(done.output)
    }

    /// The text with its macros, if the object can be known by that. Of gcc's text: another compiler's may lack
    /// macros of the command line. But only gcc has an [`identity`].
    fn by_directives(&self, values: &Values<'_>) -> Option<Preprocessed> {
        let form = Form::Directives;
        let text = self.preprocess(form)?;
        // Had the values changed meanwhile, they would not be those of the text.
        let sources = self.sources(values, &text).filter(|s| s.tell_all)?;
        let mut hasher = self.name(b"directives", &self.call.compile(form));
        directives::hash(&mut hasher, &text, values, self.call.has_lines)?;
        Some(Preprocessed {
            form,
            text,
            name: *hasher.finalize().as_bytes(),
            sources: Some(sources),
        })
    }

    /// The text with nothing left to expand, unless that is not all that the object depends on.
    fn by_all(&self, values: &Values<'_>) -> Option<Preprocessed> {
        let form = Form::Expanded;
        let text = self.preprocess(form)?;
        let mut hasher = self.name(b"text", &self.call.compile(form));
        text::hash(&mut hasher, &text, self.call.has_lines);
        if reads_more(&text) {
            return None;
        }
        Some(Preprocessed {
            form,
            name: *hasher.finalize().as_bytes(),
            sources: self.sources(values, &text),
            text,
        })
    }

    /// Puts an outcome in its place, if it is there: the object and, unless the preprocessor wrote
    /// it, make's dependency file. Nothing, and no object either, if it cannot be written: why is for the compiler
    /// to find out.
    fn put(&self, name: &Hash, depfile: Option<&Hash>) -> Option<Done> {
        let outcome = self.store.outcome(name)?;
        let object = self.store.contents(&outcome.object)?;
        if let (Some(path), Some(depfile)) = (&self.call.depfile, depfile) {
            let depfile = self.store.contents(depfile)?;
            fs::write(path, depfile).ok()?;
        }
        // As a compiler does: the old one may have other links.
        let path = Path::new(&self.call.object);
        unless_absent(fs::remove_file(path)).ok()?;
        if fs::write(path, object).is_err() {
            // A part of an object is none.
            let _ = fs::remove_file(path);
            return None;
        }
        Some(Done {
            means: depfile.map_or(Means::SameText, |_| Means::Known),
            worth: outcome.worth,
            relayed: Relayed {
                status: 0,
                output: Vec::new(),
                messages: outcome.messages,
            },
        })
    }

    /// Compiles the text; what makes the compiler talk is compiled from its source, so that it says
    /// what it always says. So is what it must not warn about: of text it overlooks some things (what is left
    /// out is not read, indentation is nothing to it). Nothing when it is not compiled so: why is for the
    /// compiler itself to say, where nothing stands between it and its reader (the disk may be full).
    fn compile(&self, form: Form, text: &[u8]) -> Option<(Relayed, Input)> {
        if !self.call.has_werror {
            let done = supervise::relay(self.compiler, &self.call.compile(form), text).ok()?;
            if done.status != 0 {
                return None;
            }
            if done.messages.is_empty() {
                return Some((done, Input::Text));
            }
        }
        let done = supervise::relay(self.compiler, self.args, b"").ok()?;
        (done.status == 0).then_some((done, Input::Source))
    }

    fn keep(&self, name: &Hash, done: &Done) -> std::io::Result<()> {
        let outcome = Outcome {
            object: self.store.keep(&fs::read(&self.call.object)?)?,
            worth: done.worth,
            messages: done.relayed.messages.clone(),
        };
        self.store.keep_outcome(name, &outcome)
    }

    /// What was changed since then may have been changed during the call (nanoseconds since 1970).
    fn began(&self) -> i128 {
        let began = self.began.checked_sub(STEP).unwrap_or(UNIX_EPOCH);
        let began = began.duration_since(UNIX_EPOCH).unwrap_or_default();
        // Nanoseconds of some decades.
        began.as_nanos() as i128
    }

    /// The files of a text and what they mention, if they are now what they were when it was made, and values are
    /// to be had.
    fn sources(&self, values: &Values<'_>, text: &[u8]) -> Option<Sources> {
        self.autoconf.as_ref()?;
        let files = text::files(text).filter(|files| !files.is_empty())?;
        let sources = Sources::read(files.into_iter(), values, self.began())?;
        (autoconf() == self.autoconf).then_some(sources)
    }

    /// Is all that the text is from what it was when it was made?
    fn is_settled(&self, text: &[u8]) -> bool {
        let files = text::files(text).filter(|files| !files.is_empty());
        let are_settled =
            |files: Vec<&[u8]>| manifest::are_settled(files.into_iter(), self.began());
        files.is_some_and(are_settled) && autoconf() == self.autoconf
    }

    fn remember(
        &self,
        call: &Hash,
        values: &Values<'_>,
        sources: &Sources,
        outcome: Hash,
    ) -> std::io::Result<()> {
        let depfile = match &self.call.depfile {
            Some(path) => self.store.keep(&fs::read(path)?)?,
            None => [0; 32],
        };
        let found = Found { outcome, depfile };
        self.store
            .change_manifest(call, |manifest| manifest.add(sources, values, found))
    }
}
