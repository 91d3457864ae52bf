//! The names of all keys of a projection. They share a hash tag, so that one call may touch them all on a cluster,
//! and carry the generation, so that two generations never meet.

use schemas::StreamId;

use crate::{Generation, Target};

/// The pointer to the generation that readers read.
pub(crate) fn live(projection: &str) -> String {
    format!("{{{projection}}}:live")
}

/// Where the notices of applied versions are published.
pub(crate) fn applied(projection: &str) -> String {
    format!("{{{projection}}}:applied")
}

/// The pattern of all channels of [`applied`].
pub(crate) const ALL_APPLIED: &str = "{*}:applied";

/// The projection whose channel of notices this is.
pub(crate) fn projection_of_applied(channel: &str) -> Option<&str> {
    channel.strip_prefix('{')?.strip_suffix("}:applied")
}

/// All keys of a projection's generations start with this and the generation's number.
pub(crate) fn generations(projection: &str) -> String {
    format!("{{{projection}}}:g")
}

/// The pattern of the keys of all documents of all projections.
pub(crate) const ALL_DOCUMENTS: &str = "{*}:g*:d:*";

/// The projection, generation and stream of a document's key.
pub(crate) fn document_of(key: &str) -> Option<(String, Generation, StreamId)> {
    let (projection, rest) = key.strip_prefix('{')?.split_once("}:g")?;
    let (generation, stream) = rest.split_once(":d:")?;
    Some((projection.to_owned(), Generation(generation.parse().ok()?), StreamId::parse(stream).ok()?))
}

impl Target {
    fn key(&self, rest: &str) -> String {
        format!("{{{}}}:g{}:{rest}", self.projection, self.generation.0)
    }

    /// Hash: source -> position.
    pub(crate) fn positions(&self) -> String {
        self.key("pos")
    }

    /// Hash: stream -> highest version seen behind a gap.
    pub(crate) fn gaps(&self) -> String {
        self.key("gaps")
    }

    /// Hash: stream -> why it waits for somebody.
    pub(crate) fn parked(&self) -> String {
        self.key("parked")
    }

    /// Number: how many documents became tombstones.
    pub(crate) fn purges(&self) -> String {
        self.key("purges")
    }

    /// Number: how many of those are out of the append-only file, too.
    pub(crate) fn purged(&self) -> String {
        self.key("purged")
    }

    /// Hash: source -> when it was last at the end of the log, in milliseconds.
    pub(crate) fn fresh(&self) -> String {
        self.key("fresh")
    }

    /// Hash of one document: `v` version, `e` id of its last event, `b` body.
    pub(crate) fn document(&self, stream: &StreamId) -> String {
        format!("{{{}}}:g{}:d:{}", self.projection, self.generation.0, stream.as_str())
    }

    /// Sorted set of one list: stream -> score; or of one index of texts: text, a zero byte and the stream -> 0.
    pub(crate) fn list(&self, list: &str) -> String {
        format!("{{{}}}:g{}:l:{list}", self.projection, self.generation.0)
    }
}
