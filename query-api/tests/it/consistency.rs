//! Tokens, waiting, entity tags, lag: the terms on which queries are asked.

use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt as _;
use runtime::clock;
use views::Projection;

use crate::caller::{admin, user};
use crate::events::{cancelled, placed, received, registered, repriced};
use crate::stage::Stage;

#[tokio::test]
async fn a_question_with_a_token_is_never_answered_with_something_older() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    for uri in ["/queries/orders/ord_1", "/queries/orders/ord_1/history", "/queries/orders"] {
        let headers = [("Consistency-Token", "ord_1@2"), ("Prefer", "wait=0")];
        let reply = stage.get(uri, &user("usr_a"), &headers).await;
        assert_eq!(reply.problem(), (503, "projection_behind".to_owned()), "{uri}");
        assert_eq!((reply.header("retry-after"), &reply.json()["retryable"]), (Some("1"), &true.into()));
        let reply = stage.get(&format!("{uri}?at_least=ord_1@1"), &user("usr_a"), &[("Prefer", "wait=0")]).await;
        assert_eq!((reply.status, reply.header("preference-applied")), (StatusCode::OK, Some("wait=0")), "{uri}");
    }
}

#[tokio::test]
async fn an_order_that_is_not_there_yet_is_behind_and_not_unknown() {
    let stage = Stage::open().await;
    let reply = stage.get("/queries/orders/ord_1?at_least=ord_1@1", &user("usr_a"), &[("Prefer", "wait=0")]).await;
    assert_eq!(reply.problem(), (503, "projection_behind".to_owned()));
}

#[tokio::test]
async fn a_question_waits_until_the_projection_has_reached_its_token() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    for (version, uri) in [(2, "/queries/orders/ord_1"), (3, "/queries/orders/ord_2"), (4, "/queries/orders")] {
        let (order, token) = match version {
            2 => (cancelled("ord_1", "usr_a", 2), "ord_1@2"),
            3 => (placed("ord_2", "usr_a", 3), "ord_2@1"),
            _ => (placed("ord_3", "usr_a", 4), "ord_3@1"),
        };
        let caller = user("usr_a");
        let headers = [("Consistency-Token", token), ("Prefer", "wait=10")];
        let mut question = std::pin::pin!(stage.get(uri, &caller, &headers));
        let early = tokio::time::timeout(Duration::from_millis(80), &mut question).await;
        assert!(early.is_err(), "answered without waiting: {early:?}");
        let begun = clock::monotonic();
        stage.order_view(&order).await;
        let reply = question.await;
        assert_eq!((reply.status, reply.header("preference-applied")), (StatusCode::OK, Some("wait=10")), "{uri}");
        assert!(begun.elapsed() < Duration::from_secs(5), "the notice did not wake the question");
        let shown = reply.text.contains(order.stream.as_str());
        assert!(shown, "{uri} does not show {}: {}", order.stream, reply.text);
    }
}

#[tokio::test]
async fn each_projection_must_have_reached_the_token_that_concerns_it() {
    let stage = Stage::open().await;
    // The order's view is ahead of its history.
    stage.order_view(&placed("ord_1", "usr_a", 1)).await;
    let headers = [("Consistency-Token", "ord_1@1"), ("Prefer", "wait=0")];
    assert_eq!(stage.get("/queries/orders/ord_1", &user("usr_a"), &headers).await.status, StatusCode::OK);
    assert_eq!(stage.get("/queries/orders/ord_1/history", &user("usr_a"), &headers).await.problem().0, 503);

    stage.product(&registered("mouse", 1)).await;
    for uri in ["/queries/products/mouse", "/queries/products"] {
        for (token, status) in [("prd_mouse@1", 200), ("prd_mouse@2", 503), ("stk_mouse@1", 503)] {
            let reply = stage.get(uri, &user("usr_a"), &[("Consistency-Token", token), ("Prefer", "wait=0")]).await;
            assert_eq!(reply.status.as_u16(), status, "{uri} {token}");
        }
    }
}

#[tokio::test]
async fn every_token_of_a_question_counts() {
    let stage = Stage::open().await;
    stage.product(&registered("mouse", 1)).await;
    stage.product(&repriced("mouse", 650)).await;
    stage.stock(&received("mouse", 1, 5)).await;
    for (tokens, status) in [(["prd_mouse@2", "stk_mouse@1"], 200), (["prd_mouse@2", "stk_mouse@2"], 503)] {
        let apart = tokens.map(|token| ("Consistency-Token", token));
        let joined = tokens.join(", ");
        for sent in [apart.as_slice(), &[("Consistency-Token", &joined)]] {
            let headers = [sent, &[("Prefer", "wait=0")]].concat();
            let reply = stage.get("/queries/products/mouse", &user("usr_a"), &headers).await;
            assert_eq!(reply.status.as_u16(), status, "{sent:?}");
        }
    }
}

/// Redis may write between two documents of one read. The lines that it tells a monitor are in the order of its work.
#[tokio::test]
async fn what_shows_that_a_token_was_reached_is_read_before_the_answer() {
    let stage = Stage::open().await;
    for order in ["ord_asked", "ord_token"] {
        stage.order(&placed(order, "usr_a", 1)).await;
    }
    let monitor = redis::Client::open(stage.redis.url()).unwrap().get_async_monitor().await.unwrap();
    let reply = stage.get("/queries/orders/ord_asked?at_least=ord_token@1", &user("usr_a"), &[]).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let mut read = monitor.into_on_message::<String>().filter(|line| std::future::ready(line.contains("ord_")));
    for order in ["ord_token", "ord_asked"] {
        let next = tokio::time::timeout(Duration::from_secs(10), read.next()).await;
        let line = next.unwrap().unwrap();
        assert!(line.contains(order), "{order} is next: {line}");
    }
}

#[tokio::test]
async fn a_token_of_a_stream_that_the_answer_does_not_come_from_constrains_nothing() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    for token in ["usr_a@7", "prd_mouse@7", "stk_mouse@7"] {
        let headers = [("Consistency-Token", token), ("Prefer", "wait=0")];
        let reply = stage.get("/queries/orders/ord_1", &user("usr_a"), &headers).await;
        assert_eq!((reply.status, reply.header("projection-lag-ms")), (StatusCode::OK, Some("0")), "{token}");
    }
}

#[tokio::test]
async fn a_malformed_token_is_refused() {
    let stage = Stage::open().await;
    let reply = stage.get("/queries/orders", &user("usr_a"), &[("Consistency-Token", "ord_1")]).await;
    assert_eq!(reply.problem(), (400, "bad_consistency_token".to_owned()));
    let reply = stage.get("/queries/products?at_least=prd_mouse@x", &user("usr_a"), &[]).await;
    assert_eq!(reply.problem(), (400, "bad_consistency_token".to_owned()));
}

#[tokio::test]
async fn who_has_the_answer_already_gets_304_until_something_changes() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    stage.product(&registered("mouse", 1)).await;
    let uris = [
        "/queries/orders/ord_1",
        "/queries/orders/ord_1/history",
        "/queries/orders",
        "/queries/products/mouse",
        "/queries/products",
    ];
    let mut tags = Vec::new();
    for uri in uris {
        let first = stage.get(uri, &admin(), &[]).await;
        let tag = first.header("etag").unwrap().to_owned();
        let again = stage.get(uri, &admin(), &[("If-None-Match", &tag)]).await;
        assert_eq!(
            (again.status, again.header("etag"), again.text.as_str()),
            (StatusCode::NOT_MODIFIED, Some(&*tag), "")
        );
        tags.push(tag);
    }
    stage.order(&cancelled("ord_1", "usr_a", 2)).await;
    // Only what is joined to the product changes.
    stage.stock(&received("mouse", 1, 5)).await;
    for (uri, tag) in uris.into_iter().zip(&tags) {
        let reply = stage.get(uri, &admin(), &[("If-None-Match", tag)]).await;
        assert_eq!(reply.status, StatusCode::OK, "{uri}");
        assert_ne!(reply.header("etag"), Some(tag.as_str()), "{uri}");
    }
}

/// A repair, or another shape, changes bytes and no version.
#[tokio::test]
async fn bytes_that_change_under_a_version_are_not_called_known() {
    let stage = Stage::open().await;
    let order = placed("ord_1", "usr_a", 1);
    stage.order(&order).await;
    let right = stage.stored(Projection::Orders, &order.stream).await;
    stage.tamper(Projection::Orders, &order.stream, "b", &right.replace("CREATED", "DAMAGED")).await;
    let uris = ["/queries/orders/ord_1", "/queries/orders"];
    let mut tags = Vec::new();
    for uri in uris {
        tags.push(stage.get(uri, &admin(), &[]).await.header("etag").unwrap().to_owned());
    }
    stage.tamper(Projection::Orders, &order.stream, "b", &right).await;
    for (uri, tag) in uris.into_iter().zip(&tags) {
        let reply = stage.get(uri, &admin(), &[("If-None-Match", tag)]).await;
        assert!(reply.status == StatusCode::OK && reply.text.contains("CREATED"), "{uri}: {reply:?}");
    }
}

#[tokio::test]
async fn a_plain_read_tells_the_lag_and_a_read_with_a_token_does_not_need_to() {
    let stage = Stage::open().await;
    stage.order(&placed("ord_1", "usr_a", 1)).await;
    let plain = stage.get("/queries/orders/ord_1", &user("usr_a"), &[]).await;
    assert_eq!(plain.header("projection-lag-ms"), Some("0"));
    let exact = stage.get("/queries/orders/ord_1?at_least=ord_1@1", &user("usr_a"), &[]).await;
    assert_eq!((exact.status, exact.header("projection-lag-ms")), (StatusCode::OK, None));
}
