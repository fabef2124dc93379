//! `kbisect guest`: lists the guests, makes one, or shows what it is made of.

use serde_json::json;

use super::print::{print, print_event};
use super::shown::Shown;
use crate::guest::{About, Guest, RECIPES, about};
use crate::model::{Event, bytes, sanitize_line};
use crate::run;
use crate::setup::Setup;
use crate::supervise::CancelToken;
use crate::{Error, ErrorKind, Result};

/// Arguments of `kbisect guest`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    action: Action,
}

/// What to do.
#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List the guests that come with kbisect
    List,
    /// Make a guest, if it is not made yet
    ///
    /// A run makes the guest that its oracles ask for by itself. A guest that was made stays as it is, even when
    /// Debian has newer packages: to make it anew, remove its folder.
    Build(Named),
    /// Show what a guest is made of
    Show(Named),
}

/// A guest.
#[derive(Debug, clap::Args)]
struct Named {
    /// Name of a guest; or path of one of your own: a folder, an archive (cpio), a file system in a file, a
    /// package list (*.list, *.packages). A path has a slash: ./guest.img
    #[arg(value_name = "NAME")]
    name: String,
}

/// So long is a line of what a guest says of itself at most, in bytes.
const WIDTH: usize = 200;

pub(super) fn run(args: &Args, shown: &Shown) -> Result<u8> {
    match &args.action {
        Action::List => list(shown),
        Action::Build(named) => build(&named.name, shown),
        Action::Show(named) => show(&named.name, shown),
    }
    .map(|()| 0)
}

fn list(shown: &Shown) -> Result<()> {
    let cancel = CancelToken::new();
    let mut silent = |_: &str| {};
    let setup = Setup::new(&mut silent, &cancel)?;
    let guests: Vec<About> = RECIPES
        .iter()
        .map(|recipe| about(&Guest::Shipped(recipe), &setup))
        .collect::<Result<_>>()?;
    if shown.is_json() {
        return print_event("guests", &json!({ "guests": guests }));
    }
    let line = |guest: &About| {
        let made = guest.bytes.map_or_else(|| "not made".to_owned(), bytes);
        format!(
            "{:15} {:7} {made:>9}  {}\n",
            guest.name, guest.medium, guest.description
        )
    };
    print(&guests.iter().map(line).collect::<String>())
}

fn build(name: &str, shown: &Shown) -> Result<()> {
    let guest = Guest::find(name)?;
    let cancel = CancelToken::new();
    run::stop_at_the_first_signal(&cancel)?;
    let mut ui = shown.ui();
    let mut note = |text: &str| {
        ui.event(&Event::Note {
            text: text.to_owned(),
        });
    };
    let made = Setup::new(&mut note, &cancel).and_then(|mut setup| {
        let made = guest.make(&mut setup)?;
        let about = about(&guest, &setup)?;
        Ok((about, made.version().to_owned()))
    });
    ui.finish();
    let (about, version) = made.map_err(|e| whole(&guest, e))?;
    tell(&about, Some(&version), shown)
}

/// An interrupted build has to begin anew.
fn whole(guest: &Guest, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Interrupted => error.hint(format!(
            "nothing half made is left; to begin anew: kbisect guest build {}",
            guest.name()
        )),
        _ => error,
    }
}

fn show(name: &str, shown: &Shown) -> Result<()> {
    let guest = Guest::find(name)?;
    let cancel = CancelToken::new();
    let mut silent = |_: &str| {};
    let mut setup = Setup::new(&mut silent, &cancel)?;
    let about = about(&guest, &setup)?;
    let version = match about.folder {
        Some(_) => Some(guest.make(&mut setup)?.version().to_owned()),
        None => None,
    };
    tell(&about, version.as_deref(), shown)
}

fn tell(guest: &About, version: Option<&str>, shown: &Shown) -> Result<()> {
    if shown.is_json() {
        let mut fields = json!(guest);
        fields["version"] = json!(version);
        return print_event("guest", &fields);
    }
    let mut text = format!("{}: {}\n", guest.name, guest.description);
    let mut line = |name: &str, value: &str| {
        text += &format!("{name:9} {}\n", sanitize_line(value, WIDTH));
    };
    line("medium", guest.medium);
    match (&guest.folder, guest.bytes) {
        (Some(folder), Some(size)) => {
            line("folder", &folder.display().to_string());
            line("size", &bytes(size));
        }
        _ => line("folder", "not made"),
    }
    if let Some(version) = version {
        line("version", version);
    }
    if let Some(release) = &guest.release {
        line("release", release);
    }
    if !guest.wanted.is_empty() {
        text += "recipe:\n";
        text += &guest
            .wanted
            .iter()
            .map(|p| format!("  {p}\n"))
            .collect::<String>();
    }
    if !guest.packages.is_empty() {
        text += &format!("packages ({}):\n", guest.packages.len());
        for package in &guest.packages {
            text += &format!("  {}\n", sanitize_line(package, WIDTH));
        }
    }
    print(&text)
}
