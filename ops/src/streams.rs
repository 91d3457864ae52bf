//! Streams as MongoDB has them: which there are, and what happened in them.

use std::cmp::Ordering;
use std::collections::VecDeque;

use event_store::{Commit, EventStore, PassedOver, Republisher, Selection, Walk};
use schemas::{AnyEvent, Recorded, StreamId, Version};
use views::Projection;

use crate::Error;

/// How many commits are read at a time.
const PAGE: u32 = 1_000;

/// A walk over the streams that a projection is made from.
#[derive(Debug)]
pub(crate) struct Streams {
    walk: Walk,
    last: Option<StreamId>,
}

impl Streams {
    /// From the first one on.
    pub(crate) fn of(projection: Projection, republisher: &Republisher) -> Self {
        let beginning = Some(projection.aggregate().prefix().into());
        Self::among(Selection { beginning, ..Selection::default() }, republisher)
    }

    /// Only streams of which some commit is selected.
    pub(crate) fn among(selection: Selection, republisher: &Republisher) -> Self {
        Self { walk: republisher.walk(selection), last: None }
    }

    /// The next streams that have commits, each of them once, and what was passed over among them; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<(Vec<StreamId>, PassedOver)>, Error> {
        let Some(page) = self.walk.next().await? else { return Ok(None) };
        let mut streams: Vec<_> = page.heads().into_iter().map(|head| head.stream).collect();
        // The last stream of a page may go on in the next one.
        streams.retain(|stream| self.last.as_ref() != Some(stream));
        self.last = streams.last().cloned().or(self.last.take());
        Ok(Some((streams, page.passed_over)))
    }
}

/// Everything that happened in a stream; personal data stays sealed.
pub(crate) async fn events(store: &EventStore, stream: &StreamId) -> Result<Vec<Recorded<AnyEvent>>, Error> {
    let mut events = Vec::new();
    for commit in store.tail(stream, Version::FIRST).await? {
        events.extend(recorded(&commit)?);
    }
    Ok(events)
}

/// What happened in streams that follow each other, read a page at a time: a stream may be of any length.
pub(crate) struct Commits<'a> {
    store: &'a EventStore,
    /// Where the next page begins; `None` behind the last one.
    next: Option<(StreamId, Version)>,
    last: StreamId,
    page: VecDeque<Commit>,
}

impl<'a> Commits<'a> {
    /// Of the streams from this one to that one.
    pub(crate) fn between(store: &'a EventStore, first: &StreamId, last: &StreamId) -> Self {
        let next = Some((first.clone(), Version::NONE));
        Self { store, next, last: last.clone(), page: VecDeque::new() }
    }

    /// The next commit of this stream; none at its end. Streams are asked for in their order, and those in between are
    /// passed over.
    pub(crate) async fn next_of(&mut self, stream: &StreamId) -> Result<Option<Commit>, Error> {
        loop {
            self.read().await?;
            match self.page.front().map(|commit| commit.stream.as_str().cmp(stream.as_str())) {
                Some(Ordering::Less) => _ = self.page.pop_front(),
                Some(Ordering::Equal) => return Ok(self.page.pop_front()),
                Some(Ordering::Greater) | None => return Ok(None),
            }
        }
    }

    /// Reads the next page, if nothing is left of the last one.
    async fn read(&mut self) -> Result<(), Error> {
        if !self.page.is_empty() {
            return Ok(());
        }
        let Some((stream, version)) = self.next.take() else { return Ok(()) };
        self.page = self.store.between((&stream, version), &self.last, PAGE).await?.into();
        let full = self.page.len() >= usize::try_from(PAGE).unwrap_or(usize::MAX);
        self.next = self.page.back().filter(|_| full).map(|commit| (commit.stream.clone(), commit.last().next()));
        Ok(())
    }
}

/// The events of a commit; personal data stays sealed.
pub(crate) fn recorded(commit: &Commit) -> Result<Vec<Recorded<AnyEvent>>, Error> {
    commit.recorded().map_err(|source| Error::Event { stream: commit.stream.clone(), source })
}
