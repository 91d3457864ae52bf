//! The events on every topic, from the schemas that this release writes.

use std::fmt::Write as _;

use schemas::Aggregate;
use schemas::avro::{RECORDS, Record};
use serde::Deserialize;
use serde_json::Value;

use super::{NOTICE, header, row};
use crate::Error;

/// What a schema says of a record, the top one and nested ones alike.
#[derive(Debug, Deserialize)]
struct Schema {
    name: String,
    #[serde(default)]
    doc: String,
    fields: Vec<Field>,
}

#[derive(Debug, Deserialize)]
struct Field {
    name: String,
    r#type: Value,
    #[serde(default)]
    doc: String,
}

pub(super) fn page() -> Result<String, Error> {
    let mut page = format!("{NOTICE}\n# Events\n\nThe key of every record is its stream's id; the value is Avro.\n");
    for aggregate in Aggregate::ALL {
        let _ = write!(page, "\n## `{}` (streams `{}…`)\n", aggregate.topic(), aggregate.prefix());
        for record in RECORDS.iter().filter(|record| record.aggregate == aggregate) {
            page.push_str(&of_record(record)?);
        }
    }
    Ok(page)
}

fn of_record(record: &Record) -> Result<String, Error> {
    let schema: Schema = parsed(record.avsc)?;
    let mut text = format!("\n### {}\n\n{}\n\n`ce_type`: `{}`\n", record.name, schema.doc, record.full_name());
    text.push_str(&fields(&schema));
    for nested in schema.fields.iter().filter_map(|field| nested(&field.r#type)) {
        let nested: Schema = parsed(&nested.to_string())?;
        let _ = write!(text, "\n`{}`: {}\n{}", nested.name, nested.doc, fields(&nested));
    }
    Ok(text)
}

fn parsed(json: &str) -> Result<Schema, Error> {
    serde_json::from_str(json).map_err(|source| Error::Derive { page: "events.md", source })
}

fn fields(schema: &Schema) -> String {
    let rows =
        schema.fields.iter().map(|field| row(&[&format!("`{}`", field.name), &shown(&field.r#type), &field.doc]));
    format!("\n{}{}", header(&["field", "type", "meaning"]), rows.collect::<String>())
}

/// A type in one word or two: `long`, `list of OrderLine`, `string or nothing`.
fn shown(kind: &Value) -> String {
    match kind {
        Value::Array(union) => {
            let of: Vec<_> = union.iter().filter(|kind| *kind != "null").map(shown).collect();
            format!("{} or nothing", of.join(" or "))
        }
        Value::Object(_) if kind["type"] == "array" => format!("list of {}", shown(&kind["items"])),
        Value::Object(_) if kind["type"] == "map" => format!("map of {}", shown(&kind["values"])),
        Value::Object(_) => name(kind).to_owned(),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => name(kind).to_owned(),
    }
}

fn name(kind: &Value) -> &str {
    let named = kind.get("logicalType").or_else(|| kind.get("name")).or_else(|| kind.get("type"));
    named.unwrap_or(kind).as_str().unwrap_or("?")
}

/// The record inside a list, a union, or alone.
fn nested(kind: &Value) -> Option<&Value> {
    match kind {
        Value::Array(union) => union.iter().find_map(nested),
        Value::Object(_) if kind["type"] == "record" => Some(kind),
        Value::Object(_) => kind.get("items").or_else(|| kind.get("values")).and_then(nested),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{nested, page, shown};

    #[test]
    fn a_type_is_shown_in_words() {
        let line = json!({"type": "record", "name": "OrderLine", "fields": []});
        assert_eq!(shown(&json!("long")), "long");
        assert_eq!(shown(&json!(["null", "string"])), "string or nothing");
        assert_eq!(shown(&json!({"type": "array", "items": line})), "list of OrderLine");
        assert_eq!(shown(&json!({"type": "long", "logicalType": "timestamp-micros"})), "timestamp-micros");
        assert_eq!(nested(&json!({"type": "array", "items": line})), Some(&line));
    }

    #[test]
    fn every_record_and_its_nested_records_are_on_the_page() {
        let page = page().unwrap_or_default();
        for record in schemas::avro::RECORDS.iter() {
            assert!(page.contains(&record.full_name()), "{} is missing", record.name);
        }
        assert!(page.contains("`OrderLine`: One line of an order."));
    }
}
