//! One look at the outbox: a single cursor over a single point in time, read page by page. Ties of `at` cannot be
//! skipped between pages, nor can a commit slip in that was stored late with an earlier `at`.

use std::fmt;
use std::sync::Arc;

use bson::raw::RawDocument;
use bson::{RawDocumentBuf, doc};
use mongodb::options::{Hint, ReadConcern};
use mongodb::{ClientSession, SessionCursor};
use schemas::{AnyEvent, Recorded, Timestamp};

use crate::commit::{Commit, CommitId, Unreadable};
use crate::connection::Connection;
use crate::error::Cause;
use crate::mark::Mark;
use crate::passed_over::PassedOver;
use crate::{Error, Lanes, metrics};

const READ: &str = "read the outbox";
/// How many documents the server sends at a time.
const BATCH: u32 = 512;
/// A page of large commits ends early, so that the commits under way stay bounded in bytes.
const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// A marked commit, decoded as far as it can be.
#[derive(Debug)]
pub struct Marked {
    /// Its key, to remove the mark by.
    pub id: CommitId,
    /// Its place in the order of publishing.
    pub at: Timestamp,
    /// Its events, or why this release cannot read them.
    pub events: Result<Vec<Recorded<AnyEvent>>, Unreadable>,
}

/// The marked commits at one moment, in the order of `at`.
pub struct Snapshot {
    connection: Arc<Connection>,
    cursor: Option<Cursor>,
    passed_over: PassedOver,
}

struct Cursor {
    session: ClientSession,
    commits: SessionCursor<RawDocumentBuf>,
}

impl Snapshot {
    pub(crate) async fn open(connection: Arc<Connection>, mark: Mark, lanes: Lanes, limit: u32) -> Result<Self, Error> {
        let lanes: Vec<i32> = lanes.iter().map(i32::from).collect();
        let (client, commits) = (connection.client.clone(), connection.commits.clone());
        let cursor = connection.run(async move {
            let mut session = client.start_session().snapshot(true).await?;
            let found = commits.find(doc! { mark.field(): { "$in": lanes } }).sort(doc! { "at": 1 });
            let found = found.hint(Hint::Keys(mark.index()));
            // Said here too: of a snapshot session alone the driver makes a majority read, because that is the client's.
            let found = found.read_concern(ReadConcern::snapshot());
            let found = found.limit(i64::from(limit)).batch_size(BATCH.min(limit.saturating_add(1)));
            let commits = found.session(&mut session).await?;
            Ok(Cursor { session, commits })
        });
        let cursor = cursor.await.map_err(|cause| cause.doing(READ))?;
        Ok(Self { connection, cursor: Some(cursor), passed_over: PassedOver::default() })
    }

    /// The next commits, at most `max`; none at the end. What is [`Self::passed_over`] counts for nothing. After an error only
    /// errors follow.
    pub async fn page(&mut self, max: usize) -> Result<Vec<Marked>, Error> {
        // An empty page would be the end, so one of which nothing can be told is none.
        loop {
            let Some(mut cursor) = self.cursor.take() else { return Err(Cause::CursorLost.doing(READ)) };
            // The driver's task decodes as well: so its caller may do something else in the meantime.
            let read = self.connection.run(async move {
                let documents = cursor.read(max).await?;
                let (marked, passed_over) = decode(&documents);
                Ok((cursor, marked, passed_over, documents.is_empty()))
            });
            let (cursor, marked, passed_over, is_end) = read.await.map_err(|cause| cause.doing(READ))?;
            self.cursor = Some(cursor);
            self.passed_over.add(passed_over);
            if is_end || !marked.is_empty() {
                metrics::OUTBOX_READ.add(metrics::count(marked.len()));
                return Ok(marked);
            }
        }
    }

    /// What the pages so far do not show. It keeps its marks, and concerns no stream that they show.
    #[must_use]
    pub fn passed_over(&self) -> PassedOver {
        self.passed_over.clone()
    }
}

impl Cursor {
    async fn read(&mut self, max: usize) -> Result<Vec<RawDocumentBuf>, mongodb::error::Error> {
        let (mut page, mut bytes) = (Vec::new(), 0);
        while page.len() < max && bytes < MAX_PAGE_BYTES && self.commits.advance(&mut self.session).await? {
            let document = self.commits.current().to_owned();
            bytes += document.as_bytes().len();
            page.push(document);
        }
        Ok(page)
    }
}

/// What these documents are, and those of which that cannot be told.
fn decode(documents: &[RawDocumentBuf]) -> (Vec<Marked>, PassedOver) {
    let (mut marked, mut passed_over) = (Vec::with_capacity(documents.len()), PassedOver::default());
    for document in documents {
        match Marked::of_document(document) {
            Ok(commit) => marked.push(commit),
            Err(_of_an_unknown_stream) => passed_over.note(document),
        }
    }
    (marked, passed_over)
}

impl Marked {
    fn of_document(document: &RawDocument) -> Result<Self, Unreadable> {
        let commit = Commit::of_document(document);
        let events = commit.and_then(|commit| commit.recorded().map_err(Unreadable::from));
        let at = document.get_i64("at").unwrap_or_default();
        Ok(Self { id: CommitId::of_document(document)?, at: Timestamp::from_micros(at), events })
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}
