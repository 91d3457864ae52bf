//! Parked streams: one event of theirs could not be decoded or applied, and they wait for somebody. The others go on.
//!
//! A stream is parked by the call that moves the position past the event. While it is, nothing is applied to it; what
//! comes is noted as a gap. It goes on when its entry is released, by a call that compares the entry first; the gap that
//! is left then is healed like any other: by publishing the stream again from the version after its document's.

use redis::{Cmd, Pipeline};
use schemas::{EventId, StreamId, Timestamp, Version};
use serde::{Deserialize, Serialize};

use crate::library::{FEEDS, VIEWS};
use crate::{Error, Gap, ReadModel, Source, Target, feeds};

/// How many streams may be parked in one generation of a projection, or in the feeds. More than that are no single events, but one cause
/// that somebody should find before anything else is passed over.
pub const MAX_PARKED: usize = 100;

/// What a batch does about streams that do not go on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parking {
    /// The streams that are parked from now on.
    pub parks: Vec<Park>,
    /// The streams that are parked already and of which more came: the highest version that was seen, or `NONE`. Applied
    /// only if they are parked still.
    pub held: Vec<Gap>,
}

/// A stream that cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Park {
    /// Which.
    pub stream: StreamId,
    /// The stored version of its document; applied only if that is the stored one.
    pub from: Version,
    /// Why, and where the event lies.
    pub entry: ParkingEntry,
}

/// Why a stream is parked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkingEntry {
    /// The version that was not applied. `None` if the record does not tell, or is no event of such a stream: then
    /// nothing is missing but what came later.
    pub version: Option<Version>,
    /// What kind of reason it is.
    pub cause: Cause,
    /// The reason, for people.
    pub reason: String,
    /// The `ce_type` of the record, if it has one.
    pub event_type: Option<String>,
    /// The event's id, if the record has one.
    pub event_id: Option<EventId>,
    /// The record's topic.
    pub topic: String,
    /// The record's partition.
    pub partition: i32,
    /// The record's offset.
    pub offset: i64,
    /// When it was parked.
    #[serde(with = "schemas::rfc3339")]
    pub at: Timestamp,
}

/// The kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The record gives no event.
    Undecodable,
    /// The record's event is of a type that this build does not know; the first build that does lets the stream go on.
    UnknownType,
    /// The record is no event of the topic's aggregate.
    Foreign,
    /// The event's personal data does not open.
    Sealed,
    /// The event does not fit the view that it should change.
    Unfoldable,
    /// The view that the event should change is not one of this build's.
    Shape,
    /// The view cannot be written as JSON, with this event in it.
    Unwritable,
}

impl Cause {
    /// As entries and answers name it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::UnknownType => "unknown_type",
            Self::Foreign => "foreign",
            Self::Sealed => "sealed",
            Self::Unfoldable => "unfoldable",
            Self::Shape => "shape",
            Self::Unwritable => "unwritable",
        }
    }
}

impl ParkingEntry {
    /// Where the record lies.
    #[must_use]
    pub fn source(&self) -> Source {
        Source { topic: self.topic.as_str().into(), partition: self.partition }
    }

    /// Whether the stream waits only for a build that knows the event's type, and this one does; only whoever reads the
    /// record's partition is to ask.
    pub fn is_known_now(&self, source: &Source, knows: impl FnOnce(&str) -> bool) -> bool {
        self.cause == Cause::UnknownType && self.source() == *source && self.event_type.as_deref().is_some_and(knows)
    }

    pub(crate) fn to_json(&self) -> String {
        json(self)
    }
}

/// A parked stream, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Which.
    pub stream: StreamId,
    /// Why.
    pub entry: ParkingEntry,
    /// The entry's bytes, by which it is compared.
    stored: String,
}

/// A record that was passed over for ever, because somebody said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Discarded {
    /// The stream that goes on without it.
    pub stream: StreamId,
    /// Why the stream was parked.
    pub entry: ParkingEntry,
    /// Why it was discarded.
    pub why: String,
    /// When.
    #[serde(with = "schemas::rfc3339")]
    pub at: Timestamp,
    /// Whose record it was. What was discarded before that was noted counted as an event of the store's.
    #[serde(default)]
    pub origin: Origin,
}

/// Whose record is discarded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It is an event that the store has: its version counts as applied without it.
    #[default]
    Store,
    /// The store has no such event: no version counts as applied. The one that it claims is still to come, or never was.
    Stranger,
}

/// What became of an entry that was to be released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Released {
    /// The stream is no longer parked.
    Done {
        /// The version of its document: it is to be healed from the next one.
        stored: Version,
    },
    /// The entry is gone, or is another one, or something else was applied: nothing was done.
    Changed,
}

/// What takes events, and may have parked streams: one generation of a projection, or the users' feeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sink {
    /// A projection's views.
    Views(Target),
    /// The feeds.
    Feeds,
}

impl From<&Target> for Sink {
    fn from(target: &Target) -> Self {
        Self::Views(*target)
    }
}

impl Sink {
    pub(crate) fn parked(self) -> String {
        match self {
            Self::Views(target) => target.parked(),
            Self::Feeds => feeds::PARKED.to_owned(),
        }
    }

    pub(crate) fn gaps(self) -> String {
        match self {
            Self::Views(target) => target.gaps(),
            Self::Feeds => feeds::GAPS.to_owned(),
        }
    }

    fn discarded(self) -> String {
        match self {
            Self::Views(target) => target.discarded(),
            Self::Feeds => feeds::DISCARDED.to_owned(),
        }
    }
}

impl ReadModel {
    /// The streams that are parked here, by stream.
    pub async fn parked(&self, sink: impl Into<Sink>) -> Result<Vec<Parked>, Error> {
        let found = self.entries("reading the parked streams", &sink.into().parked()).await?;
        found.into_iter().map(|(stream, stored)| Parked::read(&stream, stored)).collect()
    }

    /// How many streams are parked in each of these, in one round trip.
    pub async fn count_parked(&self, sinks: &[Sink]) -> Result<Vec<usize>, Error> {
        let mut counts = Pipeline::with_capacity(sinks.len());
        for sink in sinks {
            counts.cmd("HLEN").arg(sink.parked());
        }
        self.connections.read_all("counting the parked streams", &counts).await
    }

    /// The records that were discarded here, by place.
    pub async fn discarded(&self, sink: impl Into<Sink>) -> Result<Vec<Discarded>, Error> {
        let found = self.entries("reading what was discarded", &sink.into().discarded()).await?;
        let parse = |(place, text): (String, String)| serde_json::from_str(&text).map_err(|_| corrupt(&place, text));
        found.into_iter().map(parse).collect()
    }

    /// The streams of which versions are missing here, parked ones included, by stream.
    pub async fn gaps(&self, sink: impl Into<Sink>) -> Result<Vec<Gap>, Error> {
        let found = self.entries("reading the gaps", &sink.into().gaps()).await?;
        found.into_iter().map(|(stream, stored)| Gap::read(&stream, stored)).collect()
    }

    /// The version up to which this stream was applied here.
    pub async fn version(&self, sink: impl Into<Sink>, stream: &StreamId) -> Result<Version, Error> {
        let reached = self.reached(sink.into(), std::slice::from_ref(stream)).await?;
        Ok(reached.first().map_or(Version::NONE, |reached| reached.version))
    }

    /// Lets a parked stream go on, if its entry is still this one. What there is of it up to `head` is a gap then, until
    /// it was published again.
    pub async fn redrive(&self, sink: impl Into<Sink>, parked: &Parked, head: Version) -> Result<Released, Error> {
        self.release(&release(sink.into(), parked, head)).await
    }

    /// As [`Self::redrive`], but the record is remembered as passed over, for this reason and since then; the version that
    /// parked the stream counts as applied, if the record was an event of the store's.
    pub async fn discard(
        &self,
        sink: impl Into<Sink>,
        parked: &Parked,
        head: Version,
        (why, at, origin): (&str, Timestamp, Origin),
    ) -> Result<Released, Error> {
        let (stream, entry) = (parked.stream.clone(), parked.entry.clone());
        let discarded = Discarded { stream, entry, why: why.to_owned(), at, origin };
        let ParkingEntry { event_id, offset, .. } = &parked.entry;
        let mut call = release(sink.into(), parked, head);
        call.arg(discarded.version().map_or_else(String::new, |version| version.to_string()));
        call.arg(event_id.map_or_else(String::new, |id| id.to_string()));
        call.arg(format!("{}@{offset}", parked.entry.source())).arg(json(&discarded));
        self.release(&call).await
    }

    async fn release(&self, call: &Cmd) -> Result<Released, Error> {
        let answer: Vec<String> = self.connections.call("releasing a parked stream", call).await?;
        let stored = answer.get(1).and_then(|version| version.parse().ok()).map(Version);
        match (answer.first().map(String::as_str), stored) {
            (Some("changed"), _) => Ok(Released::Changed),
            (Some("done"), Some(stored)) => Ok(Released::Done { stored }),
            _ => Err(corrupt("the answer to a release", answer.join(" "))),
        }
    }

    /// The fields of a hash, in their order.
    async fn entries(&self, doing: &'static str, key: &str) -> Result<Vec<(String, String)>, Error> {
        let mut read = redis::cmd("HGETALL");
        read.arg(key);
        let mut found: Vec<(String, String)> = self.connections.read(doing, &read).await?;
        found.sort();
        Ok(found)
    }
}

/// The call of `views_release` or `feeds_release`; their layout is written down there.
fn release(sink: Sink, parked: &Parked, head: Version) -> Cmd {
    let Parked { stream, stored, .. } = parked;
    let keys = |versions: String| [sink.parked(), sink.gaps(), versions, sink.discarded()];
    let (mut call, channel) = match sink {
        Sink::Views(target) => (VIEWS.call("views_release", &keys(target.document(stream))), target.applied()),
        Sink::Feeds => (FEEDS.call("feeds_release", &keys(feeds::VERSIONS.to_owned())), String::new()),
    };
    call.arg(stream.as_str()).arg(stored).arg(head.0).arg(channel);
    call
}

impl Discarded {
    /// The version that counts as applied and changed nothing, if one does.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        match self.origin {
            Origin::Store => self.entry.version,
            Origin::Stranger => None,
        }
    }
}

impl Parked {
    fn read(stream: &str, stored: String) -> Result<Self, Error> {
        let parsed = StreamId::parse(stream).ok().zip(serde_json::from_str(&stored).ok());
        let Some((stream, entry)) = parsed else { return Err(corrupt(stream, stored)) };
        Ok(Self { stream, entry, stored })
    }
}

impl Gap {
    /// One field of a hash of gaps; the feeds store the first missing version before the highest one.
    pub(crate) fn read(stream: &str, stored: String) -> Result<Self, Error> {
        let highest = stored.rsplit(' ').next().and_then(|highest| highest.parse().ok()).map(Version);
        let gap = StreamId::parse(stream).ok().zip(highest).map(|(stream, highest)| Self { stream, highest });
        gap.ok_or_else(|| corrupt(stream, stored))
    }
}

fn corrupt(key: &str, found: String) -> Error {
    Error::Corrupt { key: key.to_owned(), found }
}

/// These structures have no map keys and no serialiser of their own, so that none of them fails.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
