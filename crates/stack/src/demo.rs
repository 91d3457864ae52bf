//! `./dev demo`: what the system does, shown on the running stack with measured times.

use std::time::Duration;

use crate::orderflow::{Orderflow, Session, log_in};
use crate::{Error, report};

mod idle;
mod journey;
mod log_out;
mod shop;
mod socket;
mod times;
mod topic;
mod traffic;

pub(crate) use shop::Shop;
pub(crate) use socket::Socket;

use shop::Placed;
use topic::Watcher;

/// What the demo's shop sells: SKU, name, price in cents.
const PRODUCTS: [(&str, &str, i64); 3] =
    [("tea-green", "Green tea", 490), ("cup-blue", "Blue cup", 1_290), ("pot-iron", "Iron pot", 5_900)];
/// How many pieces of each come in: enough for a long stream of orders, each of which takes some.
const STOCK: u32 = 1_000_000;
const PASSWORD: &str = "correct horse battery staple";

/// A customer of the demo, with the shop and the credentials to log in again.
struct Customer {
    shop: Shop,
    gateway: String,
    email: String,
    session: Session,
}

impl Customer {
    async fn register(system: &Orderflow) -> Result<Self, Error> {
        let (shop, gateway) = (Shop::new(system.gateway()), system.gateway().to_owned());
        let email = format!("customer-{}@orderflow.test", runtime::clock::now_micros());
        shop.register(&email, PASSWORD).await?;
        let session = log_in(&gateway, &email, PASSWORD).await?;
        Ok(Self { shop, gateway, email, session })
    }

    /// Access tokens live for minutes only.
    async fn log_in_again(&mut self) -> Result<(), Error> {
        self.session = log_in(&self.gateway, &self.email, PASSWORD).await?;
        Ok(())
    }
}

/// Runs the whole demo; the stream of orders lasts `length`, or until Ctrl-C.
pub(crate) async fn run(system: &Orderflow, length: Option<Duration>, rate: u32) -> Result<(), Error> {
    report::told("");
    let customer = Customer::register(system).await?;
    report::told(&format!("registered {} as {}", customer.email, customer.session.user));
    let admin = log_in(system.gateway(), &system.admin().email, &system.admin().password).await?;
    for (sku, name, price) in PRODUCTS {
        customer.shop.offer(&admin, sku, name, price).await?;
        customer.shop.receive(&admin, sku, STOCK).await?;
        report::told(&format!("the shop sells {name} ({sku}) at {} EUR", decimal(price)));
    }
    let mut watcher = Watcher::start(&system.addresses().kafka_brokers).await?;
    let mut socket = Socket::open(system.gateway(), &customer.session).await?;
    let placed = journey::follow(&customer, &mut watcher, &mut socket).await?;
    journey::retry(&customer, &placed).await?;
    drop(watcher);
    log_out::show(&customer).await?;
    idle::measure(&customer, &mut socket).await?;
    traffic::stream(customer, socket, traffic::Plan { length, rate }).await?;
    report::told("the stack goes on running: ./dev status, ./dev down");
    Ok(())
}

fn decimal(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
