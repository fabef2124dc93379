//! The executor for this machine: a thread for each worker.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, unbounded};
use rayon::prelude::*;

use super::executor::{Executor, Report, Task, TraceFrom};
use super::trial::{BUILD_LOG, Bench, Subject};
use crate::model::{
    CandidateId, Config, Fingerprint, Forecast, ResolvedConfig, TrialId, WorkerId, WorkerState,
};
use crate::supervise::{self, CancelToken};
use crate::trace::Activity;
use crate::{Error, Result};

/// Workers on this machine. Dropped, it cancels what runs and waits for its threads.
///
/// The threads live as long as the executor does: children die with the thread that started
/// them.
pub struct LocalExecutor {
    bench: Arc<Bench>,
    workers: Vec<Worker>,
    reports: Receiver<Report>,
}

struct Worker {
    tasks: Option<Sender<(Task, CancelToken)>>,
    cancel: CancelToken,
    parent: CancelToken,
    thread: Option<JoinHandle<()>>,
}

impl LocalExecutor {
    /// Starts so many workers. `cancel` cancels everything that any of them does.
    ///
    /// # Errors
    /// A thread cannot be started.
    pub fn start(bench: Bench, workers: usize, cancel: &CancelToken) -> Result<Self> {
        let bench = Arc::new(bench);
        let (sender, reports) = unbounded();
        let mut all = Vec::with_capacity(workers);
        for i in 0..workers {
            // The number of workers is that of cores, more or less.
            let id = WorkerId(i as u32);
            let (tasks, inbox) = unbounded();
            let (bench, sender) = (Arc::clone(&bench), sender.clone());
            let thread = thread::Builder::new()
                .name(format!("worker-{i}"))
                .spawn(move || work(&bench, id, &inbox, &sender))
                .map_err(|e| Error::failed("cannot start a worker").because(e))?;
            all.push(Worker {
                tasks: Some(tasks),
                cancel: cancel.child(),
                parent: cancel.clone(),
                thread: Some(thread),
            });
        }
        Ok(Self {
            bench,
            workers: all,
            reports,
        })
    }
}

fn work(
    bench: &Bench,
    id: WorkerId,
    inbox: &Receiver<(Task, CancelToken)>,
    reports: &Sender<Report>,
) {
    for (task, cancel) in inbox {
        let what = What::of(&task);
        // A worker that panics reports too: the dispatcher waits for it.
        let ended = catch_unwind(AssertUnwindSafe(|| one(bench, id, task, &cancel, reports)));
        if ended.is_err() {
            let error = Error::failed(format!("worker {id} panicked"))
                .hint("this is a bug of kbisect; `kbisect resume` goes on");
            // Whoever does not listen any more does not want to know.
            let _ = reports.send(match what {
                What::Resolve(candidate) => Report::Resolved(id, candidate, Err(error)),
                What::Judge(trial) => Report::Judged(id, trial, Err(error)),
            });
        }
    }
}

/// What a task is about.
enum What {
    Resolve(CandidateId),
    Judge(TrialId),
}

impl What {
    fn of(task: &Task) -> Self {
        match task {
            Task::Resolve { candidate, .. } => Self::Resolve(*candidate),
            Task::Judge { trial, .. } => Self::Judge(*trial),
        }
    }
}

/// One task, its report included.
fn one(bench: &Bench, id: WorkerId, task: Task, cancel: &CancelToken, reports: &Sender<Report>) {
    let tell = |report| {
        let _ = reports.send(report);
    };
    match task {
        Task::Resolve {
            candidate,
            fragment,
        } => {
            tell(Report::State(id, WorkerState::Resolving));
            let resolved = bench.resolver.resolve(&fragment, cancel);
            for text in bench.resolver.warnings() {
                tell(Report::Warning(text));
            }
            tell(Report::Resolved(id, candidate, resolved));
        }
        Task::Judge {
            trial,
            config,
            dir,
            baseline,
            origin,
        } => {
            let subject = Subject {
                trial,
                config: &config,
                dir: &dir,
                baseline: baseline.as_deref(),
                origin,
                warn: &|text| tell(Report::Warning(text)),
            };
            let mut state = |state| tell(Report::State(id, state));
            let result = bench.judge(id, &subject, cancel, &mut state);
            for text in supervise::warnings()
                .into_iter()
                .chain(bench.source.take_warnings())
            {
                tell(Report::Warning(text));
            }
            tell(Report::Judged(id, trial, result));
        }
    }
}

impl Executor for LocalExecutor {
    fn workers(&self) -> usize {
        self.workers.len()
    }

    fn submit(&mut self, worker: WorkerId, task: Task) {
        let worker = &mut self.workers[worker.0 as usize];
        worker.cancel = worker.parent.child();
        if let Some(tasks) = &worker.tasks {
            // The thread ends only after `tasks` is dropped.
            let _ = tasks.send((task, worker.cancel.clone()));
        }
    }

    fn cancel(&mut self, worker: WorkerId) {
        self.workers[worker.0 as usize].cancel.cancel();
    }

    fn promote(&mut self, worker: WorkerId, fingerprint: Fingerprint) {
        self.bench.trees.promote(worker, fingerprint);
    }

    fn expected_disk(&self) -> Option<u64> {
        Some(self.bench.trees.expected_size())
    }

    fn recall(&mut self, trial: &Path, config: &ResolvedConfig, cpu: Duration) {
        let trees = &self.bench.trees;
        if trees.base_holds() == Some(config.fingerprint) {
            let (tree, log) = (trees.base_path(), trial.join(BUILD_LOG));
            self.bench
                .forecasts
                .learn_again(&tree, &config.config, &log, cpu);
        }
    }

    fn forecast(&self, config: &Config) -> Option<Forecast> {
        self.bench.forecast(&self.bench.trees.base_path(), config)
    }

    fn trace(
        &mut self,
        config: &ResolvedConfig,
        from: &TraceFrom,
        cancel: &CancelToken,
    ) -> Result<Option<Activity>> {
        self.bench.trace(config, from, cancel)
    }

    fn objects(&self, configs: &[Config]) -> Vec<BTreeSet<String>> {
        let listed = |config| self.bench.forecasts.listed(config);
        configs.par_iter().map(listed).collect()
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
