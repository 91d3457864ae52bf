//! Releases to come, and releases that were: today's structs read what tomorrow's writers add and what yesterday's left
//! out. Tomorrow's and yesterday's schemas are made here from today's files, so every event to come is covered too.

use bson::{RawDocumentBuf, doc};
use schemas::avro::{RECORDS, Record, record_named};
use schemas::{AnyEvent, Role, Sealed, UserEvent, UserRegistered, compatibility};
use serde_json::{Value, json};

use crate::reference;
use crate::samples::one_of_each;

/// Calls `change` on the field list of every record in a schema, with a name that no two calls share.
fn change_fields(schema: &mut Value, change: &mut impl FnMut(&mut Vec<Value>)) {
    match schema {
        Value::Array(branches) => branches.iter_mut().for_each(|branch| change_fields(branch, change)),
        Value::Object(object) => {
            for inner in ["type", "items"] {
                object.get_mut(inner).into_iter().for_each(|inner| change_fields(inner, change));
            }
            if let Some(Value::Array(fields)) = object.get_mut("fields") {
                fields.iter_mut().for_each(|field| change_fields(field, change));
                change(fields);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The schema after every record in it was given new fields, first and last, of each kind that readers stumble over.
fn tomorrow(record: &Record) -> String {
    let mut schema: Value = serde_json::from_str(record.avsc).unwrap();
    let mut records = 0;
    change_fields(&mut schema, &mut |fields| {
        records += 1;
        let (place, size) = (format!("Place{records}"), format!("Size{records}"));
        let x = json!({"name": "x", "type": "long"});
        let home = json!({"x": 7});
        fields.splice(
            0..0,
            [
                json!({"name": "new_record", "default": home,
                       "type": {"type": "record", "name": place, "namespace": "new", "fields": [x]}}),
                json!({"name": "new_enum", "default": "large",
                       "type": {"type": "enum", "name": size, "namespace": "new", "symbols": ["small", "large"]}}),
                json!({"name": "new_text", "type": "string", "default": "seven"}),
            ],
        );
        let (place, size) = (format!("new.{place}"), format!("new.{size}"));
        fields.extend([
            json!({"name": "new_list", "type": {"type": "array", "items": place}, "default": [home, home]}),
            json!({"name": "new_map", "type": {"type": "map", "values": size}, "default": {"a": "large"}}),
            json!({"name": "new_choice", "type": [place, "null"], "default": home}),
        ]);
    });
    schema.to_string()
}

#[test]
fn today_reads_what_tomorrow_adds_on_topics() {
    for event in one_of_each() {
        let record = record_named(event.name()).unwrap();
        let later = tomorrow(record);
        compatibility::check(record.avsc, &later).unwrap();
        let today = reference::read(
            &apache_avro::Schema::parse_str(record.avsc).unwrap(),
            &event.to_avro(&record.schema).unwrap(),
        );
        let later_schema = apache_avro::Schema::parse_str(&later).unwrap();
        let datum = reference::write(&later_schema, today.resolve(&later_schema).unwrap());
        let writer = later.parse().unwrap();
        assert_eq!(AnyEvent::from_avro(record.aggregate, record.name, &writer, &datum).unwrap(), event);
    }
}

#[test]
fn today_reads_what_tomorrow_adds_in_commits() {
    for event in one_of_each() {
        let mut document = event.to_document().unwrap();
        let home = RawDocumentBuf::try_from(doc! {"x": 7_i64, "list": [1, {"y": null}]}).unwrap();
        document.append(bson::cstr!("new_record"), home);
        document.append(bson::cstr!("new_text"), "seven");
        assert_eq!(AnyEvent::from_document(event.aggregate(), event.name(), &document).unwrap(), event);
    }
}

/// The fields of the record itself that have a default.
fn defaults(record: &Record) -> Vec<(String, Value)> {
    let schema: Value = serde_json::from_str(record.avsc).unwrap();
    let fields = schema["fields"].as_array().unwrap();
    let name = |field: &Value| field["name"].as_str().unwrap().to_owned();
    fields.iter().filter_map(|field| Some((name(field), field.get("default")?.clone()))).collect()
}

/// The event as JSON, with this field at its default.
fn with_default(event: &AnyEvent, field: &str, default: Value) -> Value {
    let mut json = event.to_json().unwrap();
    json[field] = default;
    json
}

#[test]
fn today_reads_what_yesterday_left_out_on_topics() {
    for event in one_of_each() {
        let record = record_named(event.name()).unwrap();
        for (field, default) in defaults(record) {
            let mut earlier: Value = serde_json::from_str(record.avsc).unwrap();
            earlier["fields"].as_array_mut().unwrap().retain(|other| other["name"] != field.as_str());
            let earlier = earlier.to_string();
            compatibility::check(&earlier, record.avsc).unwrap();
            let today = apache_avro::Schema::parse_str(record.avsc).unwrap();
            let earlier_schema = apache_avro::Schema::parse_str(&earlier).unwrap();
            let value = reference::read(&today, &event.to_avro(&record.schema).unwrap());
            let datum = reference::write(&earlier_schema, value.resolve(&earlier_schema).unwrap());
            let writer = earlier.parse().unwrap();
            let read = AnyEvent::from_avro(record.aggregate, record.name, &writer, &datum).unwrap();
            assert_eq!(read.to_json().unwrap(), with_default(&event, &field, default));
        }
    }
}

#[test]
fn today_reads_what_yesterday_left_out_in_commits() {
    for event in one_of_each() {
        for (field, default) in defaults(record_named(event.name()).unwrap()) {
            let mut document = bson::Document::try_from(&*event.to_document().unwrap()).unwrap();
            document.remove(&field).unwrap();
            let document = RawDocumentBuf::try_from(document).unwrap();
            let read = AnyEvent::from_document(event.aggregate(), event.name(), &document).unwrap();
            assert_eq!(read.to_json().unwrap(), with_default(&event, &field, default));
        }
    }
}

#[test]
fn every_enum_says_what_an_unknown_symbol_counts_as() {
    for record in RECORDS.iter() {
        let enums = record.avsc.matches("\"type\": \"enum\"").count();
        let schema: Value = serde_json::from_str(record.avsc).unwrap();
        assert_eq!(enums, enums_with_default(&schema), "{}", record.name);
    }
}

fn enums_with_default(schema: &Value) -> usize {
    match schema {
        Value::Array(list) => list.iter().map(enums_with_default).sum(),
        Value::Object(object) => {
            let here = schema["type"] == "enum" && schema["default"].is_string();
            usize::from(here) + object.values().map(enums_with_default).sum::<usize>()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

#[test]
fn a_role_that_this_release_does_not_know_counts_as_the_one_with_the_fewest_rights() {
    let record = record_named("UserRegistered").unwrap();
    let later = record.avsc.replace(r#""admin""#, r#""admin", "auditor""#);
    compatibility::check(record.avsc, &later).unwrap();
    let auditor = apache_avro::types::Value::Enum(2, "auditor".to_owned());
    let sealed = Sealed::parse("AQ").unwrap();
    let personal = ["email", "first_name", "last_name"];
    let fields = personal.map(|field| (field.to_owned(), apache_avro::types::Value::String("AQ".to_owned())));
    let fields = fields.into_iter().chain([("role".to_owned(), auditor)]).collect();
    let datum =
        reference::write(&apache_avro::Schema::parse_str(&later).unwrap(), apache_avro::types::Value::Record(fields));
    let expected = AnyEvent::from(UserEvent::Registered(UserRegistered {
        email: sealed.clone(),
        first_name: sealed.clone(),
        last_name: sealed,
        role: Role::User,
    }));
    let read = AnyEvent::from_avro(record.aggregate, record.name, &later.parse().unwrap(), &datum).unwrap();
    assert_eq!(read, expected);
    let document = doc! {"email": "AQ", "first_name": "AQ", "last_name": "AQ", "role": "auditor"};
    let document = RawDocumentBuf::try_from(document).unwrap();
    assert_eq!(AnyEvent::from_document(record.aggregate, record.name, &document).unwrap(), expected);
}
