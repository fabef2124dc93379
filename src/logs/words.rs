//! The known causes of failures: which line shows one, and how it is said in words.

use super::code::MeaningCode;

/// A cause that is known by a line.
pub(super) struct Row {
    pub code: MeaningCode,
    /// A regular expression. It is looked for in the evidence, and in each line of the console that a good boot does
    /// not have.
    pub pattern: &'static str,
    /// The words. `$1` is the pattern's first group.
    pub text: &'static str,
}

const fn row(code: MeaningCode, pattern: &'static str, text: &'static str) -> Row {
    Row {
        code,
        pattern,
        text,
    }
}

/// The rows, in the order in which they are tried: those that name a cause before those that name a consequence.
pub(super) const ROWS: &[Row] = &[
    row(
        MeaningCode::MissingSystemCall,
        r"(?i)futex facility returned an unexpected error",
        "A program of the guest needs the system call futex, which this kernel lacks.",
    ),
    row(
        MeaningCode::MissingSystemCall,
        r"(?i)program failed to initialize \(Function not implemented\)",
        "A program of the guest needs a system call that this kernel lacks.",
    ),
    row(
        MeaningCode::MissingSystemCall,
        r"(?i)\b(\w+)(?:\(.*\))?(?: failed)?:? \(?Function not implemented",
        "The guest's call of $1 failed: this kernel lacks that system call.",
    ),
    row(
        MeaningCode::MissingSystemCall,
        r"(?i)Function not implemented|ENOSYS",
        "A program of the guest needs a system call that this kernel lacks.",
    ),
    row(
        MeaningCode::NoRoot,
        r#"VFS: Cannot open root device "?([^" ]+)"? or unknown-block\(0,0\): error (-\d+)"#,
        "The kernel could not mount its root file system: there is no device $1 (error $2). It lacks the driver of the \
         disk or of its bus.",
    ),
    row(
        MeaningCode::NoRoot,
        r#"VFS: Cannot open root device "?([^" ]+)"? or unknown-block\(.*\): error (-\d+)"#,
        "The kernel found the device $1, but could not mount a root file system from it (error $2). It lacks the file \
         system.",
    ),
    row(
        MeaningCode::NoRoot,
        r"Unable to mount root fs on (\S+)|Cannot open root device",
        "The kernel could not mount its root file system. It lacks the driver of the disk or of its bus, or the file \
         system.",
    ),
    row(
        MeaningCode::NoInit,
        r"Failed to execute (\S+) \(error (-\d+)\)",
        "The kernel could not run $1, the guest's first program (error $2).",
    ),
    row(
        MeaningCode::NoInit,
        r"(?i)No working init found|Requested init (?:\S+) failed|unable to open an initial console.*init",
        "The kernel found no first program (init) that it can run.",
    ),
    row(
        MeaningCode::NoPseudoTerminal,
        r"(?i)PTY allocation request failed|openpty: |No pty was allocated|out of pty devices",
        "The guest cannot give the session a pseudo-terminal.",
    ),
    row(
        MeaningCode::NoPrivileges,
        r"(?i)Failed to set e?[ug]id|set(?:groups|e?[ug]id)\S*: (?:Function not implemented|Operation not permitted)",
        "The ssh server could not become the user who logs in.",
    ),
    row(
        MeaningCode::NoAddressFamily,
        r"(?i)CONFIG_PACKET",
        "A program of the guest needs packet sockets (CONFIG_PACKET), which this kernel lacks.",
    ),
    row(
        MeaningCode::NoAddressFamily,
        r"(?i)(\S+?):? \(?Address family not supported by protocol",
        "A program of the guest could not make a socket: this kernel lacks that family of protocols.",
    ),
    row(
        MeaningCode::NoNetworkDevice,
        r"(?i)SIOC\w+: No such device|Cannot find device|eth0: .*No such device",
        "The guest has no network device: the kernel lacks its driver, or that of its bus.",
    ),
    row(
        MeaningCode::MissingFileSystem,
        r"(?i)mounting (\S+) on \S+ failed: No such device",
        "The guest cannot mount $1: this kernel lacks that file system.",
    ),
    row(
        MeaningCode::MissingFileSystem,
        r"(?i)unknown filesystem type '?(\w+)|Filesystem type '(\w+)' is not supported",
        "The guest cannot mount a file system that this kernel lacks: $1$2.",
    ),
    row(
        MeaningCode::NoAddress,
        r"(?i)No DHCPOFFERS received|Network is unreachable|no lease|dhcp.*failed|Temporary failure in name resolution",
        "The guest got no network address, or no route.",
    ),
    row(
        MeaningCode::KernelBug,
        r"(?i)kernel BUG at (\S+)|\bOops: |BUG: .*|Unable to handle kernel .*|general protection fault",
        "The kernel crashed.",
    ),
    row(
        MeaningCode::Panic,
        r"Kernel panic - not syncing: (.+)",
        "The kernel panicked: $1",
    ),
    row(
        MeaningCode::Crash,
        r"(?i)(\S+?)\[[#\d]+\]: segfault|Segmentation fault|Illegal instruction",
        "A program of the guest crashed.",
    ),
    row(
        MeaningCode::DirtyLog,
        r"^new warning: (.+)",
        "The kernel's log has a warning that the start's log does not have: $1",
    ),
    row(
        MeaningCode::DirtyLog,
        r"dmesg in the guest shows nothing",
        "The guest cannot read the kernel's log.",
    ),
    row(
        MeaningCode::DirtyLog,
        r"the kernel log has lost its beginning",
        "The kernel's log has lost its beginning.",
    ),
    row(
        MeaningCode::NoShell,
        r"last line: / #$|^/ #$",
        "The kernel did not run the guest's init, which is a script, and started a shell in its place.",
    ),
    row(
        MeaningCode::SshRefused,
        r"(?i)no session: .*Connection refused|connect to host .* port .*: Connection refused",
        "Nothing listens on the ssh port of the guest.",
    ),
    row(
        MeaningCode::SshClosed,
        r"(?i)no session: .*(?:Connection (?:closed|reset)|kex_exchange|Broken pipe)",
        "The ssh server of the guest closed the connection.",
    ),
    row(
        MeaningCode::SshClosed,
        r"(?i)no session: (.*(?:timed out|Permission denied).*)",
        "The session by ssh failed: $1",
    ),
    row(
        MeaningCode::MissingFile,
        r"^(?:on the console: )?missing: (/\S*)",
        "The guest lacks $1.",
    ),
    row(
        MeaningCode::ChecksFailed,
        r"^(?:on the console: )?missing: (.+)",
        "The oracle's check in the guest failed: $1",
    ),
    row(
        MeaningCode::GuestCommand,
        r"guest: failed: (.+)",
        "A command of the guest's init failed: $1",
    ),
];
