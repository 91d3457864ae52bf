//! Documents that are no commits, or no longer: read as an error, never as a panic, and never as another commit.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document};
use proptest::collection::vec;
use proptest::prelude::*;
use schemas::{Sku, StockEvent, StockReceived};

use super::*;

/// A commit with everything that one can have.
fn commit() -> Commit {
    let received = StockEvent::Received(StockReceived { sku: Sku::parse("tea").unwrap(), quantity: 3, reason: None });
    Commit {
        stream: Sku::parse("tea").unwrap().stock(),
        first: Version(3),
        id: Uuid::from_u128(7),
        at: Timestamp::from_micros(1_000),
        owner: Some(UserId::from_bits(7)),
        commands: vec![CommandRecord {
            key: Some(KeyHash([1; 32])),
            fingerprint: Some(Fingerprint([2; 32])),
            events: 1,
            caller: "usr_7".into(),
            correlation: "request".into(),
            causation: Some("event".into()),
            traceparent: Some("00-1-2-01".into()),
        }],
        keys: vec![KeyHash([3; 32])],
        events: vec![StoredEvent::of(&received).unwrap()],
    }
}

/// Any value, nested a little.
fn any_bson() -> impl Strategy<Value = Bson> {
    let leaf = prop_oneof![
        Just(Bson::Null),
        any::<bool>().prop_map(Bson::Boolean),
        any::<i32>().prop_map(Bson::Int32),
        any::<i64>().prop_map(Bson::Int64),
        any::<f64>().prop_map(Bson::Double),
        ".{0,12}".prop_map(Bson::String),
        (any::<u8>(), vec(any::<u8>(), 0..40))
            .prop_map(|(subtype, bytes)| Bson::Binary(Binary { subtype: BinarySubtype::from(subtype), bytes })),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Bson::Array),
            vec((name(), inner), 0..4).prop_map(|fields| Bson::Document(fields.into_iter().collect())),
        ]
    })
}

/// The names that a commit's fields have, at any depth, and others.
fn name() -> impl Strategy<Value = String> {
    let known = ["_id", "s", "v", "cid", "at", "own", "cmd", "ks", "ev", "o", "k", "fp", "n", "caller", "t", "d"];
    prop_oneof![8 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => "[a-z]{1,3}"]
}

/// Reads a commit and whatever follows from it.
fn read(document: &RawDocument) -> Result<Commit, Unreadable> {
    let commit = Commit::of_document(document)?;
    let _either = commit.recorded();
    Ok(commit)
}

proptest! {
    #[test]
    fn no_document_makes_the_reader_panic(fields in vec((name(), any_bson()), 0..12)) {
        let document: Document = fields.into_iter().collect();
        let raw = RawDocumentBuf::try_from(&document).unwrap();
        if let Ok(commit) = read(&raw) {
            prop_assert!(commit.first.0 > 0);
        }
    }

    #[test]
    fn a_commit_with_one_field_that_is_another_is_read_as_such_or_not_at_all(
        field in any::<prop::sample::Index>(),
        value in prop::option::of(any_bson()),
    ) {
        let mut document = Document::try_from(commit().to_document().unwrap()).unwrap();
        let name = document.keys().nth(field.index(document.len())).unwrap().clone();
        match value {
            Some(value) => drop(document.insert(name, value)),
            None => drop(document.remove(name)),
        }
        let raw = RawDocumentBuf::try_from(&document).unwrap();
        if let Ok(read) = read(&raw) {
            // What it says is what stands there.
            let again = Document::try_from(read.to_document().unwrap()).unwrap();
            prop_assert_eq!(again.get("_id"), document.get("_id"));
        }
    }

    #[test]
    fn no_bytes_make_the_reader_panic(changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), cut in 0..8_usize) {
        let mut bytes = commit().to_document().unwrap().into_bytes();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        bytes.truncate(bytes.len() - cut);
        if let Ok(document) = RawDocument::from_bytes(&bytes) {
            let _either = read(document);
        }
    }
}

#[test]
fn a_commit_comes_back_as_it_was_written() {
    assert_eq!(read(&commit().to_document().unwrap()).unwrap(), commit());
}
