//! Overflow: instead of every event that a slow client missed, it is told the latest state of each stream.

use std::collections::BTreeMap;

use read_model::Reader;
use read_model::feeds::Cursor;
use schemas::{Aggregate, StreamId, Version};

use super::wire::Wire;
use super::{Connection, Over};
use crate::frames::Frame;
use crate::hub::Seat;
use crate::{Error, metrics};

/// What a client missed: the last version of each stream, and the place behind it all.
#[derive(Debug, PartialEq, Eq)]
struct Missed {
    streams: BTreeMap<StreamId, Version>,
    end: Cursor,
}

impl<W: Wire> Connection<W> {
    /// Writes the latest state of whatever changed since the client's place. Where the views cannot show a state that
    /// covers what was missed, the client is told to reload instead.
    pub(super) async fn conflate(&mut self) -> Result<(), Over> {
        metrics::CONFLATIONS.add(1);
        let Some(Missed { streams, end }) = missed(&self.seat, self.dialogue.place()).await? else { return Ok(()) };
        let last = streams.keys().next_back().cloned();
        for (stream, version) in &streams {
            let cursor = (last.as_ref() == Some(stream)).then_some(end);
            let Some(snapshot) = snapshot(&self.states, stream, (*version, cursor)).await? else {
                self.write(&[Frame::reload(end)?]).await?;
                break;
            };
            self.write(&[snapshot]).await?;
        }
        self.dialogue.caught_up(end);
        Ok(())
    }
}

/// `None` if the feed does not know the place any more, which the next pull shows, too.
async fn missed(seat: &Seat, place: Cursor) -> Result<Option<Missed>, Error> {
    let (mut streams, mut end) = (BTreeMap::new(), place);
    while let Ok(events) = seat.stored(end).await? {
        let Some(newest) = events.last() else { return Ok(Some(Missed { streams, end })) };
        end = newest.cursor;
        streams.extend(events.into_iter().map(|event| (event.stream, event.version)));
    }
    Ok(None)
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

/// The projection whose documents are the states of this stream's aggregate, for the aggregates that have feeds.
fn projection_of(stream: &StreamId) -> Option<&'static str> {
    match stream.aggregate() {
        Aggregate::Order => Some("orders"),
        Aggregate::Payment => Some("payments"),
        Aggregate::Product | Aggregate::Stock | Aggregate::User | Aggregate::Fulfilment => None,
    }
}
