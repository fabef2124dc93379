//! Requests of the user, or of the system, to stop.

use std::thread;

use crossbeam_channel::{Receiver, unbounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Handle;

use super::CancelToken;
use crate::{Error, ErrorKind, Result};

/// A request to stop; each one more urgent than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// The first: come to an orderly end.
    Stop,
    /// The second: end the children too. The token given to [`Signals::install`] has been
    /// cancelled already.
    Kill,
}

/// Turns SIGINT, SIGTERM and SIGHUP into [`Signal`]s, for as long as it lives. The third leaves
/// the program at once, with exit code 130.
#[derive(Debug)]
pub struct Signals {
    requests: Receiver<Signal>,
    handle: Handle,
}

impl Signals {
    /// Begins to listen. The second signal cancels `cancel`.
    ///
    /// # Errors
    /// The handlers cannot be installed.
    pub fn install(cancel: &CancelToken) -> Result<Self> {
        let failed = |error| Error::failed("cannot listen to signals").because(error);
        let mut signals =
            signal_hook::iterator::Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(failed)?;
        let handle = signals.handle();
        let (sender, requests) = unbounded();
        let cancel = cancel.clone();
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || {
                for (_, count) in signals.forever().zip(1_u32..) {
                    let request = match count {
                        1 => Signal::Stop,
                        2 => {
                            cancel.cancel();
                            Signal::Kill
                        }
                        // The watchdog sees us go, and kills what is left.
                        _ => {
                            signal_hook::low_level::exit(ErrorKind::Interrupted.exit_code().into())
                        }
                    };
                    // The receiver may be gone; later signals still count.
                    let _ = sender.send(request);
                }
            })
            .map_err(failed)?;
        Ok(Self { requests, handle })
    }

    /// The requests, in order.
    #[must_use]
    pub fn requests(&self) -> &Receiver<Signal> {
        &self.requests
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.handle.close();
    }
}
