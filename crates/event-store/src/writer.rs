//! Group commit: whatever queued while the previous batches were being written goes into the next one. With one caller
//! this costs nothing; with 128 it is six times the throughput of single inserts, at a lower latency.

mod batch;

use std::sync::Arc;

use bson::RawDocumentBuf;
use runtime::Process;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use crate::commit::{Appended, Commit, CommitId};
use crate::connection::Connection;
use crate::error::Cause;
use crate::trace::Traced;
use crate::{Config, Doorbell, Error, metrics};
use batch::Batch;

pub(crate) const APPEND: &str = "append a commit";

/// The largest batch: MongoDB's limit of a message is 48 MB, and the gain ends earlier.
const MAX_BATCH_COMMITS: usize = 1_000;
const MAX_BATCH_BYTES: usize = 16 * 1024 * 1024;
/// What a waiting commit costs at least, so that the number of waiting ones is bounded too.
const MIN_COST: u32 = 4 * 1024;

/// The way into the queue; the writer's task ends when the last one is gone and the queue is empty.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: mpsc::UnboundedSender<Pending>,
    /// What bounds the queue: bytes that may wait or be under way.
    room: Arc<Semaphore>,
    connection: Arc<Connection>,
}

/// A commit that somebody waits for.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) key: CommitId,
    pub(crate) id: Uuid,
    pub(crate) document: Arc<RawDocumentBuf>,
    pub(crate) answer: oneshot::Sender<Appended>,
    _room: OwnedSemaphorePermit,
}

impl Writer {
    pub(crate) fn start(config: &Config, connection: Arc<Connection>, doorbell: Doorbell, process: &Process) -> Self {
        let (queue, waiting) = mpsc::unbounded_channel();
        let room = usize::try_from(config.queue_bytes).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let slots = Arc::new(Semaphore::new(config.batches_in_flight.max(1)));
        process.tasks.spawn("commit writer", write_batches(waiting, slots, Arc::clone(&connection), doorbell));
        Self { queue, room: Arc::new(Semaphore::new(room)), connection }
    }

    pub(crate) async fn append(&self, commit: &Commit) -> Result<Appended, Error> {
        let traced = Traced::begin(commit);
        let outcome = self.write(&traced.commit).await;
        traced.end(outcome)
    }

    async fn write(&self, commit: &Commit) -> Result<Appended, Error> {
        let document = commit.to_document()?;
        self.connection.check_up().map_err(|cause| cause.doing(APPEND))?;
        let cost = u32::try_from(document.as_bytes().len()).unwrap_or(u32::MAX).max(MIN_COST);
        let room = Arc::clone(&self.room).try_acquire_many_owned(cost).map_err(|_full| Error::Busy)?;
        let (answer, answered) = oneshot::channel();
        let pending = Pending { key: commit.key(), id: commit.id, document: Arc::new(document), answer, _room: room };
        let started = runtime::clock::monotonic();
        // A queue whose task is gone answers as one that never does.
        let _ = self.queue.send(pending);
        let deadline = self.connection.deadline();
        let outcome = timeout(deadline, answered).await;
        metrics::APPEND_SECONDS.record(started.elapsed().as_secs_f64());
        outcome.ok().and_then(Result::ok).ok_or_else(|| Cause::Silent(deadline).doing(APPEND))
    }
}

/// Forms batches and hands each to a task of its own, as many at a time as there are slots.
async fn write_batches(
    mut waiting: mpsc::UnboundedReceiver<Pending>,
    slots: Arc<Semaphore>,
    connection: Arc<Connection>,
    doorbell: Doorbell,
) {
    let mut left_over = None;
    // First the slot, then the commits: so the queue grows into a batch while the others are under way.
    while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
        let first = match left_over.take() {
            Some(pending) => Some(pending),
            None => waiting.recv().await,
        };
        let Some(first) = first else { return };
        let batch;
        (batch, left_over) = take_batch(first, &mut waiting);
        let (connection, doorbell) = (Arc::clone(&connection), doorbell.clone());
        runtime::tasks::spawn("commit batch", async move {
            Batch::new(batch).write(&connection, &doorbell).await;
            drop(slot);
        });
    }
}

/// Takes what waits, up to the limits; the one that no longer fits comes back.
fn take_batch(first: Pending, waiting: &mut mpsc::UnboundedReceiver<Pending>) -> (Vec<Pending>, Option<Pending>) {
    let mut bytes = first.document.as_bytes().len();
    let mut batch = vec![first];
    while batch.len() < MAX_BATCH_COMMITS {
        let Ok(pending) = waiting.try_recv() else { break };
        bytes += pending.document.as_bytes().len();
        if bytes > MAX_BATCH_BYTES {
            return (batch, Some(pending));
        }
        batch.push(pending);
    }
    (batch, None)
}
