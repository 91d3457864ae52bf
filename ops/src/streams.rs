//! Streams as MongoDB has them: which there are, and what happened in them.

use std::collections::BTreeMap;

use event_store::{Commit, EventStore, Republisher, Selection, Walk};
use schemas::{AnyEvent, Recorded, StreamId, Version};
use views::Projection;

use crate::Error;

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

    /// The next streams that have commits, each of them once; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<StreamId>>, Error> {
        let Some(page) = self.walk.next().await? else { return Ok(None) };
        let mut streams: Vec<_> = page.heads().into_iter().map(|head| head.stream).collect();
        // The last stream of a page may go on in the next one.
        streams.retain(|stream| self.last.as_ref() != Some(stream));
        self.last = streams.last().cloned().or(self.last.take());
        Ok(Some(streams))
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

/// The same for streams as a walk brings them, one after the other, in one read.
pub(crate) async fn events_along(
    store: &EventStore,
    streams: &[StreamId],
) -> Result<BTreeMap<StreamId, Vec<Recorded<AnyEvent>>>, Error> {
    let (Some(first), Some(last)) = (streams.first(), streams.last()) else { return Ok(BTreeMap::new()) };
    let mut events = BTreeMap::<_, Vec<_>>::new();
    for commit in store.between(first, last).await? {
        events.entry(commit.stream.clone()).or_default().extend(recorded(&commit)?);
    }
    Ok(events)
}

/// The events of a commit; personal data stays sealed.
pub(crate) fn recorded(commit: &Commit) -> Result<Vec<Recorded<AnyEvent>>, Error> {
    commit.recorded().map_err(|source| Error::Event { stream: commit.stream.clone(), source })
}
