//! The workers of this machine: threads that take trials from one queue.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::queue::{Report, Workers};
use crate::model::WorkerId;
use crate::supervise::CancelToken;
use crate::trial::{News, Place, Runner, TrialKey, TrialOutcome, TrialResult, TrialSpec};
use crate::{Error, Result};

/// Workers on this machine. Dropped, it cancels what runs and waits for its threads.
///
/// The threads live as long as it does: children die with the thread that started them.
pub struct LocalWorkers {
    queue: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
    sender: Sender<Report>,
    reports: Receiver<Report>,
}

/// What the workers share.
struct Queue {
    state: Mutex<State>,
    /// Something was offered or taken, or the queue was closed.
    changed: Condvar,
}

struct State {
    /// Offered, and not taken yet.
    waiting: VecDeque<TrialSpec>,
    /// Under way.
    running: HashMap<TrialKey, CancelToken>,
    /// Workers without a trial. A worker is idle before the end of its trial is reported, so whoever receives that report
    /// finds it idle.
    idle: BTreeSet<WorkerId>,
    is_closed: bool,
}

impl LocalWorkers {
    /// Starts so many workers, which make trials by `runner`. `cancel` cancels everything that any of them does.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(runner: &Arc<dyn Runner>, workers: usize, cancel: &CancelToken) -> Result<Self> {
        // The number of workers is that of cores, more or less.
        let ids: BTreeSet<WorkerId> = (0..workers as u32).map(WorkerId).collect();
        let queue = Arc::new(Queue {
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                running: HashMap::new(),
                idle: ids.clone(),
                is_closed: false,
            }),
            changed: Condvar::new(),
        });
        let (sender, reports) = unbounded();
        let mut all = Self {
            queue,
            threads: Vec::with_capacity(workers),
            sender,
            reports,
        };
        for id in ids {
            let (queue, runner) = (Arc::clone(&all.queue), Arc::clone(runner));
            let (cancel, sender) = (cancel.clone(), all.sender.clone());
            let thread = thread::Builder::new()
                .name(format!("worker-{id}"))
                .spawn(move || work(id, &queue, &*runner, &cancel, &sender))
                .map_err(|e| Error::failed("cannot start a worker").because(e))?;
            all.threads.push(thread);
        }
        Ok(all)
    }
}

fn work(
    id: WorkerId,
    queue: &Queue,
    runner: &dyn Runner,
    cancel: &CancelToken,
    reports: &Sender<Report>,
) {
    // Whoever does not listen any more does not want to know.
    let tell = |report| drop(reports.send(report));
    let news = |news| {
        tell(match news {
            News::Warning(text) => Report::Warning(text),
            News::State(state) => Report::State(id, state),
        });
    };
    while let Some((spec, cancel)) = queue.take(id, cancel) {
        tell(Report::Started(id, spec.key));
        let ended = catch_unwind(AssertUnwindSafe(|| runner.run(id, &spec, &cancel, &news)));
        // A worker that panics reports too: the dispatcher waits for it.
        let ended = ended.unwrap_or_else(|_| {
            Err(Error::failed(format!("worker {id} panicked"))
                .hint("this is a bug of kbisect; `kbisect resume` goes on"))
        });
        queue.done(id, spec.key);
        tell(Report::Ended(spec.key, Some(id), ended));
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        // It is changed in single steps: a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next trial for this worker, as soon as there is one; none once the queue is closed.
    fn take(&self, id: WorkerId, parent: &CancelToken) -> Option<(TrialSpec, CancelToken)> {
        let mut state = self.state();
        loop {
            if state.is_closed {
                return None;
            }
            if let Some(spec) = state.take(id) {
                let cancel = parent.child();
                state.running.insert(spec.key, cancel.clone());
                state.idle.remove(&id);
                // What wishes for this worker need not wait for it any more.
                self.changed.notify_all();
                return Some((spec, cancel));
            }
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self, id: WorkerId, key: TrialKey) {
        let mut state = self.state();
        state.running.remove(&key);
        state.idle.insert(id);
    }
}

impl State {
    /// Takes out what waits for this worker, else the first that it may make.
    fn take(&mut self, id: WorkerId) -> Option<TrialSpec> {
        let at = |wanted: &dyn Fn(Place) -> bool| {
            let mut places = self.waiting.iter().map(|spec| spec.wish.place);
            places.position(wanted)
        };
        let own = at(&|place| place == Place::On(id));
        let at = own.or_else(|| at(&|place| self.may_take(id, place)))?;
        self.waiting.remove(at)
    }

    /// May this worker take a trial with this wish? A wish counts only while a worker that meets it is idle.
    fn may_take(&self, id: WorkerId, place: Place) -> bool {
        match place {
            Place::Anywhere => true,
            Place::On(wished) => !self.idle.contains(&wished),
            Place::NotOn(other) => id != other || self.idle.iter().all(|idle| *idle == other),
        }
    }
}

impl Workers for LocalWorkers {
    fn capacity(&self) -> usize {
        self.threads.len()
    }

    fn offer(&mut self, spec: TrialSpec) {
        self.queue.state().waiting.push_back(spec);
        self.queue.changed.notify_all();
    }

    fn retract(&mut self, key: TrialKey) {
        let mut state = self.queue.state();
        let waits = state.waiting.iter().position(|spec| spec.key == key);
        if let Some(at) = waits {
            state.waiting.remove(at);
            let cancelled = TrialOutcome::new(key, TrialResult::Cancelled);
            // It is received here.
            let _ = self.sender.send(Report::Ended(key, None, Ok(cancelled)));
        } else if let Some(cancel) = state.running.get(&key) {
            cancel.cancel();
        }
    }

    fn reports(&self) -> &Receiver<Report> {
        &self.reports
    }
}

impl Drop for LocalWorkers {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.is_closed = true;
        state.running.values().for_each(CancelToken::cancel);
        drop(state);
        self.queue.changed.notify_all();
        for thread in self.threads.drain(..) {
            // A worker that panicked has said so already.
            let _ = thread.join();
        }
    }
}
