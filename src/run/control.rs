//! How a run is stopped from outside.

use std::thread;

use crossbeam_channel::{Receiver, never};

use crate::supervise::{CancelToken, Signal, Signals};
use crate::{Error, ErrorKind, Result};

/// Stops a run: by signals, by a token, or not at all.
#[derive(Debug)]
pub struct Control {
    pub(crate) cancel: CancelToken,
    requests: Receiver<Signal>,
    /// Handles them as long as it lives.
    _signals: Option<Signals>,
}

impl Control {
    /// SIGINT and SIGTERM stop the run: the first one as soon as it can be resumed, the second one at
    /// once. Changes how this process handles them.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn by_signals() -> Result<Self> {
        let cancel = CancelToken::new();
        let signals = Signals::install(&cancel)?;
        Ok(Self {
            cancel,
            requests: signals.requests().clone(),
            _signals: Some(signals),
        })
    }

    /// `cancel` stops the run at once. It can be resumed.
    #[must_use]
    pub fn by_token(cancel: &CancelToken) -> Self {
        Self {
            cancel: cancel.clone(),
            requests: never(),
            _signals: None,
        }
    }

    /// What a person asked for, in order.
    pub(crate) fn requests(&self) -> &Receiver<Signal> {
        &self.requests
    }
}

/// Has the first SIGINT or SIGTERM cancel `token`, for work of which no half is worth finishing. Changes how this
/// process handles them.
///
/// # Errors
/// The handlers cannot be installed.
pub fn stop_at_the_first_signal(token: &CancelToken) -> Result<()> {
    let (signals, token) = (Signals::install(token)?, token.clone());
    thread::spawn(move || {
        // For as long as the process lives: the third signal ends it.
        for _ in signals.requests() {
            token.cancel();
        }
    });
    Ok(())
}

/// Does `work`, which the first signal cancels: nothing of it is worth finishing.
///
/// # Errors
/// Those of `work`; [`ErrorKind::Interrupted`] when there was a signal.
pub(crate) fn interruptible<T>(
    control: &Control,
    work: impl FnOnce(&CancelToken) -> Result<T>,
) -> Result<T> {
    let token = control.cancel.child();
    // Nothing is ever sent: it is dropped when the work is done.
    let (working, done) = crossbeam_channel::bounded::<()>(0);
    let (requests, first) = (control.requests().clone(), token.clone());
    let result = thread::scope(|scope| {
        scope.spawn(move || {
            crossbeam_channel::select! {
                recv(requests) -> signal => if signal.is_ok() { first.cancel() },
                recv(done) -> _ => {}
            }
        });
        let result = work(&token);
        drop(working);
        result
    });
    if token.is_cancelled() {
        return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
    }
    result
}
