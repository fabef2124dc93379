//! Finds marked processes with nothing but system calls: for the watchdog, which may not
//! allocate.

use nix::libc;

/// Bytes of an environment, or of a directory, that are read at once.
const CHUNK: usize = 1 << 15;

/// How often all processes are looked at, at most: who forks faster than it is killed is given up.
const ROUNDS: usize = 1000;

/// Kills each process whose environment has `mark` in it, until none is found any more.
pub(super) fn kill_marked(mark: &[u8]) {
    for _ in 0..ROUNDS {
        if !kill_once(mark) {
            return;
        }
        // SAFETY: without descriptors poll only waits, a millisecond.
        unsafe {
            libc::poll(std::ptr::null_mut(), 0, 1);
        }
    }
}

/// One look at all processes: was one killed?
fn kill_once(mark: &[u8]) -> bool {
    // As the kernel aligns entries.
    let mut entries = [0_u64; CHUNK / 8];
    let mut any = false;
    // SAFETY: the path is a static string; the buffer is a live local, and getdents64 fills it
    // with entries whose length is at offset 16 and whose name, at 19, ends with a zero.
    unsafe {
        let this = libc::getpid();
        let proc = libc::open(c"/proc".as_ptr(), libc::O_RDONLY | libc::O_DIRECTORY);
        if proc < 0 {
            return false;
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
                    any |= kill_if_marked(pid, mark);
                }
                at += usize::from(entry.add(16).cast::<u16>().read_unaligned());
            }
        }
        libc::close(proc);
    }
    any
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

fn kill_if_marked(pid: i32, mark: &[u8]) -> bool {
    // SAFETY: these calls take numbers. The descriptor is taken before the environment is read,
    // so that the signal reaches the process that has it or none.
    unsafe {
        let pidfd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
        let marked = is_marked(pid, mark);
        let sent = marked
            && if pidfd >= 0 {
                let info = std::ptr::null::<libc::siginfo_t>();
                libc::syscall(libc::SYS_pidfd_send_signal, pidfd, libc::SIGKILL, info, 0) == 0
            } else {
                libc::kill(pid, libc::SIGKILL) == 0
            };
        if pidfd >= 0 {
            libc::syscall(libc::SYS_close, pidfd);
        }
        sent
    }
}

fn is_marked(pid: i32, mark: &[u8]) -> bool {
    let mut buffer = [0_u8; CHUNK];
    let mut found = false;
    // SAFETY: the path ends with a zero; what is read goes to the rest of a live local, and no
    // further.
    unsafe {
        let path = path(pid);
        let file = libc::open(path.as_ptr().cast(), libc::O_RDONLY);
        if file < 0 {
            return false;
        }
        // The end of what was read before stays in front: the mark may lie across.
        let mut kept = 0;
        while !found {
            let room = buffer.as_mut_ptr().add(kept);
            let length = libc::read(file, room.cast(), CHUNK - kept);
            let Ok(length @ 1..) = usize::try_from(length) else {
                break;
            };
            let end = kept + length;
            found = buffer[..end].windows(mark.len()).any(|part| part == mark);
            kept = end.min(mark.len() - 1);
            buffer.copy_within(end - kept..end, 0);
        }
        libc::close(file);
    }
    found
}

/// `/proc/PID/environ`, and a zero.
fn path(pid: i32) -> [u8; 32] {
    let mut path = [0; 32];
    let mut digits = [0; 10];
    let (mut rest, mut count) = (pid.unsigned_abs(), 0);
    while rest > 0 && count < digits.len() {
        digits[count] = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
    }
    let digits = digits[..count].iter().rev();
    let text = b"/proc/".iter().chain(digits).chain(b"/environ");
    for (place, byte) in path.iter_mut().zip(text) {
        *place = *byte;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_of_a_process_is_where_it_is_looked_for() {
        assert_eq!(
            path(120).split(|b| *b == 0).next(),
            Some(&b"/proc/120/environ"[..])
        );
        // SAFETY: both end with a zero.
        unsafe {
            assert_eq!(number(c"4194304".as_ptr().cast()), Some(4_194_304));
            assert_eq!(number(c"self".as_ptr().cast()), None);
        }
    }
}
