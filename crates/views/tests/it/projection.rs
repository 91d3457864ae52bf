//! The projections' names, and that every golden event of this release folds.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use bson::RawDocument;
use schemas::{
    Event, FulfilmentEvent, OrderId, PaymentEvent, ProductEvent, Sku, StockEvent, StreamId, UserEvent, UserId,
};
use views::{FulfilmentView, HistoryView, OrderView, PaymentView, ProductView, Projection, StockView, UserView, View};

use crate::check::fold;

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
    let folder = V::Event::AGGREGATE.namespace().trim_start_matches("orderflow.");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/golden").join(folder);
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

#[test]
fn every_golden_event_of_a_user_folds_once_the_vault_has_opened_it_and_the_last_one_leaves_nothing() {
    let mut events = golden::<UserView>(UserEvent::NAMES);
    for event in &mut events {
        for (_, sealed) in event.sealed_mut() {
            *sealed = sealed.clone().opened("clear");
        }
    }
    let erased = events.pop().unwrap();
    assert_eq!(erased.name(), "UserErased");
    let stream = UserId::from_bits(1).stream().clone();
    assert!(fold::<UserView>(&stream, events.clone()).unwrap().is_some());
    events.push(erased);
    assert!(fold::<UserView>(&stream, events).unwrap().is_none());
}
