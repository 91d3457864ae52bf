//! Commands that wait for their stream: whoever has its turn takes, in order, whatever queued up meanwhile.
//!
//! Within a process one batch of a stream is under way at a time. That saves conflicts, and lets a hot stream's commands
//! share a commit; correctness never rests on it, because another process has queues of its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use domain::Aggregate;
use schemas::StreamId;

use super::pending::Pending;
use super::{Creates, Stream};

/// The most commands that are decided together, if nothing else is said. A commit must stay small enough to be read back
/// for one retry.
pub(crate) const MOST_COMMANDS: u16 = 200;

/// The streams that are being worked on, each with what waits for it.
pub(super) struct Queues<A: Aggregate> {
    waiting: Mutex<HashMap<StreamId, VecDeque<Pending<A>>>>,
    most: u16,
}

impl<A: Stream> Queues<A> {
    /// Nobody waits; this many commands are decided together at most.
    pub(super) fn new(most: u16) -> Self {
        Self { waiting: Mutex::default(), most }
    }

    /// Queues a command. Whoever finds the stream idle gets its turn, and must use it.
    pub(super) fn enter(self: &Arc<Self>, stream: &StreamId, pending: Pending<A>) -> Option<Turn<A>> {
        let mut waiting = self.waiting();
        if let Some(queue) = waiting.get_mut(stream) {
            queue.push_back(pending);
            return None;
        }
        waiting.insert(stream.clone(), VecDeque::from([pending]));
        Some(Turn { queues: Arc::clone(self), stream: stream.clone(), ended: false })
    }
}

impl<A: Aggregate> Queues<A> {
    fn waiting(&self) -> MutexGuard<'_, HashMap<StreamId, VecDeque<Pending<A>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to work on one stream. Dropped before its end, as by a panic, it leaves the stream idle, and those who wait
/// without an answer.
pub(super) struct Turn<A: Aggregate> {
    queues: Arc<Queues<A>>,
    pub(super) stream: StreamId,
    ended: bool,
}

impl<A: Stream> Turn<A> {
    /// The next commands that may be decided together. When none waits, the turn has ended and the stream is idle.
    pub(super) fn take(&mut self) -> Option<Vec<Pending<A>>> {
        let mut waiting = self.queues.waiting();
        let queue = waiting.get_mut(&self.stream)?;
        let batch = together(queue, self.queues.most);
        if batch.is_empty() {
            waiting.remove(&self.stream);
            self.ended = true;
            return None;
        }
        Some(batch)
    }
}

impl<A: Aggregate> Drop for Turn<A> {
    fn drop(&mut self) {
        if !self.ended {
            self.queues.waiting().remove(&self.stream);
        }
    }
}

/// Takes from the front what shares a way to be decided: a command that creates its stream goes alone.
fn together<A: Stream>(queue: &mut VecDeque<Pending<A>>, most: u16) -> Vec<Pending<A>> {
    let others = queue.iter().take(usize::from(most)).take_while(|pending| pending.creates == Creates::No).count();
    let count = others.max(1).min(queue.len());
    queue.drain(..count).collect()
}
