//! The base: what requests are laid over.

use std::collections::HashSet;
use std::fs;

use super::lists::{list_problems, list_unknown, unreadable};
use super::project::is_own;
use super::tell::{Watcher, warn};
use crate::kconfig::engine::Model;
use crate::kconfig::{self, ConfResolver, Parsed, Precedence, Project};
use crate::model::{Fragment, Symbol};
use crate::settings::{Base, Settings};
use crate::{Error, Result};

/// Lays what comes later over the base of the settings.
pub(crate) fn over_base(
    settings: &Settings,
    project: &Project,
    resolver: ConfResolver,
    model: Option<&Model>,
    known: &HashSet<Symbol>,
    tell: &mut Watcher<'_>,
) -> Result<ConfResolver> {
    let (base, precedence) = match &settings.base {
        // A `# CONFIG_EXPERT is not set`, which most configs have, would hide the off switches again.
        Base::Expert => {
            if is_own(settings) {
                for symbol in project.unknown_in_base(known)? {
                    let near = kconfig::spelling(&symbol, known);
                    let text =
                        format!("[project] base: this source has no symbol {symbol}: {near}");
                    warn(tell, text);
                }
            }
            let base = project.base_fragment(&|symbol| known.contains(symbol))?;
            (base, Precedence::Base)
        }
        Base::AllNo => (Fragment::default(), Precedence::Start),
        Base::File(path) => {
            let bytes = fs::read(path).map_err(|e| unreadable("--base", path, e))?;
            let parsed = kconfig::read_as(&bytes, resolver.dialect(), model);
            let name = path.display().to_string();
            refuse_losses(&name, &parsed)?;
            list_unknown(tell, &name, &parsed.unknown(known), known);
            list_problems(tell, &name, &parsed.problems);
            (parsed.fragment, Precedence::Start)
        }
    };
    Ok(resolver.over(base, known).preferring(precedence))
}

/// Of a base nothing may be lost: nobody would see it.
fn refuse_losses(name: &str, parsed: &Parsed) -> Result<()> {
    match parsed.problems.iter().find(|p| p.kind.is_loss()) {
        None => Ok(()),
        Some(problem) => Err(Error::usage(format!("{name}: {problem}"))),
    }
}
