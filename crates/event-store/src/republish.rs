//! Republishing: marks are put back on commits that the log had before, so that relays publish them again.
//!
//! The rules of the relay stay as they are, because a commit without its mark was acknowledged by the log: whatever is
//! marked again, at whatever moment, on a log that lost nothing no version comes before the one before it. On a log
//! that did lose records, [`Republisher::stream`] gives a reader that takes versions in order everything from its
//! version on.

mod walk;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use bson::{Document, doc};
use futures::{StreamExt, TryStreamExt};
use schemas::{StreamId, Version};

use crate::commit::CommitId;
use crate::connection::Connection;
use crate::error::Cause;
use crate::mark::Mark;
use crate::{Doorbell, Error, Lanes, lane};

use walk::Bounds;
pub use walk::{Extent, Head, Page, Selection, Walk};

const MARK: &str = "mark commits to be published again";
/// Commits that are read and marked together.
const CHUNK: u32 = 1_000;
/// Looks for what is new at a stream's end: a hot stream always has something.
const LOOKS: u32 = 16;
/// Reads of single streams at a time.
const READS: usize = 4;

/// Puts marks back; clones share the connection.
#[derive(Clone)]
pub struct Republisher {
    connection: Arc<Connection>,
    doorbell: Doorbell,
}

impl Republisher {
    pub(crate) fn new(connection: Arc<Connection>, doorbell: Doorbell) -> Self {
        Self { connection, doorbell }
    }

    /// Marks the commits of a stream from the one that holds version `from` to its head, on its own lane, so before
    /// anything younger. What is appended meanwhile comes behind them. Says how much that was; repeating it is harmless.
    ///
    /// A reader that has every version below `from` and takes versions in order then gets all the others, also when the
    /// log had lost them; unless the stream had something new at every one of so many looks. Then look again.
    pub async fn stream(&self, stream: &StreamId, from: Version) -> Result<Extent, Error> {
        let (mut marked, mut next) = (Extent::default(), self.beginning(stream, from).await?);
        // Upwards and until there is nothing new, so that a commit that this does not mark was inserted when all before it
        // were marked.
        let mut looks = 0;
        while looks < LOOKS {
            let page = walk::page(&self.connection, Bounds::of_stream(stream, next), CHUNK).await?;
            let Some(last) = page.last() else { break };
            looks += u32::from(u32::try_from(page.len()).is_ok_and(|read| read < CHUNK));
            next = last.last().next();
            self.mark(Mark::Live, lane(stream), page.iter().map(|entry| &entry.id)).await?;
            marked.add(&page);
        }
        self.doorbell.ring(Lanes::from_iter([lane(stream)]));
        Ok(marked)
    }

    /// What [`Self::stream`] would mark.
    pub async fn extent(&self, stream: &StreamId, from: Version) -> Result<Extent, Error> {
        let (mut found, mut next) = (Extent::default(), self.beginning(stream, from).await?);
        loop {
            let page = walk::page(&self.connection, Bounds::of_stream(stream, next), CHUNK).await?;
            let Some(last) = page.last() else { return Ok(found) };
            next = last.last().next();
            found.add(&page);
        }
    }

    /// Where these streams end, in their order; `None` where nothing was ever committed. Sees everything that was
    /// acknowledged before the call.
    pub async fn heads(&self, streams: &[StreamId]) -> Result<Vec<Option<Head>>, Error> {
        let last = |stream: StreamId| async move {
            let bounds = Bounds::of_stream_up_to(&stream, Version(u32::MAX));
            Ok(walk::last(&self.connection, bounds).await?.map(|entry| entry.head()))
        };
        futures::stream::iter(streams.iter().cloned().map(last)).buffered(READS).try_collect().await
    }

    /// The commits that were stored last, at most `limit`, with the heads of their streams.
    pub async fn recent(&self, limit: u32) -> Result<Page, Error> {
        walk::recent(&self.connection, limit).await
    }

    /// Walks over the commits that are selected, to be marked by [`Self::again`], or only counted.
    #[must_use]
    pub fn walk(&self, selection: Selection) -> Walk {
        Walk::new(Arc::clone(&self.connection), selection)
    }

    /// Marks these commits of a walk to be published again behind whatever is new, when there is time. A commit that was
    /// never published is left out: it is still to come by itself, and must not come from two sides.
    pub async fn again(&self, page: &Page) -> Result<(), Error> {
        let mut lanes: BTreeMap<u8, Vec<&CommitId>> = BTreeMap::new();
        for id in page.ids() {
            lanes.entry(lane(&id.stream)).or_default().push(id);
        }
        // One after the other: this is in no hurry, and what is new needs the server too.
        for (lane, ids) in lanes {
            self.mark(Mark::Again, lane, ids.into_iter()).await?;
        }
        Ok(())
    }

    /// The first version of the commit that holds `from`; `from` itself when none does.
    async fn beginning(&self, stream: &StreamId, from: Version) -> Result<Version, Error> {
        let from = from.max(Version::FIRST);
        let holder = walk::last(&self.connection, Bounds::of_stream_up_to(stream, from)).await?;
        Ok(holder.filter(|entry| entry.last() >= from).map_or(from, |entry| entry.id.first))
    }

    async fn mark(&self, mark: Mark, lane: u8, ids: impl Iterator<Item = &CommitId>) -> Result<(), Error> {
        let ids: Vec<Document> = ids.map(CommitId::to_bson).collect();
        let mut filter = doc! { "_id": { "$in": ids } };
        match mark {
            Mark::Live => {}
            Mark::Again => drop(filter.insert(Mark::Live.field(), doc! { "$exists": false })),
        }
        let (commits, set) = (self.connection.commits.clone(), doc! { mark.field(): i32::from(lane) });
        let marked = self.connection.run(async move {
            let marked = commits.update_many(filter, doc! { "$set": set });
            marked.hint(mongodb::options::Hint::Keys(doc! { "_id": 1 })).await
        });
        marked.await.map(|_| ()).map_err(|cause: Cause| cause.doing(MARK))
    }
}

impl fmt::Debug for Republisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Republisher").finish_non_exhaustive()
    }
}
