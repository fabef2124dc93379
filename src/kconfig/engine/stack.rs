//! Room on the stack for work that goes as deep as the files that were read.

/// Runs `work`, which may go as deep as the files that were read, with room on the stack for it.
pub(super) fn deep<T>(work: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(64 << 10, 1 << 20, work)
}
