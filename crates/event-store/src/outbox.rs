//! The outbox: the commits that still carry a mark. The set of marks is the truth; the doorbell only says that it may
//! have grown.

mod doorbell;
mod presence;
mod snapshot;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use futures::future::try_join_all;
use mongodb::options::Hint;

use crate::commit::CommitId;
use crate::connection::Connection;
use crate::error::Cause;
use crate::{Error, Lanes};

pub use doorbell::Doorbell;
pub(crate) use presence::announce;
pub use presence::{HEARTBEAT_LIFETIME, Presence};
pub use snapshot::{Marked, Snapshot};

/// Marks that are removed by one command; several commands run at a time.
const UNMARK_CHUNK: usize = 256;

/// The index over marked commits only. By time first: so a look at the outbox is one walk along it whatever the lanes,
/// and passes over what was published lately once instead of once per lane.
pub(crate) fn index() -> Document {
    doc! { "at": 1, "o": 1 }
}

/// The relay's side of the store; clones share the connection.
#[derive(Clone)]
pub struct Outbox {
    connection: Arc<Connection>,
    doorbell: Doorbell,
}

impl Outbox {
    pub(crate) fn new(connection: Arc<Connection>, doorbell: Doorbell) -> Self {
        Self { connection, doorbell }
    }

    /// Rings when there may be new marks.
    #[must_use]
    pub fn doorbell(&self) -> Doorbell {
        self.doorbell.clone()
    }

    /// The marked commits of these lanes as they are at one moment, oldest `at` first, at most `limit`. Everything that
    /// was acknowledged before the call is seen.
    pub async fn snapshot(&self, lanes: Lanes, limit: u32) -> Result<Snapshot, Error> {
        Snapshot::open(Arc::clone(&self.connection), lanes, limit).await
    }

    /// Removes marks; the next snapshot no longer shows them. Repeating it changes nothing; an empty list asks nothing.
    pub async fn unmark(&self, commits: &[CommitId]) -> Result<(), Error> {
        let chunks = commits.chunks(UNMARK_CHUNK).map(|chunk| self.unmark_chunk(chunk));
        try_join_all(chunks).await.map(|_| ()).map_err(|cause| cause.doing("remove marks from the outbox"))
    }

    /// How long the oldest mark of any lane has been waiting, by the hybrid clock; `None` when there is none.
    pub async fn oldest_mark_age(&self) -> Result<Option<Duration>, Error> {
        let commits = self.connection.database.collection::<Document>("commits");
        let oldest = self.connection.run(async move {
            let oldest = commits.find_one(doc! { "o": { "$exists": true } }).sort(doc! { "at": 1 });
            oldest.hint(Hint::Keys(index())).projection(doc! { "at": 1 }).await
        });
        let oldest = oldest.await.map_err(|cause| cause.doing("look for the oldest mark"))?;
        let at = oldest.and_then(|commit| commit.get_i64("at").ok());
        Ok(at.map(|at| Duration::from_micros(u64::try_from(runtime::clock::now_micros() - at).unwrap_or_default())))
    }

    async fn unmark_chunk(&self, chunk: &[CommitId]) -> Result<(), Cause> {
        let keys: Vec<Document> = chunk.iter().map(CommitId::to_bson).collect();
        let commits = self.connection.commits.clone();
        let update =
            async move { commits.update_many(doc! { "_id": { "$in": keys } }, doc! { "$unset": { "o": "" } }).await };
        self.connection.run(update).await.map(|_updated| ())
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").finish_non_exhaustive()
    }
}
