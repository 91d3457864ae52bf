//! Who is there: one heartbeat document per process, by the server's clock. Heartbeats only share out work; no promise
//! rests on them.

use std::convert::Infallible;
use std::time::Duration;

use bson::{Document, doc};
use futures::TryStreamExt;
use runtime::Process;

use super::Outbox;
use crate::Error;

/// After this time without a heartbeat a process counts as gone.
pub const HEARTBEAT_LIFETIME: Duration = Duration::from_secs(10);
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(3);
const BEAT: &str = "send a heartbeat";

/// What a process is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Presence {
    /// It publishes lanes, and may append.
    Relay,
    /// It appends, but publishes nothing.
    Writer,
}

impl Presence {
    const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Writer => "writer",
        }
    }
}

impl Outbox {
    /// Says that the process of this name is there, for [`HEARTBEAT_LIFETIME`] from now by the server's clock.
    pub async fn heartbeat(&self, instance: &str, presence: Presence) -> Result<(), Error> {
        let heartbeats = self.heartbeats();
        let (key, role) = (doc! { "_id": instance }, presence.name());
        let beat = async move {
            heartbeats.update_one(key, vec![doc! { "$set": { "role": role, "seen": "$$NOW" } }]).upsert(true).await
        };
        self.connection.run(beat).await.map(|_| ()).map_err(|cause| cause.doing(BEAT))
    }

    /// Says that the process of this name is gone.
    pub async fn leave(&self, instance: &str) -> Result<(), Error> {
        let (heartbeats, key) = (self.heartbeats(), doc! { "_id": instance });
        let left = self.connection.run(async move { heartbeats.delete_one(key).await });
        left.await.map(|_| ()).map_err(|cause| cause.doing(BEAT))
    }

    /// The processes that are there, by name.
    pub async fn present(&self) -> Result<Vec<(String, Presence)>, Error> {
        let heartbeats = self.heartbeats();
        let lifetime = i64::try_from(HEARTBEAT_LIFETIME.as_millis()).unwrap_or(i64::MAX);
        let fresh = doc! { "$expr": { "$gt": ["$seen", { "$subtract": ["$$NOW", lifetime] }] } };
        let present = self.connection.run(async move {
            heartbeats.find(fresh).sort(doc! { "_id": 1 }).await?.try_collect::<Vec<Document>>().await
        });
        let present = present.await.map_err(|cause| cause.doing("look for other processes"))?;
        Ok(present.iter().filter_map(process).collect())
    }

    fn heartbeats(&self) -> mongodb::Collection<Document> {
        self.connection.database.collection("heartbeats")
    }
}

fn process(heartbeat: &Document) -> Option<(String, Presence)> {
    let role = heartbeat.get_str("role").ok()?;
    let presence = [Presence::Relay, Presence::Writer].into_iter().find(|presence| presence.name() == role)?;
    Some((heartbeat.get_str("_id").ok()?.to_owned(), presence))
}

/// Heartbeats for a process that appends and runs no relay, until shutdown.
pub(crate) async fn announce(outbox: Outbox, process: Process) -> Result<(), Infallible> {
    while !process.shutdown.is_requested() {
        // A missed beat costs latency only, and health already says that MongoDB is away.
        let _ = outbox.heartbeat(&process.instance, Presence::Writer).await;
        tokio::select! {
            () = process.shutdown.requested() => {}
            () = tokio::time::sleep(HEARTBEAT_INTERVAL) => {}
        }
    }
    let _ = outbox.leave(&process.instance).await;
    Ok(())
}
