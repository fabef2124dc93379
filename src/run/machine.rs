//! What the project of the working folder needs on this machine: installed or checked.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::project::project as project_of;
use super::tell::{Watcher, note};
use crate::Result;
use crate::guest::Guest;
use crate::kconfig::Project;
use crate::model::contract;
use crate::oracle::{self, SHIPPED};
use crate::settings::{self, PartialSettings};
use crate::setup::{self, BOOT, BUILD, Finding, Made, Need, Setup, UNPACK, Wanted};
use crate::supervise::CancelToken;

/// The guest that is made beforehand: a run makes the others that its oracles ask for.
const GUEST: &str = "busybox";

/// A machine that is ready for runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ready {
    /// The source tree. None if the settings name none: a run can be given one.
    #[serde(serialize_with = "as_text")]
    pub source: Option<PathBuf>,
    /// The guest, if an oracle needs it.
    #[serde(serialize_with = "as_text")]
    pub guest: Option<PathBuf>,
    /// Whose source it is.
    #[serde(skip)]
    pub of: SourceOf,
}

fn as_text<S: Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    let text = path.as_ref().map(|path| path.display().to_string());
    text.serialize(to)
}

/// A line for each part.
impl fmt::Display for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.of {
            SourceOf::Debian => "kernel source",
            SourceOf::Project => "source",
        };
        if self.source.is_none() && self.guest.is_none() {
            return writeln!(f, "what a build needs is installed");
        }
        for (name, path) in [(kind, &self.source), ("guest", &self.guest)] {
            if let Some(path) = path {
                writeln!(f, "{name:13}  {}", path.display())?;
            }
        }
        Ok(())
    }
}

/// Whose source a run builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SourceOf {
    /// Linux, as Debian packages it.
    Debian,
    /// The project of the settings file.
    Project,
}

/// Installs, unpacks and makes what runs in the working folder need.
///
/// # Errors
/// Something cannot be installed, downloaded or made; the settings file is invalid.
pub fn prepare(cancel: &CancelToken, tell: &mut Watcher<'_>) -> Result<Ready> {
    let mut line = |text: &str| note(tell, text);
    let mut setup = Setup::new(&mut line, cancel)?;
    let own = own()?;
    let wanted = wanted(own.as_ref());
    setup.ensure(&wanted.needs)?;
    let source = match &own {
        None => Some(setup.kernel_source()?),
        Some(Own { project, asked }) => match asked.text("source").map(PathBuf::from) {
            Some(path) if path.is_file() => Some(setup.source_of(&path)?),
            Some(path) => {
                project.check_source(&path)?;
                Some(path)
            }
            None if project.name == "busybox" => Some(setup.busybox_source()?),
            // A run may be given one by --source.
            None => None,
        },
    };
    let guest = match wanted.guest {
        true => Some(Guest::find(GUEST)?.make(&mut setup)?.path().to_owned()),
        false => None,
    };
    Ok(Ready {
        source,
        guest,
        of: own.map_or(SourceOf::Debian, |_| SourceOf::Project),
    })
}

/// Checks what runs in the working folder need, and changes nothing. `output` is the run directory, whose free
/// space is checked.
///
/// # Errors
/// A check cannot be done; the settings file is invalid.
pub fn check(output: &Path, cancel: &CancelToken) -> Result<Vec<Finding>> {
    let mut silent = |_: &str| {};
    let mut setup = Setup::new(&mut silent, cancel)?;
    let made = match Guest::find(GUEST)?.made(&setup)? {
        Some(_) => Made::Yes,
        None => Made::No,
    };
    setup::findings(&mut setup, &wanted(own()?.as_ref()), made, output)
}

/// A project that is not Debian's kernel, and the settings file that names it.
struct Own {
    project: Project,
    asked: PartialSettings,
}

/// The project that the settings file names or describes, if it is another one than Linux.
fn own() -> Result<Option<Own>> {
    let file = Path::new(settings::FILE);
    if !file.is_file() {
        return Ok(None);
    }
    let (asked, _) = settings::read(file)?;
    if asked.get("project").is_none() {
        return Ok(None);
    }
    let arch = asked.text("arch").unwrap_or(settings::ARCH);
    let project = project_of(asked.get("project"), arch)?;
    Ok((project.name != "linux").then_some(Own { project, asked }))
}

/// What is needed: for `own`, or for Linux with all shipped oracles.
fn wanted(own: Option<&Own>) -> Wanted {
    let Some(Own { asked, .. }) = own else {
        return Wanted {
            needs: setup::all(),
            guest: true,
        };
    };
    let (mut boots, mut guest) = (false, false);
    for name in asked.texts("oracle") {
        if SHIPPED.iter().any(|shipped| shipped.name == name) {
            (boots, guest) = (true, true);
        } else if let Ok(oracle) = oracle::find(name) {
            // A run tells of a missing one.
            guest |= oracle.mentions(contract::GUEST);
            boots |= guest || oracle.boots();
        }
    }
    let mut needs: Vec<Need> = BUILD.to_vec();
    if boots {
        needs.extend_from_slice(BOOT);
    }
    if asked
        .text("source")
        .is_none_or(|path| Path::new(path).is_file())
    {
        needs.push(UNPACK);
    }
    Wanted { needs, guest }
}
