//! Clocks that are apart, and jump.

use e2e::chaos::Lines;
use e2e::client::{Gateway, LoggedIn, Request, order_of};
use e2e::dates;
use futures::future::join_all;
use runtime::clock;
use schemas::{OrderId, StreamId};
use serde_json::json;
use stack::eventually;

use crate::fulfilment::product;
use crate::world::{SETTLED, World};

const INSTANCES: [&str; 2] = ["command-api", "command-api-2"];
/// By how many seconds a clock is wrong.
const WRONG_BY: i64 = 30;
/// How exactly a clock must be wrong, in microseconds: it goes on while it is asked.
const EXACTLY: u64 = 10_000_000;
/// How often each instance changes one product's price, and orders that one accepts and the other calls off.
const TIMES: i64 = 5;

/// One instance is a minute ahead of the other, then a minute behind it, and both work on the same streams. Kafka stands still
/// meanwhile, so that all of it waits for the same rounds of the relay, which reads commits by their dates.
///
/// Seen to fail when a commit is dated by a clock of its process alone, although that never goes back
/// (`commands-are-dated-by-one-process-alone`): records came before what was to come before them, and views stood still there.
#[tokio::test(flavor = "multi_thread")]
async fn clocks_that_are_apart_and_jump_put_no_stream_out_of_order() {
    let lines = Lines::default();
    let world = World::exposed(&lines).await;
    let sku = product(&world, "APART", 1_000).await;
    let user = world.gateway.user(&World::name("apart")).await;
    let doors = INSTANCES.map(|name| Gateway::new(world.system.url(name).expect("an instance")));
    for ahead in [[WRONG_BY, -WRONG_BY], [-WRONG_BY, WRONG_BY]] {
        let set = (0..).zip(ahead).map(|(number, ahead)| set_clock(&world, &doors, number, (&user, &sku, ahead)));
        join_all(set).await;
        world.system.signal("kafka", "STOP").expect("Kafka");
        for number in 0..TIMES {
            work(&doors, (&world.admin, &user), &sku, number).await;
        }
        world.system.signal("kafka", "CONT").expect("Kafka");
    }
    for name in INSTANCES {
        world.system.set_clock(name, 0).expect("a clock that can be set");
    }
    let ledger = world.settle().await;
    assert_eq!(dates::wrong(&ledger), Vec::<(StreamId, String)>::new());
}

/// Sets an instance's clock, and waits until it dates orders by that.
async fn set_clock(world: &World, doors: &[Gateway], number: usize, (user, sku, ahead): (&LoggedIn, &str, i64)) {
    let name = INSTANCES[number];
    world.system.set_clock(name, ahead).expect("a clock that can be set");
    eventually(&format!("the clock of {name} is {ahead} s ahead"), SETTLED, async || {
        let order = place(&doors[number], user, sku).await;
        let ledger = world.ledger().await;
        let at = ledger.get(order.stream()).and_then(|events| events.first()).expect("its first event").at;
        let wrong_by = at.as_micros() - clock::now_micros();
        (wrong_by.abs_diff(ahead * 1_000_000) < EXACTLY).then_some(())
    })
    .await;
}

/// Each instance changes the price after the other; an order that the first one accepts is called off by the second.
async fn work(doors: &[Gateway; 2], (admin, user): (&LoggedIn, &LoggedIn), sku: &str, number: i64) {
    for (door, cents) in doors.iter().zip([2 * number, 2 * number + 1]) {
        let price = Request::by(admin).json(json!({ "amount": 100 + cents, "currency": "EUR" }));
        let _ = door.post(&format!("/commands/products/{sku}/price"), price).await.expect(200);
    }
    let order = place(&doors[0], user, sku).await;
    let off = Request::by(user).json(json!({ "reason": "changed my mind" }));
    let _ = doors[1].post(&format!("/commands/orders/{order}/cancel"), off).await.expect(200);
}

async fn place(door: &Gateway, user: &LoggedIn, sku: &str) -> OrderId {
    let placed = door.post("/commands/orders", Request::by(user).json(order_of(user, sku, 1))).await.expect(201);
    OrderId::parse(&placed.text("orderId")).expect("an order id")
}
