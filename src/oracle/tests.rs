//! Tests of oracles as they are found and copied.

use super::*;
use crate::ErrorKind;

#[test]
fn an_unknown_oracle_is_an_error_that_tells_which_there_are() {
    let error = find("shell-okay").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.hint_text().unwrap().contains("shell-ok, "));
}

#[test]
fn a_file_that_cannot_be_executed_is_no_oracle() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = find(file.path().to_str().unwrap()).unwrap_err();
    assert!(error.hint_text().unwrap().starts_with("chmod +x"));
}

#[test]
fn two_oracles_of_one_name_get_folders_of_their_own() {
    let oracles = find_all(&["/bin/sh", "/bin/sh"]).unwrap();
    assert_ne!(oracles[0].name(), oracles[1].name());
}

#[test]
fn the_guest_is_part_of_what_a_verdict_depended_on_in_earlier_versions() {
    let oracle = find("/bin/sh").unwrap();
    assert_ne!(oracle.earlier_id(Some("a")), oracle.earlier_id(Some("b")));
    assert_eq!(
        oracle.earlier_id(None),
        find("/bin/sh").unwrap().earlier_id(None)
    );
}

#[test]
fn a_copy_of_a_shipped_oracle_is_known_by_what_it_speaks_of() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine");
    std::fs::write(
        &path,
        "#!/bin/sh\nkbisect boot --initrd \"$KBISECT_GUEST/x\"\n",
    )
    .unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let oracle = find(&path.to_string_lossy()).unwrap();
    assert!(oracle.mentions(contract::GUEST) && oracle.mentions("kbisect boot"));
    assert!(!oracle.mentions("KBISECT_GUESTS"));
}

#[test]
fn an_oracle_compares_with_the_start_if_a_file_that_it_uses_does() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine");
    std::fs::write(&path, "#!/bin/sh\n. \"$here/common.sh\"\n").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    let compares = |text: &str| {
        std::fs::write(dir.path().join("common.sh"), text).unwrap();
        find(&path.to_string_lossy()).unwrap().compares()
    };
    assert!(!compares("true\n"));
    assert!(compares("cmp new \"$KBISECT_BASELINE/old\"\n"));
}
