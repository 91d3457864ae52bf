//! The fold's rules, on the order's view and on a store that does what the Function does.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use read_model::Document;
use schemas::{
    CancellationCause, Currency, OrderCancelled, OrderEvent, OrderId, OrderLine, OrderPlaced, Recorded, Sku,
    StockEvent, StockReceived, Timestamp, UserId,
};
use uuid::Uuid;
use views::{OrderView, StockView, Unfoldable};

use super::*;

fn read<E>(offset: i64, stream: StreamId, version: u32, event: E) -> Read<E> {
    let recorded = Recorded {
        stream,
        version: Version(version),
        id: EventId(Uuid::from_u128(u128::from(version))),
        at: Timestamp::from_micros(1_700_000_000_000_000 + i64::from(version)),
        owner: None,
        correlation: "request".into(),
        causation: None,
        traceparent: None,
        event,
    };
    Read { offset, recorded }
}

fn order(number: u128) -> StreamId {
    OrderId::from_bits(number).stream().clone()
}

fn placed(offset: i64, number: u128) -> Read<OrderEvent> {
    let line = OrderLine { sku: Sku::parse("LAMP").unwrap(), name: "Lamp".to_owned(), quantity: 2, unit_price: 5 };
    let placed = OrderPlaced {
        user_id: UserId::from_bits(7),
        lines: vec![line],
        currency: Currency::parse("EUR").unwrap(),
        total_amount: 10,
        payment_method: None,
    };
    read(offset, order(number), 1, OrderEvent::Placed(placed))
}

fn cancelled(offset: i64, number: u128, version: u32) -> Read<OrderEvent> {
    let cancelled =
        OrderCancelled { cause: CancellationCause::Requested, cancelled_by: Some(UserId::from_bits(7)), reason: None };
    read(offset, order(number), version, OrderEvent::Cancelled(cancelled))
}

fn received(offset: i64, number: u128, version: u32) -> Read<StockEvent> {
    let sku = Sku::parse(&format!("SKU-{number}")).unwrap();
    let stream = sku.stock();
    read(
        offset,
        stream,
        version,
        StockEvent::Received(StockReceived { sku, quantity: 1 << (version % 32), reason: None }),
    )
}

#[test]
fn events_of_one_stream_in_one_batch_become_one_write() {
    let mut cache = Cache::<OrderView>::default();
    let effect = fold(&mut cache, &[placed(0, 1), placed(1, 2), cancelled(2, 1, 2)]).unwrap();
    let changes: Vec<_> = effect.writes.iter().map(|write| (write.stream.clone(), write.from.0, write.to.0)).collect();
    assert_eq!(changes, [(order(1), 0, 2), (order(2), 0, 1)]);
    assert_eq!((effect.applied, effect.duplicates, effect.behind_gap), (3, 0, 0));
    let view: OrderView = serde_json::from_slice(effect.writes[0].body.as_deref().unwrap()).unwrap();
    assert_eq!(view.status, schemas::OrderStatus::Cancelled);
}

#[test]
fn only_lists_that_changed_are_touched() {
    let mut cache = Cache::<OrderView>::default();
    let first = fold(&mut cache, &[placed(0, 1)]).unwrap();
    let mut entered: Vec<_> = first.writes[0].list_add.iter().map(|(list, _)| list.clone()).collect();
    entered.sort();
    let user = UserId::from_bits(7);
    let expected =
        ["all".to_owned(), "status:CREATED".to_owned(), format!("user:{user}"), format!("user:{user}:status:CREATED")];
    assert_eq!(entered, expected);
    assert_eq!(first.writes[0].list_remove, Vec::<String>::new());

    let second = fold(&mut cache, &[cancelled(1, 1, 2)]).unwrap();
    let entered: Vec<_> = second.writes[0].list_add.iter().map(|(list, _)| list.clone()).collect();
    assert_eq!(entered, ["status:CANCELLED".to_owned(), format!("user:{user}:status:CANCELLED")]);
    assert_eq!(second.writes[0].list_remove, ["status:CREATED".to_owned(), format!("user:{user}:status:CREATED")]);
}

#[test]
fn an_event_that_is_not_newer_than_its_view_changes_nothing() {
    let mut cache = Cache::<OrderView>::default();
    fold(&mut cache, &[placed(0, 1), cancelled(1, 1, 2)]).unwrap();
    let again = fold(&mut cache, &[placed(2, 1), cancelled(3, 1, 2)]).unwrap();
    assert_eq!(again, Effect { duplicates: 2, ..Effect::default() });
}

#[test]
fn an_event_behind_a_gap_is_noted_and_not_applied() {
    let mut cache = Cache::<StockView>::default();
    let effect =
        fold(&mut cache, &[received(0, 1, 1), received(1, 1, 3), received(2, 1, 5), received(3, 1, 4)]).unwrap();
    assert_eq!(effect.writes[0].to, Version(1));
    let gap = Gap { stream: received(0, 1, 1).recorded.stream, highest: Version(5) };
    assert_eq!((effect.gaps, effect.behind_gap), (vec![gap], 3));
}

#[test]
fn a_gap_that_closes_within_the_batch_is_none() {
    let mut cache = Cache::<StockView>::default();
    let events: Vec<_> = [1, 3, 2, 3].into_iter().zip(0..).map(|(version, at)| received(at, 1, version)).collect();
    let effect = fold(&mut cache, &events).unwrap();
    assert_eq!((effect.writes[0].to, effect.gaps), (Version(3), Vec::new()));
}

#[test]
fn an_event_that_does_not_fit_stops_the_fold_there_and_leaves_no_half_folded_view() {
    let mut cache = Cache::<OrderView>::default();
    let stopped = fold(&mut cache, &[placed(10, 1), cancelled(11, 2, 1), cancelled(12, 1, 2)]).unwrap_err();
    assert_eq!(stopped.at, 1);
    let Stop::Unfoldable { offset: 11, stream, version: Version(1), source: Unfoldable::Missing { .. } } = stopped.stop
    else {
        panic!("{:?}", stopped.stop)
    };
    assert_eq!(stream, order(2));
    assert!(!cache.contains(&order(1)));
}

#[test]
fn another_event_under_an_applied_version_is_a_diverged_history() {
    let mut cache = Cache::<OrderView>::default();
    fold(&mut cache, &[placed(0, 1)]).unwrap();
    let mut other = placed(1, 1);
    other.recorded.id = EventId(Uuid::from_u128(99));
    let stopped = fold(&mut cache, &[other]).unwrap_err();
    assert!(matches!(stopped.stop, Stop::Diverged { version: Version(1), offset: 1, .. }), "{:?}", stopped.stop);
}

#[test]
fn a_stored_view_of_another_shape_is_not_guessed_at() {
    let document = Document { version: Version(1), last_event: EventId(Uuid::nil()), body: Some(b"{}".to_vec()) };
    let stop = Folded::<OrderView>::stored(&order(1), document).unwrap_err();
    assert!(matches!(stop, Stop::ForeignShape { .. }));
}

/// What the read model would hold.
type Store = BTreeMap<StreamId, Document>;

fn write(store: &mut Store, writes: Vec<DocumentWrite>) {
    for write in writes {
        let stored = store.get(&write.stream).map_or(Version::NONE, |document| document.version);
        assert_eq!(write.from, stored, "the Function would call it stale");
        let document = Document { version: write.to, last_event: write.last_event, body: write.body };
        store.insert(write.stream, document);
    }
}

/// The streams' events in the order of their versions, and, whatever comes between, again and too early.
fn logs() -> impl Strategy<Value = Vec<(u128, u32)>> {
    prop::collection::vec((0..3_u128, prop_oneof![3 => Just(0_u32), 1 => 1..6_u32]), 1..60).prop_map(|picks| {
        let mut heads = BTreeMap::<u128, u32>::new();
        let version = |(stream, jump): (u128, u32)| {
            let head = heads.entry(stream).or_default();
            if jump == 0 {
                *head += 1;
            }
            (stream, if jump == 0 { *head } else { jump })
        };
        picks.into_iter().map(version).collect()
    })
}

proptest! {
    #[test]
    fn however_a_log_is_cut_into_batches_each_event_counts_once(
        log in logs(),
        cuts in prop::collection::vec((1..8_usize, prop::bool::weighted(0.3)), 60),
    ) {
        let events: Vec<_> =
            log.iter().zip(0..).map(|((stream, version), offset)| received(offset, *stream, *version)).collect();
        let (mut cache, mut store, mut rest) = (Cache::<StockView>::default(), Store::new(), events.as_slice());
        for (count, forget) in cuts {
            let (batch, after) = rest.split_at(count.min(rest.len()));
            rest = after;
            if forget {
                cache.clear();
            }
            for Read { recorded, .. } in batch {
                if let (false, Some(document)) = (cache.contains(&recorded.stream), store.get(&recorded.stream)) {
                    cache.insert(recorded.stream.clone(), Folded::stored(&recorded.stream, document.clone()).unwrap());
                }
            }
            write(&mut store, fold(&mut cache, batch).unwrap().writes);
        }
        let mut expected = BTreeMap::<StreamId, (u32, i64)>::new();
        for Read { recorded, .. } in &events {
            let (version, sum) = expected.entry(recorded.stream.clone()).or_default();
            if recorded.version.0 == *version + 1 {
                *version += 1;
                *sum += 1 << (*version % 32);
            }
        }
        let on_hand = |document: &Document| serde_json::from_slice::<StockView>(document.body.as_ref().unwrap()).unwrap().on_hand;
        let found: BTreeMap<_, _> =
            store.iter().map(|(stream, document)| (stream.clone(), (document.version.0, on_hand(document)))).collect();
        expected.retain(|_, (version, _)| *version > 0);
        prop_assert_eq!(found, expected);
    }
}
