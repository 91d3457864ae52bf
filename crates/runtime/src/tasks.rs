//! Background tasks and their owner. Nothing else spawns, so that a shutdown can wait for everything.

use std::collections::BTreeMap;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use crate::Shutdown;
use crate::error::chain;
use crate::logs::Scope;

/// Spawns a task whose handle the caller keeps and awaits. Log lines inside carry the task's name, and the request's id if
/// it was spawned in the course of one.
pub fn spawn<F>(name: &'static str, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    tokio::spawn(Scope::current().task(name).around(future))
}

/// The owner of a process's background tasks; clones share them.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: Shutdown,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    failed: AtomicBool,
    running: Mutex<BTreeMap<&'static str, u32>>,
}

impl Tasks {
    /// An owner whose supervised tasks end the process through this shutdown.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self { tracker: TaskTracker::new(), shutdown, shared: Arc::default() }
    }

    /// Spawns a task that [`Self::finish`] waits for; its outcome is the caller's business.
    pub fn spawn<F>(&self, name: &'static str, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let running = Running::start(name, &self.shared);
        let tracked = self.tracker.track_future(async move {
            let _running = running;
            future.await
        });
        spawn(name, tracked)
    }

    /// Spawns a task that the process cannot do without: its error or panic is logged once, with the chain of causes,
    /// and ends the process with a failure. Returning `Ok` is always fine.
    pub fn supervise<F, E>(&self, name: &'static str, future: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::error::Error + Send + 'static,
    {
        let (shutdown, shared) = (self.shutdown.clone(), Arc::clone(&self.shared));
        self.spawn(name, async move {
            match AssertUnwindSafe(future).catch_unwind().await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => {
                    tracing::error!(error = chain(&error), "{name} failed, so the process ends");
                }
                Err(_panic) => tracing::error!("{name} panicked, so the process ends"),
            }
            shared.failed.store(true, Ordering::Release);
            shutdown.request();
        });
    }

    /// Whether a supervised task has failed.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.shared.failed.load(Ordering::Acquire)
    }

    /// Waits until every task has ended, at most this long; says which have not. Returns whether all ended.
    pub async fn finish(&self, deadline: Duration) -> bool {
        self.tracker.close();
        if tokio::time::timeout(deadline, self.tracker.wait()).await.is_ok() {
            return true;
        }
        let running = self.shared.running();
        let names: Vec<_> = running.keys().copied().collect();
        tracing::error!(tasks = names.join(" "), "tasks did not end within {deadline:?}");
        false
    }
}

impl Shared {
    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, u32>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a task by name for as long as it lives, however it ends.
struct Running {
    name: &'static str,
    shared: Arc<Shared>,
}

impl Running {
    fn start(name: &'static str, shared: &Arc<Shared>) -> Self {
        *shared.running().entry(name).or_default() += 1;
        Self { name, shared: Arc::clone(shared) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut running = self.shared.running();
        if let Some(count) = running.get_mut(self.name) {
            *count -= 1;
            if *count == 0 {
                running.remove(self.name);
            }
        }
    }
}
