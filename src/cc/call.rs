//! A call of the compiler, read from its command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// One C source compiled to one object: what the cache knows how to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Call {
    /// The source.
    pub(super) source: OsString,
    /// Where the object goes.
    pub(super) object: OsString,
    /// Where the preprocessor notes what it read, if it is to.
    pub(super) depfile: Option<OsString>,
    /// What of it the preprocessor needs.
    preprocess: Vec<OsString>,
    /// What of it the compiler needs that has the text.
    compile: Vec<OsString>,
    /// Line numbers and names of files get into the object (with a sanitizer only where code is).
    pub(super) has_lines: bool,
    /// So does the working directory.
    pub(super) has_directory: bool,
    /// To warn is to fail.
    pub(super) has_werror: bool,
}

/// How far a text is preprocessed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Its directives are carried out, its macros are not expanded.
    Directives,
    /// All of it.
    Expanded,
}

/// Parts of paths of what is passed through to the compiler: it is little, and built in ways of its
/// own (another ABI, other linker scripts, objects that are linked into data).
const STRAIGHT: &[&str] = &["vdso", "realmode", "arch/x86/boot/", "purgatory"];

/// Options that take the next argument with them, and concern the preprocessor only.
const WITH_NEXT: &[&str] = &[
    "-I",
    "-D",
    "-U",
    "-include",
    "-isystem",
    "-iquote",
    "-idirafter",
    "-imacros",
    "-MF",
    "-MT",
    "-MQ",
];

/// Beginnings of options that concern the preprocessor only.
const PREPROCESSOR: &[&str] = &[
    "-I", "-D", "-U", "-Wp,", "-isystem", "-iquote", "-MMD", "-MD",
];

/// Beginnings of options that do more than compile a source to an object.
pub(super) const UNUSUAL: &[&str] = &[
    "-E",
    "-S",
    "-M",
    "-save-temps",
    "--save-temps",
    "-fprofile-",
    "-fauto-profile",
    "-ftest-coverage",
    "--coverage",
    "-fplugin",
    "-fdump",
    "-gsplit-dwarf",
    "-flto",
    "-fstack-usage",
    "-fopt-info",
    "-fsave-optimization-record",
    "-fbranch-probabilities",
    "-fcallgraph-info",
    "-frandom-seed",
    "-finput-charset",
    "-fopenmp",
    "-fopenacc",
    // It has options of ours, then.
    "-frecord-gcc-switches",
    // All macros get into the object, or some do not get into the text.
    "-g3",
    "-ggdb3",
    "-d",
    "-specs",
    "-wrapper",
    "-B",
    "-Wa,-a",
    "-x",
    "-Xpreprocessor",
    "-Xassembler",
    "-fmodules",
    "-@",
    "-v",
    "-P",
    // Another machine has another one.
    "-march=native",
    "-mcpu=native",
    "-mtune=native",
    "-###",
    "-traditional",
    "-fdirectives-only",
    "-ffile-prefix-map",
    "-ftime-report",
];

/// What makes a warning an error that gcc may not give of text.
const WERROR: &[&str] = &[
    "-Werror",
    "-Werror=misleading-indentation",
    "-Werror=comment",
    "-pedantic-errors",
];

impl Call {
    /// Reads the arguments of a compiler, its own name not among them; nothing when it is asked
    /// for something else than one object of one C source.
    pub(super) fn parse(args: &[OsString]) -> Option<Self> {
        let (mut object, mut source, mut depfile) = (None, None, None);
        let (mut has_lines, mut has_directory, mut compiles) = (false, false, false);
        let mut has_werror = false;
        let (mut preprocess, mut compile) = (Vec::new(), Vec::new());
        let mut all = args.iter();
        while let Some(arg) = all.next() {
            let text = arg.to_str()?;
            if text == "-c" {
                compiles = true;
                compile.push(arg.clone());
            } else if text == "-o" {
                let to = all.next()?;
                if object.replace(to.clone()).is_some() {
                    return None;
                }
                compile.extend([arg.clone(), to.clone()]);
            } else if let Some(path) = text
                .strip_prefix("-Wp,-MMD,")
                .or(text.strip_prefix("-Wp,-MD,"))
            {
                depfile = Some(OsString::from(path));
                preprocess.push(arg.clone());
            } else if WITH_NEXT.contains(&text) {
                if text.starts_with("-M") {
                    return None;
                }
                preprocess.extend([arg.clone(), all.next()?.clone()]);
            } else if text == "-nostdinc" || PREPROCESSOR.iter().any(|p| text.starts_with(p)) {
                if text.starts_with("-M")
                    || text.starts_with("-Wp,-M")
                    || text.starts_with("-Wp,-P")
                    || text.contains('@')
                {
                    return None;
                }
                preprocess.push(arg.clone());
            } else if text.starts_with('-') && text.len() > 1 {
                // The assembler may be given files, too.
                let is_file = text
                    .strip_prefix("-Wa,")
                    .is_some_and(|a| !a.starts_with('-'));
                if is_file || UNUSUAL.iter().any(|u| text.starts_with(u)) {
                    return None;
                }
                // `-gdwarf-4`, but not `-g0`, nor `-gno-...`.
                let is_debug =
                    text.starts_with("-g") && text != "-g0" && !text.starts_with("-gno-");
                has_lines |= is_debug || text.starts_with("-fsanitize");
                has_directory |= is_debug;
                has_werror |= WERROR.contains(&text);
                preprocess.push(arg.clone());
                compile.push(arg.clone());
            } else {
                let is_c = text.ends_with(".c");
                if !is_c || source.replace(arg.clone()).is_some() {
                    return None;
                }
            }
        }
        let (object, source) = (object?, source?);
        let is_straight = |text: &OsStr| {
            let text = text.as_bytes();
            STRAIGHT
                .iter()
                .any(|s| text.windows(s.len()).any(|w| w == s.as_bytes()))
        };
        if !compiles || !object.as_bytes().ends_with(b".o") || is_straight(&object) {
            return None;
        }
        preprocess.push(source.clone());
        Some(Self {
            source,
            object,
            depfile,
            preprocess,
            compile,
            has_lines,
            has_directory,
            has_werror,
        })
    }

    /// The same call, but for the preprocessed text on standard output.
    pub(super) fn preprocess(&self, form: Form) -> Vec<OsString> {
        with(&self.preprocess, form, &["-E"])
    }

    /// The same call, for preprocessed text from standard input.
    pub(super) fn compile(&self, form: Form) -> Vec<OsString> {
        with(&self.compile, form, &["-x", "cpp-output", "-"])
    }
}

fn with(args: &[OsString], form: Form, more: &[&str]) -> Vec<OsString> {
    let option: &[&str] = match form {
        Form::Directives => &["-fdirectives-only"],
        Form::Expanded => &[],
    };
    let more = option.iter().chain(more).map(OsString::from);
    args.iter().cloned().chain(more).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Call> {
        let args: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
        Call::parse(&args)
    }

    fn line(args: &[OsString]) -> String {
        let args: Vec<_> = args.iter().map(|a| a.to_str().unwrap()).collect();
        args.join(" ")
    }

    #[test]
    fn a_call_of_kbuild_is_cut_into_preprocessing_and_compiling() {
        let call = parse(
            "-Wp,-MMD,kernel/.fork.o.d -nostdinc -I./include -include /s/kconfig.h -D__KERNEL__ \
             -O2 -I /s/kernel -DKBUILD_MODNAME=\"fork\" -c -o kernel/fork.o /s/kernel/fork.c",
        )
        .unwrap();
        assert_eq!(call.object, "kernel/fork.o");
        assert_eq!(call.depfile.as_deref(), Some("kernel/.fork.o.d".as_ref()));
        assert_eq!(
            line(&call.preprocess(Form::Expanded)),
            "-Wp,-MMD,kernel/.fork.o.d -nostdinc -I./include -include /s/kconfig.h -D__KERNEL__ \
             -O2 -I /s/kernel -DKBUILD_MODNAME=\"fork\" /s/kernel/fork.c -E"
        );
        assert_eq!(
            line(&call.compile(Form::Expanded)),
            "-O2 -c -o kernel/fork.o -x cpp-output -"
        );
        let last = |args: &[OsString]| line(&args[args.len() - 3..]);
        assert_eq!(
            last(&call.preprocess(Form::Directives)),
            "/s/kernel/fork.c -fdirectives-only -E"
        );
        assert!(line(&call.compile(Form::Directives)).contains("-fdirectives-only -x"));
        assert!(!call.has_lines && !call.has_directory);
    }

    #[test]
    fn debug_information_has_lines_and_the_directory() {
        let call = parse("-gdwarf-4 -c -o a.o a.c").unwrap();
        assert!(call.has_lines && call.has_directory);
        let call = parse("-fsanitize=kernel-address -g0 -c -o a.o a.c").unwrap();
        assert!(call.has_lines && !call.has_directory);
    }

    #[test]
    fn whatever_is_unusual_goes_straight_to_the_compiler() {
        for line in [
            "--version",
            "-print-file-name=plugin",
            "-E -x c /dev/null",
            "-c -o a.o a.S",
            "-c -o a.o a.c b.c",
            "-S -o a.s a.c",
            "-c -o a.o -x c -",
            "-c -o a.o @args a.c",
            "-c a.c",
            "-o a a.c",
            "-c -o a.o -MF a.d -MD a.c",
            "-c -o a.o --coverage a.c",
            "-c -o a.o -march=native a.c",
            "-c -o a.o -Wa,macros.s a.c",
            "-c -o a.o -Wp,-P a.c",
            "-c -o arch/x86/entry/vdso/vclock_gettime.o /s/arch/x86/entry/vdso/vclock_gettime.c",
            "-c -o arch/x86/boot/compressed/misc.o /s/misc.c",
        ] {
            assert_eq!(parse(line), None, "{line}");
        }
    }
}
