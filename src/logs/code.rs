//! The kinds of failures that have words.

use serde::{Deserialize, Serialize};

/// The kinds of failures that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeaningCode {
    /// A source file does not compile.
    CompileError,
    /// The kernel does not link.
    LinkError,
    /// The build failed for another reason.
    BuildError,
    /// The kernel panicked.
    Panic,
    /// The kernel crashed, but need not have panicked.
    KernelBug,
    /// The root file system cannot be mounted.
    NoRoot,
    /// There is no first program, or it cannot be run.
    NoInit,
    /// The kernel started a shell, and not the guest's init.
    NoShell,
    /// A system call is missing (`ENOSYS`).
    MissingSystemCall,
    /// A family of protocols is missing (`EAFNOSUPPORT`).
    NoAddressFamily,
    /// A file system is missing.
    MissingFileSystem,
    /// A file or a folder is missing in the guest.
    MissingFile,
    /// There is no network device.
    NoNetworkDevice,
    /// There is no address or no route.
    NoAddress,
    /// Nothing listens on the ssh port.
    SshRefused,
    /// The ssh server ended the session.
    SshClosed,
    /// There is no pseudo-terminal.
    NoPseudoTerminal,
    /// A program cannot change its user or its groups.
    NoPrivileges,
    /// A program of the guest crashed.
    Crash,
    /// The kernel's log has warnings, or is not there.
    DirtyLog,
    /// A check by the oracle in the guest failed.
    ChecksFailed,
    /// A command of the guest's init failed.
    GuestCommand,
    /// The console stayed silent.
    Silent,
    /// The guest ended, and had said nothing.
    EndedSilently,
    /// The guest ended before it was ready.
    Ended,
    /// The guest starts again and again.
    RebootLoop,
    /// The guest waits or works for ever.
    Hang,
}
