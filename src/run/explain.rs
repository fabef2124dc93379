//! Explains a symbol of a start, as the source understands it.

use super::Plan;
use super::prepare::tools;
use super::stand_in;
use super::start::{ReadStart, read_start};
use super::tell::Watcher;
use super::tools::Want;

use crate::kconfig::{self, Explained};
use crate::model::Symbol;
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// Explains a symbol of the start of a run, over its base. Returns the name of the start's file, and what is known
/// of the symbol. The run needs no oracle.
///
/// # Errors
/// The source or the start cannot be read, the Kconfig engine does not understand the source, or there is no such
/// symbol.
pub fn explain(
    plan: &Plan<'_>,
    symbol: &Symbol,
    cancel: &CancelToken,
    tell: &mut Watcher<'_>,
) -> Result<(String, Explained)> {
    let mut settings = plan.settings.clone();
    stand_in::find(&mut settings, cancel, tell)?;
    let settings = &settings;
    let files = plan.files(settings, tell)?;
    let tools = tools(settings, plan.when_missing, Want::ResolveOnly, cancel, tell)?;
    let ReadStart { parsed, name, .. } = read_start(files, settings, &tools, cancel, tell)?;
    let model = tools.resolver.model().ok_or_else(|| {
        Error::failed("the native Kconfig engine does not understand this source")
    })?;
    let asked = tools.resolver.conf().laid_over(&parsed.fragment);
    let explained = Explained::of(model, &asked, symbol).ok_or_else(|| {
        Error::usage(format!(
            "this source has no symbol {symbol} for this architecture"
        ))
        .hint(kconfig::spelling(symbol, &tools.known))
    })?;
    Ok((name, explained))
}
