//! What the project of the working folder needs on this machine: installed or checked.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use super::guests::add_needs;
use super::project::project as project_of;
use super::tell::{Watcher, note};
use crate::Result;
use crate::guest::Guest;
use crate::kconfig::Project;
use crate::oracle::{self, Oracle};
use crate::settings::{self, PartialSettings};
use crate::setup::{self, BOOT, BUILD, Finding, Made, Need, Setup, UNPACK, Wanted};
use crate::supervise::CancelToken;

/// The guest that is made beforehand: a run makes the others that its oracles ask for.
const BUSYBOX: &str = "busybox";

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
    let asked = asked()?;
    let own = own(asked.as_ref())?;
    let guests = guests(asked.as_ref());
    let wanted = wanted(own.as_ref(), asked.as_ref(), &guests);
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
    let mut guest = match own {
        // All shipped oracles can be used.
        None => Some(Guest::find(BUSYBOX)?.make(&mut setup)?.path().to_owned()),
        Some(_) => None,
    };
    for wanted in &guests {
        let made = wanted.make(&mut setup)?;
        guest.get_or_insert_with(|| made.path().to_owned());
    }
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
    let made = match Guest::find(BUSYBOX)?.made(&setup)? {
        Some(_) => Made::Yes,
        None => Made::No,
    };
    let asked = asked()?;
    let own = own(asked.as_ref())?;
    let wanted = wanted(own.as_ref(), asked.as_ref(), &guests(asked.as_ref()));
    setup::findings(&mut setup, &wanted, made, output)
}

/// A project that is not Debian's kernel, and the settings file that names it.
struct Own<'a> {
    project: Project,
    asked: &'a PartialSettings,
}

/// The settings file of the working folder, if there is one.
fn asked() -> Result<Option<PartialSettings>> {
    let file = Path::new(settings::FILE);
    match file.is_file() {
        true => settings::read(file).map(|(asked, _)| Some(asked)),
        false => Ok(None),
    }
}

/// The project that the settings file names or describes, if it is another one than Linux.
fn own(asked: Option<&PartialSettings>) -> Result<Option<Own<'_>>> {
    let Some(asked) = asked.filter(|asked| asked.get("project").is_some()) else {
        return Ok(None);
    };
    let arch = asked.text("arch").unwrap_or(settings::ARCH);
    let project = project_of(asked.get("project"), arch)?;
    Ok((project.name != "linux").then_some(Own { project, asked }))
}

/// The oracles that the settings file names. A run tells of those that are none.
fn oracles(asked: Option<&PartialSettings>) -> Vec<Oracle> {
    let names = asked.into_iter().flat_map(|asked| asked.texts("oracle"));
    names.filter_map(|name| oracle::find(name).ok()).collect()
}

/// The guests of these oracles, each once.
fn guests(asked: Option<&PartialSettings>) -> Vec<Guest> {
    let named = asked.and_then(|asked| asked.text("guest"));
    let other = named.and_then(|name| Guest::find(name).ok());
    let mut guests = Vec::new();
    for oracle in oracles(asked) {
        let guest = match &other {
            Some(other) if oracle.names_guest() => Some(other.clone()),
            _ => oracle.guest(),
        };
        guests.extend(guest.filter(|guest| !guests.contains(guest)));
    }
    guests
}

/// What is needed: for `own`, or for Linux with all shipped oracles whose guest is an initial RAM disk; and for the
/// oracles that are `asked` for, with these guests.
fn wanted(own: Option<&Own<'_>>, asked: Option<&PartialSettings>, guests: &[Guest]) -> Wanted {
    let Some(Own { asked: own, .. }) = own else {
        let mut needs = setup::all();
        add_needs(&mut needs, guests);
        return Wanted { needs, guest: true };
    };
    let mut needs: Vec<Need> = BUILD.to_vec();
    if !guests.is_empty() || oracles(asked).iter().any(Oracle::boots) {
        needs.extend_from_slice(BOOT);
    }
    add_needs(&mut needs, guests);
    if own
        .text("source")
        .is_none_or(|path| Path::new(path).is_file())
    {
        needs.push(UNPACK);
    }
    Wanted {
        needs,
        guest: !guests.is_empty(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn another_guest_takes_the_place_of_one_that_a_header_names_and_of_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let guests_of = |header: &str| {
            let path = dir.path().join("oracle");
            let script = format!("#!/bin/sh\n{header}\nkbisect boot $KBISECT_GUEST\n");
            fs::write(&path, script).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            let asked = PartialSettings::new()
                .with("oracle", vec![toml::Value::from(path.to_str().unwrap())])
                .with("guest", "busybox-ssh");
            let guests = guests(Some(&asked));
            let names: Vec<String> = guests.iter().map(|g| g.name().to_owned()).collect();
            names.join(" ")
        };
        assert_eq!(guests_of("# kbisect: guest=busybox"), "busybox-ssh");
        assert_eq!(guests_of("# kbisect: nic=virtio"), "busybox");
        assert_eq!(guests_of("# No header."), "busybox");
    }
}
