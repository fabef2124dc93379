//! `kbisect run`: begins a search, or goes on with the same one.

use super::args::RunArgs;
use super::asked;
use super::output::show_end;
use super::shown::Shown;
use crate::Result;
use crate::run::{self, Control, Plan, WhenMissing};

pub(super) fn run(args: &RunArgs, shown: &Shown) -> Result<u8> {
    let (settings, shown, warnings) = asked::settings(args.settings.clone(), *shown)?;
    let mut plan = Plan::new(&settings);
    plan.warnings = &warnings;
    if args.setup {
        plan.when_missing = WhenMissing::Install;
    }
    let again = format!("kbisect resume {}", settings.output.display());
    search(&plan, &again, &shown)
}

/// Runs the plan, and shows what comes of it; returns the exit code. `again` is the command that goes on with it.
pub(super) fn search(plan: &Plan<'_>, again: &str, shown: &Shown) -> Result<u8> {
    let mut ui = shown.ui();
    let control = Control::by_signals()?;
    let ended = run::search(plan, &control, &mut |event| ui.event(event));
    ui.finish();
    show_end(ended, &plan.settings.output, again, shown)
}
