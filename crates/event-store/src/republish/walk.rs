//! Walking over commits by their ids, page by page, without reading their events. A look at everything passes over what this
//! build cannot read, with whatever comes behind it in its stream, and says so; a look at one stream does not.

use std::fmt;
use std::sync::Arc;

use bson::raw::RawDocument;
use bson::{Bson, Document, RawDocumentBuf, doc};
use futures::TryStreamExt;
use schemas::{EventId, StreamId, Timestamp, Version};
use uuid::Uuid;

use crate::Error;
use crate::commit::{CommitId, Unreadable, commit_id};
use crate::connection::Connection;
use crate::error::Cause;
use crate::mark::Mark;
use crate::passed_over::{PassedOver, stream_name};
use crate::store::bound;

const WALK: &str = "look through the commits";
/// Commits that are read at a time.
const PAGE: u32 = 4_096;

/// How much something is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Commits.
    pub commits: u64,
    /// Their events.
    pub events: u64,
}

/// Which commits; everything by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Those of streams whose id begins like this.
    pub beginning: Option<Box<str>>,
    /// Those made at this time or later.
    pub since: Option<Timestamp>,
    /// Those made before this time.
    pub until: Option<Timestamp>,
}

/// What is known of a commit without reading its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: CommitId,
    commit: Uuid,
    at: Timestamp,
    events: u32,
    published: bool,
}

/// Where a stream ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The stream.
    pub stream: StreamId,
    /// Its last version.
    pub version: Version,
    /// The event of that version.
    pub event: EventId,
    /// When that was committed.
    pub at: Timestamp,
    /// Whether the log has acknowledged it, and nobody wants it to be published at once again.
    pub published: bool,
}

/// Commits that are selected, in the order of their ids: each stream's in the order of its versions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    entries: Vec<Entry>,
    /// What is selected as well, and left out.
    pub passed_over: PassedOver,
}

/// A walk over the commits that are selected, by stream and version. It sees every commit that was there when it began,
/// and what is appended ahead of it.
pub struct Walk {
    connection: Arc<Connection>,
    selection: Selection,
    /// Where it is; `None` at the end.
    rest: Option<Bounds>,
    /// The last stream of which something was passed over. Whatever comes behind that is passed over as well: published
    /// again into a log that was lost, it would come before what it follows. One name is enough, because streams come one
    /// after the other.
    cut: Option<String>,
}

/// A range of ids.
#[derive(Debug, Clone)]
pub(super) struct Bounds(Document);

impl Extent {
    pub(super) fn add(&mut self, entries: &[Entry]) {
        self.commits += u64::try_from(entries.len()).unwrap_or(u64::MAX);
        self.events += entries.iter().map(|entry| u64::from(entry.events)).sum::<u64>();
    }
}

impl std::ops::AddAssign for Extent {
    fn add_assign(&mut self, other: Self) {
        self.commits += other.commits;
        self.events += other.events;
    }
}

impl Selection {
    /// Whether it is selected by its time. What does not tell its time may be of any.
    fn includes(&self, document: &RawDocument) -> bool {
        let Ok(at) = document.get_i64("at").map(Timestamp::from_micros) else { return true };
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

impl Page {
    /// How much it is.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let mut extent = Extent::default();
        extent.add(&self.entries);
        extent
    }

    /// The commits.
    pub fn ids(&self) -> impl Iterator<Item = &CommitId> {
        self.entries.iter().map(|entry| &entry.id)
    }

    /// The same without the commits that were not published yet.
    #[must_use]
    pub fn published(mut self) -> Self {
        self.entries.retain(|entry| entry.published);
        self
    }

    /// The head of each stream, as far as this page shows it, in the order of their ids. The last stream may go on.
    #[must_use]
    pub fn heads(&self) -> Vec<Head> {
        let mut heads: Vec<Head> = Vec::new();
        for entry in &self.entries {
            match heads.last_mut() {
                Some(head) if head.stream == entry.id.stream => *head = entry.head(),
                _ => heads.push(entry.head()),
            }
        }
        heads
    }
}

impl Walk {
    pub(super) fn new(connection: Arc<Connection>, selection: Selection) -> Self {
        let rest = Bounds::of_beginning(selection.beginning.as_deref());
        Self { connection, selection, rest: Some(rest), cut: None }
    }

    /// The next page, which may be empty; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Page>, Error> {
        let Some(bounds) = &mut self.rest else { return Ok(None) };
        let documents = find(&self.connection, doc! { "_id": bounds.0.clone() }, doc! { "_id": 1 }, PAGE).await?;
        match documents.last() {
            None => {
                self.rest = None;
                return Ok(None);
            }
            Some(last) => bounds.after(last)?,
        }
        Ok(Some(self.page(&documents)))
    }

    fn page(&mut self, documents: &[RawDocumentBuf]) -> Page {
        let mut page = Page::default();
        // By time here and not there: a page that finds nothing must not take longer than one that does.
        for document in documents.iter().filter(|document| self.selection.includes(document)) {
            match Entry::of_document(document) {
                Ok(entry) if self.cut.as_deref() != Some(entry.id.stream.as_str()) => page.entries.push(entry),
                Ok(_) | Err(_) => {
                    page.passed_over.note(document);
                    self.cut = stream_name(document).map(str::to_owned);
                }
            }
        }
        page
    }
}

impl Bounds {
    pub(super) fn of_stream(stream: &StreamId, from: Version) -> Self {
        Self(doc! { "$gte": bound(stream, from.0), "$lt": bound(stream, Bson::MaxKey) })
    }

    pub(super) fn of_stream_up_to(stream: &StreamId, to: Version) -> Self {
        Self(doc! { "$gte": bound(stream, Bson::MinKey), "$lte": bound(stream, to.0) })
    }

    fn of_beginning(beginning: Option<&str>) -> Self {
        let beginning = beginning.unwrap_or_default();
        Self(doc! { "$gte": { "s": beginning }, "$lt": { "s": format!("{beginning}{}", char::MAX) } })
    }

    /// Behind this one, whatever it is.
    fn after(&mut self, document: &RawDocument) -> Result<(), Error> {
        let unreadable = |source| Error::Unreadable { doing: WALK, source: Unreadable::Field { field: "_id", source } };
        let id = document.get("_id").and_then(|id| id.map(Bson::try_from).transpose()).map_err(unreadable)?;
        self.0.remove("$gte");
        self.0.insert("$gt", id);
        Ok(())
    }
}

impl Entry {
    /// The version of its last event.
    pub(super) fn last(&self) -> Version {
        self.id.first.plus(self.events.saturating_sub(1))
    }

    /// The head of its stream, if nothing comes after it.
    pub(super) fn head(&self) -> Head {
        let event = EventId::of_commit(self.commit, self.events.saturating_sub(1));
        let Self { id, at, published, .. } = self;
        Head { stream: id.stream.clone(), version: self.last(), event, at: *at, published: *published }
    }

    fn of_document(document: &RawDocument) -> Result<Self, Unreadable> {
        let field = |field| move |source| Unreadable::Field { field, source };
        let events = document.get_i32("n").map_err(field("ev"))?;
        Ok(Self {
            id: CommitId::of_document(document)?,
            commit: commit_id(document)?,
            published: document.get(Mark::Live.field()).map_err(field("o"))?.is_none(),
            at: Timestamp::from_micros(document.get_i64("at").map_err(field("at"))?),
            events: u32::try_from(events).map_err(|_| Unreadable::Value { field: "ev" })?,
        })
    }
}

/// The first commits within these bounds.
pub(super) async fn page(connection: &Connection, bounds: Bounds, limit: u32) -> Result<Vec<Entry>, Error> {
    readable(&find(connection, doc! { "_id": bounds.0 }, doc! { "_id": 1 }, limit).await?)
}

/// The last commit within these bounds.
pub(super) async fn last(connection: &Connection, bounds: Bounds) -> Result<Option<Entry>, Error> {
    let found = find(connection, doc! { "_id": bounds.0 }, doc! { "_id": -1 }, 1).await?;
    Ok(readable(&found)?.into_iter().next())
}

/// The commits that were stored last. Behind one that cannot be read others of its stream may be: this is to see where
/// streams end.
pub(super) async fn recent(connection: &Connection, limit: u32) -> Result<Page, Error> {
    let mut page = Page::default();
    // In the order in which they lie, because no index is by time.
    for document in find(connection, doc! {}, doc! { "$natural": -1 }, limit).await? {
        match Entry::of_document(&document) {
            Ok(entry) => page.entries.push(entry),
            Err(_of_a_newer_build) => page.passed_over.note(&document),
        }
    }
    page.entries.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(page)
}

async fn find(
    connection: &Connection,
    which: Document,
    order: Document,
    limit: u32,
) -> Result<Vec<RawDocumentBuf>, Error> {
    let commits = connection.commits.clone();
    // One without a list of events must not fail the others with it.
    let events = doc! { "$cond": [{ "$isArray": "$ev" }, { "$size": "$ev" }, null] };
    let shape = doc! { "cid": 1, "at": 1, Mark::Live.field(): 1, "n": events };
    let found = connection.run(async move {
        let found = commits.find(which).sort(order).limit(limit.into()).projection(shape).batch_size(limit);
        found.await?.try_collect::<Vec<RawDocumentBuf>>().await
    });
    found.await.map_err(|cause: Cause| cause.doing(WALK))
}

/// All of these, or none.
fn readable(documents: &[RawDocumentBuf]) -> Result<Vec<Entry>, Error> {
    let read = |document: &RawDocumentBuf| {
        Entry::of_document(document).map_err(|source| Error::Unreadable { doing: WALK, source })
    };
    documents.iter().map(read).collect()
}

impl fmt::Debug for Walk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Walk").field("selection", &self.selection).finish_non_exhaustive()
    }
}
