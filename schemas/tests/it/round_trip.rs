//! What is written is read again, and apache-avro, the reference, writes and reads the same bytes.

use proptest::prelude::*;
use schemas::avro::record_named;
use schemas::{AnyEvent, Event};

use crate::reference;
use crate::samples::any_event;

proptest! {
    #[test]
    fn avro_reads_what_it_wrote(event in any_event()) {
        let record = record_named(event.name()).unwrap();
        let datum = event.to_avro(&record.schema).unwrap();
        let read = AnyEvent::from_avro(record.aggregate, record.name, &record.schema, &datum).unwrap();
        prop_assert_eq!(read, event);
    }

    #[test]
    fn bson_reads_what_it_wrote(event in any_event()) {
        let document = event.to_document().unwrap();
        let read = AnyEvent::from_document(event.aggregate(), event.name(), &document).unwrap();
        prop_assert_eq!(read, event);
    }

    #[test]
    fn json_reads_what_it_wrote(event in any_event()) {
        match event {
            AnyEvent::Order(event) => shown_and_read(event),
            AnyEvent::Product(event) => shown_and_read(event),
            AnyEvent::Stock(event) => shown_and_read(event),
            AnyEvent::Payment(event) => shown_and_read(event),
            AnyEvent::User(event) => shown_and_read(event),
            AnyEvent::Fulfilment(event) => shown_and_read(event),
        }
    }

    #[test]
    fn apache_avro_reads_and_writes_the_same_bytes(event in any_event()) {
        let record = record_named(event.name()).unwrap();
        let datum = event.to_avro(&record.schema).unwrap();
        let schema = apache_avro::Schema::parse_str(record.avsc).unwrap();
        let value = reference::read(&schema, &datum);
        prop_assert_eq!(reference::write(&schema, value.clone()), datum);
        let json = serde_json::Value::try_from(value).unwrap();
        prop_assert_eq!(json, event.to_json().unwrap());
    }
}

fn shown_and_read<E: Event>(event: E) {
    assert_eq!(E::from_json(event.name(), &event.to_json().unwrap()).unwrap(), event);
}
