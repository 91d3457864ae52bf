//! A record as it lies in the log: bytes that nobody has looked into yet.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rdkafka::Message;
use rdkafka::message::{BorrowedHeaders, BorrowedMessage, Headers as _};
use schemas::{EventId, InvalidId, Position, StreamId, Timestamp, Version};
use uuid::Uuid;

use crate::header::{Header, Headers};

/// One record, with its place in the log. Everything but the place is untrusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Its topic.
    pub topic: Arc<str>,
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its key; empty if it has none.
    pub key: Vec<u8>,
    /// Its value; empty if it has none.
    pub value: Vec<u8>,
    /// Its known headers.
    pub headers: Headers,
    /// When it was written to this log, by the writer's clock, to the millisecond; `None` if it does not tell.
    pub written: Option<Timestamp>,
}

impl RawRecord {
    /// The stream that it says to belong to: its key. Even a value that cannot be decoded has one.
    pub fn stream(&self) -> Result<StreamId, InvalidId> {
        std::str::from_utf8(&self.key).map_err(|_| InvalidId { expected: "stream id" }).and_then(StreamId::parse)
    }

    /// The event's id, if the record carries one.
    #[must_use]
    pub fn event_id(&self) -> Option<EventId> {
        self.headers.text(Header::Id).and_then(|text| Uuid::try_parse(text).ok()).map(EventId)
    }

    /// The position of whoever has come to the end of this record.
    #[must_use]
    pub fn behind(&self) -> Position {
        Position { next: self.offset + 1, last: self.event_id() }
    }

    /// The event's place in its stream, if the record tells it.
    #[must_use]
    pub fn version(&self) -> Option<Version> {
        let number = self.headers.text(Header::Sequence).and_then(|text| text.parse().ok());
        number.filter(|number| *number > 0).map(Version)
    }

    /// The full name of the event's type, if the record tells it.
    #[must_use]
    pub fn event_type(&self) -> Option<&str> {
        self.headers.text(Header::Type)
    }

    /// How many bytes it holds, roughly; for bounding queues.
    pub(crate) fn weight(&self) -> usize {
        self.key.len() + self.value.len() + 512
    }

    /// Copies a message out of the client. `topic` is the message's, already shared.
    pub(crate) fn copy(message: &BorrowedMessage<'_>, topic: Arc<str>) -> Self {
        Self {
            topic,
            partition: message.partition(),
            offset: message.offset(),
            key: message.key().unwrap_or_default().to_vec(),
            value: message.payload().unwrap_or_default().to_vec(),
            headers: message.headers().map(known_headers).unwrap_or_default(),
            written: message.timestamp().to_millis().map(|millis| Timestamp::from_micros(millis.saturating_mul(1_000))),
        }
    }
}

/// The library panics on a header whose name is not UTF-8; anybody can write one, so then the record counts as one
/// without headers, which the decoder refuses.
fn known_headers(headers: &BorrowedHeaders) -> Headers {
    let known = || Headers::collect(headers.iter().map(|header| (header.key, header.value)));
    catch_unwind(AssertUnwindSafe(known)).unwrap_or_default()
}

/// One header as text, known or not, under the same precaution; of a repeated one, the last counts.
pub(crate) fn text_of(headers: &BorrowedHeaders, name: &str) -> Option<String> {
    let last = || headers.iter().filter(|header| header.key == name).last().and_then(|header| header.value);
    let value = catch_unwind(AssertUnwindSafe(last)).ok().flatten()?;
    String::from_utf8(value.to_vec()).ok()
}
