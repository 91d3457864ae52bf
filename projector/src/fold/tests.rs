//! The fold's rules, on the order's view and on a store that does what the Function does.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::prelude::*;
use read_model::{Document, Place, Places};
use schemas::{
    CancellationCause, Currency, OrderCancelled, OrderEvent, OrderId, OrderLine, OrderPlaced, Recorded, Sku,
    StockEvent, StockReceived, Timestamp, UserId,
};
use uuid::Uuid;
use views::{OrderView, StockView};

use super::*;

fn read<E>(offset: i64, stream: StreamId, version: u32, event: E) -> Read<E> {
    Read::Event { offset, recorded: recorded(stream, version, event), written: None }
}

fn recorded<E>(stream: StreamId, version: u32, event: E) -> Recorded<E> {
    Recorded {
        stream,
        version: Version(version),
        id: EventId(Uuid::from_u128(u128::from(version))),
        at: Timestamp::from_micros(1_700_000_000_000_000 + i64::from(version)),
        owner: None,
        correlation: "request".into(),
        causation: None,
        traceparent: None,
        event,
    }
}

/// A record that gives no event of this stream, and tells this version or none.
fn garbage<E>(offset: i64, stream: StreamId, version: Option<u32>) -> Read<E> {
    Read::Refused(Refusal {
        stream,
        version: version.map(Version),
        cause: Cause::Undecodable,
        reason: "its value is not framed".to_owned(),
        event_type: None,
        event_id: None,
        offset,
    })
}

/// Folds records of which nothing is known but what they say.
fn fold<V: View>(cache: &mut Cache<V>, records: &[Read<V::Event>]) -> Result<Effect, Stopped> {
    super::fold(cache, records, &Refusals::new())
}

/// Which streams were barred, by which record, on which version.
fn barred(effect: &Effect) -> Vec<(StreamId, i64, u32)> {
    effect.barred.iter().map(|one| (one.refusal.stream.clone(), one.refusal.offset, one.from.0)).collect()
}

fn counts(applied: u64, duplicates: u64, behind_gap: u64, behind_parked: u64) -> Counts {
    Counts { applied, duplicates, behind_gap, behind_parked }
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
    assert_eq!(effect.counts, counts(3, 0, 0, 0));
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
    assert_eq!(again, Effect { counts: counts(0, 2, 0, 0), ..Effect::default() });
}

/// A stock of three versions of which nothing is right but the version.
fn damaged(parked: bool) -> Folded<StockView> {
    let event = EventId(Uuid::from_u128(3));
    let document = Document { version: Version(3), last_event: Some(event), body: Some(b"{}".to_vec()) };
    Folded::of(Standing { document: Some(document), parked })
}

/// A cache of that document alone, which is to be made anew.
fn in_repair(parked: bool) -> (Cache<StockView>, StreamId) {
    let (mut cache, stream) = (Cache::default(), received(0, 1, 1).stream().clone());
    cache.repair([(stream.clone(), [].into())].into());
    cache.insert(stream.clone(), damaged(parked));
    (cache, stream)
}

#[test]
fn what_a_document_in_repair_does_not_take_is_missing_and_bars_nothing() {
    let (mut cache, stream) = in_repair(false);
    let early = [received(0, 1, 4)];
    let stopped = fold(&mut cache, &early).unwrap_err();
    let Why::Refused(refusal) = stopped.why else { panic!("{:?}", stopped.why) };
    cache.insert(stream.clone(), damaged(false));
    let effect = super::fold(&mut cache, &early, &Refusals::from([(0, refusal)])).unwrap();
    assert_eq!((barred(&effect), effect.writes, effect.repaired), (Vec::new(), Vec::new(), Vec::new()));
    assert_eq!(effect.gaps, [Gap { stream: stream.clone(), highest: Version(4) }]);

    let whole = fold(&mut cache, &[1, 2, 3, 4].map(|version| received(0, 1, version))).unwrap();
    assert_eq!(whole.writes.iter().map(|write| (write.from.0, write.to.0)).collect::<Vec<_>>(), [(3, 4)]);
    assert_eq!((whole.repaired, whole.gaps), (vec![stream], Vec::new()));
}

#[test]
fn what_a_document_did_not_take_bars_its_stream_once_the_repair_is_given_up() {
    let (mut cache, stream) = in_repair(false);
    let early = [received(0, 1, 4)];
    let Why::Refused(refusal) = fold(&mut cache, &early).unwrap_err().why else { panic!("a document of no shape") };
    let refused = Refusals::from([(0, refusal)]);
    for (repairs, expected) in
        [(Places::from([(stream.clone(), [].into())]), Vec::new()), (Places::new(), vec![(stream.clone(), 0, 3)])]
    {
        cache.repair(repairs);
        cache.insert(stream.clone(), damaged(false));
        assert_eq!(barred(&super::fold(&mut cache, &early, &refused).unwrap()), expected);
    }
}

#[test]
fn a_document_of_a_parked_stream_is_not_made_anew_and_not_said_to_be() {
    let (mut cache, _) = in_repair(true);
    let effect = fold(&mut cache, &[1, 2, 3].map(|version| received(0, 1, version))).unwrap();
    assert_eq!((effect.writes, effect.repaired, effect.counts), (Vec::new(), Vec::new(), counts(0, 3, 0, 0)));
}

#[test]
fn a_record_that_gives_no_event_bars_its_stream_in_repair_like_any_other() {
    let (mut cache, stream) = in_repair(false);
    let records = [garbage(0, stream.clone(), Some(4)), received(1, 1, 1), received(2, 1, 2), received(3, 1, 3)];
    let effect = fold(&mut cache, &records).unwrap();
    assert_eq!((barred(&effect), effect.writes, effect.repaired), (vec![(stream, 0, 3)], Vec::new(), Vec::new()));
}

#[test]
fn a_document_in_repair_shows_its_events_once_they_came_by_again_and_goes_on_from_there() {
    let clean = fold(&mut Cache::<StockView>::default(), &[1, 2, 3, 4].map(|version| received(0, 1, version))).unwrap();
    let stream = clean.writes[0].stream.clone();
    let wrong = || {
        let mut cache = Cache::<StockView>::default();
        cache.insert(stream.clone(), damaged(false));
        cache
    };
    let (mut untold, mut told) = (wrong(), wrong());
    let again = [1, 2].map(|version| received(0, 1, version));
    assert_eq!(fold(&mut untold, &[received(0, 1, 1), received(1, 1, 2), received(2, 1, 3)]).unwrap().writes, []);

    let stray = Place { list: "sold-out".to_owned(), text: None };
    let found = Place { list: "search".to_owned(), text: Some("tea".to_owned()) };
    told.repair([(stream.clone(), [stray, found].into())].into());
    told.insert(stream.clone(), wrong().document(&stream).clone());
    assert_eq!(fold(&mut told, &again).unwrap().writes, [], "until all of them came by it shows what it showed");
    let whole = fold(&mut told, &[received(2, 1, 3), received(3, 1, 4)]).unwrap();
    let [write] = whole.writes.as_slice() else { panic!("{whole:?}") };
    assert_eq!((write.from, write.to, &write.body), (Version(3), Version(4), &clean.writes[0].body));
    assert_eq!(write.list_add, clean.writes[0].list_add, "its lists may have been wrong, too");
    assert_eq!(write.list_remove, ["sold-out"], "it leaves the lists where it was astray");
    assert_eq!(write.text_remove, [("search".to_owned(), "tea".to_owned())]);
    assert_eq!(whole.repaired, [stream]);
}

#[test]
fn an_event_behind_a_gap_is_noted_and_not_applied() {
    let mut cache = Cache::<StockView>::default();
    let effect =
        fold(&mut cache, &[received(0, 1, 1), received(1, 1, 3), received(2, 1, 5), received(3, 1, 4)]).unwrap();
    assert_eq!(effect.writes[0].to, Version(1));
    let gap = Gap { stream: received(0, 1, 1).stream().clone(), highest: Version(5) };
    assert_eq!((effect.gaps, effect.counts), (vec![gap], counts(1, 0, 3, 0)));
}

#[test]
fn a_gap_that_closes_within_the_batch_is_none() {
    let mut cache = Cache::<StockView>::default();
    let events: Vec<_> = [1, 3, 2, 3].into_iter().zip(0..).map(|(version, at)| received(at, 1, version)).collect();
    let effect = fold(&mut cache, &events).unwrap();
    assert_eq!((effect.writes[0].to, effect.gaps), (Version(3), Vec::new()));
}

#[test]
fn an_event_that_does_not_fit_is_found_out_and_bars_its_stream_only() {
    let mut cache = Cache::<OrderView>::default();
    let records = [placed(10, 1), cancelled(11, 2, 1), cancelled(12, 1, 2), cancelled(13, 2, 2)];
    let stopped = fold(&mut cache, &records).unwrap_err();
    let Why::Refused(refusal) = stopped.why else { panic!("{:?}", stopped.why) };
    assert_eq!((stopped.at, &refusal.stream, refusal.version), (1, &order(2), Some(Version(1))));
    assert_eq!(refusal.event_type.as_deref(), Some("orderflow.order.OrderCancelled"));
    assert!(!cache.contains(&order(1)), "no half-folded view is left");

    let effect = super::fold(&mut cache, &records, &Refusals::from([(1, refusal)])).unwrap();
    assert_eq!(
        effect.writes.iter().map(|write| (write.stream.clone(), write.to.0)).collect::<Vec<_>>(),
        [(order(1), 2)]
    );
    assert_eq!(barred(&effect), [(order(2), 11, 0)]);
    assert_eq!(effect.gaps, [Gap { stream: order(2), highest: Version(2) }]);
}

#[test]
fn a_record_that_gives_no_event_bars_its_stream_behind_what_was_applied() {
    let mut cache = Cache::<StockView>::default();
    let stream = received(0, 1, 1).stream().clone();
    let records = [received(0, 1, 1), garbage(1, stream.clone(), Some(2)), received(2, 1, 2), received(3, 2, 1)];
    let effect = fold(&mut cache, &records).unwrap();
    assert_eq!(effect.writes.iter().map(|write| write.to.0).collect::<Vec<_>>(), [1, 1]);
    assert_eq!((barred(&effect), effect.counts), (vec![(stream.clone(), 1, 0)], counts(2, 0, 1, 0)));
    assert_eq!(effect.gaps, [Gap { stream: stream.clone(), highest: Version(2) }]);

    let more = fold(&mut cache, &[received(4, 1, 2), received(5, 1, 4), garbage(6, stream.clone(), None)]).unwrap();
    assert_eq!((more.counts, more.held), (counts(0, 0, 0, 3), vec![Gap { stream, highest: Version(4) }]));
    assert_eq!((more.writes, more.gaps, more.barred), (Vec::new(), Vec::new(), Vec::new()));
}

#[test]
fn a_record_that_gives_no_event_bars_nothing_if_its_version_was_applied_or_is_not_due() {
    let mut cache = Cache::<StockView>::default();
    let stream = received(0, 1, 1).stream().clone();
    let records = [received(0, 1, 1), garbage(1, stream.clone(), Some(1)), garbage(2, stream.clone(), Some(3))];
    let effect = fold(&mut cache, &records).unwrap();
    assert_eq!((barred(&effect), effect.counts), (Vec::new(), counts(1, 1, 1, 0)));
    assert_eq!(effect.gaps, [Gap { stream: stream.clone(), highest: Version(3) }]);
    let effect = fold(&mut cache, &[garbage(3, stream.clone(), None)]).unwrap();
    assert_eq!(barred(&effect), [(stream, 3, 1)], "one that tells no version may be any");
}

#[test]
fn another_event_under_an_applied_version_is_a_diverged_history() {
    let mut cache = Cache::<OrderView>::default();
    fold(&mut cache, &[placed(0, 1)]).unwrap();
    let Read::Event { mut recorded, .. } = placed(1, 1) else { unreachable!() };
    recorded.id = EventId(Uuid::from_u128(99));
    let stopped = fold(&mut cache, &[Read::Event { offset: 1, recorded, written: None }]).unwrap_err();
    let Why::Stop(Stop::Diverged { version: Version(1), offset: 1, .. }) = stopped.why else {
        panic!("{:?}", stopped.why)
    };
}

#[test]
fn a_stored_view_of_another_shape_is_not_guessed_at() {
    let mut cache = Cache::<OrderView>::default();
    let last_event = Some(EventId(Uuid::nil()));
    let document = Some(Document { version: Version(1), last_event, body: Some(b"{}".to_vec()) });
    cache.insert(order(1), Folded::of(Standing { document, parked: false }));
    let stopped = fold(&mut cache, &[cancelled(5, 1, 2)]).unwrap_err();
    let Why::Refused(Refusal { cause: Cause::Shape, .. }) = stopped.why else { panic!("{:?}", stopped.why) };
}

/// What the read model would hold.
type Store = BTreeMap<StreamId, Document>;

fn write(store: &mut Store, writes: Vec<DocumentWrite>) {
    for write in writes {
        let stored = store.get(&write.stream).map_or(Version::NONE, |document| document.version);
        assert_eq!(write.from, stored, "the Function would call it stale");
        let document = Document { version: write.to, last_event: Some(write.last_event), body: write.body };
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
            for stream in batch.iter().map(Read::stream) {
                if !cache.contains(stream) {
                    let document = store.get(stream).cloned();
                    cache.insert(stream.clone(), Folded::of(Standing { document, parked: false }));
                }
            }
            write(&mut store, fold(&mut cache, batch).unwrap().writes);
        }
        let mut expected = BTreeMap::<StreamId, (u32, i64)>::new();
        for event in &events {
            let (version, sum) = expected.entry(event.stream().clone()).or_default();
            if event.version() == Some(Version(*version + 1)) {
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
