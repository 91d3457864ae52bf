//! Overflow: instead of every event that a slow client missed, it is told the latest state of each stream.

use std::collections::BTreeMap;

use read_model::Reader;
use read_model::feeds::Cursor;
use schemas::{StreamId, Version};

use crate::Error;
use crate::frames::Frame;
use crate::hub::Seat;
use crate::states::projection_of;

/// What a client missed and was not told of yet: the last version of each stream, and the place behind it all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Conflation {
    streams: BTreeMap<StreamId, Version>,
    pub(super) end: Cursor,
}

impl Conflation {
    /// All that lies behind this place; `None` if the feed does not know the place any more, which the next pull
    /// shows, too.
    pub(super) async fn behind(place: Cursor, seat: &Seat) -> Result<Option<Self>, Error> {
        let (mut streams, mut end) = (BTreeMap::new(), place);
        while let Ok(events) = seat.stored(end).await? {
            let Some(newest) = events.last() else { return Ok(Some(Self { streams, end })) };
            end = newest.cursor;
            streams.extend(events.into_iter().map(|event| (event.stream, event.version)));
        }
        Ok(None)
    }

    /// The latest state of the next stream; `None` after the last. Where the views cannot show a state that covers what
    /// was missed, the client is told to reload instead, and of nothing more.
    pub(super) async fn next(&mut self, states: &Reader) -> Result<Option<Frame>, Error> {
        let Some((stream, least)) = self.streams.pop_first() else { return Ok(None) };
        let cursor = self.streams.is_empty().then_some(self.end);
        if let Some(snapshot) = snapshot(states, &stream, (least, cursor)).await? {
            return Ok(Some(snapshot));
        }
        self.streams.clear();
        Ok(Some(Frame::reload(self.end)?))
    }
}

/// The state of a stream at this version or later, and where to resume behind it; `None` if the views have no such.
async fn snapshot(
    states: &Reader,
    stream: &StreamId,
    (least, cursor): (Version, Option<Cursor>),
) -> Result<Option<Frame>, Error> {
    let Some(projection) = projection_of(stream) else { return Ok(None) };
    let Ok(Some(document)) = states.document(projection, stream).await else { return Ok(None) };
    match document.body {
        Some(state) if document.version >= least => {
            Ok(Some(Frame::snapshot(stream, document.version, &state, cursor)?))
        }
        Some(_) | None => Ok(None),
    }
}
