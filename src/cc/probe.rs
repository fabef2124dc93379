//! Probes: calls by which a build asks the compiler whether it knows an option or an instruction.
//!
//! Kbuild makes some 50 probes in each build of a kernel, each with a file that is empty or a line long. A probe
//! reads only its words and its standard input, so its result is the same as long as the toolchain is.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use memchr::memmem;

use super::allowlist::{is_allowed, is_free, is_simple};
use super::codec::{Reader, Writer};
use crate::error::unless_absent;
use crate::supervise::{self, Relayed};

/// Kind and version of an answer's file.
const MARK: &[u8; 8] = b"kbanswr1";

/// Where nothing is, and what is written goes to nobody.
const NULL: &str = "/dev/null";

/// What a compiler says that ran out of resources, rather than refuse.
const RAN_OUT: &[&[u8]] = &[
    b"No space",
    b"annot ",
    b"an't ",
    b"memory",
    b"quota",
    b"nput/output error",
    b"signal",
    b"internal compiler error",
];

/// A call that reads its words and its standard input, and nothing else.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Probe<'a> {
    /// The words, but for the name of the file that is written.
    pub(super) words: Vec<&'a OsString>,
    /// The file that is written, if there is one.
    file: Option<&'a OsString>,
    /// The working directory gets into what is written.
    pub(super) has_directory: bool,
    language: &'a OsString,
    from: From,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum From {
    Nothing,
    Stdin,
}

/// What the compiler answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ProbeResult {
    /// The compiler's exit status.
    pub(super) status: u8,
    /// What it wrote to standard output.
    pub(super) output: Vec<u8>,
    /// What it said on standard error.
    pub(super) messages: Vec<u8>,
    /// What it wrote to its file.
    pub(super) file: Option<Vec<u8>>,
}

impl<'a> Probe<'a> {
    /// Reads the arguments of a compiler; nothing when it is asked to do something else.
    pub(super) fn parse(args: &'a [OsString]) -> Option<Self> {
        let mut words = Vec::new();
        let (mut from, mut output, mut language) = (None, None, None);
        let (mut stops, mut writes_object, mut has_directory) = (false, false, false);
        let mut all = args.iter();
        while let Some(arg) = all.next() {
            let text = arg.to_str()?;
            match text {
                "-o" => {
                    if output.replace(all.next()?).is_some() {
                        return None;
                    }
                    // Its name does not matter, unless there is no file.
                    words.push(arg);
                    continue;
                }
                "-x" => {
                    let next = all.next()?;
                    if !matches!(next.to_str()?, "c" | "assembler" | "assembler-with-cpp") {
                        return None;
                    }
                    language = Some(next);
                    words.extend([arg, next]);
                    continue;
                }
                "--param" => {
                    let next = all.next()?;
                    if !is_simple(next.to_str()?) {
                        return None;
                    }
                    words.extend([arg, next]);
                    continue;
                }
                "-" | NULL => {
                    let it = if text == NULL {
                        From::Nothing
                    } else {
                        From::Stdin
                    };
                    if from.replace(it).is_some() {
                        return None;
                    }
                }
                "-c" | "-S" => (stops, writes_object) = (true, true),
                "-E" => stops = true,
                "-P" => {}
                _ if is_allowed(text) => {
                    let is_debug = text.starts_with("-g") && text != "-g0";
                    has_directory |= is_debug || text.starts_with("-fworking-directory");
                    has_directory |= text.starts_with("-Wa,") && text.contains(",-g");
                }
                _ => return None,
            }
            words.push(arg);
        }
        // Without a name an object gets one of the source's.
        if !stops || (writes_object && output.is_none()) {
            return None;
        }
        let file = output.filter(|name| !matches!(name.to_str(), Some("-" | NULL)));
        if file.is_none() {
            words.extend(output);
        } else if !is_free(Path::new(file?)) {
            return None;
        }
        Some(Self {
            words,
            file,
            has_directory,
            language: language?,
            from: from?,
        })
    }

    /// May it be left to the compiler itself, as nothing was read?
    pub(super) fn is_unread(&self) -> bool {
        self.from == From::Nothing
    }

    /// All that it has to read.
    ///
    /// # Errors
    /// Standard input cannot be read.
    pub(super) fn text(&self) -> std::io::Result<Vec<u8>> {
        let mut text = Vec::new();
        if self.from == From::Stdin {
            std::io::stdin().read_to_end(&mut text)?;
        }
        Ok(text)
    }

    /// Asks the compiler.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn ask(
        &self,
        compiler: &OsString,
        args: &[OsString],
        text: &[u8],
    ) -> std::io::Result<ProbeResult> {
        let Relayed {
            status,
            output,
            messages,
        } = supervise::relay(compiler, args, text)?;
        Ok(ProbeResult {
            status,
            output,
            messages,
            file: self.file.and_then(|file| fs::read(file).ok()),
        })
    }

    /// Will it always be answered so? A compiler that ran out of room or memory knows the option all the same: so
    /// one that refuses must be able to compile a text without anything special, in the same place.
    pub(super) fn is_final(&self, compiler: &OsString, answered: &ProbeResult) -> bool {
        if answered.status == 0 {
            return answered.file.is_some() == self.file.is_some();
        }
        let says = |part: &[u8]| memmem::find(&answered.messages, part).is_some();
        let names_file = self.file.is_some_and(|file| says(file.as_encoded_bytes()));
        let is_refusal = says(b"rror:") && answered.file.is_none();
        if !is_refusal || names_file || RAN_OUT.iter().any(|part| says(part)) {
            return false;
        }
        let place = self.file.cloned().unwrap_or_else(|| NULL.into());
        let control = ["-c".into(), NULL.into(), "-o".into(), place];
        let language = ["-x".into(), self.language.clone()];
        let done = supervise::relay(compiler, &[&language[..], &control].concat(), b"");
        let can = done.is_ok_and(|done| done.status == 0);
        // There was nothing before.
        let is_gone = |file| unless_absent(fs::remove_file(file)).is_ok();
        can && self.file.is_none_or(is_gone)
    }

    /// Writes what the compiler wrote.
    ///
    /// # Errors
    /// It cannot be written, or something is there already.
    pub(super) fn put(&self, answered: &ProbeResult) -> std::io::Result<()> {
        match (self.file, &answered.file) {
            (Some(path), Some(bytes)) => File::create_new(path)?.write_all(bytes),
            _ => Ok(()),
        }
    }
}

impl ProbeResult {
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::open(bytes, MARK)?;
        let status = u8::try_from(reader.u32()?).ok()?;
        let (output, messages) = (reader.bytes()?.to_vec(), reader.bytes()?.to_vec());
        let file = match reader.u32()? {
            0 => None,
            _ => Some(reader.bytes()?.to_vec()),
        };
        Some(Self {
            status,
            output,
            messages,
            file,
        })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        writer.u32(self.status.into());
        writer.bytes(&self.output);
        writer.bytes(&self.messages);
        writer.u32(self.file.is_some().into());
        if let Some(file) = &self.file {
            writer.bytes(file);
        }
        writer.sealed(MARK)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split_whitespace().map(Into::into).collect()
    }

    #[test]
    fn what_kbuild_asks_is_a_question_and_its_files_name_does_not_matter() {
        let (one, other) = (
            words("-Werror -D__KERNEL__ -m64 -fno-PIE -mtune=core2 -c -x c /dev/null -o src/tmp_1"),
            words("-Werror -D__KERNEL__ -m64 -fno-PIE -mtune=core2 -c -x c /dev/null -o src/tmp_2"),
        );
        let (one, other) = (Probe::parse(&one).unwrap(), Probe::parse(&other).unwrap());
        assert_eq!(one.words, other.words);
        assert_eq!(one.file, Some(&"src/tmp_1".into()));
        assert_eq!(one.from, From::Nothing);
        for line in [
            "-Werror -m64 -c -x assembler-with-cpp -o src/tmp_1 -",
            "-Wa,--fatal-warnings -c -x assembler-with-cpp -o /dev/null -",
            "-E -P -x c -",
            "-Werror -m32 -E -x c /dev/null -o /dev/null",
            "-S -x c -m64 -O0 -mcmodel=kernel -fno-PIE -fstack-protector - -o -",
            "-Wa,--version -c -x assembler-with-cpp /dev/null -o /dev/null",
            "-fmacro-prefix-map=/src/include/= -DCC_USING_FENTRY -c -x c /dev/null -o /dev/null",
            "--param asan-stack=1 --param=x=1 -c -x c /dev/null -o /dev/null",
        ] {
            assert!(Probe::parse(&words(line)).is_some(), "{line}");
        }
    }

    #[test]
    fn where_it_is_written_matters_if_it_is_no_file() {
        let (null, stdout, file) = (
            words("-S -x c /dev/null -o /dev/null"),
            words("-S -x c /dev/null -o -"),
            words("-S -x c /dev/null -o out"),
        );
        let of = |args| Probe::parse(args).unwrap().words;
        assert_ne!(of(&null), of(&stdout));
        assert_ne!(of(&null), of(&file));
    }

    #[test]
    fn what_reads_or_writes_something_else_is_none() {
        for line in [
            "--version",
            "-c -x c a.c -o a.o",
            "-c -x c /dev/null",
            "-x c - -o a",
            "-c -x c /dev/null - -o a.o",
            "-c /dev/null -o a.o",
            "-include a.h -c -x c /dev/null -o a.o",
            "-I. -c -x c /dev/null -o a.o",
            "-Wp,-MMD,a.d -c -x c /dev/null -o a.o",
            "-fplugin=a.so -c -x c /dev/null -o a.o",
            "-fopt-info-all=x -c -x c /dev/null -o a.o",
            "-fsave-optimization-record -c -x c /dev/null -o a.o",
            "-fsyntax-only -c -x c /dev/null -o a.o",
            "-march=native -c -x c /dev/null -o a.o",
            "-Wa,-al=a.lst -c -x c /dev/null -o a.o",
            "-Wa,--a=a.lst -c -x c /dev/null -o a.o",
            "-Wa,--MD=a.d -c -x c /dev/null -o a.o",
            "-Wa,- -c -x c /dev/null -o a.o",
            "-Wa,--,-x.s -c -x c /dev/null -o a.o",
            "-Wa,a.s -c -x c /dev/null -o a.o",
            "@args -c -x c /dev/null -o a.o",
            "--param @args -c -x c /dev/null -o a.o",
            "-c -x c /dev/null -o @args",
            "-DT=__DATE__ -E -P -x c -",
            "-DS(x)=#x -E -P -x c -",
            "-D T -E -P -x c -",
            "-mstack-protector-guard-symbol=x;.incbin -c -x c /dev/null -o a.o",
            "-fintrinsic-modules-path -c -x c /dev/null -o a.o",
            "-DI=__has_include -E -P -x c -",
            "-c -x c++ /dev/null -o a.o",
            "-c -x c /dev/null -o a.o -o b.o",
            // What is there already may be left as it is, or be a device.
            "-S -x c - -o /dev/stdout",
            "-c -x c /dev/null -o /dev//null",
            "-c -x c /dev/null -o Cargo.toml",
            "-c -x c /dev/null -o no/such/folder/a.o",
            "-c -x c /dev/null -o /",
        ] {
            assert_eq!(Probe::parse(&words(line)), None, "{line}");
        }
    }

    #[test]
    fn answers_are_read_as_they_were_written() {
        for file in [None, Some(b"object".to_vec()), Some(Vec::new())] {
            let answered = ProbeResult {
                status: 1,
                output: b"GCC 12".to_vec(),
                messages: b"error: no".to_vec(),
                file,
            };
            assert_eq!(
                ProbeResult::from_bytes(&answered.to_bytes()),
                Some(answered.clone())
            );
        }
        assert_eq!(ProbeResult::from_bytes(b"kbanswr1"), None);
    }
}
