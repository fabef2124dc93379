//! The guests of a run's oracles, made ready.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::guest::{Guest, GuestDir};
use crate::identity::{Known, Tracked};
use crate::model::Hashes;
use crate::setup::{Need, Setup};
use crate::{Error, Result};

/// Bytes of a file up to which it is read before and after each judgement, should anybody have touched it. Larger ones,
/// the images of disks, are known by size and time meanwhile; what is in them is in the version of the guest.
const LARGE: u64 = 64 << 20;

/// The guests that each kbisect had: of one folder, with one version.
const FIRST: [&str; 2] = ["busybox", "busybox-ssh"];

/// Adds what the making of these guests needs, each need once.
pub(super) fn add_needs<'g>(needs: &mut Vec<Need>, guests: impl IntoIterator<Item = &'g Guest>) {
    for need in guests.into_iter().flat_map(Guest::needs) {
        if !needs.contains(need) {
            needs.push(*need);
        }
    }
}

/// A guest that is ready.
pub(super) struct Made {
    pub(super) dir: GuestDir,
    /// Its files, which must stay as they are.
    pub(super) files: Vec<Arc<Tracked>>,
    guest: Guest,
}

/// The guests of the oracles, each once.
#[derive(Default)]
pub(super) struct Guests(Vec<Made>);

impl Guests {
    /// Makes these guests, or finds them made.
    ///
    /// # Errors
    /// One cannot be made.
    pub(super) fn make<'g>(
        guests: impl Iterator<Item = &'g Guest>,
        setup: &mut Setup<'_>,
    ) -> Result<Self> {
        let mut all = Self::default();
        for guest in guests {
            if all.of(guest).is_some() {
                continue;
            }
            let dir = guest.make(setup)?;
            all.0.push(Made {
                files: tracked(guest, &dir)?,
                guest: guest.clone(),
                dir,
            });
        }
        Ok(all)
    }

    pub(super) fn of(&self, guest: &Guest) -> Option<&Made> {
        self.0.iter().find(|made| made.guest == *guest)
    }

    /// The one that each kbisect had, if an oracle boots it.
    pub(super) fn first(&self) -> Option<&GuestDir> {
        let first = self.0.iter().find(|made| is_first(&made.guest));
        first.map(|made| &made.dir)
    }

    /// The versions of the others, by name; none if there are none.
    pub(super) fn others(&self) -> Option<Hashes> {
        let others = self.0.iter().filter(|made| !is_first(&made.guest));
        let version = |made: &Made| {
            (
                name_of(&made.guest).to_owned(),
                made.dir.version().to_owned(),
            )
        };
        let versions: BTreeMap<String, String> = others.map(version).collect();
        (!versions.is_empty()).then_some(versions)
    }
}

/// What people know it as; a guest of their own may lie elsewhere, and be the same.
fn name_of(guest: &Guest) -> &str {
    match guest.name() {
        path if path.contains('/') => "--guest",
        name => name,
    }
}

fn is_first(guest: &Guest) -> bool {
    matches!(guest, Guest::Shipped(recipe) if FIRST.contains(&recipe.name))
}

/// The files of a guest, as they are to stay.
fn tracked(guest: &Guest, dir: &GuestDir) -> Result<Vec<Arc<Tracked>>> {
    let whose = match is_first(guest) {
        true => "the guest's".to_owned(),
        false => format!("the guest {}'s", name_of(guest)),
    };
    let track = |name: &str, path: &Path| {
        let size = fs::metadata(path).map_err(|e| Error::io("look at", path, e))?;
        let known = match size.len() > LARGE {
            true => Known::Stat,
            false => Known::Contents,
        };
        Tracked::by(known, &format!("{whose} {name}"), path).map(Arc::new)
    };
    let files = dir.files().into_iter();
    files.map(|(name, path)| track(name, &path)).collect()
}
