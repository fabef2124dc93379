//! The environment variables that builds and oracles see and that a verdict can depend on.
//!
//! A Makefile may read any variable, and so may a compiler or an oracle. So all of them count but those that are
//! known to be [harmless](is_harmless): what tells a program who and where its user is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// Names of variables that no build looks at, and no oracle judges by: terminals, sessions, desktops, accounts in
/// clouds and the certificates of programs that download, what runs us. One that ends with `_` stands for all that begin so.
const HARMLESS: &[&str] = &[
    "ALACRITTY_",
    "AWS_",
    "AZURE_",
    "BROWSER",
    "BYOBU_",
    "CARGO",
    "CARGO_",
    "CI",
    "CI_",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "CLOUDSDK_",
    "COLOR",
    "COLORFGBG",
    "COLORTERM",
    "COLUMNS",
    "CONTAINER_NAME",
    "CURL_CA_BUNDLE",
    "DBUS_",
    "DEBIAN_FRONTEND",
    "DEBUGINFOD_",
    "DESKTOP_SESSION",
    "DESKTOP_STARTUP_ID",
    "DISPLAY",
    "EDITOR",
    "FORCE_COLOR",
    "GCC_COLORS",
    "GDK_",
    "GDMSESSION",
    "GDM_",
    "GITHUB_",
    "GIT_ASKPASS",
    "GIT_EDITOR",
    "GIT_PAGER",
    "GIT_SSL_CAINFO",
    "GNOME_",
    "GPG_",
    "GREP_COLORS",
    "GTK_",
    "HISTCONTROL",
    "HISTFILE",
    "HISTFILESIZE",
    "HISTSIZE",
    "HISTTIMEFORMAT",
    "HOME",
    "HOSTNAME",
    "IM_CONFIG_",
    "INFOPATH",
    "INVOCATION_ID",
    "ITERM_",
    "JENKINS_",
    "JOURNAL_STREAM",
    "KBISECT_",
    "KDE_",
    "KITTY_",
    "KONSOLE_",
    "KRB5CCNAME",
    "KUBERNETES_",
    "LC_TERMINAL",
    "LC_TERMINAL_VERSION",
    "LESS",
    "LESSCLOSE",
    "LESSOPEN",
    "LESS_",
    "LINES",
    "LISTEN_FDNAMES",
    "LISTEN_FDS",
    "LISTEN_PID",
    "LOGNAME",
    "LSCOLORS",
    "LS_COLORS",
    "MAIL",
    "MAILCHECK",
    "MAKEFLAGS",
    "MAKELEVEL",
    "MAKE_TERMERR",
    "MAKE_TERMOUT",
    "MANAGERPID",
    "MANPAGER",
    "MANPATH",
    "MC_SID",
    "MC_TMPDIR",
    "MEMORY_PRESSURE_",
    "MFLAGS",
    "MOTD_SHOWN",
    "NEXTEST",
    "NEXTEST_",
    "NODE_EXTRA_CA_CERTS",
    "NOTIFY_SOCKET",
    "NO_COLOR",
    "NPM_CONFIG_",
    "NVM_",
    "OLDPWD",
    "PAGER",
    "PIP_",
    "PROMPT_COMMAND",
    "PS1",
    "PS2",
    "PS4",
    "PWD",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
    "QT_",
    "REQUESTS_CA_BUNDLE",
    "RUNNER_",
    "RUSTUP_",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "RUST_MIN_STACK",
    "RUST_RECURSION_COUNT",
    "SESSION_MANAGER",
    "SHELL",
    "SHLVL",
    "SSH_",
    "SSL_CERT_",
    "STY",
    "SUDO_",
    "SYSTEMD_",
    "SYSTEM_COLORS",
    "TERM",
    "TERMCAP",
    "TERMINFO",
    "TERMINFO_DIRS",
    "TERM_",
    "TMP",
    "TMPDIR",
    "TEMP",
    "TMUX",
    "TMUX_",
    "TOX_",
    "USER",
    "USERNAME",
    "VISUAL",
    "VSCODE_",
    "VTE_VERSION",
    "WAYLAND_",
    "WEZTERM_",
    "WINDOW",
    "WINDOWID",
    "WINDOWPATH",
    "WSLENV",
    "WSL_",
    "WT_",
    "XAUTHORITY",
    "XDG_",
    "XMODIFIERS",
    "ZELLIJ",
    "ZELLIJ_",
    "_",
    "__CFBundleIdentifier",
];

/// What names of variables have in them whose values are nobody's business. Addresses have passwords in them.
const SECRET: &[&str] = &[
    "AUTH", "CONN", "COOKIE", "CRED", "DSN", "KEY", "PASS", "PRIVATE", "PROXY", "PWD", "SECRET",
    "SESSION", "TOKEN", "URI", "URL",
];

/// How a value begins of which there is only the hash.
const HIDDEN: &str = "blake3:";

/// Bytes up to which a value is noted as it is.
const SHORT: usize = 1000;

/// Does no build and no oracle look at the variable `name`?
#[must_use]
pub fn is_harmless(name: &OsStr) -> bool {
    let name = name.as_bytes();
    HARMLESS.iter().any(|known| {
        let known = known.as_bytes();
        // `_` itself is a variable of the shell.
        let is_begin = known.len() > 1 && known.ends_with(b"_");
        name == known || (is_begin && name.starts_with(known))
    })
}

/// The variables that verdicts may depend on, with their values, without those that `overridden` says that builds
/// see another value of. `PATH` is none of them: what is found through it is known by its contents. Of a secret
/// there is the hash only.
#[must_use]
pub fn environment(overridden: &[(String, String)]) -> BTreeMap<String, String> {
    let is_overridden = |name: &OsStr| overridden.iter().any(|(other, _)| name == &**other);
    std::env::vars_os()
        .filter(|(name, _)| name != "PATH" && !is_harmless(name) && !is_overridden(name))
        .map(|(name, value)| {
            let name = name.to_string_lossy().into_owned();
            let value = noted(&name, &value);
            (name, value)
        })
        .collect()
}

/// A value as it is noted in a key.
fn noted(name: &str, value: &OsStr) -> String {
    let upper = name.to_uppercase();
    let is_secret = SECRET.iter().any(|part| upper.contains(part));
    match value.to_str() {
        Some(text) if !is_secret && text.len() <= SHORT && !text.starts_with(HIDDEN) => {
            text.to_owned()
        }
        _ => {
            let hash = blake3::hash(value.as_bytes()).to_hex();
            format!("{HIDDEN}{}", &hash[..16])
        }
    }
}

/// Is it the hash of a value?
pub(super) fn is_hidden(noted: &str) -> bool {
    noted.starts_with(HIDDEN)
}

/// What builds do not take from the environment: the names of the variables that are set all the same, options
/// for make.
#[must_use]
pub fn not_passed_on() -> Vec<&'static str> {
    let is_set = |name: &&&str| {
        std::env::var_os(name).is_some_and(|value| !value.as_bytes().trim_ascii().is_empty())
    };
    MAKE_OPTIONS.iter().filter(is_set).copied().collect()
}

/// Options for make. With `-i` or `-k` it would leave what is out of date and say that it succeeded, and an
/// assignment would hold against the Makefile.
pub const MAKE_OPTIONS: &[&str] = &["GNUMAKEFLAGS", "MAKEFLAGS"];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_may_read_counts_and_a_terminal_does_not() {
        for name in [
            "CFLAGS",
            "W",
            "C",
            "KBUILD_EXTRA",
            "CIPHER",
            "TERMITE",
            "LANG",
            "_X",
            "USERCFLAGS",
        ] {
            assert!(!is_harmless(OsStr::new(name)), "{name}");
        }
        for name in [
            "SSH_TTY",
            "TERM",
            "_",
            "XDG_SESSION_ID",
            "KBISECT_CACHE",
            "GITHUB_RUN_ID",
        ] {
            assert!(is_harmless(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn of_a_secret_there_is_only_the_hash() {
        let noted = |name: &str, value: &str| noted(name, OsStr::new(value));
        assert_eq!(noted("CFLAGS", "-O2"), "-O2");
        for name in ["API_TOKEN", "db_password", "SigningKey", "https_proxy"] {
            let text = noted(name, "hush");
            assert!(is_hidden(&text) && !text.contains("hush"), "{name}");
            assert_ne!(text, noted(name, "other"));
        }
        assert!(is_hidden(&noted("LONG", &"x".repeat(SHORT + 1))));
        assert!(is_hidden(&noted("ODD", "blake3:1")));
    }
}
