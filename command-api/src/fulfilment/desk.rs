//! The work on one partition: take records, tell the fulfilments, move on when everything is done.
//!
//! A record that cannot be worked on now is tried again until it can, and the partition does not move on before: what is
//! done with a record is recognised when it is done again.

use std::collections::BTreeMap;
use std::time::Duration;

use bus::{Decoder, FeedError, PartitionFeed, Position, RawRecord};
use domain::fulfilment::Heard;
use futures::stream::{self, StreamExt as _};
use runtime::backoff::Backoff;
use runtime::{Shutdown, chain};
use schemas::{AnyEvent, FulfilmentEvent, FulfilmentId, Recorded};

use super::Fulfilments;
use crate::intent::Cause;
use crate::metrics;
use crate::streams::Rejected;

/// How many records are taken at once.
const BATCH: usize = 100;
/// How many fulfilments of a batch are worked on at once.
const AT_ONCE: usize = 32;

/// One partition.
pub(super) struct Desk {
    feed: PartitionFeed,
    decoder: Decoder,
    fulfilments: Fulfilments,
}

impl Desk {
    pub(super) const fn new(feed: PartitionFeed, decoder: Decoder, fulfilments: Fulfilments) -> Self {
        Self { feed, decoder, fulfilments }
    }

    /// Works until the partition is taken away or the process ends.
    pub(super) async fn run(mut self, shutdown: Shutdown) {
        loop {
            let batch = tokio::select! {
                () = shutdown.requested() => return,
                batch = self.feed.batch(BATCH) => batch,
            };
            match batch {
                Some(Ok(records)) => {
                    tokio::select! {
                        () = shutdown.requested() => return,
                        () = self.work(&records) => {}
                    }
                    if let Some(last) = records.last() {
                        self.feed.stored(last.behind());
                    }
                }
                Some(Err(FeedError::LogChanged(changed))) => {
                    tracing::error!("{changed}; the fulfilments hear it again from its start");
                    let start = Position { next: changed.start, last: None };
                    self.feed.seek(start);
                    // Whoever gets the partition next must not begin at an offset of the log before.
                    self.feed.stored(start);
                }
                Some(Err(FeedError::Hole { found, .. })) => self.feed.seek(Position { next: found, last: None }),
                None => return,
            }
        }
    }

    /// Works on a batch: fulfilments side by side, the events of each one after the other.
    async fn work(&self, records: &[RawRecord]) {
        let mut by_fulfilment = BTreeMap::<FulfilmentId, Vec<(Heard, Cause)>>::new();
        for record in records {
            let Some(recorded) = self.decode(record).await else { continue };
            alarm(&recorded);
            let heard = Heard::of(&recorded);
            if let Some(id) = heard.fulfilment().cloned() {
                by_fulfilment.entry(id).or_default().push((heard, Cause::of(&recorded)));
            }
        }
        let work = by_fulfilment.into_values().map(|events| async move {
            for (heard, cause) in events {
                self.until_done(&heard, &cause).await;
            }
        });
        stream::iter(work).buffer_unordered(AT_ONCE).collect::<()>().await;
    }

    async fn until_done(&self, heard: &Heard, cause: &Cause) {
        let mut backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5));
        while let Err(rejected) = self.once(heard, cause).await {
            tracing::warn!(
                event.id = %cause.event, error = chain(&rejected),
                "A fulfilment cannot go on now and is tried again"
            );
            backoff.wait().await;
        }
    }

    async fn once(&self, heard: &Heard, cause: &Cause) -> Result<(), Rejected> {
        match heard {
            Heard::Tell(id, ask) => self.fulfilments.tell(id, (**ask).clone(), cause.clone()).await,
            Heard::Lost(id) => self.fulfilments.expect_outcome(id, cause.version).await,
            Heard::Look(id) => self.fulfilments.give_steps(id, cause.version, cause).await,
            Heard::Nothing => Ok(()),
        }
    }

    /// The event of a record. One that cannot be read is passed over with an alarm: whatever it should have led to comes
    /// to its deadline.
    async fn decode(&self, record: &RawRecord) -> Option<Recorded<AnyEvent>> {
        match self.decoder.decode_in_time(record).await {
            Ok(recorded) => Some(recorded),
            Err(poison) => {
                let RawRecord { topic, partition, offset, .. } = record;
                tracing::error!(
                    error = chain(&poison),
                    "{topic}/{partition}@{offset} cannot be read by the fulfilment"
                );
                None
            }
        }
    }
}

/// Says aloud that a fulfilment waits for an operator. A record that comes again is said and counted again.
fn alarm(recorded: &Recorded<AnyEvent>) {
    let AnyEvent::Fulfilment(FulfilmentEvent::Failed(failed)) = &recorded.event else { return };
    metrics::FULFILMENTS_FAILED.add(1);
    let (stream, reason) = (&recorded.stream, &failed.reason);
    tracing::error!(fulfilment.id = %stream, "{stream} waits for an operator: {reason}");
}
