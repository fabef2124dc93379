//! Finds marked processes with nothing but system calls: for the watchdog, which may not
//! allocate.

use nix::libc;

/// Bytes of an environment, or of a directory, that are read at once.
const CHUNK: usize = 1 << 15;

/// How often all processes are looked at, at most: who forks faster than it is killed is given up.
const ROUNDS: usize = 1000;

/// How many looks in a row may find nothing but processes without a readable environment: one
/// that becomes another program (`exec`) has none for a moment, one started by `env -i` never has.
const UNCLEAR_ROUNDS: usize = 50;

/// What a process's environment says, and what a look at all of them found at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Mark {
    Absent,
    /// Nothing could be read, though the process is a program.
    Unclear,
    Present,
}

/// Kills each process whose environment has `mark` in it, until none is found any more.
pub(super) fn kill_marked(mark: &[u8]) {
    let mut unclear = 0;
    for _ in 0..ROUNDS {
        unclear = match kill_once(mark) {
            Mark::Absent => return,
            Mark::Unclear if unclear == UNCLEAR_ROUNDS => return,
            Mark::Unclear => unclear + 1,
            Mark::Present => 0,
        };
        // SAFETY: without descriptors poll only waits, a millisecond.
        unsafe {
            libc::poll(std::ptr::null_mut(), 0, 1);
        }
    }
}

/// One look at all processes. `Present`: one was killed.
fn kill_once(mark: &[u8]) -> Mark {
    // As the kernel aligns entries.
    let mut entries = [0_u64; CHUNK / 8];
    let mut most = Mark::Absent;
    // SAFETY: the path is a static string; the buffer is a live local, and getdents64 fills it
    // with entries whose length is at offset 16 and whose name, at 19, ends with a zero.
    unsafe {
        let this = libc::getpid();
        let proc = libc::open(c"/proc".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY);
        if proc < 0 {
            return Mark::Absent;
        }
        loop {
            let length = libc::syscall(libc::SYS_getdents64, proc, entries.as_mut_ptr(), CHUNK);
            let Ok(length @ 1..) = usize::try_from(length) else {
                break;
            };
            let start = entries.as_ptr().cast::<u8>();
            let mut at = 0;
            while at < length {
                let entry = start.add(at);
                if let Some(pid) = number(entry.add(19))
                    && pid != this
                {
                    most = most.max(kill_if_marked(pid, mark));
                }
                at += usize::from(entry.add(16).cast::<u16>().read_unaligned());
            }
        }
        libc::close(proc);
    }
    most
}

/// The number that a name is.
///
/// # Safety
/// The name ends with a zero.
unsafe fn number(mut name: *const u8) -> Option<i32> {
    let mut number = 0_i32;
    loop {
        // SAFETY: not past the zero.
        match unsafe { *name } {
            0 => return (number > 0).then_some(number),
            digit @ b'0'..=b'9' => {
                number = number
                    .wrapping_mul(10)
                    .wrapping_add(i32::from(digit - b'0'));
            }
            _ => return None,
        }
        // SAFETY: as above.
        name = unsafe { name.add(1) };
    }
}

fn kill_if_marked(pid: i32, mark: &[u8]) -> Mark {
    // SAFETY: these calls take numbers. The descriptor is taken before the environment is read,
    // so that the signal reaches the process that has it or none.
    unsafe {
        let pidfd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        let found = look_for(mark, pid);
        let sent = found == Mark::Present
            && if pidfd >= 0 {
                let info = std::ptr::null::<libc::siginfo_t>();
                libc::syscall(libc::SYS_pidfd_send_signal, pidfd, libc::SIGKILL, info, 0) == 0
            } else {
                libc::kill(pid, libc::SIGKILL) == 0
            };
        if pidfd >= 0 {
            libc::syscall(libc::SYS_close, pidfd);
        }
        match found {
            Mark::Present if !sent => Mark::Absent,
            found => found,
        }
    }
}

fn look_for(mark: &[u8], pid: i32) -> Mark {
    let mut buffer = [0_u8; CHUNK];
    let mut found = false;
    let mut is_empty = true;
    // SAFETY: the path ends with a zero; what is read goes to the rest of a live local, and no
    // further.
    unsafe {
        let environment = path(pid, b"/environ");
        let file = libc::open(environment.as_ptr().cast(), libc::O_RDONLY);
        if file < 0 {
            return Mark::Absent;
        }
        // The end of what was read before stays in front: the mark may lie across.
        let mut kept = 0;
        while !found {
            let room = buffer.as_mut_ptr().add(kept);
            let length = libc::read(file, room.cast(), CHUNK - kept);
            let Ok(length @ 1..) = usize::try_from(length) else {
                break;
            };
            is_empty = false;
            let end = kept + length;
            found = buffer[..end].windows(mark.len()).any(|part| part == mark);
            kept = end.min(mark.len() - 1);
            buffer.copy_within(end - kept..end, 0);
        }
        libc::close(file);
    }
    match (found, is_empty) {
        (true, _) => Mark::Present,
        (false, true) if is_program(pid) => Mark::Unclear,
        (false, _) => Mark::Absent,
    }
}

/// Is it neither a thread of the kernel nor a zombie? Those have no environment either.
fn is_program(pid: i32) -> bool {
    let link = path(pid, b"/exe");
    let mut byte = 0_u8;
    // SAFETY: the path ends with a zero; one byte at most goes to a live local.
    unsafe { libc::readlink(link.as_ptr().cast(), (&raw mut byte).cast(), 1) > 0 }
}

/// `/proc/PID`, `name`, and a zero.
fn path(pid: i32, name: &[u8]) -> [u8; 32] {
    let mut path = [0; 32];
    let mut digits = [0; 10];
    let (mut rest, mut count) = (pid.unsigned_abs(), 0);
    while rest > 0 && count < digits.len() {
        digits[count] = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
    }
    let digits = digits[..count].iter().rev();
    let text = b"/proc/".iter().chain(digits).chain(name);
    for (place, byte) in path.iter_mut().zip(text) {
        *place = *byte;
    }
    path
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_an_environment_is_looked_at_again() {
        // As one is for a moment that becomes another program.
        let program = |name: &str, value: &str| {
            let mut command = std::process::Command::new("sleep");
            command.arg("1000").env_clear();
            if !name.is_empty() {
                command.env(name, value);
            }
            command.spawn().unwrap()
        };
        let mut bare = program("", "");
        let mut marked = program("KBISECT_TEST_MARK", "1.");
        let mut other = program("KBISECT_TEST_OTHER", "1.");
        let look = |pid: u32| look_for(b"KBISECT_TEST_MARK=1.", pid.try_into().unwrap());
        assert_eq!(look(bare.id()), Mark::Unclear);
        // It may be on its way to the program still.
        while look(marked.id()) == Mark::Unclear || look(other.id()) == Mark::Unclear {
            std::thread::yield_now();
        }
        assert_eq!(look(marked.id()), Mark::Present);
        assert_eq!(look(other.id()), Mark::Absent);
        bare.kill().unwrap();
        let spec = nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT;
        let pid = nix::unistd::Pid::from_raw(bare.id().try_into().unwrap());
        nix::sys::wait::waitid(nix::sys::wait::Id::Pid(pid), spec).unwrap();
        assert_eq!(look(bare.id()), Mark::Absent, "a zombie");
        for child in [&mut bare, &mut marked, &mut other] {
            let _ = child.kill();
            child.wait().unwrap();
        }
    }

    #[test]
    fn the_environment_of_a_process_is_where_it_is_looked_for() {
        assert_eq!(
            path(120, b"/environ").split(|b| *b == 0).next(),
            Some(&b"/proc/120/environ"[..])
        );
        // SAFETY: both end with a zero.
        unsafe {
            assert_eq!(number(c"4194304".as_ptr().cast()), Some(4_194_304));
            assert_eq!(number(c"self".as_ptr().cast()), None);
        }
    }
}
