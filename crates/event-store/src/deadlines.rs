//! Deadlines: what is to be looked at again at a given time, whatever happens until then. Generic: what it means is said
//! by whoever sets it.
//!
//! A deadline is set before the commit that relies on it, so none is missing after a crash; one that is not needed does
//! no harm. It may come more than once, and from more than one process: the lease only saves work.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bson::{Document, doc};
use futures::TryStreamExt;
use mongodb::error::{ErrorKind, WriteFailure};
use schemas::{StreamId, Timestamp};

use crate::connection::Connection;
use crate::error::{Cause, DUPLICATE_KEY};
use crate::{Error, Unreadable};

const SET: &str = "set deadlines";
const FIND: &str = "look for deadlines that are due";
const POSTPONE: &str = "postpone deadlines";
const DROP: &str = "drop deadlines";
const LEASE: &str = "lease the deadlines";

/// Something that is to be looked at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadline {
    /// What identifies it; setting it again changes nothing.
    pub id: String,
    /// When.
    pub due: Timestamp,
    /// The stream that set it.
    pub stream: StreamId,
}

/// The deadlines that are set; clones share the connection.
#[derive(Clone)]
pub struct Deadlines {
    connection: Arc<Connection>,
}

impl Deadlines {
    pub(crate) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Sets deadlines, durably. One that is set already keeps its time. An empty list asks nothing.
    pub async fn set(&self, deadlines: &[Deadline]) -> Result<(), Error> {
        if deadlines.is_empty() {
            return Ok(());
        }
        let documents: Vec<Document> = deadlines.iter().map(Deadline::to_document).collect();
        let collection = self.collection();
        let inserted = self.connection.run(async move {
            match collection.insert_many(documents).ordered(false).await {
                Err(error) if only_duplicates(&error) => Ok(()),
                outcome => outcome.map(|_| ()),
            }
        });
        inserted.await.map_err(|cause: Cause| cause.doing(SET))
    }

    /// Up to `limit` of those that are due by now, the longest overdue first. What cannot be read, as of a stream that only a
    /// newer build knows, is passed over.
    pub async fn due(&self, now: Timestamp, limit: u32) -> Result<Vec<Deadline>, Error> {
        let (collection, batch) = (self.collection(), limit.saturating_add(1));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let found = self.connection.run(async move {
            let found = collection.find(doc! { "due": { "$lte": now.as_micros() } }).sort(doc! { "due": 1 });
            let mut found = found.batch_size(batch).await?;
            let mut due = Vec::new();
            while due.len() < limit
                && let Some(document) = found.try_next().await?
            {
                match Deadline::of_document(&document) {
                    Ok(deadline) => due.push(deadline),
                    Err(error) => {
                        let id = document.get_str("_id").unwrap_or("without an id");
                        // Every look meets it again, until a build comes that can read it.
                        tracing::debug!(deadline.id = id, %error, "The deadline {id} cannot be read and is passed over");
                    }
                }
            }
            Ok(due)
        });
        found.await.map_err(|cause| cause.doing(FIND))
    }

    /// Moves these to this time; what is not set is passed over. An empty list asks nothing.
    pub async fn postpone(&self, ids: &[String], due: Timestamp) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let (collection, ids) = (self.collection(), doc! { "_id": { "$in": ids } });
        let later = doc! { "$set": { "due": due.as_micros() } };
        let postponed = self.connection.run(async move { collection.update_many(ids, later).await });
        postponed.await.map(|_| ()).map_err(|cause| cause.doing(POSTPONE))
    }

    /// Drops these; what is not set is passed over. An empty list asks nothing.
    pub async fn drop(&self, ids: &[String]) -> Result<(), Error> {
        if ids.is_empty() {
            return Ok(());
        }
        let (collection, ids) = (self.collection(), ids.to_vec());
        let dropped = self.connection.run(async move { collection.delete_many(doc! { "_id": { "$in": ids } }).await });
        dropped.await.map(|_| ()).map_err(|cause| cause.doing(DROP))
    }

    /// Drops every deadline whose id begins like this.
    pub async fn drop_all(&self, beginning: &str) -> Result<(), Error> {
        let (collection, end) = (self.collection(), format!("{beginning}{}", char::MAX));
        let ids = doc! { "_id": { "$gte": beginning, "$lt": end } };
        let dropped = self.connection.run(async move { collection.delete_many(ids).await });
        dropped.await.map(|_| ()).map_err(|cause| cause.doing(DROP))
    }

    /// Whether the process of this name is the one to look after deadlines, by the server's clock. Once it is, nobody
    /// else is for `time` from now, unless it gives the lease up.
    pub async fn lease(&self, instance: &str, time: Duration) -> Result<bool, Error> {
        let leases = self.leases();
        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let mine = vec![doc! { "$set": { "holder": instance, "until": { "$add": ["$$NOW", time] } } }];
        let free = doc! { "_id": "deadlines", "$expr": { "$lte": ["$until", "$$NOW"] } };
        let renewed = doc! { "_id": "deadlines", "holder": instance };
        let taken = self.connection.run(async move {
            if leases.update_one(free, mine.clone()).await?.matched_count > 0 {
                return Ok(true);
            }
            // It is ours, or nobody's; if it is another's there is a document of this id already.
            match leases.update_one(renewed, mine).upsert(true).await {
                Err(error) if only_duplicates(&error) => Ok(false),
                outcome => outcome.map(|_| true),
            }
        });
        taken.await.map_err(|cause: Cause| cause.doing(LEASE))
    }

    /// Lets others look after deadlines at once.
    pub async fn give_up_lease(&self, instance: &str) -> Result<(), Error> {
        let (leases, mine) = (self.leases(), doc! { "_id": "deadlines", "holder": instance });
        let given_up = self.connection.run(async move { leases.delete_one(mine).await });
        given_up.await.map(|_| ()).map_err(|cause| cause.doing(LEASE))
    }

    fn collection(&self) -> mongodb::Collection<Document> {
        self.connection.database.collection("deadlines")
    }

    fn leases(&self) -> mongodb::Collection<Document> {
        self.connection.database.collection("leases")
    }
}

impl Deadline {
    fn to_document(&self) -> Document {
        doc! { "_id": &self.id, "due": self.due.as_micros(), "s": self.stream.as_str() }
    }

    fn of_document(document: &Document) -> Result<Self, Unreadable> {
        let field = |field| move |_| Unreadable::Value { field };
        Ok(Self {
            id: document.get_str("_id").map_err(field("_id"))?.to_owned(),
            due: Timestamp::from_micros(document.get_i64("due").map_err(field("due"))?),
            stream: StreamId::parse(document.get_str("s").map_err(field("s"))?)?,
        })
    }
}

/// Whether nothing was wrong but that some of the documents are there already.
fn only_duplicates(error: &mongodb::error::Error) -> bool {
    if let ErrorKind::InsertMany(failed) = &*error.kind {
        let errors = failed.write_errors.as_deref().unwrap_or_default();
        failed.write_concern_error.is_none() && errors.iter().all(|error| error.code == DUPLICATE_KEY)
    } else if let ErrorKind::Write(WriteFailure::WriteError(error)) = &*error.kind {
        error.code == DUPLICATE_KEY
    } else {
        false
    }
}

impl fmt::Debug for Deadlines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadlines").finish_non_exhaustive()
    }
}
