//! `kbisect plan`: shows what a run would do, without building.

use super::args::RunArgs;
use super::print::{print, print_event};
use super::shown::Shown;
use crate::Result;
use crate::run::{self, Listing, plan_text};
use crate::supervise::CancelToken;

pub(super) fn run(args: &RunArgs, shown: &Shown) -> Result<u8> {
    let (settings, shown, warnings) = shown.settings(args.settings.clone())?;
    let plan = args.plan(&settings, &warnings);
    let mut ui = shown.ui();
    let report = run::plan(&plan, &CancelToken::new(), &mut |event| ui.event(event))?;
    ui.finish();
    if shown.is_json() {
        print_event("plan", &report)?;
        return Ok(0);
    }
    let listing = match shown.is_verbose() {
        true => Listing::Whole,
        false => Listing::Short,
    };
    print(&plan_text(&report, listing))?;
    Ok(0)
}
