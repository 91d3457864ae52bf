//! The projections' names, and that every golden event of this release folds.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use bson::RawDocument;
use schemas::{
    Event, FulfilmentEvent, OrderId, PaymentEvent, ProductEvent, Sku, StockEvent, StreamId, UserEvent, UserId,
};
use views::{FulfilmentView, HistoryView, OrderView, PaymentView, ProductView, Projection, StockView, UserView, View};

use crate::check::{fold, recorded};

#[test]
fn every_projection_is_found_by_its_own_name() {
    let names: BTreeSet<_> = Projection::ALL.map(Projection::name).into();
    assert_eq!(names.len(), Projection::ALL.len());
    for projection in Projection::ALL {
        assert_eq!(Projection::named(projection.name()), Some(projection));
    }
    assert_eq!(Projection::named("invoices"), None);
}

/// What can happen to an order, one life after the other.
const ORDERS: [&[&str]; 3] = [
    &["OrderPlaced", "OrderReserved", "OrderPaid", "OrderShipped", "OrderDelivered"],
    &["OrderPlaced", "OrderRejected"],
    &["OrderPlaced", "OrderCancelled"],
];

/// The golden commits of these events of the view's aggregate.
fn golden<V: View>(names: &[&str]) -> Vec<V::Event> {
    assert_eq!(V::PROJECTION.aggregate(), V::Event::AGGREGATE);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/golden").join(V::Event::AGGREGATE.noun());
    let read = |name: &&str| {
        let document = fs::read(golden.join(name).with_extension("bson")).unwrap();
        V::Event::from_document(name, RawDocument::from_bytes(&document).unwrap()).unwrap()
    };
    names.iter().map(read).collect()
}

/// Folds the golden commits of the view's aggregate, one life after the other.
fn check_golden<V: View>(stream: &StreamId, lives: &[&[&str]]) {
    for life in lives {
        assert!(fold::<V>(stream, golden::<V>(life)).unwrap().is_some());
    }
    let lived: BTreeSet<_> = lives.iter().flat_map(|life| life.iter()).collect();
    assert_eq!(lived, V::Event::NAMES.iter().collect(), "every event happens in some life");
}

#[test]
fn every_golden_event_folds() {
    let order = OrderId::from_bits(1);
    let sku = Sku::parse("MUG-blue").unwrap();
    check_golden::<OrderView>(order.stream(), &ORDERS);
    check_golden::<HistoryView>(order.stream(), &ORDERS);
    check_golden::<ProductView>(&sku.product(), &[ProductEvent::NAMES]);
    check_golden::<StockView>(&sku.stock(), &[StockEvent::NAMES]);
    check_golden::<PaymentView>(order.payment().stream(), &[PaymentEvent::NAMES]);
    check_golden::<FulfilmentView>(order.fulfilment().stream(), &[FulfilmentEvent::NAMES]);
}

/// The shape of every projection, and a digest of all that the golden events come to in it.
const SHAPES: [(Projection, u32, u64); 7] = [
    (Projection::Orders, 1, 0xf183_a091_2acb_2ab1),
    (Projection::History, 1, 0x0e9f_6879_1fd5_6764),
    (Projection::Products, 1, 0x4194_3665_a3be_dbc6),
    (Projection::Stock, 1, 0x1039_3616_57c3_c0ee),
    (Projection::Payments, 1, 0xa514_1ebd_b1c6_3483),
    (Projection::Users, 1, 0xd2b7_048b_dc23_78ae),
    (Projection::Fulfilment, 1, 0x7a95_6a7e_da54_c4bc),
];

/// Everything that the lives show, event by event, as FNV-1a: documents, lists and texts.
fn digest<V: View>(stream: &StreamId, lives: &[&[&str]]) -> (Projection, u64) {
    let mut shown = String::new();
    for life in lives {
        let mut view = None;
        for event in recorded(stream, golden::<V>(life).into_iter().map(in_clear).collect()) {
            view = V::apply(view, &event).unwrap();
            let (lists, texts) = view.as_ref().map(|view| (view.lists(), view.texts())).unwrap_or_default();
            writeln!(shown, "{} {lists:?} {texts:?}", serde_json::to_string(&view).unwrap()).unwrap();
        }
    }
    let hash = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    (V::PROJECTION, shown.bytes().fold(0xcbf2_9ce4_8422_2325, hash))
}

/// The event as the vault hands it to the fold.
fn in_clear<E: Event>(event: E) -> E {
    let mut event = event.into_any();
    for (_, sealed) in event.sealed_mut() {
        *sealed = sealed.clone().opened("clear");
    }
    E::from_any(event).unwrap()
}

#[test]
fn views_that_look_otherwise_have_another_shape() {
    let (order, sku, user) = (OrderId::from_bits(1), Sku::parse("MUG-blue").unwrap(), UserId::from_bits(1));
    let digests = [
        digest::<OrderView>(order.stream(), &ORDERS),
        digest::<HistoryView>(order.stream(), &ORDERS),
        digest::<ProductView>(&sku.product(), &[ProductEvent::NAMES]),
        digest::<StockView>(&sku.stock(), &[StockEvent::NAMES]),
        digest::<PaymentView>(order.payment().stream(), &[PaymentEvent::NAMES]),
        digest::<UserView>(user.stream(), &[UserEvent::NAMES]),
        digest::<FulfilmentView>(order.fulfilment().stream(), &[FulfilmentEvent::NAMES]),
    ];
    let shapes = digests.map(|(projection, digest)| (projection, projection.shape(), digest));
    assert_eq!(
        shapes, SHAPES,
        "views look otherwise: raise the projection's shape, and write it here with the new digest; if only the golden \
         events are others, write the new digest"
    );
}

#[test]
fn every_golden_event_of_a_user_folds_once_the_vault_has_opened_it_and_the_last_one_leaves_nothing() {
    let mut events: Vec<_> = golden::<UserView>(UserEvent::NAMES).into_iter().map(in_clear).collect();
    let erased = events.pop().unwrap();
    assert_eq!(erased.name(), "UserErased");
    let stream = UserId::from_bits(1).stream().clone();
    assert!(fold::<UserView>(&stream, events.clone()).unwrap().is_some());
    events.push(erased);
    assert!(fold::<UserView>(&stream, events).unwrap().is_none());
}
