//! The event store as its callers see it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bson::{Bson, Document, RawDocumentBuf, doc};
use futures::TryStreamExt;
use mongodb::Database;
use runtime::Process;
use schemas::{StreamId, Version};

use crate::commit::{Commit, CommitId, KeyHash};
use crate::connection::{self, Connection};
use crate::writer::Writer;
use crate::{Appended, Deadlines, Doorbell, Error, Outbox, Republisher, Transaction, metrics, outbox};

const LOAD: &str = "load a stream";
const FIND_KEYS: &str = "look up idempotency keys";
/// How many commits of a tail are read by one operation.
pub const PAGE: u32 = 1_000;
/// A page of large commits ends early, so that an operation stays bounded in bytes, and with that in time.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// How to reach MongoDB, and how much to ask of it at a time.
#[derive(Clone)]
pub struct Config {
    /// The connection string; it must name a replica set. Its database is used, else `orderflow`.
    pub uri: String,
    /// How many operations run at once.
    pub pool: u32,
    /// How many batches of commits are written at once: 2 gives more throughput, 1 costs less of the server.
    pub batches_in_flight: usize,
    /// How much may wait to be written, in bytes; a commit counts at least 4 KiB.
    pub queue_bytes: u32,
    /// How long an operation may take, retries included.
    pub deadline: Duration,
    /// Whether this process appends but runs no relay: it then tells the relays of other processes that it is there,
    /// so that they listen for its commits instead of only polling.
    pub announce: bool,
}

impl Config {
    /// The default settings for the server at this address.
    #[must_use]
    pub fn new(uri: impl Into<String>) -> Self {
        Self {
            uri: uri.into(),
            pool: 64,
            batches_in_flight: 2,
            queue_bytes: 32 * 1024 * 1024,
            deadline: Duration::from_secs(5),
            announce: false,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { uri: _, pool, batches_in_flight, queue_bytes, deadline, announce } = self;
        f.debug_struct("Config")
            .field("uri", &"[may hold a password]")
            .field("pool", pool)
            .field("batches_in_flight", batches_in_flight)
            .field("queue_bytes", queue_bytes)
            .field("deadline", deadline)
            .field("announce", announce)
            .finish()
    }
}

/// A part of a stream's tail.
#[derive(Debug, Clone, PartialEq)]
pub struct TailPage {
    /// The commits, in order.
    pub commits: Vec<Commit>,
    /// Where the next page begins; none at the stream's end.
    pub next: Option<Version>,
}

/// The event store; clones share the connection and the writer.
#[derive(Debug, Clone)]
pub struct EventStore {
    connection: Arc<Connection>,
    writer: Writer,
    doorbell: Doorbell,
}

impl EventStore {
    /// Starts connecting. Succeeds also while MongoDB is away: the dependency `mongodb` of the process says whether it
    /// is there, indexes are created when it first is, and it is found again after every outage.
    pub async fn connect(config: Config, process: &Process) -> Result<Self, Error> {
        runtime::metrics::describe(metrics::METRICS);
        let connection = Arc::new(Connection::new(&config).await?);
        let doorbell = Doorbell::default();
        // Declared here and not by the task, so that the process is never ready before it asked.
        let dependency = process.health.dependency("mongodb");
        let supervisor = connection::supervise(Arc::clone(&connection), dependency, process.clone());
        process.tasks.supervise("mongodb", supervisor);
        let writer = Writer::start(&config, Arc::clone(&connection), doorbell.clone(), process);
        let store = Self { connection, writer, doorbell };
        if config.announce {
            process.tasks.supervise("announce", outbox::announce(store.outbox(), process.clone()));
        }
        Ok(store)
    }

    /// The database, for those who keep other collections in it.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.connection.database
    }

    /// Completes once MongoDB answers and the indexes exist.
    pub async fn wait_until_up(&self) {
        self.connection.wait_until_up().await;
    }

    /// Appends a commit, together with whatever others append at this moment. Repeating it with the same commit id is
    /// safe. Of two commits that compete for one version one is written. Whoever appends one behind another waits for the
    /// other's answer first, else it could be stored without that. Dropping the future loses only the answer.
    pub async fn append(&self, commit: &Commit) -> Result<Appended, Error> {
        self.writer.append(commit).await
    }

    /// The commits that hold the versions from this one on, in order; the first of them may begin earlier. Sees
    /// everything that was acknowledged before the call. All of them are in memory at once: whoever reads streams that may
    /// be long reads them by [`Self::tail_page`].
    pub async fn tail(&self, stream: &StreamId, from: Version) -> Result<Vec<Commit>, Error> {
        let (mut commits, mut next) = (Vec::new(), Some(from));
        while let Some(from) = next {
            let page = self.tail_page(stream, from, PAGE).await?;
            commits.extend(page.commits);
            next = page.next;
        }
        Ok(commits)
    }

    /// The first of the commits that hold the versions from this one on, in order; the first of them may begin earlier. So
    /// many at most, besides that one, and fewer when they are large. A page sees everything that was acknowledged before
    /// its call, so the pages of a tail hold no less than one read at the first one's time would, and have no gaps.
    pub async fn tail_page(&self, stream: &StreamId, from: Version, limit: u32) -> Result<TailPage, Error> {
        let from = from.max(Version::FIRST);
        let (mut commits, more) = self.later(stream, from, limit).await?;
        let next = commits.last().filter(|_| more).map(|commit| commit.last().next());
        if from == Version::FIRST || commits.first().is_some_and(|commit| commit.first == from) {
            return Ok(TailPage { commits, next });
        }
        let earlier = doc! { "$gte": bound(stream, Bson::MinKey), "$lt": bound(stream, from.0) };
        let previous = self.find(LOAD, earlier, -1, 1).await?;
        commits.splice(0..0, previous.into_iter().filter(|commit| commit.last() >= from));
        Ok(TailPage { commits, next })
    }

    /// The commits of the streams from this one, which begin at this version or later, to the end of that one, in the order
    /// of their ids, so each stream's in order; so many of them at most. Sees everything that was acknowledged before the
    /// call.
    pub async fn between(
        &self,
        (first, from): (&StreamId, Version),
        last: &StreamId,
        limit: u32,
    ) -> Result<Vec<Commit>, Error> {
        let all = doc! { "$gte": bound(first, from.0), "$lt": bound(last, Bson::MaxKey) };
        self.find(LOAD, all, 1, limit.into()).await
    }

    /// Which of these streams have any commit. Sees everything that was acknowledged before the call. No streams ask
    /// nothing.
    pub async fn begun(&self, streams: &[StreamId]) -> Result<BTreeSet<StreamId>, Error> {
        if streams.is_empty() {
            return Ok(BTreeSet::new());
        }
        let firsts: Vec<_> = streams.iter().map(|stream| bound(stream, Version::FIRST.0)).collect();
        let commits = self.connection.commits.clone();
        let found = self.connection.run(async move {
            let found = commits.find(doc! { "_id": { "$in": firsts } }).projection(doc! { "_id": 1 });
            found.await?.try_collect::<Vec<RawDocumentBuf>>().await
        });
        let documents = found.await.map_err(|cause| cause.doing(LOAD))?;
        let stream = |document: &RawDocumentBuf| CommitId::of_document(document).map(|id| id.stream);
        let streams = documents.iter().map(stream).collect::<Result<_, _>>();
        streams.map_err(|source| Error::Unreadable { doing: LOAD, source })
    }

    /// The commits that were made under any of these keys, each once. Sees everything that was acknowledged before the
    /// call. No keys ask nothing.
    pub async fn find_keys(&self, keys: &[KeyHash]) -> Result<Vec<Commit>, Error> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let wanted = doc! { "ks": { "$in": keys.iter().copied().map(KeyHash::to_bson).collect::<Vec<_>>() } };
        let commits = self.connection.commits.clone();
        let found =
            self.connection.run(async move { commits.find(wanted).await?.try_collect::<Vec<RawDocumentBuf>>().await });
        let documents = found.await.map_err(|cause| cause.doing(FIND_KEYS))?;
        documents.iter().map(|document| read(FIND_KEYS, document)).collect()
    }

    /// Opens a transaction, for the rare command that must also write elsewhere. The plain path is [`Self::append`].
    pub async fn begin(&self) -> Result<Transaction, Error> {
        Transaction::begin(Arc::clone(&self.connection), self.doorbell.clone()).await
    }

    /// The marked commits, for a relay.
    #[must_use]
    pub fn outbox(&self) -> Outbox {
        Outbox::new(Arc::clone(&self.connection), self.doorbell.clone())
    }

    /// Puts marks back, so that relays publish commits again.
    #[must_use]
    pub fn republisher(&self) -> Republisher {
        Republisher::new(Arc::clone(&self.connection), self.doorbell.clone())
    }

    /// What is to be looked at again at a given time.
    #[must_use]
    pub fn deadlines(&self) -> Deadlines {
        Deadlines::new(Arc::clone(&self.connection))
    }

    /// The first commits that begin at this version or later, and whether there may be more of them.
    async fn later(&self, stream: &StreamId, from: Version, limit: u32) -> Result<(Vec<Commit>, bool), Error> {
        let ids = doc! { "$gte": bound(stream, from.0), "$lt": bound(stream, Bson::MaxKey) };
        let (commits, most) = (self.connection.commits.clone(), usize::try_from(limit).unwrap_or(usize::MAX));
        let found = self.connection.run(async move {
            let found = commits.find(doc! { "_id": ids }).sort(doc! { "_id": 1 }).limit(limit.into());
            let mut found = found.batch_size(limit.saturating_add(1)).await?;
            let (mut page, mut bytes) = (Vec::new(), 0);
            while bytes < MAX_PAGE_BYTES && found.advance().await? {
                let document = found.current().to_owned();
                bytes += document.as_bytes().len();
                page.push(document);
            }
            Ok((page, bytes >= MAX_PAGE_BYTES))
        });
        let (documents, cut) = found.await.map_err(|cause| cause.doing(LOAD))?;
        let more = cut || documents.len() >= most;
        Ok((documents.iter().map(|document| read(LOAD, document)).collect::<Result<_, _>>()?, more))
    }

    async fn find(&self, doing: &'static str, ids: Document, order: i32, limit: i64) -> Result<Vec<Commit>, Error> {
        let commits = self.connection.commits.clone();
        let found = self.connection.run(async move {
            let found = commits.find(doc! { "_id": ids }).sort(doc! { "_id": order }).limit(limit);
            found.await?.try_collect::<Vec<RawDocumentBuf>>().await
        });
        let documents = found.await.map_err(|cause| cause.doing(doing))?;
        documents.iter().map(|document| read(doing, document)).collect()
    }
}

fn read(doing: &'static str, document: &RawDocumentBuf) -> Result<Commit, Error> {
    Commit::of_document(document).map_err(|source| Error::Unreadable { doing, source })
}

/// A bound of `_id`: documents compare field by field, so this stays within the stream.
pub(crate) fn bound(stream: &StreamId, version: impl Into<Bson>) -> Document {
    doc! { "s": stream.as_str(), "v": version.into() }
}
