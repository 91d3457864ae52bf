//! The files under `avro/` and `golden/`: they say what the structs say. `UPDATE_GOLDEN=1 cargo test -p schemas`
//! writes them anew, which is how a change is made: repeat it until it passes (schemas are compiled in before golden
//! bytes can be written with them), and review the difference.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bson::RawDocument;
use schemas::avro::{RECORDS, Record, record_named};
use schemas::{Aggregate, AnyEvent};

use crate::samples::one_of_each;

const UPDATE: bool = option_env!("UPDATE_GOLDEN").is_some();

/// `schemas/<folder>/order/OrderPlaced.<extension>`
pub(crate) fn file(folder: &str, record: &Record, extension: &str) -> PathBuf {
    file_of(folder, record.aggregate, record.name, extension)
}

fn file_of(folder: &str, aggregate: Aggregate, name: &str, extension: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder).join(aggregate.noun()).join(name).with_extension(extension)
}

fn check_file(path: &Path, content: &[u8]) {
    if UPDATE && fs::read(path).ok().as_deref() != Some(content) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let found = fs::read(path).unwrap_or_default();
    assert!(
        found == content,
        "{} does not say what the struct says; if the change is meant, run UPDATE_GOLDEN=1 cargo test -p schemas",
        path.display(),
    );
}

fn avsc(schema: &apache_avro::Schema) -> String {
    serde_json::to_string_pretty(schema).unwrap() + "\n"
}

#[test]
fn every_schema_file_says_what_its_struct_says() {
    for aggregate in Aggregate::ALL {
        for (name, schema) in AnyEvent::names(aggregate).iter().zip(AnyEvent::structs(aggregate)) {
            assert_eq!(schema.name().unwrap().fullname(None), format!("{}.{name}", aggregate.namespace()));
            check_file(&file_of("avro", aggregate, name, "avsc"), avsc(&schema).as_bytes());
        }
    }
}

#[test]
fn every_event_has_one_record_and_every_record_one_event() {
    let events: Vec<_> =
        Aggregate::ALL.iter().flat_map(|&a| AnyEvent::names(a).iter().map(move |&name| (a, name))).collect();
    let records: Vec<_> = RECORDS.iter().map(|record| (record.aggregate, record.name)).collect();
    assert_eq!(events, records);
    let names: BTreeSet<_> = records.iter().map(|(_, name)| name).collect();
    assert_eq!(names.len(), records.len(), "a record name is used twice");
}

#[test]
fn a_record_is_registered_under_its_topic_and_full_name() {
    let record = record_named("OrderPlaced").unwrap();
    assert_eq!(record.full_name(), "orderflow.order.OrderPlaced");
    assert_eq!(record.subject(), "orders.events.v1-orderflow.order.OrderPlaced");
    assert!(record_named("OrderEaten").is_none());
}

#[test]
fn every_schema_is_text_that_apache_avro_accepts_too() {
    for record in RECORDS.iter() {
        apache_avro::Schema::parse_str(record.avsc).unwrap();
    }
}

#[test]
fn every_event_has_a_sample() {
    let samples: Vec<_> = one_of_each().iter().map(AnyEvent::name).collect();
    let records: Vec<_> = RECORDS.iter().map(|record| record.name).collect();
    assert_eq!(samples, records);
}

#[test]
fn every_event_is_written_as_its_golden_bytes() {
    for event in one_of_each() {
        let record = record_named(event.name()).unwrap();
        check_file(&file("golden", record, "bson"), event.to_document().unwrap().as_bytes());
        check_file(&file("golden", record, "avro"), &event.to_avro(&record.schema).unwrap());
    }
}

#[test]
fn every_golden_file_is_read_as_its_event() {
    for event in one_of_each() {
        let record = record_named(event.name()).unwrap();
        let bson = fs::read(file("golden", record, "bson")).unwrap();
        let avro = fs::read(file("golden", record, "avro")).unwrap();
        let document = RawDocument::from_bytes(&bson).unwrap();
        assert_eq!(AnyEvent::from_document(record.aggregate, record.name, document).unwrap(), event);
        assert_eq!(AnyEvent::from_avro(record.aggregate, record.name, &record.schema, &avro).unwrap(), event);
    }
}

#[test]
fn no_file_is_left_over() {
    let known: BTreeSet<_> = RECORDS
        .iter()
        .flat_map(|record| {
            [file("avro", record, "avsc"), file("golden", record, "bson"), file("golden", record, "avro")]
        })
        .collect();
    for folder in ["avro", "golden"] {
        for path in files_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)) {
            let is_readme = path.ends_with("README.md");
            assert!(is_readme || known.contains(&path), "{} belongs to no event", path.display());
        }
    }
}

/// Every file below a folder, sorted.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files_below(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}
