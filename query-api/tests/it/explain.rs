//! How an order came to where it is.

use std::time::Duration;

use runtime::clock;
use schemas::{OrderId, Recorded};
use serde_json::json;

use crate::caller::{admin, user};
use crate::events::{payment_requested, placed, sent_off, started};
use crate::stage::Stage;

/// The same event, because of that one.
fn because<E, F>(event: Recorded<E>, cause: &Recorded<F>) -> Recorded<E> {
    Recorded { causation: Some(cause.id.to_string().into()), ..event }
}

#[tokio::test]
async fn an_order_is_explained_to_admins_by_what_caused_what_and_how_long_each_hop_took() {
    let stage = Stage::open().await;
    let placed = placed("ord_1", "usr_a", 1);
    let started = because(started("ord_1", "usr_a", 2), &placed);
    let requested = because(payment_requested("ord_1", "usr_a", 3), &started);
    let [reserved, ..] = sent_off("ord_1", "usr_a", 4);
    let reserved = because(reserved, &started);
    stage.order(&placed).await;
    stage.feed(&placed).await;
    stage.screen(&placed).await;
    stage.fulfilment(&started).await;
    stage.payment(&requested).await;
    stage.history(&reserved).await;

    let answer = stage.get("/ops/explain/ord_1", &admin(), &[]).await.json();
    let told: Vec<_> = answer["events"].as_array().unwrap().iter().collect();
    let tree: Vec<_> = told.iter().map(|event| json!([event["type"], event["depth"], event["afterMicros"]])).collect();
    let expected = [
        json!(["OrderPlaced", 0, null]),
        json!(["FulfilmentStarted", 1, 1_000_000]),
        json!(["PaymentRequested", 2, 1_000_000]),
        json!(["OrderReserved", 2, 2_000_000]),
    ];
    assert_eq!((tree.as_slice(), &answer["tookMicros"]), (&expected[..], &json!(3_000_000)), "{answer}");
    let hops = |event: usize| {
        told[event]["hops"].as_array().unwrap().iter().map(|hop| hop["to"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(hops(0), ["log", "orders", "history", "feed", "screen"]);
    assert_eq!((hops(1), hops(2)), (vec!["log", "fulfilment"], vec!["log", "payments"]), "not fed");
    assert_eq!(hops(3), ["log", "history"], "the other view is behind");
    // The stage feeds events at the moment at which they happen, and a screen shows them five milliseconds later.
    let last = &told[0]["hops"][4];
    assert_eq!((&last["at"], &last["afterMicros"]), (&json!("2023-11-14T22:13:21.005000Z"), &json!(5_000)));
    assert_eq!(told[0]["correlation"], "test");
}

#[tokio::test]
async fn nobody_but_admins_is_told_and_an_order_that_never_was_has_no_story() {
    let stage = Stage::open().await;
    let order = placed("ord_1", "usr_a", 1);
    stage.order(&order).await;
    let path = "/ops/explain/ord_1";
    assert_eq!(stage.get(path, &user("usr_a"), &[]).await.problem().0, 403, "not even whose it is");
    assert_eq!(stage.get(path, "", &[]).await.problem().0, 401);
    let never = format!("/ops/explain/{}", OrderId::from_bits(7));
    assert_eq!(stage.get(&never, &admin(), &[]).await.problem(), (404, "order_not_found".to_owned()));
    assert_eq!(stage.get("/ops/explain/pay_1", &admin(), &[]).await.problem().0, 404);
    let behind = [("consistency-token", "ord_1@2"), ("prefer", "wait=0")];
    assert_eq!(stage.get(path, &admin(), &behind).await.problem(), (503, "projection_behind".to_owned()));
}

#[tokio::test]
async fn a_story_that_waits_for_several_views_waits_once() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    let admin = admin();
    // One of the two is reached late, the other never.
    let headers = [("consistency-token", "pay_1@1, ord_1@2"), ("prefer", "wait=3")];
    let begun = clock::monotonic();
    let mut question = std::pin::pin!(stage.get("/ops/explain/ord_1", &admin, &headers));
    let early = tokio::time::timeout(Duration::from_secs(2), &mut question).await;
    assert!(early.is_err(), "answered without waiting: {early:?}");
    stage.payment(&payment_requested("ord_1", "usr_a", 2)).await;
    assert_eq!(question.await.problem(), (503, "projection_behind".to_owned()));
    assert!(begun.elapsed() < Duration::from_millis(4_500), "it waited twice: {:?}", begun.elapsed());
}
