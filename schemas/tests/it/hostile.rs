//! Bytes that are not an event: each is an error that says so, none a panic.

use bson::RawDocument;
use proptest::collection::vec;
use proptest::prelude::*;
use schemas::avro::{RECORDS, record_named};
use schemas::{Aggregate, AnyEvent, DecodeError, frame};

use crate::samples::{any_event, one_of_each};

#[test]
fn an_unknown_name_is_named() {
    let nothing = bson::RawDocumentBuf::new();
    let record = record_named("OrderPlaced").unwrap();
    for error in [
        AnyEvent::from_document(Aggregate::Stock, "OrderPlaced", &nothing).unwrap_err(),
        AnyEvent::from_avro(Aggregate::Stock, "OrderPlaced", &record.schema, &[]).unwrap_err(),
    ] {
        assert!(matches!(&error, DecodeError::UnknownName { aggregate: Aggregate::Stock, .. }), "{error:?}");
        assert_eq!(error.to_string(), "Stock has no event named OrderPlaced");
    }
}

#[test]
fn trailing_bytes_are_counted() {
    for event in one_of_each() {
        let record = record_named(event.name()).unwrap();
        let mut datum = event.to_avro(&record.schema).unwrap();
        datum.extend([0, 0]);
        let error = AnyEvent::from_avro(record.aggregate, record.name, &record.schema, &datum).unwrap_err();
        assert!(matches!(error, DecodeError::TrailingBytes { left: 2, .. }), "{error:?}");
    }
}

#[test]
fn truncated_bytes_are_refused() {
    for event in one_of_each() {
        let record = record_named(event.name()).unwrap();
        let datum = event.to_avro(&record.schema).unwrap();
        for length in 0..datum.len() {
            let error = AnyEvent::from_avro(record.aggregate, record.name, &record.schema, &datum[..length]);
            assert!(matches!(error, Err(DecodeError::Avro { .. })), "{length} bytes of {}: {error:?}", record.name);
        }
    }
}

#[test]
fn a_document_that_lacks_a_field_is_refused() {
    for event in one_of_each() {
        let read = AnyEvent::from_document(event.aggregate(), event.name(), &bson::RawDocumentBuf::new());
        let schema: serde_json::Value = serde_json::from_str(record_named(event.name()).unwrap().avsc).unwrap();
        let all_may_lack = schema["fields"].as_array().unwrap().iter().all(|field| field.get("default").is_some());
        assert_eq!(read.is_ok(), all_may_lack, "{read:?}");
        assert!(read.is_ok() || matches!(read, Err(DecodeError::Bson { .. })), "{read:?}");
    }
}

#[test]
fn a_value_that_breaks_its_types_rule_is_refused() {
    let record = record_named("UserSessionEnded").unwrap();
    let datum = [vec![8], b"a b!".to_vec()].concat();
    let error = AnyEvent::from_avro(Aggregate::User, record.name, &record.schema, &datum).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert_eq!(
        (error.to_string().as_str(), source.as_str()),
        ("the Avro datum is not a UserSessionEnded", "not a valid session id",)
    );
}

#[test]
fn a_list_that_claims_more_than_its_bytes_can_hold_ends_at_once() {
    let record = record_named("OrderPlaced").unwrap();
    // A writer's schema whose list elements take no bytes at all, and a list of 1,000 of them in 8 bytes.
    let empties = r#""name": "empties", "default": [], "type": {"type": "array", "items": "null"}}, {"name": "lines""#;
    let schema = record.avsc.replace(r#""name": "lines""#, empties);
    let datum = [vec![10], b"usr_1".to_vec(), vec![0xd0, 0x0f]].concat();
    let error = AnyEvent::from_avro(Aggregate::Order, record.name, &schema.parse().unwrap(), &datum).unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("max sequence size"), "{source}");
}

#[test]
fn what_is_not_framed_is_refused() {
    for value in [&[][..], &[0, 0, 0, 1], &[1, 0, 0, 0, 1, 2]] {
        assert_eq!(frame::split(value), Err(frame::NotFramed));
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..200)) {
        for record in RECORDS.iter() {
            let _ = AnyEvent::from_avro(record.aggregate, record.name, &record.schema, &bytes);
            if let Ok(document) = RawDocument::from_bytes(&bytes) {
                let _ = AnyEvent::from_document(record.aggregate, record.name, document);
            }
        }
    }

    #[test]
    fn damaged_bytes_never_panic(event in any_event(), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let record = record_named(event.name()).unwrap();
        let mut datum = event.to_avro(&record.schema).unwrap();
        let index = place.index(datum.len());
        datum[index] = byte;
        let _ = AnyEvent::from_avro(record.aggregate, record.name, &record.schema, &datum);
        let mut bytes = event.to_document().unwrap().into_bytes();
        let index = place.index(bytes.len());
        bytes[index] = byte;
        if let Ok(document) = RawDocument::from_bytes(&bytes) {
            let _ = AnyEvent::from_document(record.aggregate, record.name, document);
        }
    }

    #[test]
    fn a_frame_is_taken_off_as_it_was_put_on(id in any::<u32>(), datum in vec(any::<u8>(), 0..50)) {
        let framed = frame::wrap(id, &datum);
        prop_assert_eq!(frame::split(&framed), Ok((id, &datum[..])));
    }
}
