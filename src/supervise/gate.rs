//! Keeps those who look at all children from seeing one that is not known yet.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Held while a child begins, from before it exists until it is known here. Who takes it alone
/// sees no child that is still unknown.
static GATE: RwLock<()> = RwLock::new(());

/// To be held while a child is started, until it is known, and from then on that it is forgotten until it is reaped.
pub(super) fn beginning() -> RwLockReadGuard<'static, ()> {
    GATE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Does `work` while no child is being started.
pub(super) fn while_none_begins<T>(work: impl FnOnce() -> T) -> T {
    let _gate = GATE.write().unwrap_or_else(PoisonError::into_inner);
    work()
}
