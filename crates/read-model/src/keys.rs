//! The names of all keys of a projection. They share a hash tag, so that one call may touch them all on a cluster,
//! and carry the generation, so that two generations never meet.

use std::fmt;

use schemas::StreamId;

use crate::{Generation, Target};

/// The pointer to the generation that readers read.
pub(crate) fn live(projection: &str) -> String {
    format!("{{{projection}}}:live")
}

/// The pattern of the channels of notices of a projection's generations; of all projections for `*`.
pub(crate) fn all_applied(projection: &str) -> String {
    format!("{{{projection}}}:g*:applied")
}

/// The projection and the generation whose channel of notices this is.
pub(crate) fn of_applied(channel: &str) -> Option<(&str, Generation)> {
    let (projection, rest) = channel.strip_prefix('{')?.split_once("}:g")?;
    Some((projection, Generation(rest.strip_suffix(":applied")?.parse().ok()?)))
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

/// Hash: generation -> its entry; `last` -> the highest number that was ever given out.
pub(crate) fn entries(projection: &str) -> String {
    format!("{{{projection}}}:generations")
}

/// String without content that expires: as long as it is there, nobody feeds the projection.
pub(crate) fn pause(projection: &str) -> String {
    format!("{{{projection}}}:pause")
}

impl Target {
    fn key(&self, rest: impl fmt::Display) -> String {
        format!("{{{}}}:g{}:{rest}", self.projection, self.generation.0)
    }

    /// Channel: the notices of what was applied.
    pub(crate) fn applied(&self) -> String {
        self.key("applied")
    }

    /// Hash: source -> position.
    pub(crate) fn positions(&self) -> String {
        self.key("pos")
    }

    /// Hash: stream -> highest version seen behind a gap.
    pub(crate) fn gaps(&self) -> String {
        self.key("gaps")
    }

    /// Hash: stream -> why it is parked, as JSON.
    pub(crate) fn parked(&self) -> String {
        self.key("parked")
    }

    /// Hash: place of a record -> what was known of the parked stream whose record it was, and why it was discarded.
    pub(crate) fn discarded(&self) -> String {
        self.key("discarded")
    }

    /// Hash: stream whose document is to be made anew -> the places where it is to be found no more, as JSON.
    pub(crate) fn repairs(&self) -> String {
        self.key("repairs")
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

    /// What all keys of this generation begin with.
    pub(crate) fn prefix(&self) -> String {
        format!("{}{}", generations(self.projection), self.generation)
    }

    /// Hash of one document: `v` version, `e` id of its last event, `b` body.
    pub(crate) fn document(&self, stream: &StreamId) -> String {
        self.key(format_args!("d:{}", stream.as_str()))
    }

    /// Sorted set of one list: stream -> score; or of one index of texts: text, a zero byte and the stream -> 0.
    pub(crate) fn list(&self, list: &str) -> String {
        self.key(format_args!("l:{list}"))
    }
}
