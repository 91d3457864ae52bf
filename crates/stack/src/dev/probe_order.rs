//! One order that proves that everything works together: placed, readable, seen on the socket.

use std::time::Duration;

use crate::Error;
use crate::demo::{Shop, Socket};
use crate::orderflow::{Orderflow, log_in};

/// The product that every probe orders.
pub(crate) const SKU: &str = "probe";
const WITHIN: Duration = Duration::from_secs(30);

/// Places an order as the first admin and waits until it is readable and announced.
pub(super) async fn send(system: &Orderflow) -> Result<(), Error> {
    let shop = Shop::new(system.gateway());
    let admin = system.admin();
    let session = log_in(system.gateway(), &admin.email, &admin.password).await?;
    shop.offer(&session, SKU, "Probe", 100).await?;
    let mut socket = Socket::open(system.gateway(), &session).await?;
    let placed = shop.place(&session, None, &[(SKU, 1)]).await?.accepted("place the probe order")?;
    shop.read(&session, &placed).await?;
    let seen = async {
        while let Some(frame) = socket.next().await {
            if frame.stream.as_deref() == Some(placed.order.as_str()) {
                return true;
            }
        }
        false
    };
    match tokio::time::timeout(WITHIN, seen).await {
        Ok(true) => Ok(()),
        Ok(false) => Err(Error::NoFrame { order: placed.order, reason: "the socket was closed" }),
        Err(_elapsed) => Err(Error::NoFrame { order: placed.order, reason: "no frame came within 30 s" }),
    }
}
