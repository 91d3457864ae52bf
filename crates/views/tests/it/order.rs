//! The order view.

use schemas::{
    CancellationCause, OrderCancelled, OrderDelivered, OrderEvent, OrderLine, OrderPaid, OrderPlaced, OrderRejected,
    OrderReserved, OrderShipped, RejectionReason,
};
use views::{Listing, OrderView, View as _};

use crate::check::{NOON, check, check_unfoldable, euro, fold, order, sku, user};

/// An order of these SKUs with 1, 2, 3, … pieces at 1.00, 2.00, 3.00, …
pub(crate) fn placed(skus: &[&str]) -> OrderEvent {
    let line = |(text, number): (&&str, i64)| OrderLine {
        sku: sku(text),
        name: format!("The \"{text}\""),
        quantity: number,
        unit_price: number * 100,
    };
    let lines: Vec<_> = skus.iter().zip(1..).map(line).collect();
    let total_amount = lines.iter().map(|line| line.quantity * line.unit_price).sum();
    let currency = euro(0).currency;
    OrderEvent::Placed(OrderPlaced { user_id: user(), lines, currency, total_amount, payment_method: None })
}

pub(crate) fn cancelled() -> OrderEvent {
    OrderEvent::Cancelled(OrderCancelled {
        cause: CancellationCause::Requested,
        cancelled_by: Some(user()),
        reason: Some("too late".to_owned()),
    })
}

pub(crate) fn reserved() -> OrderEvent {
    OrderEvent::Reserved(OrderReserved { pieces: 1 })
}

pub(crate) fn rejected() -> OrderEvent {
    OrderEvent::Rejected(OrderRejected { reason: RejectionReason::OutOfStock, skus: vec![sku("MUG")] })
}

pub(crate) fn paid() -> OrderEvent {
    OrderEvent::Paid(OrderPaid { amount: euro(100) })
}

pub(crate) fn shipped() -> OrderEvent {
    OrderEvent::Shipped(OrderShipped { carrier: "DHL".to_owned(), tracking: "JJD 1".to_owned() })
}

pub(crate) fn delivered() -> OrderEvent {
    OrderEvent::Delivered(OrderDelivered { pieces: 1 })
}

#[test]
fn a_placed_order_shows_the_seeds_fields_and_ours() {
    check::<OrderView>(
        &order(),
        vec![placed(&["MUG", "LID"])],
        r#"{"_id":"ord_1","orderId":"ord_1","userId":"usr_1","status":"CREATED","totalAmount":500,"itemCount":3,
        "previewSkus":["MUG","LID"],
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:00.000000Z","__v":1,"version":1,
        "items":[{"sku":"MUG","qty":1,"name":"The \"MUG\"","price":100},
        {"sku":"LID","qty":2,"name":"The \"LID\"","price":200}],
        "currency":"EUR","shipment":null,"links":{"history":"/queries/orders/ord_1/history"}}"#,
    );
}

#[test]
fn a_cancelled_order_changes_status_version_and_time_only() {
    check::<OrderView>(
        &order(),
        vec![placed(&["MUG"]), cancelled()],
        r#"{"_id":"ord_1","orderId":"ord_1","userId":"usr_1","status":"CANCELLED","totalAmount":100,"itemCount":1,
        "previewSkus":["MUG"],
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:01.000000Z","__v":2,"version":2,
        "items":[{"sku":"MUG","qty":1,"name":"The \"MUG\"","price":100}],
        "currency":"EUR","shipment":null,"links":{"history":"/queries/orders/ord_1/history"}}"#,
    );
}

#[test]
fn a_delivered_order_shows_the_parcel_that_it_came_in() {
    check::<OrderView>(
        &order(),
        vec![placed(&["MUG"]), reserved(), paid(), shipped(), delivered()],
        r#"{"_id":"ord_1","orderId":"ord_1","userId":"usr_1","status":"DELIVERED","totalAmount":100,"itemCount":1,
        "previewSkus":["MUG"],
        "createdAt":"2024-05-01T12:00:00.000000Z","updatedAt":"2024-05-01T12:00:04.000000Z","__v":5,"version":5,
        "items":[{"sku":"MUG","qty":1,"name":"The \"MUG\"","price":100}],
        "currency":"EUR","shipment":{"carrier":"DHL","tracking":"JJD 1"},
        "links":{"history":"/queries/orders/ord_1/history"}}"#,
    );
}

#[test]
fn the_preview_shows_the_first_five_skus() {
    let skus = ["A", "B", "C", "D", "E", "F"];
    let view: OrderView = fold(&order(), vec![placed(&skus)]).unwrap().unwrap();
    assert_eq!(view.preview_skus, skus[..5].iter().map(|text| sku(text)).collect::<Vec<_>>());
    assert_eq!((view.items.len(), view.item_count), (6, 21));
}

#[test]
fn an_order_is_listed_by_time_of_placement_for_all_its_user_and_its_status() {
    let mug = || placed(&["MUG"]);
    for (events, status) in [
        (vec![mug()], "CREATED"),
        (vec![mug(), reserved()], "RESERVED"),
        (vec![mug(), reserved(), paid()], "PAID"),
        (vec![mug(), reserved(), paid(), shipped()], "SHIPPED"),
        (vec![mug(), reserved(), paid(), shipped(), delivered()], "DELIVERED"),
        (vec![mug(), reserved(), cancelled()], "CANCELLED"),
        (vec![mug(), rejected()], "REJECTED"),
    ] {
        let view: OrderView = fold(&order(), events).unwrap().unwrap();
        let lists = [
            "all".to_owned(),
            "user:usr_1".to_owned(),
            format!("status:{status}"),
            format!("user:usr_1:status:{status}"),
        ];
        assert_eq!(view.lists(), lists.map(|list| Listing { list, score: NOON }));
    }
}

#[test]
fn what_cannot_follow_is_not_folded() {
    let lacking = "OrderCancelled happened to something that does not exist";
    check_unfoldable::<OrderView>(&order(), vec![cancelled()], lacking);
    let twice = "OrderPlaced cannot happen to what the events before it made";
    check_unfoldable::<OrderView>(&order(), vec![placed(&["MUG"]), placed(&["MUG"])], twice);
    let ended = "OrderCancelled cannot happen to what the events before it made";
    check_unfoldable::<OrderView>(&order(), vec![placed(&["MUG"]), cancelled(), cancelled()], ended);
    let early = "OrderPaid cannot happen to what the events before it made";
    check_unfoldable::<OrderView>(&order(), vec![placed(&["MUG"]), paid()], early);
}

#[test]
fn an_order_of_another_kind_of_stream_is_not_folded() {
    let stream = sku("MUG").stock();
    check_unfoldable::<OrderView>(&stream, vec![placed(&["MUG"])], "OrderPlaced cannot happen to the stream stk_MUG");
}

#[test]
fn a_number_of_pieces_that_does_not_fit_is_not_folded() {
    let OrderEvent::Placed(mut huge) = placed(&["MUG", "LID"]) else { unreachable!() };
    huge.lines[0].quantity = i64::MAX;
    check_unfoldable::<OrderView>(&order(), vec![OrderEvent::Placed(huge)], "OrderPlaced makes a number too large");
}
