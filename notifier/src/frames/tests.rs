//! Frames as clients see them, and what other tests make frames of.
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
        trace: None,
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
    let [stream, other] = [7, 8].map(|number| OrderId::from_bits(number).stream().clone());
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
        (Frame::welcome().unwrap(), json!({"frame": "hello", "recovered": false})),
        (
            Frame::joined(&stream, Version(3), b"{}", Joined { stream: &other, version: Version(5) }).unwrap(),
            json!({"frame": "snapshot", "stream": stream, "version": 3, "joined": {"stream": other, "version": 5}, "data": {}}),
        ),
        (Frame::missed().unwrap(), json!({"frame": "reload"})),
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
        Frame::welcome().unwrap(),
        Frame::joined(&stream, Version(3), b"{}", Joined { stream: &stream, version: Version(5) }).unwrap(),
        Frame::missed().unwrap(),
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
