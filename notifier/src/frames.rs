//! The frames of the realtime protocol, on a WebSocket and as server-sent events alike: JSON with the frame's name in
//! `frame`.

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
}

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
    /// The greeting: listening begins behind its cursor.
    Hello {
        /// Where listening begins.
        cursor: String,
        /// Whether that is where the client asked to go on; if not, it must read the queries again.
        recovered: bool,
        /// How far back a cursor may lie.
        #[schema(inline)]
        window: Window,
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
    /// A stream's latest state, in place of its events, for a client that fell behind.
    Snapshot {
        /// Where to resume; only the last of several has it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        cursor: Option<String>,
        /// The stream whose state it is.
        #[schema(value_type = String)]
        stream: &'a StreamId,
        /// Up to which version.
        #[schema(value_type = u32)]
        version: Version,
        /// The document that queries answer with.
        #[schema(value_type = Object)]
        data: &'a RawValue,
    },
    /// Something may have been missed: read the queries again.
    Reload {
        /// Where listening goes on.
        cursor: String,
    },
    /// The last words of a stream of server-sent events; a WebSocket has close codes for it.
    Close {
        /// The close code.
        code: u16,
        /// For people, and after a restart for how many milliseconds to wait.
        reason: &'a str,
    },
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
        let text = Told::Hello { cursor: cursor.to_string(), recovered, window };
        Self::new("hello", Some(cursor), &text)
    }

    /// A stream's latest state in place of its events. The last of several moves the place to resume at.
    pub(crate) fn snapshot(
        stream: &StreamId,
        version: Version,
        state: &[u8],
        cursor: Option<Cursor>,
    ) -> Result<Self, Error> {
        let data = serde_json::from_slice(state).map_err(|source| Error::Serialise { source })?;
        let text = Told::Snapshot { cursor: cursor.map(|cursor| cursor.to_string()), stream, version, data };
        Self::new("snapshot", cursor, &text)
    }

    /// Something may have been missed: read the queries again; listening goes on behind `cursor`.
    pub(crate) fn reload(cursor: Cursor) -> Result<Self, Error> {
        Self::new("reload", Some(cursor), &Told::Reload { cursor: cursor.to_string() })
    }

    /// The last words of a stream of server-sent events, which has no close codes of its own.
    pub(crate) fn close(code: u16, reason: &str) -> Result<Self, Error> {
        Self::new("close", None, &Told::Close { code, reason })
    }

    fn new(name: &'static str, cursor: Option<Cursor>, text: &Told<'_>) -> Result<Self, Error> {
        let text = serde_json::to_string(text).map_err(|source| Error::Serialise { source })?;
        Ok(Self { name, cursor, text: text.into() })
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
        let feeds::Entry { cursor, stream, version, name, seed_type, at, data, .. } = entry;
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
        let frame = Frame::new("event", Some(cursor), &text)?;
        Ok(Self { cursor, stream, version, frame })
    }

    /// What it costs to keep.
    pub(crate) fn bytes(&self) -> usize {
        self.frame.text.len()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    #![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

    use schemas::OrderId;
    use serde_json::{Value, json};
    use utoipa::PartialSchema as _;

    use super::*;

    /// The place behind entry `seq` of the feed of tests.
    pub(crate) fn place(seq: u64) -> Cursor {
        if seq == 0 { Cursor::START } else { Cursor::new(seq, &format!("{seq:040x}")).unwrap() }
    }

    /// Entry `seq`, version `seq` of a stream.
    pub(crate) fn entry(seq: u64) -> feeds::Entry {
        feeds::Entry {
            cursor: place(seq),
            stream: OrderId::from_bits(7).stream().clone(),
            version: Version(u32::try_from(seq).unwrap()),
            name: "OrderPlaced".to_owned(),
            seed_type: Some("order.created".to_owned()),
            at: Timestamp::from_micros(1_700_000_000_000_000),
            topic: "orders.events.v1".to_owned(),
            partition: 0,
            offset: 0,
            data: r#"{"total_amount":5}"#.to_owned(),
        }
    }

    pub(crate) fn event(seq: u64) -> EventFrame {
        EventFrame::of(entry(seq)).unwrap()
    }

    fn json_of(frame: &Frame) -> Value {
        serde_json::from_str(&frame.text).unwrap()
    }

    #[test]
    fn an_event_carries_its_place_in_the_feed_and_in_its_stream() {
        let EventFrame { frame, .. } = event(2);
        let digest = "0000000000000000000000000000000000000002";
        let expected = json!({
            "frame": "event", "cursor": format!("2-{digest}"), "seq": 2, "digest": digest,
            "stream": "ord_00000000000000000000000000000007", "version": 2,
            "type": "OrderPlaced", "seedType": "order.created", "at": "2023-11-14T22:13:20.000000Z",
            "data": {"total_amount": 5},
        });
        assert_eq!(json_of(&frame), expected);
    }

    #[test]
    fn the_other_frames_say_what_the_protocol_names() {
        let start = place(0).to_string();
        let stream = OrderId::from_bits(7).stream().clone();
        let snapshot = |cursor| Frame::snapshot(&stream, Version(3), br#"{"status":"PAID"}"#, cursor).unwrap();
        for (frame, expected) in [
            (
                Frame::hello(place(0), true).unwrap(),
                json!({"frame": "hello", "cursor": start, "recovered": true, "window": {"entries": 1000, "seconds": 86400}}),
            ),
            (Frame::reload(place(0)).unwrap(), json!({"frame": "reload", "cursor": start})),
            (snapshot(None), json!({"frame": "snapshot", "stream": stream, "version": 3, "data": {"status": "PAID"}})),
            (
                snapshot(Some(place(0))),
                json!({"frame": "snapshot", "cursor": start, "stream": stream, "version": 3, "data": {"status": "PAID"}}),
            ),
            (Frame::close(4001, "why").unwrap(), json!({"frame": "close", "code": 4001, "reason": "why"})),
        ] {
            assert_eq!(json_of(&frame), expected);
        }
    }

    /// What the published description says of this frame.
    fn described(name: &str) -> Value {
        let told = serde_json::to_value(Told::schema()).unwrap();
        let frames = told["oneOf"].as_array().unwrap();
        let mut found = frames.iter().filter(|frame| frame["properties"]["frame"]["enum"] == json!([name]));
        let (frame, another) = (found.next().expect(name).clone(), found.next());
        assert_eq!(another, None, "{name} is described once");
        frame
    }

    #[test]
    fn a_frame_has_the_fields_that_its_description_has() {
        let stream = OrderId::from_bits(7).stream().clone();
        let snapshot = |cursor| Frame::snapshot(&stream, Version(3), b"{}", cursor).unwrap();
        for frame in [
            Frame::hello(place(0), true).unwrap(),
            event(2).frame,
            snapshot(None),
            snapshot(Some(place(0))),
            Frame::reload(place(0)).unwrap(),
            Frame::close(4001, "why").unwrap(),
        ] {
            let (described, said) = (described(frame.name), json_of(&frame));
            let (properties, fields) = (described["properties"].as_object().unwrap(), said.as_object().unwrap());
            for field in fields.keys() {
                assert!(properties.contains_key(field), "{field} of {} is not described", frame.name);
            }
            for field in described["required"].as_array().unwrap() {
                assert!(fields.contains_key(field.as_str().unwrap()), "{field} is missing in {}", frame.name);
            }
        }
    }

    #[test]
    fn a_server_sent_event_has_the_frames_name_its_cursor_and_its_json_on_one_line() {
        let mut out = Vec::new();
        let reload = Frame::reload(place(0)).unwrap();
        reload.sent_event(&mut out);
        Frame::close(4001, "why").unwrap().sent_event(&mut out);
        let expected = format!(
            "event: reload\nid: {}\ndata: {}\n\nevent: close\ndata: {{\"frame\":\"close\",\"code\":4001,\"reason\":\"why\"}}\n\n",
            place(0),
            reload.text
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_client_says_resume_or_refresh_and_nothing_else() {
        let said = |text: &str| serde_json::from_str::<Said>(text).ok();
        assert_eq!(said(r#"{"frame":"resume","cursor":"c"}"#), Some(Said::Resume { cursor: Some("c".to_owned()) }));
        assert_eq!(said(r#"{"frame":"resume"}"#), Some(Said::Resume { cursor: None }));
        assert_eq!(said(r#"{"frame":"refresh","token":"t"}"#), Some(Said::Refresh { token: "t".to_owned() }));
        for nonsense in ["", "hello", "{}", "null", r#"{"frame":"event"}"#, r#"{"frame":"refresh"}"#] {
            assert_eq!(said(nonsense), None, "{nonsense}");
        }
    }
}
