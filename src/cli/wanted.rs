//! What the project of the working directory needs on this machine, for `setup` and `doctor`.

use std::path::Path;

use crate::Result;
use crate::kconfig::Project;
use crate::model::contract;
use crate::oracle::{self, SHIPPED};
use crate::run::project::project as project_of;
use crate::settings::{self, PartialSettings};
use crate::setup::{BOOT, BUILD, Need, UNPACK, Wanted, all};

/// A project that is not Debian's kernel, and what its settings file says.
pub(super) struct Own {
    pub(super) project: Project,
    pub(super) asked: PartialSettings,
}

/// The project that the settings file names or describes, if it is another one than Linux.
///
/// # Errors
/// The settings file cannot be read, or does not describe a project.
pub(super) fn own() -> Result<Option<Own>> {
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

/// What is needed: for `own`, or for Linux with all oracles that come with kbisect.
pub(super) fn wanted(own: Option<&Own>) -> Wanted {
    let Some(Own { asked, .. }) = own else {
        return Wanted {
            needs: all(),
            guest: true,
        };
    };
    let (mut boots, mut guest) = (false, false);
    for name in asked.texts("oracle") {
        if SHIPPED.iter().any(|shipped| shipped.name == name) {
            (boots, guest) = (true, true);
        } else if let Ok(oracle) = oracle::find(name) {
            // One that is not there is told by a run.
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
