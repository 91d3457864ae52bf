//! Threads that serve a Kafka client: they sleep until something rings, and end with the process.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use runtime::Process;
use tokio::sync::oneshot;

use crate::Error;

/// Wakes one thread. A ring while it is awake is kept, any number of them as one.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    thread: OnceLock<Thread>,
    stopped: AtomicBool,
}

impl Bell {
    /// Wakes the thread.
    pub(crate) fn ring(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Asks the thread to end.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        self.ring();
    }

    /// Whether the thread is to end.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Waits for a ring, at most this long. May return early.
    pub(crate) fn wait(&self, at_most: Duration) {
        if !self.is_stopped() {
            std::thread::park_timeout(at_most);
        }
    }
}

/// Runs `body` on a thread of its own until the process's end rings its bell. The process waits for it, and ends if it
/// panics.
pub(crate) fn serve(
    process: &Process,
    name: &'static str,
    bell: Arc<Bell>,
    body: impl FnOnce(&Bell) + Send + 'static,
) -> Result<(), Error> {
    let (ended, has_ended) = oneshot::channel();
    let on_thread = Arc::clone(&bell);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            on_thread.thread.get_or_init(std::thread::current);
            body(&on_thread);
            let _process_gone = ended.send(());
        })
        .map_err(|source| Error::Thread { thread: name, source })?;
    let shutdown = process.shutdown.clone();
    process.tasks.supervise(name, async move {
        let mut has_ended = has_ended;
        let outcome = tokio::select! {
            outcome = &mut has_ended => outcome,
            () = shutdown.requested() => {
                bell.stop();
                has_ended.await
            }
        };
        outcome.map_err(|_dropped| Error::ThreadDied { thread: name })
    });
    Ok(())
}
