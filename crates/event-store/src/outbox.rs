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
use crate::mark::Mark;
use crate::{Error, Lanes};

pub use doorbell::Doorbell;
pub(crate) use presence::announce;
pub use presence::{HEARTBEAT_LIFETIME, Presence};
pub use snapshot::{Marked, Snapshot};

/// Marks that are removed by one command; several commands run at a time.
const UNMARK_CHUNK: usize = 256;

/// The relay's side of the store: the commits with one kind of mark. Clones share the connection.
#[derive(Clone)]
pub struct Outbox {
    connection: Arc<Connection>,
    doorbell: Doorbell,
    mark: Mark,
}

impl Outbox {
    pub(crate) fn new(connection: Arc<Connection>, doorbell: Doorbell) -> Self {
        Self { connection, doorbell, mark: Mark::Live }
    }

    /// The commits that are to be published again, when there is time ([`crate::Republisher::again`]). Each of them was
    /// acknowledged by the log before.
    #[must_use]
    pub fn again(&self) -> Self {
        Self { mark: Mark::Again, ..self.clone() }
    }

    /// Rings when there may be new marks.
    #[must_use]
    pub fn doorbell(&self) -> Doorbell {
        self.doorbell.clone()
    }

    /// The marked commits of these lanes as they are at one moment, oldest `at` first, at most `limit`. Everything that
    /// was acknowledged before the call is seen.
    pub async fn snapshot(&self, lanes: Lanes, limit: u32) -> Result<Snapshot, Error> {
        Snapshot::open(Arc::clone(&self.connection), self.mark, lanes, limit).await
    }

    /// Removes marks; the next snapshot no longer shows them. Repeating it changes nothing; an empty list asks nothing.
    pub async fn unmark(&self, commits: &[CommitId]) -> Result<(), Error> {
        let chunks = commits.chunks(UNMARK_CHUNK).map(|chunk| self.unmark_chunk(chunk));
        try_join_all(chunks).await.map(|_| ()).map_err(|cause| cause.doing("remove marks from the outbox"))
    }

    /// How long the oldest mark of any lane has been waiting, by the hybrid clock; `None` when there is none.
    pub async fn oldest_mark_age(&self) -> Result<Option<Duration>, Error> {
        let (commits, mark) = (self.connection.database.collection::<Document>("commits"), self.mark);
        let oldest = self.connection.run(async move {
            let oldest = commits.find_one(doc! { mark.field(): { "$exists": true } }).sort(doc! { "at": 1 });
            oldest.hint(Hint::Keys(mark.index())).projection(doc! { "at": 1 }).await
        });
        let oldest = oldest.await.map_err(|cause| cause.doing("look for the oldest mark"))?;
        let at = oldest.and_then(|commit| commit.get_i64("at").ok());
        Ok(at.map(|at| Duration::from_micros(u64::try_from(runtime::clock::now_micros() - at).unwrap_or_default())))
    }

    /// How many commits are marked; counts no further than `limit`.
    pub async fn backlog(&self, limit: u32) -> Result<u64, Error> {
        let (commits, mark) = (self.connection.commits.clone(), self.mark);
        let counted = self.connection.run(async move {
            let counted = commits.count_documents(doc! { mark.field(): { "$exists": true } });
            counted.hint(Hint::Keys(mark.index())).limit(limit.into()).await
        });
        counted.await.map_err(|cause| cause.doing("count the marks of the outbox"))
    }

    async fn unmark_chunk(&self, chunk: &[CommitId]) -> Result<(), Cause> {
        let keys: Vec<Document> = chunk.iter().map(CommitId::to_bson).collect();
        let (commits, unset) = (self.connection.commits.clone(), doc! { "$unset": { self.mark.field(): "" } });
        let update = async move { commits.update_many(doc! { "_id": { "$in": keys } }, unset).await };
        self.connection.run(update).await.map(|_updated| ())
    }
}

impl fmt::Debug for Outbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outbox").field("mark", &self.mark).finish_non_exhaustive()
    }
}
