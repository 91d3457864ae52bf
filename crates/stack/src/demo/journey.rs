//! One order, followed through every station; then the same request again.

use std::time::Duration;

use runtime::clock;
use tokio::time::Instant;

use super::socket::Frame;
use super::times::milliseconds;
use super::topic::{Seen, Watcher};
use super::{Customer, PRODUCTS, Placed, Socket};
use crate::{Error, report};

const WITHIN: Duration = Duration::from_secs(20);
const KEY: &str = "demo-order-1";

/// Places an order and prints when it was seen where.
pub(super) async fn follow(customer: &Customer, watcher: &mut Watcher, socket: &mut Socket) -> Result<Placed, Error> {
    let Customer { shop, session, .. } = customer;
    let sent = clock::monotonic();
    let placed = shop.place(session, Some(KEY), &lines()).await?.accepted("place an order")?;
    let answered = clock::monotonic();
    let order = placed.order.as_str();
    // The clients take the times themselves, so the order of waiting does not matter.
    let view = async {
        let view = shop.read(session, &placed).await?;
        Ok::<_, Error>((view, clock::monotonic()))
    };
    let record = tokio::time::timeout(WITHIN, watcher.first_of(order));
    let frame = tokio::time::timeout(WITHIN, frame_of(socket, order));
    let (view, record, frame) = tokio::join!(view, record, frame);
    let (view, readable) = view?;
    let missing = |reason| Error::NoFrame { order: placed.order.clone(), reason };
    let record = record.ok().flatten().ok_or_else(|| missing("its event was not seen in Kafka"))?;
    let frame = frame.ok().flatten().ok_or_else(|| missing("no frame came"))?;
    let total = view.pointer("/order/totalAmount").and_then(serde_json::Value::as_i64).unwrap_or_default();

    report::told("");
    report::told(&format!("the journey of {order}, {} EUR:", super::decimal(total)));
    let stations = vec![
        (answered, format!("answered 201: version {}, durable in MongoDB", placed.version)),
        (record.at, recorded(&record)),
        (readable, format!("readable: GET /queries/orders/{order} with its consistency token")),
        (frame.at, announced(&frame)),
    ];
    report::told("     0.0 ms  POST /commands/orders");
    tell(sent, stations);
    Ok(placed)
}

/// Prints what was seen when, the earliest first.
pub(super) fn tell(sent: Instant, mut stations: Vec<(Instant, String)>) {
    stations.sort_by_key(|(at, _what)| *at);
    for (at, what) in stations {
        report::told(&format!("{:>11}  {what}", milliseconds(since(sent, at))));
    }
}

fn lines() -> [(&'static str, u32); 2] {
    let [(tea, ..), (cup, ..), _] = PRODUCTS;
    [(tea, 2), (cup, 1)]
}

fn recorded(Seen { kind, partition, offset, .. }: &Seen) -> String {
    format!("in Kafka: {kind}, partition {partition}, offset {offset}")
}

fn announced(Frame { kind, seq, .. }: &Frame) -> String {
    let (kind, seq) = (kind.as_deref().unwrap_or("snapshot"), seq.unwrap_or_default());
    format!("on the customer's WebSocket: {kind}, number {seq} of the feed")
}

/// The first frame about this order.
pub(super) async fn frame_of(socket: &mut Socket, order: &str) -> Option<Frame> {
    loop {
        let frame = socket.next().await?;
        if frame.stream.as_deref() == Some(order) {
            return Some(frame);
        }
    }
}

/// The frame that says that this order is paid; frames about other things are passed over.
pub(super) async fn paid_frame_of(socket: &mut Socket, order: &str) -> Option<Frame> {
    loop {
        let frame = frame_of(socket, order).await?;
        if frame.kind.as_deref() == Some("OrderPaid") {
            return Some(frame);
        }
    }
}

/// The same key again: with the same body it is answered, with another it is refused; no second order either way.
pub(super) async fn retry(customer: &Customer, placed: &Placed) -> Result<(), Error> {
    let Customer { shop, session, .. } = customer;
    let again = shop.place(session, Some(KEY), &lines()).await?;
    let (status, replayed) = (again.status, again.replayed);
    let same = again.accepted("send the order again")?.order == placed.order;
    let other = shop.place(session, Some(KEY), &[(PRODUCTS[2].0, 1)]).await?;
    let count = shop.count(session, placed).await?;
    report::told("");
    let verdict = if same { "the same order" } else { "ANOTHER ORDER" };
    report::told(&format!(
        "the same request again, same Idempotency-Key: {status}, {verdict}, Idempotency-Replayed: {replayed}"
    ));
    report::told(&format!("the same key with another body: {}, {}", other.status, other.code()));
    report::told(&format!("orders of this customer afterwards: {count}"));
    if same && other.status == 422 && count == 1 {
        return Ok(());
    }
    let body = format!("expected one order and a refusal with 422; found {count} orders: {}", other.body);
    Err(Error::Answer { what: "show that a retry makes no second order", status: other.status, body })
}

/// How long after `sent` something was seen, even if the clocks' readings were taken in another order.
pub(super) fn since(sent: Instant, seen: Instant) -> Duration {
    seen.saturating_duration_since(sent)
}
