//! The product view.

use schemas::{ProductDiscontinued, ProductEvent, ProductPriceChanged, ProductRegistered, ProductRenamed, StreamId};
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

fn renamed() -> ProductEvent {
    ProductEvent::Renamed(ProductRenamed { name: "Mug, navy".to_owned() })
}

fn discontinued() -> ProductEvent {
    ProductEvent::Discontinued(ProductDiscontinued { sku: sku("MUG") })
}

#[test]
fn a_registered_product_shows_its_price() {
    check::<ProductView>(
        &stream(),
        vec![registered()],
        r#"{"sku":"MUG","name":"Mug, blue","price":{"amount":500,"currency":"EUR"},"status":"ACTIVE","version":1,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z"}"#,
    );
}

#[test]
fn a_changed_price_is_shown() {
    check::<ProductView>(
        &stream(),
        vec![registered(), price_changed()],
        r#"{"sku":"MUG","name":"Mug, blue","price":{"amount":600,"currency":"EUR"},"status":"ACTIVE","version":2,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:01.000000Z"}"#,
    );
}

#[test]
fn a_new_name_and_the_end_of_sale_are_shown() {
    check::<ProductView>(
        &stream(),
        vec![registered(), renamed()],
        r#"{"sku":"MUG","name":"Mug, navy","price":{"amount":500,"currency":"EUR"},"status":"ACTIVE","version":2,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:01.000000Z"}"#,
    );
    check::<ProductView>(
        &stream(),
        vec![registered(), price_changed(), discontinued()],
        r#"{"sku":"MUG","name":"Mug, blue","price":{"amount":600,"currency":"EUR"},"status":"DISCONTINUED","version":3,
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:02.000000Z"}"#,
    );
}

#[test]
fn a_product_is_listed_by_time_of_registration_to_its_end() {
    for events in [vec![registered(), price_changed()], vec![registered(), discontinued()]] {
        let view: ProductView = fold(&stream(), events).unwrap().unwrap();
        assert_eq!(view.lists(), [Listing { list: "all".to_owned(), score: NOON }]);
    }
}

#[test]
fn what_cannot_follow_is_not_folded() {
    for (event, name) in [
        (price_changed(), "ProductPriceChanged"),
        (renamed(), "ProductRenamed"),
        (discontinued(), "ProductDiscontinued"),
    ] {
        let lacking = format!("{name} happened to something that does not exist");
        check_unfoldable::<ProductView>(&stream(), vec![event.clone()], &lacking);
        let ended = format!("{name} cannot happen to what the events before it made");
        check_unfoldable::<ProductView>(&stream(), vec![registered(), discontinued(), event], &ended);
    }
    let twice = "ProductRegistered cannot happen to what the events before it made";
    check_unfoldable::<ProductView>(&stream(), vec![registered(), registered()], twice);
}
