//! Reads partitions as a member of a group. The group only says who reads what; from where is asked from a
//! [`PositionSource`], because positions are kept with the data that they belong to.
//!
//! Each partition arrives as a [`PartitionFeed`], whose records are contiguous: none is skipped, none comes twice, and
//! a log that is not the one that was read before is reported instead of read.

mod ask;
mod assignment;
mod committed;
mod context;
mod feed;
mod membership;
mod partition;
mod poller;

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use schemas::{EventId, Position};
use tokio::sync::mpsc;

use crate::bell::{self, Bell};
use crate::{Error, Kafka};
use ask::Ask;
use context::Group;
use feed::{Incoming, Requests};

pub use committed::CommittedOffsets;
pub use feed::PartitionFeed;

/// Which group to read in, as whom, and what.
#[derive(Debug, Clone)]
pub struct GroupConfig {
    /// The group: `projector.orders`.
    pub group: String,
    /// The member's name, stable over restarts: it gets its partitions back at once. Two running members of one group
    /// must not share it; the one that came first is shut out then.
    pub instance: String,
    /// The topics to read.
    pub topics: Vec<String>,
}

/// Where the positions are kept.
pub trait PositionSource: Send + Sync + 'static {
    /// Why a position cannot be had now.
    type Error: fmt::Display + Send;

    /// The position of a partition that was just assigned. Asked again, with growing pauses, until it succeeds; the
    /// whole consumer waits meanwhile.
    fn position(&self, topic: &str, partition: i32) -> impl Future<Output = Result<Position, Self::Error>> + Send;
}

/// The log is not the one that was read before, or does not reach as far: a topic was made anew, or lost records.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{topic}/{partition} is another log than the one read before: expected event {expected:?} at offset {}, found \
     {found:?}; it now holds offsets {start} to {end}",
    .next - 1
)]
pub struct LogChanged {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: i32,
    /// The next offset to read, by the position.
    pub next: i64,
    /// The event that should lie before it, if that is known.
    pub expected: Option<EventId>,
    /// The event that lies there, if there is one.
    pub found: Option<EventId>,
    /// The first offset that the log holds now: where to read from, after setting the position to it.
    pub start: i64,
    /// The offset after the last that the log holds now.
    pub end: i64,
}

/// Why a feed cannot go on. It stays so until [`PartitionFeed::seek`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// See [`LogChanged`].
    #[error(transparent)]
    LogChanged(LogChanged),
    /// Offsets are missing although the log has neither transactions nor compaction.
    #[error("{topic}/{partition} has no record at offset {missing}, the next one is {found}")]
    Hole {
        /// The topic.
        topic: Arc<str>,
        /// The partition.
        partition: i32,
        /// The first missing offset.
        missing: i64,
        /// The offset that came instead, each time.
        found: i64,
    },
}

/// A member of a group. Dropping it, and ending the process, leave the group; the feeds end then.
#[derive(Debug)]
pub struct Consumer {
    feeds: mpsc::UnboundedReceiver<PartitionFeed>,
    bell: Arc<Bell>,
}

impl Consumer {
    /// Joins the group, as soon as Kafka answers, and stays in it. Must be called within the asynchronous runtime.
    pub fn start(kafka: &Kafka, config: GroupConfig, positions: impl PositionSource) -> Result<Self, Error> {
        let (opened, feeds) = mpsc::unbounded_channel();
        let (sender, incoming) = mpsc::unbounded_channel();
        let bell = Arc::<Bell>::default();
        let group = Arc::new(Group {
            ask: Ask::new(positions, kafka.process()),
            ends: config.topics.iter().map(|topic| (topic.as_str().into(), kafka.watch(topic))).collect(),
            requests: Requests { sender, bell: Arc::clone(&bell) },
            kafka: kafka.clone(),
            config,
            opened,
        });
        let client = membership::join(&group)?;
        bell::serve(kafka.process(), "kafka-consumer", Arc::clone(&bell), move |bell| {
            membership::hold(&group, client, Incoming(incoming), bell);
        })?;
        Ok(Self { feeds, bell })
    }

    /// The next partition that is assigned to us. A partition that was taken away and comes back is a new feed. `None`
    /// = the process ends. Cancel-safe.
    pub async fn next_partition(&mut self) -> Option<PartitionFeed> {
        self.feeds.recv().await
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.bell.stop();
    }
}
