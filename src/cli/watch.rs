//! `kbisect report --watch`: the page of a run that goes on, for a browser on this machine.

use std::fs;
use std::path::Path;

use super::print::{print, print_event};
use super::shown::Shown;
use crate::page::{self, Served};
use crate::run::{AskKconfig, DetailsReader, stop_at_the_first_signal};
use crate::serve::{Answer, Server};
use crate::supervise::CancelToken;
use crate::{Error, Result};

/// Serves the page of the run in `dir` until a signal comes.
pub(super) fn watch(dir: &Path, shown: &Shown) -> Result<()> {
    let cancel = CancelToken::new();
    stop_at_the_first_signal(&cancel)?;
    let server = Server::new()?;
    let mut pages = Pages {
        dir,
        reader: DetailsReader::new(dir, AskKconfig::Yes),
        made: None,
    };
    let url = server.url();
    match shown.is_json() {
        true => print_event("serving", &serde_json::json!({ "url": url }))?,
        false => print(&format!(
            "the report is at {url}\nit is renewed while the run goes on; Ctrl-C ends the server, not the run\n"
        ))?,
    }
    let mut ui = shown.quiet_ui();
    server.serve(&cancel, &mut |path| match path {
        "" => match pages.now(&cancel, &mut |event| ui.event(event)) {
            Ok(html) => Answer::Page(html),
            Err(error) => Answer::Broken(page::broken(&error.to_string())),
        },
        "version" => Answer::Text(version(dir)),
        _ => Answer::Nothing,
    });
    ui.finish();
    Ok(())
}

/// Makes the pages of a run that may be growing.
struct Pages<'a> {
    dir: &'a Path,
    reader: DetailsReader,
    /// The last one, and the version of the run that it shows.
    made: Option<(String, String)>,
}

impl Pages<'_> {
    fn now(
        &mut self,
        cancel: &CancelToken,
        tell: &mut crate::run::Watcher<'_>,
    ) -> Result<String, Error> {
        let version = version(self.dir);
        if let Some((of, html)) = &self.made
            && *of == version
        {
            return Ok(html.clone());
        }
        let details = self.reader.read(cancel, tell)?;
        let html = page::html(&details, Served::Live { version: &version })?;
        self.made = Some((version, html.clone()));
        Ok(html)
    }
}

/// Differs when the run has gone on.
fn version(dir: &Path) -> String {
    let of = |name: &str| {
        let meta = fs::metadata(dir.join(name)).ok()?;
        let changed = meta.modified().ok()?;
        let since = changed.duration_since(std::time::UNIX_EPOCH).ok()?;
        Some(format!("{}-{}", meta.len(), since.as_nanos()))
    };
    let parts = ["journal.jsonl", "result.json"].map(|name| of(name).unwrap_or_default());
    parts.join("+")
}
