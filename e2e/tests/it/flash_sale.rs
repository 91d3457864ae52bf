//! Everybody wants the same SKU at once, through two processes: whatever there is is sold, and not a piece more.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::client::{Gateway, LoggedIn, Request, order_of};
use e2e::ledger::Ledger;
use futures::future::join_all;
use reqwest::Method;
use runtime::clock;
use schemas::{AnyEvent, OrderEvent, OrderId, RejectionReason, Version};
use stack::{eventually, testing};

use crate::fulfilment::{PRICE, charged, net, product, stock};
use crate::world::{SETTLED, World};

/// How many want how many pieces, and how long that may take.
#[derive(Debug, Clone, Copy)]
struct Sale {
    clients: usize,
    orders: usize,
    pieces: i64,
    patience: Duration,
}

const SMALL: Sale = Sale { clients: 16, orders: 400, pieces: 40, patience: SETTLED };
const FULL: Sale = Sale { clients: 64, orders: 10_000, pieces: 1_000, patience: Duration::from_secs(1_800) };

const PROCESSES: [&str; 2] = ["command-api", "command-api-2"];

/// Seen to fail when pieces that are promised can be promised again (`stock-forgets-what-it-promised`).
#[tokio::test(flavor = "multi_thread")]
async fn a_flash_sale_sells_every_piece_once_and_rejects_the_others() {
    let world = World::enter().await;
    if !testing::full() {
        let _ = hold(&world, SMALL, "with batching").await;
        return;
    }
    let together = hold(&world, FULL, "with batching").await;
    restart(&world, &[("COMMANDS_TOGETHER", "1")]).await;
    let alone = hold(&world, FULL, "without batching").await;
    restart(&world, &[]).await;
    tell(&format!("batching sells {:.1} times as fast", alone.as_secs_f64() / together.as_secs_f64()));
}

/// Kills both processes and starts them again with these settings; returns when the gateway knows of nothing else.
pub(crate) async fn restart(world: &World, settings: &[(&str, &str)]) {
    join_all(PROCESSES.map(|name| world.system.kill(name))).await;
    for started in join_all(PROCESSES.map(|name| world.system.start_with(name, settings))).await {
        started.expect("a process that is ready again");
    }
    eventually("the gateway has noticed", SETTLED, async || {
        for _ in 0..8 {
            let nobody = world.gateway.post("/commands/orders", Request::default()).await;
            if nobody.status.as_u16() != 401 {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// Holds a sale and checks what came of it; how long it took until the last order had ended.
async fn hold(world: &World, sale: Sale, how: &str) -> Duration {
    let sku = product(world, "FLASH", sale.pieces).await;
    let user = world.gateway.user(&World::name("flash")).await;
    let begun = clock::monotonic();
    let clients = (0..sale.clients).map(|client| {
        let gateway = Gateway::new(world.system.url(PROCESSES[client % PROCESSES.len()]).expect("a process"));
        let share = sale.orders / sale.clients + usize::from(client < sale.orders % sale.clients);
        place_all(gateway, user.clone(), sku.clone(), (client, share))
    });
    let orders: Vec<OrderId> = join_all(clients).await.into_iter().flatten().collect();
    let placed = begun.elapsed();
    for order in &orders {
        ended(world, order, sale.patience).await;
    }
    let took = begun.elapsed();
    let rate = |duration: Duration| f64::from(u32::try_from(sale.orders).expect("few orders")) / duration.as_secs_f64();
    tell(&format!(
        "{how}: {} orders for {} pieces by {} clients: placed at {:.0}/s, ended at {:.0}/s",
        sale.orders,
        sale.pieces,
        sale.clients,
        rate(placed),
        rate(took)
    ));
    check(world, &sku, (sale, &orders)).await;
    took
}

/// Places so many orders of one piece, each until it is acknowledged.
async fn place_all(gateway: Gateway, user: LoggedIn, sku: String, (client, share): (usize, usize)) -> Vec<OrderId> {
    let mut orders = Vec::new();
    for number in 0..share {
        let order = eventually("the order is acknowledged", SETTLED, async || {
            let place = Request::by(&user).with("idempotency-key", format!("{sku}-{client}-{number}"));
            let place = place.json(order_of(&user, &sku, 1));
            let answer = gateway.send(Method::POST, "/commands/orders", place).await.ok()?;
            match answer.status.as_u16() {
                200 | 201 => Some(OrderId::parse(&answer.text("orderId")).expect("an order id")),
                429 | 500.. => None,
                _ => panic!("an order must not be refused: {answer:?}"),
            }
        })
        .await;
        orders.push(order);
    }
    orders
}

/// Waits until an order is carried out. Asks MongoDB for one order at a time, so that the run does not measure this.
async fn ended(world: &World, order: &OrderId, patience: Duration) {
    let fulfilment = order.fulfilment();
    let is_over = async || {
        let commits = world.store().tail(fulfilment.stream(), Version::FIRST).await.expect("the stream");
        let last = commits.last().and_then(|commit| commit.events.last());
        last.is_some_and(|event| &*event.name == "FulfilmentCompleted").then_some(())
    };
    eventually(&format!("{order} is carried out"), patience, is_over).await;
}

/// Exactly the pieces are paid, everybody else was told that there are none, and money and pieces are where they belong.
async fn check(world: &World, sku: &str, (sale, orders): (Sale, &[OrderId])) {
    let ledger = world.settle_within(sale.patience).await;
    let mut ends = BTreeMap::<&str, i64>::new();
    for order in orders {
        *ends.entry(end(&ledger, order)).or_default() += 1;
    }
    let others = i64::try_from(orders.len()).expect("few orders") - sale.pieces;
    assert_eq!(ends, BTreeMap::from([("paid", sale.pieces), ("out of stock", others)]));
    assert_eq!(stock(&ledger, sku), (0, 0), "pieces in the house, and held");
    let taken: i64 = orders.iter().map(|order| net(&ledger, order)).sum();
    assert_eq!(taken, sale.pieces * PRICE, "the money that was taken");
    let charges = charged(world).await;
    let charges: Vec<_> = orders.iter().filter_map(|order| charges.get(&order.payment().to_string())).collect();
    assert_eq!(i64::try_from(charges.len()), Ok(sale.pieces), "nobody else was charged");
    assert!(charges.iter().all(|charge| charge.as_slice() == [(PRICE, 0)]), "each was charged once");
}

/// How an order has ended.
fn end(ledger: &Ledger, order: &OrderId) -> &'static str {
    match ledger.get(order.stream()).and_then(|events| events.last()).map(|event| &event.event) {
        Some(AnyEvent::Order(OrderEvent::Paid(_))) => "paid",
        Some(AnyEvent::Order(OrderEvent::Rejected(rejected))) if rejected.reason == RejectionReason::OutOfStock => {
            "out of stock"
        }
        _ => "otherwise",
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what the run is for")]
fn tell(line: &str) {
    println!("{line}");
}
