//! The history view.

use views::{HistoryView, View as _};

use crate::check::{check, check_unfoldable, fold, order, sku};
use crate::order::{cancelled, paid, placed, reserved};

#[test]
fn every_event_is_shown_with_both_its_names_and_its_content() {
    check::<HistoryView>(
        &order(),
        vec![placed(&["MUG"]), reserved(), paid(), cancelled()],
        r#"{"orderId":"ord_1","userId":"usr_1","version":4,"events":[
        {"version":1,"type":"OrderPlaced","seedType":"order.created","at":"2024-05-01T12:00:00.000000Z",
        "data":{"currency":"EUR","lines":[{"name":"The \"MUG\"","quantity":1,"sku":"MUG","unit_price":100}],
        "payment_method":null,"total_amount":100,"user_id":"usr_1"}},
        {"version":2,"type":"OrderReserved","seedType":null,"at":"2024-05-01T12:00:01.000000Z",
        "data":{"pieces":1}},
        {"version":3,"type":"OrderPaid","seedType":"order.paid","at":"2024-05-01T12:00:02.000000Z",
        "data":{"amount":{"amount":100,"currency":"EUR"}}},
        {"version":4,"type":"OrderCancelled","seedType":"order.canceled","at":"2024-05-01T12:00:03.000000Z",
        "data":{"cancelled_by":"usr_1","cause":"requested","reason":"too late"}}]}"#,
    );
}

#[test]
fn a_history_stands_in_no_list() {
    let view: HistoryView = fold(&order(), vec![placed(&["MUG"])]).unwrap().unwrap();
    assert_eq!(view.lists(), []);
}

#[test]
fn what_cannot_follow_is_not_folded() {
    let lacking = "OrderCancelled happened to something that does not exist";
    check_unfoldable::<HistoryView>(&order(), vec![cancelled()], lacking);
    let twice = "OrderPlaced cannot happen to what the events before it made";
    check_unfoldable::<HistoryView>(&order(), vec![placed(&["MUG"]), placed(&["MUG"])], twice);
    let stream = sku("MUG").stock();
    check_unfoldable::<HistoryView>(&stream, vec![placed(&["MUG"])], "OrderPlaced cannot happen to the stream stk_MUG");
}
