//! What projectors write, for the tests that stand in for one.

use read_model::DocumentWrite;
use schemas::{EventId, StreamId, Version};

/// A document from one version to another, which stands in no list and in no index.
pub(crate) fn write_of(
    stream: &StreamId,
    (from, to): (Version, Version),
    last_event: EventId,
    body: impl Into<Vec<u8>>,
) -> DocumentWrite {
    DocumentWrite {
        stream: stream.clone(),
        from,
        to,
        last_event,
        body: Some(body.into()),
        list_add: Vec::new(),
        list_remove: Vec::new(),
        text_add: Vec::new(),
        text_remove: Vec::new(),
        sightings: Vec::new(),
    }
}
