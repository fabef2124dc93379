//! The keys of a guest: ours to log in with, and its own. They are made anew with each guest's folder.

use std::fs;
use std::path::Path;

use super::folder::{contents, write};
use crate::setup::Setup;
use crate::supervise::Spec;
use crate::{Error, Result};

/// Makes the key that logs in to a guest, `id_ed25519` in the folder `dir`. Returns its public half.
pub(super) fn own_key(setup: &Setup<'_>, dir: &Path) -> Result<Vec<u8>> {
    generate(setup, &dir.join("id_ed25519"))
}

/// Makes the guest's own key in the file `host_key`, and `known_hosts` in the folder `dir`. Returns its public half.
pub(super) fn host_key(setup: &Setup<'_>, host_key: &Path, dir: &Path) -> Result<Vec<u8>> {
    let public = generate(setup, host_key)?;
    let known = [b"guest ", public.as_slice()].concat();
    write(&dir.join("known_hosts"), &known, 0o644)?;
    Ok(public)
}

fn generate(setup: &Setup<'_>, key: &Path) -> Result<Vec<u8>> {
    let keygen = Spec::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "kbisect", "-f"])
        .arg(key);
    if !setup.run(keygen)?.success() {
        return Err(Error::failed("cannot make a key with ssh-keygen"));
    }
    let mut public = key.as_os_str().to_owned();
    public.push(".pub");
    let public = Path::new(&public);
    let text = contents(public)?;
    fs::remove_file(public).map_err(|e| Error::io("remove", public, e))?;
    Ok(text)
}
