//! The executor for this machine: a thread for each worker.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::executor::{Executor, Report};
use crate::model::WorkerId;
use crate::supervise::CancelToken;
use crate::trial::{News, Runner, TrialSpec};
use crate::{Error, Result};

/// Workers on this machine. Dropped, it cancels what runs and waits for its threads.
///
/// The threads live as long as the executor does: children die with the thread that started
/// them.
pub struct LocalExecutor {
    workers: Vec<Worker>,
    reports: Receiver<Report>,
}

struct Worker {
    tasks: Option<Sender<(TrialSpec, CancelToken)>>,
    cancel: CancelToken,
    parent: CancelToken,
    thread: Option<JoinHandle<()>>,
}

impl LocalExecutor {
    /// Starts so many workers. `cancel` cancels everything that any of them does.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(runner: &Arc<dyn Runner>, workers: usize, cancel: &CancelToken) -> Result<Self> {
        let (sender, reports) = unbounded();
        let mut all = Vec::with_capacity(workers);
        for i in 0..workers {
            // The number of workers is that of cores, more or less.
            let id = WorkerId(i as u32);
            let (tasks, inbox) = unbounded();
            let (runner, sender) = (Arc::clone(runner), sender.clone());
            let thread = thread::Builder::new()
                .name(format!("worker-{i}"))
                .spawn(move || work(&*runner, id, &inbox, &sender))
                .map_err(|e| Error::failed("cannot start a worker").because(e))?;
            all.push(Worker {
                tasks: Some(tasks),
                cancel: cancel.child(),
                parent: cancel.clone(),
                thread: Some(thread),
            });
        }
        Ok(Self {
            workers: all,
            reports,
        })
    }
}

fn work(
    runner: &dyn Runner,
    id: WorkerId,
    inbox: &Receiver<(TrialSpec, CancelToken)>,
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
    for (spec, cancel) in inbox {
        let ended = catch_unwind(AssertUnwindSafe(|| runner.run(id, &spec, &cancel, &news)));
        // A worker that panics reports too: the dispatcher waits for it.
        let ended = ended.unwrap_or_else(|_| {
            Err(Error::failed(format!("worker {id} panicked"))
                .hint("this is a bug of kbisect; `kbisect resume` goes on"))
        });
        tell(Report::Ended(id, ended));
    }
}

impl Executor for LocalExecutor {
    fn workers(&self) -> usize {
        self.workers.len()
    }

    fn submit(&mut self, worker: WorkerId, spec: TrialSpec) {
        let worker = &mut self.workers[worker.0 as usize];
        worker.cancel = worker.parent.child();
        if let Some(tasks) = &worker.tasks {
            // The thread ends only after `tasks` is dropped.
            let _ = tasks.send((spec, worker.cancel.clone()));
        }
    }

    fn cancel(&mut self, worker: WorkerId) {
        self.workers[worker.0 as usize].cancel.cancel();
    }

    fn reports(&self) -> &Receiver<Report> {
        &self.reports
    }
}

impl Drop for LocalExecutor {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            worker.cancel.cancel();
            worker.tasks = None;
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take() {
                // A worker that panicked has said so already.
                let _ = thread.join();
            }
        }
    }
}
