//! Follows one topic without a group: every record, from the start or from a time, in order per partition.

mod follower;

use std::sync::Arc;

use schemas::Timestamp;
use tokio::sync::mpsc;

use crate::bell::{self, Bell};
use crate::{Error, Kafka, RawRecord};
use follower::Follower;

/// Records that wait to be taken; beyond it, Kafka waits.
const QUEUE: usize = 1_024;

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartFrom {
    /// At the first record of each partition.
    Beginning,
    /// At the first record of each partition that was written at this time or later. An event is written a little after
    /// it was decided, and by another clock: leave some margin.
    Time(Timestamp),
}

/// What a tail yields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "all but one are records, and a box for each would cost more")]
pub enum TailEvent {
    /// The next record of some partition.
    Record(RawRecord),
    /// Every record that lay in the topic when the tail started to read has been yielded. Comes once.
    CaughtUp,
}

/// A follower of one topic. It waits for Kafka and for the topic, at the start and later, and goes on where it was. If
/// the topic is made anew it reads the new one from its start. Dropping it ends it.
#[derive(Debug)]
pub struct Tail {
    events: mpsc::Receiver<TailEvent>,
    bell: Arc<Bell>,
}

impl Tail {
    /// Starts to follow. Must be called within the asynchronous runtime.
    pub fn start(kafka: &Kafka, topic: &str, from: StartFrom) -> Result<Self, Error> {
        let (sender, events) = mpsc::channel(QUEUE);
        let bell = Arc::<Bell>::default();
        kafka.watch(topic);
        let follower = Follower::new(kafka, topic, from, sender)?;
        bell::serve(kafka.process(), "kafka-tail", Arc::clone(&bell), move |bell| follower.run(bell))?;
        Ok(Self { events, bell })
    }

    /// The next event. `None` = the process ends. Cancel-safe.
    pub async fn next(&mut self) -> Option<TailEvent> {
        self.events.recv().await
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.events.close();
        self.bell.stop();
    }
}
