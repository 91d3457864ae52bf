//! The document against what it describes: schema files, topics, headers, and the notifier's enums as they stand in
//! the source.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use bus::Header;
use schemas::Aggregate;
use schemas::avro::RECORDS;
use serde_json::Value;

const FRAMES: &str = include_str!("../../../../notifier/src/frames.rs");
const AUDIENCE: &str = include_str!("../../../../notifier/src/audience.rs");
const WIRE: &str = include_str!("../../../../notifier/src/connection/wire.rs");

/// The document as whoever reads the file sees it.
fn document() -> Value {
    serde_yaml_ng::from_str(&super::page().unwrap()).unwrap()
}

/// Where the file lies, which its references start from.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

fn object<'a>(value: &'a Value, path: &str) -> &'a serde_json::Map<String, Value> {
    value.pointer(path).and_then(Value::as_object).unwrap_or_else(|| panic!("{path} is no object"))
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_else(|| panic!("{path} is no text in {value}"))
}

fn keys(object: &serde_json::Map<String, Value>) -> BTreeSet<String> {
    object.keys().cloned().collect()
}

/// Every `$ref` in the document.
fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// Every file below `schemas/avro`, as the document names it.
fn schema_files() -> BTreeSet<String> {
    let entries = |folder: &Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let nouns = entries(&folder().join("avro")).filter(|path| path.is_dir());
    let files = nouns.flat_map(|noun| entries(&noun).collect::<Vec<_>>());
    files.map(|file| format!("./{}", file.strip_prefix(folder()).unwrap().display())).collect()
}

#[test]
fn every_record_has_exactly_one_message_on_the_topic_of_its_aggregate() {
    let document = document();
    let mut channels_of: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for channel in object(&document, "/channels").values() {
        for message in object(channel, "/messages").values() {
            let (to, address) = (text(message, "/$ref"), text(channel, "/address"));
            channels_of.entry(to.trim_start_matches('#').to_owned()).or_default().push(address);
        }
    }
    let mut files = Vec::new();
    for (path, channels) in &channels_of {
        let message = document.pointer(path).unwrap_or_else(|| panic!("{path} leads nowhere"));
        let Some(file) = message.pointer("/payload/schema/$ref").and_then(Value::as_str) else { continue };
        let avsc: Value = serde_json::from_slice(&std::fs::read(folder().join(file)).unwrap()).unwrap();
        let full_name = format!("{}.{}", text(&avsc, "/namespace"), text(&avsc, "/name"));
        let record = RECORDS.iter().find(|record| record.full_name() == full_name).expect("a record of ours");
        assert_eq!(channels, &[record.aggregate.topic()], "{full_name}");
        assert_eq!(text(message, "/name"), full_name);
        assert_eq!(text(message, "/payload/schemaFormat"), "application/vnd.apache.avro;version=1.9.0");
        assert_eq!(text(message, "/headers/allOf/1/properties/ce_type/const"), full_name);
        files.push(file.to_owned());
    }
    assert_eq!(files.len(), RECORDS.len(), "one message per record");
    assert_eq!(files.into_iter().collect::<BTreeSet<_>>(), schema_files(), "one message per file");
    assert_eq!(keys(object(&document, "/components/messages")).len(), channels_of.len(), "each belongs to a channel");
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let references = references(&document);
    assert!(references.len() > RECORDS.len());
    for to in references {
        match to.strip_prefix('#') {
            Some(path) => assert!(document.pointer(path).is_some(), "{to} leads nowhere"),
            None => assert!(folder().join(&to).is_file(), "{to} is no file"),
        }
    }
}

#[test]
fn every_topic_is_a_channel_with_its_key_partitions_and_settings() {
    let document = document();
    for aggregate in Aggregate::ALL {
        let channels = object(&document, "/channels").values();
        let mut found = channels.filter(|channel| text(channel, "/address") == aggregate.topic());
        let (channel, another) = (found.next().expect("a channel for each topic"), found.next());
        assert_eq!(another, None, "{} is described once", aggregate.topic());
        let kafka = &channel["bindings"]["kafka"];
        assert_eq!(text(kafka, "/topic"), aggregate.topic());
        assert_eq!(kafka["partitions"], bus::admin::PARTITIONS);
        let settings = object(kafka, "/topicConfiguration");
        assert_eq!(settings["cleanup.policy"], serde_json::json!(["delete"]));
        assert_eq!(settings["retention.ms"], -1);
        assert_eq!(settings.len(), bus::admin::SETTINGS.len());
        for message in object(channel, "/messages").values() {
            let message = document.pointer(text(message, "/$ref").trim_start_matches('#')).unwrap();
            let pattern = text(message, "/bindings/kafka/key/pattern");
            assert_eq!(pattern, format!("^{}", aggregate.prefix()));
        }
    }
}

#[test]
fn every_header_is_described() {
    let document = document();
    let headers = document.pointer("/components/schemas/EventHeaders").unwrap();
    let names = Header::ALL.map(|header| header.name().to_owned());
    assert_eq!(keys(object(headers, "/properties")), BTreeSet::from(names));
    for message in object(&document, "/components/messages").values() {
        let of_event = message.pointer("/payload/schemaFormat").is_some();
        let headers = message.pointer("/headers/allOf/0/$ref").and_then(Value::as_str);
        assert_eq!(headers, of_event.then_some("#/components/schemas/EventHeaders"), "{message}");
    }
}

/// The variants of an enum in a source text.
fn variants(source: &str, name: &str) -> Vec<String> {
    let items = syn::parse_file(source).unwrap().items.into_iter();
    let mut enums = items.filter_map(|item| if let syn::Item::Enum(found) = item { Some(found) } else { None });
    let found = enums.find(|found| found.ident == name).unwrap_or_else(|| panic!("no enum {name}"));
    found.variants.iter().map(|variant| variant.ident.to_string()).collect()
}

/// The numbers that stand in the body of this method, in order.
fn numbers_in(source: &str, method: &str) -> Vec<u64> {
    let body = source.split_once(&format!("fn {method}(")).unwrap_or_else(|| panic!("no method {method}")).1;
    let body = body.split_once("\n    }\n").unwrap().0;
    body.lines().filter_map(|line| line.trim_end_matches(',').rsplit_once("=> ")?.1.parse().ok()).collect()
}

/// The channels of every audience, and what it is told.
const SOCKETS: [(&str, &str, &[&str]); 3] = [
    ("ws", "events", &["hello", "event", "snapshot", "reload"]),
    ("ws.catalogue", "events.catalogue", &["hello", "snapshot"]),
    ("ws.operators", "events.operators", &["hello", "snapshot", "reload"]),
];

#[test]
fn every_audience_has_its_channels_with_what_it_is_told() {
    let document = document();
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(variants(AUDIENCE, "Audience").len(), SOCKETS.len());
    for (socket, events, told) in SOCKETS {
        let messages = |channel: &str| keys(object(&document, &format!("/channels/{channel}/messages")));
        assert_eq!(messages(events), &set(told) | &set(&["close"]), "{events}");
        let said = if socket == "ws" { set(&["resume", "refresh"]) } else { set(&["refresh"]) };
        assert_eq!(messages(socket), &set(told) | &said, "{socket}");
        let query = object(&document, &format!("/channels/{socket}/bindings/ws/query/properties"));
        let asked = socket.strip_prefix("ws.").unwrap_or("owner");
        assert_eq!(query["audience"]["const"], asked, "{socket}");
        let binding = &document["operations"][format!("{events}.send")]["bindings"]["http"];
        assert_eq!(binding["query"]["properties"]["audience"]["const"], asked, "{events}");
    }
}

#[test]
fn each_wire_says_how_else_it_is_told_where_to_go_on() {
    let document = document();
    let socket = text(&document, "/channels/ws/bindings/ws/query/properties/cursor/description");
    let events = text(&document, "/operations/events.send/bindings/http/query/properties/cursor/description");
    assert!(socket.contains("`resume`") && !socket.contains("Last-Event-ID"), "{socket}");
    assert!(events.contains("`Last-Event-ID`") && !events.contains("resume"), "{events}");
}

#[test]
fn every_frame_and_every_close_code_of_the_notifier_is_described() {
    let document = document();
    let frames = |name: &str| variants(FRAMES, name).iter().map(|name| name.to_lowercase()).collect::<BTreeSet<_>>();
    let (told, said) = (frames("Told"), frames("Said"));
    let to_socket: BTreeSet<_> = told.iter().filter(|name| *name != "close").cloned().collect();
    assert_eq!(keys(object(&document, "/channels/events/messages")), told);
    assert_eq!(keys(object(&document, "/channels/ws/messages")), &to_socket | &said);
    for name in &told | &said {
        let message = &document["components"]["messages"][&name];
        assert_eq!(text(message, "/payload/properties/frame/enum/0"), name);
        assert!(!text(message, "/summary").is_empty(), "{name} says what it is");
    }
    let operation = |name: &str| {
        let messages = document["operations"][name]["messages"].as_array().unwrap();
        messages.iter().map(|each| text(each, "/$ref").rsplit('/').next().unwrap().to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!((operation("ws.send"), operation("ws.receive"), operation("events.send")), (to_socket, said, told));

    let codes = numbers_in(WIRE, "code");
    assert_eq!(codes.len(), variants(WIRE, "Close").len(), "a code per reason");
    for channel in SOCKETS.into_iter().flat_map(|(socket, events, _)| [socket, events]) {
        let described = document["channels"][channel]["x-close-codes"].as_array().unwrap();
        let described: Vec<_> = described.iter().filter_map(|each| each["code"].as_u64()).collect();
        assert_eq!(described, codes, "{channel}");
    }
}
