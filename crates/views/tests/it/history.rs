//! The history view.

use schemas::{OrderEvent, Version};
use views::{HistoryView, OrderView, Untold, View as _};

use crate::check::{check, check_unfoldable, fold, order, sku};
use crate::order::{cancelled, delivered, paid, placed, rejected, reserved, shipped};

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

#[test]
fn a_history_tells_the_order_as_it_was_at_every_version() {
    let stories: [Vec<OrderEvent>; 3] = [
        vec![placed(&["MUG", "LID"]), reserved(), paid(), shipped(), delivered()],
        vec![placed(&["MUG"]), reserved(), cancelled()],
        vec![placed(&["MUG"]), rejected()],
    ];
    for story in stories {
        let history: HistoryView = fold(&order(), story.clone()).unwrap().unwrap();
        for (version, count) in (0..).zip(0..=story.len()) {
            let then: Option<OrderView> = fold(&order(), story[..count].to_vec()).unwrap();
            assert_eq!(history.order_at(Version(version)).unwrap(), then, "version {version}");
        }
    }
}

#[test]
fn what_a_history_misses_or_cannot_read_is_not_made_up() {
    let history = |change: fn(&mut HistoryView)| {
        let mut history: HistoryView = fold(&order(), vec![placed(&["MUG"]), reserved(), paid()]).unwrap().unwrap();
        change(&mut history);
        history
    };
    let untold = |history: HistoryView| history.order_at(Version(3)).unwrap_err();
    let discarded = history(|history| drop(history.events.remove(1)));
    assert_eq!(discarded.order_at(Version(1)).unwrap().unwrap().version, 1);
    assert!(matches!(untold(discarded), Untold::Missing { version: Version(2) }));
    let shorter = history(|history| drop(history.events.pop()));
    assert!(matches!(untold(shorter), Untold::Missing { version: Version(3) }));
    let unreadable = history(|history| history.events[2].data = serde_json::json!({}));
    assert!(matches!(untold(unreadable), Untold::Unreadable { version: Version(3), .. }));
    let renamed = history(|history| history.events[1].r#type = "OrderPaid".to_owned());
    assert!(matches!(untold(renamed), Untold::Unreadable { version: Version(2), .. }));
    let paid_twice = history(|history| {
        history.events[1] = history.events[2].clone();
        history.events[1].version = 2;
    });
    assert!(matches!(untold(paid_twice), Untold::Unfoldable { version: Version(2), .. }));
}
