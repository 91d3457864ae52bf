//! How long an order takes when nothing else goes on: one at a time, with pauses.

use std::time::Duration;

use runtime::clock;

use super::journey::{frame_of, paid_frame_of, since};
use super::times::Times;
use super::{Customer, PRODUCTS, Socket};
use crate::{Error, report};

/// Orders that are not counted: servers that were just started are slow at first.
const WARM_UP: usize = 25;
const ORDERS: usize = 40;
/// Long enough for the order before to be carried out to its end, which goes on a little after it is paid.
const PAUSE: Duration = Duration::from_millis(250);
const WITHIN: Duration = Duration::from_secs(10);

/// What is timed of each order.
const TIMED: [&str; 4] = [
    "command sent -> answered",
    "command answered -> view readable",
    "command sent -> WebSocket frame",
    "placed -> PAID, by itself",
];

/// Places single orders and prints the percentiles.
pub(super) async fn measure(customer: &Customer, socket: &mut Socket) -> Result<(), Error> {
    let mut times = TIMED.map(|_what| Times::new());
    for order in 0..WARM_UP + ORDERS {
        tokio::time::sleep(PAUSE).await;
        let taken = time_one(customer, socket).await?;
        if order >= WARM_UP {
            times.iter_mut().zip(taken).for_each(|(times, taken)| times.record(taken));
        }
    }
    report::told("");
    report::told(&format!("{ORDERS} orders one at a time, on an idle system, after {WARM_UP} to warm it up:"));
    for (what, times) in TIMED.iter().zip(times) {
        report::told(&format!("  {what:<34} p50 {:>8}   p99 {:>8}", times.at(50.0), times.at(99.0)));
    }
    Ok(())
}

/// Places one order and follows it until it is paid.
async fn time_one(customer: &Customer, socket: &mut Socket) -> Result<[Duration; TIMED.len()], Error> {
    let Customer { shop, session, .. } = customer;
    let sent = clock::monotonic();
    let placed = shop.place(session, None, &[(PRODUCTS[0].0, 1)]).await?.accepted("place an order")?;
    let answered = clock::monotonic();
    let readable = async {
        shop.read(session, &placed).await?;
        Ok::<_, Error>(clock::monotonic())
    };
    let seen = tokio::time::timeout(WITHIN, frame_of(socket, &placed.order));
    let (readable, seen) = tokio::join!(readable, seen);
    let missing = |reason| Error::NoFrame { order: placed.order.clone(), reason };
    let frame = seen.ok().flatten().ok_or_else(|| missing("no frame came"))?;
    let paid = tokio::time::timeout(WITHIN, paid_frame_of(socket, &placed.order)).await;
    let paid = paid.ok().flatten().ok_or_else(|| missing("it was not paid"))?;
    Ok([since(sent, answered), since(answered, readable?), since(sent, frame.at), since(sent, paid.at)])
}
