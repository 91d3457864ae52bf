//! From where to listen, so that nothing falls between an answer and the subscription.

use crate::caller::user;
use crate::events::{cancelled, payment_requested, placed};
use crate::stage::Stage;

const LISTENING: [(&str, &str); 1] = [("Prefer", "feed-cursor")];

#[tokio::test]
async fn an_answer_names_the_place_behind_which_lies_all_that_it_does_not_show() {
    let stage = Stage::open().await;
    let (first, second) = (placed("ord_1", "usr_a", 1), placed("ord_2", "usr_a", 2));
    for uri in ["/queries/orders", "/queries/orders/ord_1"] {
        assert_eq!(stage.get(uri, &user("usr_a"), &[]).await.header("feed-cursor"), None, "nobody asked");
    }
    // The view is ahead of the feed: whatever enters the feed from now on comes behind its head.
    stage.order_view(&first).await;
    let start = stage.get("/queries/orders", &user("usr_a"), &LISTENING).await;
    assert_eq!(start.header("feed-cursor"), Some(&*stage.feed_head("usr_a").await));
    assert_eq!(start.header("preference-applied"), Some("feed-cursor"));

    // Level.
    stage.feed(&first).await;
    let level = stage.feed_head("usr_a").await;
    // The feed is ahead of the view: the second order is not shown, so it lies behind the place.
    stage.feed(&second).await;
    stage.feed(&cancelled("ord_1", "usr_a", 3)).await;
    // So does a payment that is not shown yet.
    stage.feed(&payment_requested("ord_1", "usr_a", 3)).await;
    for uri in ["/queries/orders", "/queries/orders/ord_1"] {
        let behind = stage.get(uri, &user("usr_a"), &LISTENING).await;
        assert_eq!(behind.header("feed-cursor"), Some(level.as_str()), "{uri}");
    }
    stage.order_view(&second).await;
    stage.order_view(&cancelled("ord_1", "usr_a", 3)).await;
    let but_for_the_payment = stage.get("/queries/orders", &user("usr_a"), &LISTENING).await;
    assert_ne!(but_for_the_payment.header("feed-cursor"), Some(&*stage.feed_head("usr_a").await));
    stage.payment(&payment_requested("ord_1", "usr_a", 3)).await;
    let caught_up = stage.get("/queries/orders", &user("usr_a"), &LISTENING).await;
    assert_eq!(caught_up.header("feed-cursor"), Some(&*stage.feed_head("usr_a").await));
    assert_ne!(caught_up.header("feed-cursor"), Some(level.as_str()));
}

#[tokio::test]
async fn the_place_is_in_the_callers_own_feed() {
    let stage = Stage::open().await;
    let order = placed("ord_1", "usr_a", 1);
    stage.order_view(&order).await;
    stage.feed(&order).await;
    let other = stage.get("/queries/orders", &user("usr_b"), &LISTENING).await;
    assert_eq!(other.header("feed-cursor"), Some(&*stage.feed_head("usr_b").await));
    assert_ne!(stage.feed_head("usr_a").await, stage.feed_head("usr_b").await);
}
