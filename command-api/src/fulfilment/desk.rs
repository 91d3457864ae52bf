//! The work on one partition: take records, tell the fulfilments, move on when everything is done.
//!
//! A record that cannot be worked on now is tried again until it can, and the partition does not move on before: what is
//! done with a record is recognised when it is done again. Once the partition is somebody else's, nothing of it is tried
//! again here.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Decoder, FeedError, PartitionFeed, RawRecord};
use domain::fulfilment::Heard;
use futures::stream::{self, StreamExt as _};
use runtime::chain;
use schemas::{AnyEvent, FulfilmentEvent, FulfilmentId, Position, Recorded, StreamId, Version};

use super::Fulfilments;
use crate::group::Place;
use crate::intent::Cause;
use crate::metrics;
use crate::streams::Rejected;

/// How many records are taken at once.
const BATCH: usize = 100;
/// How many fulfilments of a batch are worked on at once.
const AT_ONCE: usize = 32;
/// The waits between two attempts.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// One partition.
pub(super) struct Desk {
    feed: PartitionFeed,
    clerk: Clerk,
}

/// Whoever works on the records.
pub(super) struct Clerk {
    decoder: Decoder,
    fulfilments: Fulfilments,
    place: Place,
}

impl Desk {
    pub(super) const fn new(feed: PartitionFeed, clerk: Clerk) -> Self {
        Self { feed, clerk }
    }

    /// Works until the partition is taken away.
    pub(super) async fn run(mut self) {
        while let Some(batch) = self.feed.batch(BATCH).await {
            match batch {
                Ok(records) => {
                    self.clerk.work(&records).await;
                    if self.clerk.place.is_lost() {
                        return;
                    }
                    if let Some(last) = records.last() {
                        self.feed.stored(last.behind());
                    }
                }
                Err(FeedError::LogChanged(changed)) => {
                    tracing::error!("{changed}; the fulfilments hear it again from its start");
                    let start = Position { next: changed.start, last: None };
                    self.feed.seek(start);
                    // Whoever gets the partition next must not begin at an offset of the log before.
                    self.feed.stored(start);
                }
                Err(FeedError::Hole { found, .. }) => self.feed.seek(Position { next: found, last: None }),
            }
        }
    }
}

impl Clerk {
    pub(super) const fn new(decoder: Decoder, fulfilments: Fulfilments, place: Place) -> Self {
        Self { decoder, fulfilments, place }
    }

    /// Works on a batch: fulfilments side by side, the events of each one after the other. What was begun is brought to an
    /// end, or fails; if the partition is lost meanwhile, the rest is left to whoever has it now.
    pub(super) async fn work(&self, records: &[RawRecord]) {
        let mut by_fulfilment = BTreeMap::<FulfilmentId, Vec<(Heard, Cause)>>::new();
        for record in records {
            let Some(recorded) = self.event(record).await else { continue };
            alarm(&recorded);
            let heard = Heard::of(&recorded);
            if let Some(id) = heard.fulfilment().cloned() {
                by_fulfilment.entry(id).or_default().push((heard, Cause::of(&recorded)));
            }
        }
        let work = by_fulfilment.into_values().map(|events| async move {
            for (heard, cause) in events {
                if self.place.is_lost() {
                    return;
                }
                self.until_done(&heard, &cause).await;
            }
        });
        stream::iter(work).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    async fn until_done(&self, heard: &Heard, cause: &Cause) {
        let mut tries = self.place.tries(FIRST_WAIT, LONGEST_WAIT);
        while let Err(rejected) = self.once(heard, cause).await {
            tracing::warn!(
                event.id = %cause.event, error = chain(&rejected),
                "A fulfilment cannot go on now and is tried again"
            );
            if !tries.again().await {
                return;
            }
        }
    }

    async fn once(&self, heard: &Heard, cause: &Cause) -> Result<(), Rejected> {
        match heard {
            Heard::Tell(id, ask) => self.fulfilments.tell(id, (**ask).clone(), cause.clone()).await,
            Heard::Lost(id) => self.fulfilments.expect_outcome(id, cause.version).await,
            Heard::Waits(id) => self.fulfilments.wait_again(id, cause.version).await,
            Heard::Look(id) => self.fulfilments.give_steps(id, cause.version, cause).await,
            Heard::Nothing => Ok(()),
        }
    }

    /// The event of a record. If one that cannot be read were passed over, what it leads to would never come, so what was
    /// committed says what it is.
    async fn event(&self, record: &RawRecord) -> Option<Recorded<AnyEvent>> {
        match self.place.decode(&self.decoder, record).await? {
            Ok(recorded) => Some(recorded),
            Err(poison) => {
                let RawRecord { topic, partition, offset, .. } = record;
                tracing::error!(
                    error = chain(&poison),
                    "{topic}/{partition}@{offset} cannot be read by the fulfilment, which asks MongoDB for its event"
                );
                self.committed(record).await
            }
        }
    }

    /// What MongoDB has in the place that a record names; nothing if it names none, or one where nothing was committed.
    /// Nothing goes on as long as MongoDB does not say, or says what this build cannot read, and the partition is ours.
    async fn committed(&self, record: &RawRecord) -> Option<Recorded<AnyEvent>> {
        let RawRecord { topic, partition, offset, .. } = record;
        let (Ok(stream), Some(version)) = (record.stream(), record.version()) else {
            tracing::error!("{topic}/{partition}@{offset} names no event and is passed over");
            return None;
        };
        let mut tries = self.place.tries(FIRST_WAIT, LONGEST_WAIT);
        loop {
            match self.fulfilments.committed(&stream, version).await {
                Ok(Some(recorded)) => return Some(recorded),
                Ok(None) => {
                    tracing::error!(
                        "{topic}/{partition}@{offset} is passed over: nothing was committed as {stream}@{version}"
                    );
                    return None;
                }
                Err(rejected) => {
                    tracing::error!(
                        error = chain(&rejected),
                        "{topic}/{partition} stands still at {offset}: {stream}@{version} cannot be read in MongoDB either"
                    );
                    if !tries.again().await {
                        return None;
                    }
                }
            }
        }
    }
}

impl Fulfilments {
    /// The event that was committed as this version of a stream.
    async fn committed(&self, stream: &StreamId, version: Version) -> Result<Option<Recorded<AnyEvent>>, Rejected> {
        let found = self.store.tail_page(stream, version, 1).await?.commits;
        let Some(commit) = found.first() else { return Ok(None) };
        Ok(commit.recorded()?.into_iter().find(|recorded| recorded.version == version))
    }
}

/// Says aloud that a fulfilment waits for an operator. A record that comes again is said and counted again.
fn alarm(recorded: &Recorded<AnyEvent>) {
    let AnyEvent::Fulfilment(FulfilmentEvent::Failed(failed)) = &recorded.event else { return };
    metrics::FULFILMENTS_FAILED.add(1);
    let (stream, reason) = (&recorded.stream, &failed.reason);
    tracing::error!(fulfilment.id = %stream, "{stream} waits for an operator: {reason}");
}
