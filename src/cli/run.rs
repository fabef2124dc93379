//! `kbisect run`: begins a search, or goes on with the same one.

use super::args::RunArgs;
use super::output::Ending;
use super::shown::Shown;
use crate::Result;
use crate::run::{self, Control};

pub(super) fn run(args: &RunArgs, shown: &Shown) -> Result<u8> {
    let (settings, shown, warnings) = shown.settings(args.settings.clone())?;
    let plan = args.plan(&settings, &warnings);
    let control = Control::by_signals()?;
    let mut ui = shown.ui();
    let ended = run::search(&plan, &control, &mut |event| ui.event(event));
    ui.finish();
    let again = format!("kbisect resume {}", settings.output.display());
    let ending = Ending::new(&settings.output, &again, shown);
    ending.show(&ended.map_err(|error| ending.failed(error))?)
}
