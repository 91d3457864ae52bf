//! What is told of an order's way, from its command to its owner's screen.

use e2e::client::Request;
use e2e::ledger::Ledger;
use schemas::{Aggregate, OrderId, StreamId};
use serde_json::Value;
use stack::eventually;

use crate::world::{SETTLED, World};

/// Where every event of this stream comes by when its owner looks on.
fn way(stream: &StreamId) -> &'static [&'static str] {
    match stream.aggregate() {
        Aggregate::Order => &["log", "orders", "history", "feed", "screen"],
        Aggregate::Payment => &["log", "payments", "feed", "screen"],
        Aggregate::Fulfilment => &["log", "fulfilment"],
        Aggregate::Product | Aggregate::Stock | Aggregate::User => &[],
    }
}

/// Whether all of these events came by everywhere.
fn is_whole(told: &[Value]) -> bool {
    told.iter().all(|event| {
        let stream = event["stream"].as_str().and_then(|stream| StreamId::parse(stream).ok()).expect("a stream");
        let hops: Vec<_> =
            event["hops"].as_array().expect("hops").iter().filter_map(|hop| hop["to"].as_str()).collect();
        hops == way(&stream)
    })
}

/// Every event of a paid order whose owner looks on is told, below its cause, with every hop on its way.
pub(crate) async fn check(world: &World, ledger: &Ledger, order: &OrderId) {
    let path = format!("/ops/explain/{order}");
    // What a screen shows is noted a moment later.
    let told = eventually(&format!("the way of {order} is known"), SETTLED, async || {
        let answer = world.gateway.get(&path, Request::by(&world.admin)).await.expect(200).body;
        let told = answer["events"].as_array().cloned().expect("events");
        is_whole(&told).then_some(told)
    })
    .await;
    let (payment, fulfilment) = (order.payment(), order.fulfilment());
    let streams = [order.stream(), payment.stream(), fulfilment.stream()];
    let happened: usize = streams.into_iter().filter_map(|stream| ledger.get(stream)).map(Vec::len).sum();
    assert_eq!(told.len(), happened, "{told:?}");
    let depth = |name: &str| {
        let event = told.iter().find(|event| event["type"] == name).unwrap_or_else(|| panic!("{name} in {told:?}"));
        event["depth"].as_u64().expect("a depth")
    };
    assert_eq!((depth("OrderPlaced"), depth("FulfilmentStarted"), depth("OrderShipped")), (0, 1, 0));
    let chain = ["PaymentRequested", "PaymentAuthorized", "PaymentCaptured", "OrderPaid"].map(depth);
    assert!(chain.is_sorted_by(|cause, effect| cause < effect), "{chain:?} in {told:?}");
    for hop in told.iter().flat_map(|event| event["hops"].as_array().expect("hops")) {
        let micros = hop["afterMicros"].as_u64().expect("a time");
        assert!(u128::from(micros) < SETTLED.as_micros(), "{hop} of {told:?}");
    }
}
