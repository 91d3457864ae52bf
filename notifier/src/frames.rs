//! The frames of the realtime protocol, on a WebSocket and as server-sent events alike: JSON with the frame's name in
//! `frame`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::ws::Utf8Bytes;
use read_model::feeds::{self, Cursor};
use schemas::{StreamId, Timestamp, Version};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// What the server says. Serialised once; clones share the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The frame's name.
    pub(crate) name: &'static str,
    /// Where to resume once this frame was seen, if it moves that place.
    pub(crate) cursor: Option<Cursor>,
    /// The JSON text.
    pub(crate) text: Utf8Bytes,
    /// The event that it brings, if it brings one of a feed.
    pub(crate) origin: Option<Arc<Origin>>,
}

/// The event that a frame brings, as those know it who follow its way.
#[derive(Debug)]
pub(crate) struct Origin {
    /// The stream that it belongs to.
    pub(crate) stream: StreamId,
    /// Its place there.
    pub(crate) version: Version,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// The trace context of its entry in the feed, if its trace is recorded.
    pub(crate) trace: Option<String>,
    /// Whether a client was told already.
    told: AtomicBool,
}

impl Origin {
    /// Whether nobody else who shares the frame was told yet; from now on somebody was.
    pub(crate) fn is_news(&self) -> bool {
        !self.told.load(Ordering::Relaxed) && !self.told.swap(true, Ordering::Relaxed)
    }
}

/// Two frames that bring one event are alike, whoever was told.
impl PartialEq for Origin {
    fn eq(&self, other: &Self) -> bool {
        (&self.stream, self.version) == (&other.stream, other.version)
    }
}

impl Eq for Origin {}

/// What a feed's entry became: its frame, and which version of which stream it brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventFrame {
    pub(crate) cursor: Cursor,
    pub(crate) stream: StreamId,
    pub(crate) version: Version,
    pub(crate) frame: Frame,
}

/// What the client may say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(tag = "frame", rename_all = "lowercase")]
pub(crate) enum Said {
    /// Go on behind this cursor; as the first frame only. Without a cursor: start now.
    Resume {
        /// The cursor of the last frame that was seen.
        cursor: Option<String>,
    },
    /// Go on under this access token.
    Refresh {
        /// An access token of the same user.
        token: String,
    },
}

/// Something that should be JSON is not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("a frame does not serialise")]
    Serialise { source: serde_json::Error },
    #[error("entry {cursor} of a feed holds no JSON")]
    Entry { cursor: Cursor, source: serde_json::Error },
}

/// What the server says, as it is serialised. Its comments are published with the protocol.
#[derive(Serialize, ToSchema)]
#[serde(tag = "frame", rename_all = "lowercase", rename_all_fields = "camelCase")]
pub(crate) enum Told<'a> {
    /// The greeting.
    Hello {
        /// Where listening begins; in a feed of one's own alone, as nothing else can be resumed.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        cursor: Option<String>,
        /// Whether that is where the client asked to go on; if not, what it shows of its feed must be read again.
        recovered: bool,
        /// How far back a cursor may lie.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(inline, nullable = false)]
        window: Option<Window>,
    },
    /// Something happened. Events come in the order of the feed, each once.
    Event {
        /// Where to resume once this frame was seen.
        cursor: String,
        /// Its number in the feed; numbers have no gaps.
        seq: u64,
        /// The digest over all events of the feed up to this one: the number's other half in the cursor.
        digest: String,
        /// The stream to which it happened.
        #[schema(value_type = String)]
        stream: &'a StreamId,
        /// Its place in that stream.
        #[schema(value_type = u32)]
        version: Version,
        /// The record's name: `OrderPlaced`.
        r#type: &'a str,
        /// What the seed applications call it, if they do: `order.created`.
        #[schema(rename = "seedType", required = true)]
        seed_type: Option<&'a str>,
        /// When it was decided.
        #[serde(with = "schemas::rfc3339")]
        #[schema(value_type = String, format = DateTime)]
        at: Timestamp,
        /// The record's content, under its own field names.
        #[schema(value_type = Object)]
        data: &'a RawValue,
    },
    /// A stream's latest state: in a feed in place of its events, for a client that fell behind; elsewhere always.
    Snapshot {
        /// Where to resume; only in a feed, and only the last of several has it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        cursor: Option<String>,
        /// The stream whose state it is.
        #[schema(value_type = String)]
        stream: &'a StreamId,
        /// Up to which version.
        #[schema(value_type = u32)]
        version: Version,
        /// What the state takes from another stream.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(inline, nullable = false)]
        joined: Option<Joined<'a>>,
        /// The document that queries answer with.
        #[schema(value_type = Object)]
        data: &'a RawValue,
    },
    /// Something may have been missed: read the queries again.
    Reload {
        /// Where listening goes on, in a feed.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        cursor: Option<String>,
    },
    /// The last words of a stream of server-sent events; a WebSocket has close codes for it.
    Close {
        /// The close code.
        code: u16,
        /// For people, and after a restart for how many milliseconds to wait.
        reason: &'a str,
    },
}

/// What a state takes from another stream.
#[derive(Serialize, ToSchema)]
pub(crate) struct Joined<'a> {
    /// That stream.
    #[schema(value_type = String)]
    pub(crate) stream: &'a StreamId,
    /// Up to which version; 0 if nothing has happened to it yet.
    #[schema(value_type = u32)]
    pub(crate) version: Version,
}

/// How far back a cursor may lie.
#[derive(Serialize, ToSchema)]
pub(crate) struct Window {
    /// The most entries that a feed keeps.
    entries: u32,
    /// How old they get.
    seconds: u64,
}

impl Frame {
    /// The greeting: listening begins behind `cursor`; `recovered` if that is where the client asked to go on.
    pub(crate) fn hello(cursor: Cursor, recovered: bool) -> Result<Self, Error> {
        let window = Window { entries: feeds::MOST_ENTRIES, seconds: feeds::WINDOW.as_secs() };
        let text = Told::Hello { cursor: Some(cursor.to_string()), recovered, window: Some(window) };
        Self::new("hello", Some(cursor), &text)
    }

    /// The greeting where nothing can be resumed.
    pub(crate) fn welcome() -> Result<Self, Error> {
        Self::new("hello", None, &Told::Hello { cursor: None, recovered: false, window: None })
    }

    /// A stream's latest state in place of its events. The last of several moves the place to resume at.
    pub(crate) fn snapshot(
        stream: &StreamId,
        version: Version,
        state: &[u8],
        cursor: Option<Cursor>,
    ) -> Result<Self, Error> {
        let (data, at) = (json(state)?, cursor.map(|cursor| cursor.to_string()));
        Self::new("snapshot", cursor, &Told::Snapshot { cursor: at, stream, version, joined: None, data })
    }

    /// A stream's latest state, with something of another stream in it.
    pub(crate) fn joined(stream: &StreamId, version: Version, state: &[u8], joined: Joined<'_>) -> Result<Self, Error> {
        let (data, joined) = (json(state)?, Some(joined));
        Self::new("snapshot", None, &Told::Snapshot { cursor: None, stream, version, joined, data })
    }

    /// Something may have been missed: read the queries again; listening goes on behind `cursor`.
    pub(crate) fn reload(cursor: Cursor) -> Result<Self, Error> {
        Self::new("reload", Some(cursor), &Told::Reload { cursor: Some(cursor.to_string()) })
    }

    /// The same where nothing can be resumed.
    pub(crate) fn missed() -> Result<Self, Error> {
        Self::new("reload", None, &Told::Reload { cursor: None })
    }

    /// The last words of a stream of server-sent events, which has no close codes of its own.
    pub(crate) fn close(code: u16, reason: &str) -> Result<Self, Error> {
        Self::new("close", None, &Told::Close { code, reason })
    }

    fn new(name: &'static str, cursor: Option<Cursor>, text: &Told<'_>) -> Result<Self, Error> {
        let text = serde_json::to_string(text).map_err(|source| Error::Serialise { source })?;
        Ok(Self { name, cursor, text: text.into(), origin: None })
    }

    /// What it costs to keep.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The same as a server-sent event. The JSON is on one line, as serialised JSON always is.
    pub(crate) fn sent_event(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(self.name.as_bytes());
        if let Some(cursor) = self.cursor {
            out.extend_from_slice(b"\nid: ");
            out.extend_from_slice(cursor.to_string().as_bytes());
        }
        out.extend_from_slice(b"\ndata: ");
        out.extend_from_slice(self.text.as_bytes());
        out.extend_from_slice(b"\n\n");
    }
}

impl EventFrame {
    /// The frame of a feed's entry.
    pub(crate) fn of(entry: feeds::Entry) -> Result<Self, Error> {
        let feeds::Entry { cursor, stream, version, name, seed_type, at, data, trace, .. } = entry;
        let data = RawValue::from_string(data).map_err(|source| Error::Entry { cursor, source })?;
        let text = Told::Event {
            cursor: cursor.to_string(),
            seq: cursor.seq,
            digest: cursor.digest(),
            stream: &stream,
            version,
            r#type: &name,
            seed_type: seed_type.as_deref(),
            at,
            data: &data,
        };
        let mut frame = Frame::new("event", Some(cursor), &text)?;
        let (told, of) = (AtomicBool::new(false), stream.clone());
        frame.origin = Some(Arc::new(Origin { stream: of, version, at, trace, told }));
        Ok(Self { cursor, stream, version, frame })
    }

    /// What it costs to keep.
    pub(crate) fn bytes(&self) -> usize {
        self.frame.bytes()
    }
}

fn json(text: &[u8]) -> Result<&RawValue, Error> {
    serde_json::from_slice(text).map_err(|source| Error::Serialise { source })
}

#[cfg(test)]
pub(crate) mod tests;
