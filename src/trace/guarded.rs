//! Finds the functions that are compiled only with an option, in sources that are compiled anyway.
//!
//! `#ifdef CONFIG_X` and the like around whole functions are followed, as they are written; what a
//! macro makes of them is not. A function that is not found, or found by mistake, only makes a
//! guess worse.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use rayon::prelude::*;

/// A function in an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The object's path in the tree.
    pub object: String,
    /// The function's name.
    pub function: String,
}

/// By symbol (without `CONFIG_`): the functions that are there only with it.
pub type Guarded = HashMap<String, Vec<Place>>;

/// Looks through the sources of these objects.
#[must_use]
pub fn guarded(source: &Path, objects: &BTreeSet<String>) -> Guarded {
    let of = |object: &String| {
        let stem = object.strip_suffix(".o")?;
        let text = fs::read(source.join(format!("{stem}.c"))).ok()?;
        Some((object.clone(), functions(&String::from_utf8_lossy(&text))))
    };
    let found: Vec<_> = objects.par_iter().filter_map(of).collect();
    let mut all = Guarded::new();
    for (object, functions) in found {
        for (symbol, function) in functions {
            let object = object.clone();
            all.entry(symbol)
                .or_default()
                .push(Place { object, function });
        }
    }
    all
}

/// Pairs of a symbol and a function that is defined only with it.
fn functions(text: &str) -> Vec<(String, String)> {
    // For each `#if` that is open: the symbols without which its lines are not there.
    let mut open: Vec<Vec<String>> = Vec::new();
    let mut found = Vec::new();
    for line in text.lines() {
        if let Some(directive) = line.trim_start().strip_prefix('#') {
            let directive = directive.trim_start();
            let (word, rest) = directive
                .split_once(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or((directive, ""));
            match word {
                "ifdef" => open.push(names(rest)),
                "if" => open.push(needed(rest)),
                "ifndef" => open.push(Vec::new()),
                "elif" | "else" => {
                    if let Some(last) = open.last_mut() {
                        last.clear();
                    }
                }
                "endif" => {
                    open.pop();
                }
                _ => {}
            }
        } else if open.iter().any(|symbols| !symbols.is_empty()) {
            for function in defined(line) {
                let symbols = open.iter().flatten();
                found.extend(symbols.map(|symbol| (symbol.clone(), function.clone())));
            }
        }
    }
    found
}

/// The symbols without which a condition is false, where that can be seen at once.
fn needed(condition: &str) -> Vec<String> {
    let is_plain = !condition.contains("||") && !condition.contains('!');
    if is_plain {
        names(condition)
    } else {
        Vec::new()
    }
}

/// `X` of each `CONFIG_X`.
fn names(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let symbols = words.filter_map(|word| word.strip_prefix("CONFIG_"));
    symbols
        .map(|symbol| symbol.strip_suffix("_MODULE").unwrap_or(symbol).to_owned())
        .collect()
}

/// The function that a line begins to define, by the kernel's way to write them: what it is called in
/// the image.
pub(super) fn defined(line: &str) -> Vec<String> {
    let begins = line
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !begins || line.trim_end().ends_with(';') {
        return Vec::new();
    }
    let Some((before, after)) = line.split_once('(') else {
        return Vec::new();
    };
    let name: String = {
        let is_of_name = |c: &char| c.is_ascii_alphanumeric() || *c == '_';
        let reversed: String = before
            .trim_end()
            .chars()
            .rev()
            .take_while(is_of_name)
            .collect();
        reversed.chars().rev().collect()
    };
    if name.starts_with("SYSCALL_DEFINE") {
        let call = after.split([',', ')']).next().unwrap_or_default().trim();
        return ["__x64_sys_", "__do_sys_", "__se_sys_"]
            .map(|prefix| format!("{prefix}{call}"))
            .to_vec();
    }
    if name.is_empty() {
        Vec::new()
    } else {
        vec![name]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
#include <linux/tty.h>
static int always(void)
{
#ifdef CONFIG_PRINTK
\tcall(1);
#endif
}
#ifdef CONFIG_SERIAL_8250_CONSOLE
void serial8250_console_write(struct port *up,
\t\t\t      const char *s)
{
}
static int declared(void);
# if defined(CONFIG_SMP) && IS_ENABLED(CONFIG_PM)
static unsigned long
both (int a)
# endif
#else
static void without(void)
#endif
#if defined(CONFIG_A) || defined(CONFIG_B)
int either(void)
#elif defined(CONFIG_C)
int other(void)
#endif
#ifndef CONFIG_D
int not_with(void)
#endif
#if IS_ENABLED(CONFIG_EPOLL)
SYSCALL_DEFINE1(epoll_create, int, size)
#endif
#endif
int after(void)
";

    #[test]
    fn functions_are_found_with_the_options_that_they_are_there_for() {
        let found = functions(TEXT);
        let found: Vec<String> = found.iter().map(|(s, f)| format!("{s} {f}")).collect();
        let expected = [
            "SERIAL_8250_CONSOLE serial8250_console_write",
            "SERIAL_8250_CONSOLE both",
            "SMP both",
            "PM both",
            "EPOLL __x64_sys_epoll_create",
            "EPOLL __do_sys_epoll_create",
            "EPOLL __se_sys_epoll_create",
        ];
        assert_eq!(found, expected);
    }
}
