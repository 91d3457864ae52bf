//! The doorbell: wakes a relay early. It may ring for nothing and it may be missed; the relay polls as well.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bson::{Document, doc};
use runtime::backoff::Backoff;
use schemas::StreamId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::Outbox;
use crate::{Lanes, lane};

/// How long the server holds an empty answer back; also how long a listener may take to stop.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// Rings when commits were written, and says on which lanes; clones share it. Meant for one listener: rings that nobody
/// waited for add up.
#[derive(Debug, Clone, Default)]
pub struct Doorbell(Arc<Bell>);

#[derive(Debug, Default)]
struct Bell {
    rung: AtomicU64,
    wake: Notify,
}

impl Doorbell {
    /// Rings for these lanes.
    pub fn ring(&self, lanes: Lanes) {
        self.0.rung.fetch_or(lanes.bits(), Ordering::AcqRel);
        self.0.wake.notify_one();
    }

    /// Completes when one of these lanes has rung since the last time. May be dropped and called again.
    pub async fn rung(&self, lanes: Lanes) {
        while !self.take().intersects(lanes) {
            self.0.wake.notified().await;
        }
    }

    fn take(&self) -> Lanes {
        Lanes::from_bits(self.0.rung.swap(0, Ordering::AcqRel))
    }
}

impl Outbox {
    /// Rings the doorbell also for commits that other processes write, by a change stream, until `stop`. It costs the
    /// server work for every insert, so it is worth it only while other processes write.
    pub async fn listen(&self, stop: &CancellationToken) {
        let mut backoff = Backoff::default();
        while !stop.is_cancelled() {
            // A change stream may lose its place, or its collection; the safety poll covers the time without one.
            match self.forward_rings(stop, &mut backoff).await {
                Ok(()) => {
                    tracing::debug!("the change stream ended; it is opened again, unless nobody listens any more")
                }
                Err(error) => tracing::debug!(%error, "the change stream ended and is opened again"),
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = backoff.wait() => {}
            }
        }
    }

    async fn forward_rings(
        &self,
        stop: &CancellationToken,
        backoff: &mut Backoff,
    ) -> Result<(), mongodb::error::Error> {
        let only_keys = [
            doc! { "$match": { "operationType": "insert" } },
            doc! { "$project": { "_id": 1, "operationType": 1, "ns": 1, "documentKey": 1 } },
        ];
        let watch = self.connection.commits.watch().pipeline(only_keys).max_await_time(LONGEST_WAIT);
        let mut changes = watch.await?.with_type::<Document>();
        // Whatever was written before the stream was open.
        self.doorbell.ring(Lanes::ALL);
        while !stop.is_cancelled() && changes.is_alive() {
            if let Some(change) = changes.next_if_any().await? {
                self.doorbell.ring(written_lane(&change));
            }
            backoff.reset();
        }
        Ok(())
    }
}

/// The lane of the commit that was inserted; all of them if that cannot be told.
fn written_lane(change: &Document) -> Lanes {
    let id = change.get_document("documentKey").and_then(|key| key.get_document("_id"));
    let stream = id.and_then(|id| id.get_str("s")).ok().and_then(|stream| StreamId::parse(stream).ok());
    stream.map_or(Lanes::ALL, |stream| Lanes::from_iter([lane(&stream)]))
}
