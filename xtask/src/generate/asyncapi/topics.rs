//! The topics: one channel per aggregate, one message per record.

use bus::Header;
use bus::admin::{PARTITIONS, SETTINGS};
use schemas::Aggregate;
use schemas::avro::{RECORDS, Record};
use serde_json::{Map, Value, json};

use super::document::{Action, Channel, Document, Message, Operation, Reference};

const SERVER: &str = "kafka";
/// The schema of the headers that every event has.
const HEADERS: &str = "EventHeaders";
const AVRO: &str = "application/vnd.apache.avro;version=1.9.0";
/// The version of `AsyncAPI`'s vocabulary for Kafka.
const BINDING: &str = "0.5.0";

pub(super) fn describe(document: &mut Document) -> Result<(), serde_json::Error> {
    document.servers.insert(SERVER.to_owned(), server());
    document.components.schemas.insert(HEADERS.to_owned(), headers());
    for aggregate in Aggregate::ALL {
        let records: Vec<_> = RECORDS.iter().filter(|record| record.aggregate == aggregate).collect();
        let (name, names) = (aggregate.plural(), records.iter().map(|record| record.name));
        document.channels.insert(name.to_owned(), channel(aggregate, names.clone()));
        let summary = format!("Every event of the streams `{}…` is written here.", aggregate.prefix());
        document.operations.insert(format!("{name}.send"), Operation::new(Action::Send, name, summary, names));
        for record in records {
            document.components.messages.insert(record.name.to_owned(), message(record)?);
        }
    }
    Ok(())
}

fn server() -> Value {
    json!({
        "host": "{brokers}",
        "protocol": "kafka",
        "description": "Inside the house only.",
        "variables": {"brokers": {"description": "What `KAFKA_BROKERS` names."}},
        "bindings": {"kafka": {"schemaRegistryVendor": "confluent", "bindingVersion": BINDING}},
    })
}

fn channel<'a>(aggregate: Aggregate, names: impl IntoIterator<Item = &'a str>) -> Channel {
    let (topic, prefix) = (aggregate.topic(), aggregate.prefix());
    let description = format!(
        "The events of the streams `{prefix}…`. The key is the stream's id, so the events of one stream lie in one \
         partition; version v of a stream first appears after version v-1, and may appear again: skip by version. \
         Nothing is ever removed."
    );
    let settings: Map<_, _> = SETTINGS.iter().map(|(name, value)| ((*name).to_owned(), setting(name, value))).collect();
    let kafka = json!({
        "topic": topic,
        "partitions": PARTITIONS,
        "topicConfiguration": settings,
        "bindingVersion": BINDING,
    });
    Channel {
        address: topic.to_owned(),
        description,
        servers: vec![Reference::to(format!("#/servers/{SERVER}"))],
        messages: Reference::messages(names),
        bindings: json!({ "kafka": kafka }),
        close_codes: Vec::new(),
    }
}

/// The vocabulary has a list of policies and numbers where Kafka has texts.
fn setting(name: &str, value: &str) -> Value {
    if name == "cleanup.policy" {
        return value.split(',').collect();
    }
    value.parse::<i64>().map_or_else(|_| value.into(), Value::from)
}

fn message(record: &Record) -> Result<Message, serde_json::Error> {
    let schema: Value = serde_json::from_str(record.avsc)?;
    let file = format!("./avro/{}/{}.avsc", record.aggregate.noun(), record.name);
    let key = json!({
        "type": "string",
        "pattern": format!("^{}", record.aggregate.prefix()),
        "description": "The stream's id.",
    });
    let kafka = json!({
        "key": key,
        "schemaIdLocation": "payload",
        "schemaIdPayloadEncoding": "confluent",
        "schemaLookupStrategy": "TopicRecordNameStrategy",
        "bindingVersion": BINDING,
    });
    let headers = json!({
        "allOf": [
            {"$ref": format!("#/components/schemas/{HEADERS}")},
            {"type": "object", "properties": {Header::Type.name(): {"const": record.full_name()}}},
        ],
    });
    Ok(Message {
        name: record.full_name(),
        summary: schema.get("doc").and_then(Value::as_str).unwrap_or_default().to_owned(),
        content_type: "application/avro",
        headers: Some(headers),
        payload: json!({"schemaFormat": AVRO, "schema": {"$ref": file}}),
        bindings: Some(json!({ "kafka": kafka })),
    })
}

fn headers() -> Value {
    let properties: Map<_, _> = Header::ALL.into_iter().map(|each| (each.name().to_owned(), header(each))).collect();
    let required = Header::ALL.into_iter().filter(|each| is_always_there(*each)).map(Header::name);
    json!({
        "type": "object",
        "description": "CloudEvents 1.0 in binary mode, and three headers of our own. All are UTF-8.",
        "required": required.collect::<Value>(),
        "properties": properties,
    })
}

fn header(header: Header) -> Value {
    let (schema, description) = match header {
        Header::SpecVersion => (json!({"const": "1.0"}), "The version of CloudEvents."),
        Header::Id => (json!({"format": "uuid"}), "The event's id: the same whenever the event is written again."),
        Header::Source => (json!({"const": "orderflow"}), "Who wrote it."),
        Header::Type => (json!({}), "The full name of the Avro record."),
        Header::Subject => (json!({}), "The stream's id, as in the key."),
        Header::Time => (json!({"format": "date-time"}), "When it was decided; grows along a stream."),
        Header::Sequence => {
            (json!({"pattern": "^[1-9][0-9]*$"}), "The version within the stream, from 1, without gaps.")
        }
        Header::Correlation => (json!({}), "The request that it all began with."),
        Header::Causation => (json!({}), "The event or command that caused it, if one did."),
        Header::ContentType => (json!({"const": "application/avro"}), "What the value is."),
        Header::Owner => (json!({}), "The user whom it concerns, if it concerns one."),
        Header::SeedType => (json!({}), "What the seed applications call it, if they do: `order.created`."),
        Header::Traceparent => (json!({}), "The W3C trace context of the command, if there was one."),
    };
    with(schema, &[("type", "string"), ("description", description)])
}

fn with(mut schema: Value, additions: &[(&str, &str)]) -> Value {
    if let Some(fields) = schema.as_object_mut() {
        fields.extend(additions.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value))));
    }
    schema
}

const fn is_always_there(header: Header) -> bool {
    match header {
        Header::SpecVersion
        | Header::Id
        | Header::Source
        | Header::Type
        | Header::Subject
        | Header::Time
        | Header::Sequence
        | Header::Correlation
        | Header::ContentType => true,
        Header::Causation | Header::Owner | Header::SeedType | Header::Traceparent => false,
    }
}
