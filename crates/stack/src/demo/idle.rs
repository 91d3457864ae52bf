//! How long an order takes when nothing else goes on: one at a time, with pauses.

use std::time::Duration;

use runtime::clock;

use super::journey::{frame_of, paid_frame_of, since};
use super::times::Times;
use super::{Customer, PRODUCTS, Socket};
use crate::{Error, report};

const ORDERS: u32 = 40;
/// Long enough for the order before to be carried out to its end, which goes on a little after it is paid.
const PAUSE: Duration = Duration::from_millis(250);
const WITHIN: Duration = Duration::from_secs(10);

/// Places single orders and prints the percentiles.
pub(super) async fn measure(customer: &Customer, socket: &mut Socket) -> Result<(), Error> {
    let Customer { shop, session, .. } = customer;
    let [mut answer, mut view, mut frame, mut paid] = [Times::new(), Times::new(), Times::new(), Times::new()];
    for _ in 0..ORDERS {
        tokio::time::sleep(PAUSE).await;
        let sent = clock::monotonic();
        let placed = shop.place(session, None, &[(PRODUCTS[0].0, 1)]).await?.accepted("place an order")?;
        let answered = clock::monotonic();
        answer.record(since(sent, answered));
        let readable = async {
            shop.read(session, &placed).await?;
            Ok::<_, Error>(clock::monotonic())
        };
        let seen = tokio::time::timeout(WITHIN, frame_of(socket, &placed.order));
        let (readable, seen) = tokio::join!(readable, seen);
        view.record(since(answered, readable?));
        let missing = || Error::NoFrame { order: placed.order.clone(), reason: "no frame came" };
        frame.record(since(sent, seen.ok().flatten().ok_or_else(missing)?.at));
        let seen = tokio::time::timeout(WITHIN, paid_frame_of(socket, &placed.order)).await;
        let missing = || Error::NoFrame { order: placed.order.clone(), reason: "it was not paid" };
        paid.record(since(sent, seen.ok().flatten().ok_or_else(missing)?.at));
    }
    report::told("");
    report::told(&format!("{} orders one at a time, on an idle system:", frame.count()));
    for (what, times) in [
        ("command sent -> answered", answer),
        ("command answered -> view readable", view),
        ("command sent -> WebSocket frame", frame),
        ("placed -> PAID, by itself", paid),
    ] {
        report::told(&format!("  {what:<34} p50 {:>8}   p99 {:>8}", times.at(50.0), times.at(99.0)));
    }
    Ok(())
}
