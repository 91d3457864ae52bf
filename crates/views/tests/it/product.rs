//! The product view.

use schemas::{ProductEvent, ProductPriceChanged, ProductRegistered, StreamId};
use views::{Listing, ProductView, View as _};

use crate::check::{NOON, check, check_unfoldable, euro, fold, sku};

fn stream() -> StreamId {
    sku("MUG").product()
}

fn registered() -> ProductEvent {
    ProductEvent::Registered(ProductRegistered { sku: sku("MUG"), name: "Mug, blue".to_owned(), price: euro(500) })
}

fn price_changed() -> ProductEvent {
    ProductEvent::PriceChanged(ProductPriceChanged { price: euro(600) })
}

#[test]
fn a_registered_product_shows_its_price() {
    check::<ProductView>(
        &stream(),
        vec![registered()],
        r#"{"sku":"MUG","name":"Mug, blue","price":{"amount":500,"currency":"EUR"},"version":1,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z"}"#,
    );
}

#[test]
fn a_changed_price_is_shown() {
    check::<ProductView>(
        &stream(),
        vec![registered(), price_changed()],
        r#"{"sku":"MUG","name":"Mug, blue","price":{"amount":600,"currency":"EUR"},"version":2,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:01.000000Z"}"#,
    );
}

#[test]
fn a_product_is_listed_by_time_of_registration() {
    let view: ProductView = fold(&stream(), vec![registered(), price_changed()]).unwrap().unwrap();
    assert_eq!(view.lists(), [Listing { list: "all".to_owned(), score: NOON }]);
}

#[test]
fn what_cannot_follow_is_not_folded() {
    let lacking = "ProductPriceChanged happened to something that does not exist";
    check_unfoldable::<ProductView>(&stream(), vec![price_changed()], lacking);
    let twice = "ProductRegistered cannot happen to what the events before it made";
    check_unfoldable::<ProductView>(&stream(), vec![registered(), registered()], twice);
}
