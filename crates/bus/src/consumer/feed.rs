//! The queue between the thread that polls Kafka and the task that works on one partition.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime::Shutdown;
use schemas::Position;
use tokio::sync::{Notify, mpsc};

use super::FeedError;
use crate::RawRecord;
use crate::bell::Bell;
use crate::kafka::Ends;

/// A queue that holds this much is not filled further, until it holds less than a quarter of it.
const MAX_RECORDS: usize = 4_096;
const MAX_BYTES: usize = 8 * 1_024 * 1_024;

/// The records of one assigned partition, in order and without holes.
#[derive(Debug)]
pub struct PartitionFeed {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    position: Position,
    queue: Arc<Queue>,
    ends: Arc<Ends>,
    requests: Requests,
}

/// What a feed asks of the polling thread.
#[derive(Debug)]
pub(super) enum Request {
    /// Fill the queue again.
    Resume,
    /// Read from here.
    Seek { to: Position, run: u64 },
    /// Everything before this offset is done; tell Kafka.
    Commit { done: Position },
}

/// The way from a feed to the polling thread.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    pub(super) sender: mpsc::UnboundedSender<(Arc<Queue>, Request)>,
    pub(super) bell: Arc<Bell>,
}

/// The polling thread's end of that way.
#[derive(Debug)]
pub(super) struct Incoming(pub(super) mpsc::UnboundedReceiver<(Arc<Queue>, Request)>);

impl Incoming {
    /// The next request that is there.
    pub(super) fn next(&mut self) -> Option<(Arc<Queue>, Request)> {
        self.0.try_recv().ok()
    }
}

/// Shared by the feed and the polling thread.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Notify,
    /// Requested when the feed ends.
    end: Shutdown,
}

#[derive(Debug, Default)]
struct State {
    records: VecDeque<RawRecord>,
    bytes: usize,
    /// Nothing more is put in until the feed has asked to resume.
    full: bool,
    failure: Option<FeedError>,
    /// Grows with every seek, so that records read before it are not taken for ones read after it.
    run: u64,
}

impl PartitionFeed {
    pub(super) fn new(
        (topic, partition): (Arc<str>, i32),
        position: Position,
        queue: Arc<Queue>,
        ends: Arc<Ends>,
        requests: Requests,
    ) -> Self {
        Self { topic, partition, position, queue, ends, requests }
    }

    /// Behind the last record that was taken.
    #[must_use]
    pub const fn position(&self) -> Position {
        self.position
    }

    /// The end of this feed: requested when the partition is taken away or the process ends, for whoever is still at work on
    /// records that were taken. Whoever requests it ends their own work alone.
    #[must_use]
    pub fn end(&self) -> Shutdown {
        self.queue.end()
    }

    /// Waits for at least one record and takes up to `max` of those that are there. `None` = the partition was taken
    /// away, or the process ends: stop working on it. After an error only [`Self::seek`] helps. Cancel-safe.
    pub async fn batch(&mut self, max: usize) -> Option<Result<Vec<RawRecord>, FeedError>> {
        loop {
            let queue = Arc::clone(&self.queue);
            let changed = queue.changed.notified();
            match queue.take(max) {
                Taken::Records { records, resume } => {
                    if resume {
                        self.request(Request::Resume);
                    }
                    self.position = records.last().map_or(self.position, RawRecord::behind);
                    return Some(Ok(records));
                }
                Taken::Failure(failure) => return Some(Err(failure)),
                Taken::Closed => return None,
                Taken::Nothing => changed.await,
            }
        }
    }

    /// Reads on from this position, checking the record before it as on assignment. Records that were not taken yet
    /// are dropped.
    pub fn seek(&mut self, to: Position) {
        self.position = to;
        let run = self.queue.restart();
        self.request(Request::Seek { to, run });
    }

    /// Everything before this position is done. Kafka learns it some time later, for lag tools; only readers whose positions
    /// are [`super::CommittedOffsets`] depend on it. After the feed's end nothing is told: the partition is somebody else's.
    pub fn stored(&self, done: Position) {
        // No bell: it is in no hurry.
        let _consumer_gone = self.requests.sender.send((Arc::clone(&self.queue), Request::Commit { done }));
    }

    /// Whether every record that the log held at some time within the last 2.5 s was taken.
    #[must_use]
    pub fn at_end(&self) -> bool {
        self.ends.of(self.partition, None).is_some_and(|end| self.position.next >= end)
    }

    fn request(&self, request: Request) {
        let _consumer_gone = self.requests.sender.send((Arc::clone(&self.queue), request));
        self.requests.bell.ring();
    }
}

enum Taken {
    Records { records: Vec<RawRecord>, resume: bool },
    Failure(FeedError),
    Closed,
    Nothing,
}

impl Queue {
    /// Adds a record of this run; returns whether the queue is full now.
    pub(super) fn put(&self, record: RawRecord, run: u64) -> bool {
        let mut state = self.state();
        if state.run != run {
            return false;
        }
        state.bytes += record.weight();
        state.records.push_back(record);
        state.full |= state.records.len() >= MAX_RECORDS || state.bytes >= MAX_BYTES;
        let full = state.full;
        drop(state);
        self.changed.notify_one();
        full
    }

    /// Ends this run; what is queued can still be taken.
    pub(super) fn fail(&self, failure: FeedError, run: u64) {
        let mut state = self.state();
        if state.run == run {
            state.failure = Some(failure);
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Ends the feed; what is queued is dropped.
    pub(super) fn close(&self) {
        self.end.request();
        self.changed.notify_one();
    }

    fn end(&self) -> Shutdown {
        self.end.of_a_part()
    }

    fn restart(&self) -> u64 {
        let mut state = self.state();
        let run = state.run + 1;
        *state = State { run, ..State::default() };
        run
    }

    fn take(&self, max: usize) -> Taken {
        if self.end.is_requested() {
            return Taken::Closed;
        }
        let mut state = self.state();
        if state.records.is_empty() {
            return state.failure.clone().map_or(Taken::Nothing, Taken::Failure);
        }
        let count = max.max(1).min(state.records.len());
        let records: Vec<_> = state.records.drain(..count).collect();
        state.bytes -= records.iter().map(RawRecord::weight).sum::<usize>();
        let resume = state.full && state.records.len() < MAX_RECORDS / 4 && state.bytes < MAX_BYTES / 4;
        state.full &= !resume;
        Taken::Records { records, resume }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen to fail when the feed's own end is handed out.
    #[test]
    fn who_works_on_records_hears_of_the_feeds_end_and_cannot_bring_it_about() {
        let queue = Queue::default();
        let (one, other) = (queue.end(), queue.end());
        one.request();
        assert!(matches!(queue.take(1), Taken::Nothing) && !other.is_requested());
        queue.close();
        assert!(matches!(queue.take(1), Taken::Closed) && other.is_requested());
    }
}
