//! The preprocessor: variables, functions and the environment, expanded while a file is read.
//!
//! As in the kernel's `Documentation/kbuild/kconfig-macro-language.rst`.

use std::collections::HashMap;

use super::error::{Nesting, ParseErrorKind, Place, Result, ShellError};

/// Answers `$(shell,COMMAND)`.
pub trait Shell {
    /// What the command writes to standard output, without newlines at its end.
    ///
    /// # Errors
    /// It cannot be run.
    fn run(&mut self, command: &str) -> std::result::Result<String, ShellError>;
}

/// A [`Shell`] that runs nothing: every command answers with nothing. For trees that ask nothing, and for
/// those of which only the menus matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoShell;

impl Shell for NoShell {
    fn run(&mut self, _command: &str) -> std::result::Result<String, ShellError> {
        Ok(String::new())
    }
}

/// What a file tells whoever configures it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// By `$(info ...)`.
    Info(String),
    /// By `$(warning-if ...)`, with file and line in front.
    Warning(String),
}

/// How a variable was assigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavor {
    /// `=`
    Recursive,
    /// `:=`
    Simple,
    /// `+=`
    Append,
}

struct Variable {
    value: String,
    flavor: Flavor,
    depth: u32,
}

/// A variable that expands itself through so many others is one without end.
const DEEPEST: u32 = 1000;

/// Expressions may not nest deeper than this either, so that no file can exhaust the stack.
const DEEPEST_CALL: u32 = 400;

pub(super) struct Expander<'a> {
    variables: HashMap<String, Variable>,
    env: &'a HashMap<String, String>,
    shell: &'a mut dyn Shell,
    depth: u32,
    pub(super) messages: Vec<Message>,
}

impl<'a> Expander<'a> {
    pub(super) fn new(env: &'a HashMap<String, String>, shell: &'a mut dyn Shell) -> Self {
        Self {
            variables: HashMap::new(),
            env,
            shell,
            depth: 0,
            messages: Vec::new(),
        }
    }

    pub(super) fn assign(
        &mut self,
        name: &str,
        flavor: Flavor,
        value: &str,
        place: Place<'_>,
    ) -> Result<()> {
        let old = self.variables.get(name);
        // `+=` goes on in the way that the variable began, or else begins a recursive one.
        let real = match (flavor, old) {
            (Flavor::Append, Some(old)) => old.flavor,
            (Flavor::Append, None) => Flavor::Recursive,
            _ => flavor,
        };
        let value = if real == Flavor::Simple {
            self.string(value, &[], place)?
        } else {
            value.to_owned()
        };
        match self.variables.get_mut(name) {
            Some(old) if flavor == Flavor::Append => {
                old.value.push(' ');
                old.value.push_str(&value);
            }
            Some(old) => {
                old.value = value;
                old.flavor = real;
            }
            None => {
                let variable = Variable {
                    value,
                    flavor: real,
                    depth: 0,
                };
                self.variables.insert(name.to_owned(), variable);
            }
        }
        Ok(())
    }

    /// Expands all of `text`.
    pub(super) fn string(
        &mut self,
        text: &str,
        args: &[String],
        place: Place<'_>,
    ) -> Result<String> {
        let (out, _) = self.until(text, args, place, |_| false)?;
        Ok(out)
    }

    /// Expands the token that `text` begins with; returns it and how long it was.
    pub(super) fn token(&mut self, text: &str, place: Place<'_>) -> Result<(String, usize)> {
        self.until(text, &[], place, |b| {
            !(b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        })
    }

    fn until(
        &mut self,
        text: &str,
        args: &[String],
        place: Place<'_>,
        is_end: impl Fn(u8) -> bool,
    ) -> Result<(String, usize)> {
        let bytes = text.as_bytes();
        let mut out = String::new();
        let (mut at, mut from) = (0, 0);
        while at < bytes.len() {
            if bytes[at] == b'$' {
                out.push_str(&text[from..at]);
                at += 1;
                let (expansion, length) = self.dollar(&text[at..], args, place)?;
                out.push_str(&expansion);
                at += length;
                from = at;
            } else if is_end(bytes[at]) {
                break;
            } else {
                at += 1;
            }
        }
        out.push_str(&text[from..at]);
        Ok((out, at))
    }

    /// Expands what follows a `$`; returns it and how long that was. Without a parenthesis the
    /// `$` means nothing.
    pub(super) fn dollar(
        &mut self,
        text: &str,
        args: &[String],
        place: Place<'_>,
    ) -> Result<(String, usize)> {
        if !text.starts_with('(') {
            return Ok(("$".to_owned(), 0));
        }
        let mut nest = 0_u32;
        for (i, byte) in text.bytes().enumerate().skip(1) {
            match byte {
                b'(' => nest += 1,
                b')' if nest == 0 => {
                    return Ok((self.clause(&text[1..i], args, place)?, i + 1));
                }
                b')' => nest -= 1,
                _ => {}
            }
        }
        Err(place.wrong(format_args!(
            "unterminated reference to `{}`: missing `)`",
            text[1..].escape_debug()
        )))
    }

    /// Evaluates what stands between the parentheses of `$(...)`.
    fn clause(&mut self, text: &str, args: &[String], place: Place<'_>) -> Result<String> {
        self.depth += 1;
        if self.depth > DEEPEST_CALL {
            return Err(place.error(ParseErrorKind::TooDeep(Nesting::Macros)));
        }
        let result = self.clause_within(text, args, place);
        self.depth -= 1;
        result
    }

    fn clause_within(&mut self, text: &str, args: &[String], place: Place<'_>) -> Result<String> {
        // `$(1)` is an argument of the function that is being expanded.
        if let Ok(n) = text.trim_start().parse::<usize>()
            && n > 0
            && let Some(arg) = args.get(n - 1)
        {
            return Ok(arg.clone());
        }
        let mut words = split(text).into_iter();
        let name = words.next().unwrap_or_default();
        let name = self.string(name, args, place)?;
        let mut own = Vec::new();
        for word in words {
            own.push(self.string(word, args, place)?);
        }
        if own.len() >= 16 {
            return Err(place.wrong("too many function arguments"));
        }
        if let Some(value) = self.variable(&name, &own, place)? {
            return Ok(value);
        }
        if let Some(value) = self.function(&name, &own, place)? {
            return Ok(value);
        }
        let from_env = own.is_empty().then(|| self.env.get(&name)).flatten();
        Ok(from_env.cloned().unwrap_or_default())
    }

    fn variable(
        &mut self,
        name: &str,
        args: &[String],
        place: Place<'_>,
    ) -> Result<Option<String>> {
        let Some(variable) = self.variables.get_mut(name) else {
            return Ok(None);
        };
        if args.is_empty() && variable.depth > 0 {
            return Err(place.wrong(format_args!("the variable `{name}` refers to itself")));
        }
        if variable.depth > DEEPEST {
            return Err(place.wrong(format_args!("the function `{name}` never ends")));
        }
        if variable.flavor != Flavor::Recursive {
            return Ok(Some(variable.value.clone()));
        }
        variable.depth += 1;
        let text = variable.value.clone();
        let value = self.string(&text, args, place)?;
        if let Some(variable) = self.variables.get_mut(name) {
            variable.depth -= 1;
        }
        Ok(Some(value))
    }

    fn function(
        &mut self,
        name: &str,
        args: &[String],
        place: Place<'_>,
    ) -> Result<Option<String>> {
        let wanted = match name {
            "error-if" | "warning-if" => 2,
            "info" | "shell" => 1,
            "filename" | "lineno" => 0,
            _ => return Ok(None),
        };
        if args.len() != wanted {
            let few = if args.len() < wanted { "few" } else { "many" };
            return Err(place.wrong(format_args!("too {few} arguments for `{name}`")));
        }
        Ok(Some(match name {
            "error-if" if args[0] == "y" => {
                let told = args[1].escape_debug().to_string();
                return Err(place.error(ParseErrorKind::Told(told)));
            }
            "filename" => place.file.to_owned(),
            "lineno" => place.line.to_string(),
            "shell" => {
                let wrong = |error| {
                    let command = args[0].escape_debug().to_string();
                    place.error(ParseErrorKind::Shell { command, error })
                };
                let mut answer = self.shell.run(&args[0]).map_err(wrong)?;
                answer.truncate(answer.trim_end_matches('\n').len());
                answer.replace('\n', " ")
            }
            "info" => {
                self.messages.push(Message::Info(args[0].clone()));
                String::new()
            }
            "warning-if" if args[0] == "y" => {
                let text = format!("{}:{}: {}", place.file, place.line, args[1]);
                self.messages.push(Message::Warning(text));
                String::new()
            }
            _ => String::new(),
        }))
    }
}

/// Splits at the commas that are not within parentheses.
fn split(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut nest, mut from) = (0_i32, 0);
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            b',' if nest == 0 => {
                words.push(&text[from..i]);
                from = i + 1;
            }
            b'(' => nest += 1,
            b')' => nest -= 1,
            _ => {}
        }
    }
    words.push(&text[from..]);
    words
}
