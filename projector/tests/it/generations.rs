//! Generations beside each other: each is fed by its own group from its own position, whichever of them readers see.

use std::time::Duration;

use read_model::generations::{Begun, Retired, Shape, Switched};
use read_model::{Generation, Target};
use runtime::clock;
use schemas::{AnyEvent, Recorded, StreamId};
use stack::testing::eventually;
use views::{OrderView, Projection};

use crate::world::{SOON, World, cancelled, fresh_order, placed, shared};

const ORDERS: &str = "orders";

fn shape() -> Shape {
    Shape(Projection::Orders.shape())
}

impl World {
    fn of(&self, generation: Generation) -> Target {
        Target { projection: ORDERS, generation }
    }

    /// Begins the next generation of the orders.
    async fn begin(&self, shape: Shape, rate: Option<u32>) -> Target {
        let Begun::New(generation) = self.read_model.begin(ORDERS, shape, rate, 0).await.unwrap() else {
            panic!("one is filled already")
        };
        self.of(generation)
    }

    async fn applied(&self, target: Target) -> i64 {
        self.read_model.progress(&target).await.unwrap().values().sum()
    }

    /// Waits until a generation has applied as much as the live one.
    async fn has_reached(&self, target: Target, other: Target) {
        eventually("it has come as far", SOON, async || {
            let (reached, wanted) = (self.applied(target).await, self.applied(other).await);
            (reached >= wanted).then_some(())
        })
        .await;
    }

    /// Whether both generations hold the same documents of these streams.
    async fn alike(&self, one: Target, two: Target, streams: &[StreamId]) -> bool {
        let documents = async |target| self.read_model.documents(&target, streams).await.unwrap();
        documents(one).await == documents(two).await
    }

    async fn switch(&self, live: Target, other: Target) {
        eventually("readers see the other one", SOON, async || {
            (self.read_model.switch(&live, other.generation).await.unwrap() == Switched::Done).then_some(())
        })
        .await;
    }

    /// Publishes orders, waits until readers see them, and returns them.
    async fn more(&self, count: usize) -> Vec<StreamId> {
        let orders: Vec<_> = (0..count).map(|_| fresh_order()).collect();
        let events: Vec<Recorded<AnyEvent>> =
            orders.iter().flat_map(|order| [placed(order), cancelled(order)]).collect();
        self.publish(&events).await;
        self.shows::<OrderView>(&events).await;
        orders
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_generation_is_fed_until_it_is_dropped_whichever_is_live_and_whoever_restarts() {
    let world = World::new(shared().await).await;
    let running = world.project("one", ORDERS);
    let mut orders = world.more(60).await;
    let first = world.of(world.generation);
    let second = world.begin(shape(), None).await;
    world.has_reached(second, first).await;
    assert!(world.alike(first, second, &orders).await);

    world.switch(first, second).await;
    orders.extend(world.more(20).await);
    world.has_reached(first, second).await;
    assert!(world.alike(first, second, &orders).await, "the old one goes on");

    running.stop().await;
    let running = world.project("one", ORDERS);
    orders.extend(world.more(20).await);
    world.has_reached(first, second).await;
    assert!(world.alike(first, second, &orders).await, "a new process finds both");
    world.switch(second, first).await;
    orders.extend(world.more(20).await);

    world.has_reached(second, first).await;
    assert_eq!(world.read_model.retire(&second).await.unwrap(), Retired::Done);
    eventually("nothing of it is left", SOON, async || {
        let left = world.read_model.clear(&second).await.unwrap();
        let more = world.more(1).await;
        let late = world.read_model.documents(&second, &more).await.unwrap();
        (left == 0 && late == [None]).then_some(())
    })
    .await;
    assert!(running.0.health.is_ready(), "{:?}", running.0.health.report());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn filling_keeps_to_its_rate_and_goes_on_where_it_was_when_a_projector_is_started_again() {
    let world = World::new(shared().await).await;
    let running = world.project("one", ORDERS);
    world.more(400).await;
    let first = world.of(world.generation);
    let begun = clock::monotonic();
    let second = world.begin(shape(), Some(120)).await;
    eventually("it is being filled", SOON, async || (world.applied(second).await > 0).then_some(())).await;
    running.stop().await;
    let stopped_at = world.applied(second).await;
    // Each partition may take its first batch at once; from then on the rate holds.
    let most = i64::try_from(120 * begun.elapsed().as_secs()).unwrap() + 12 * 100 + 120;
    let all = world.applied(first).await;
    assert!(stopped_at < all && stopped_at <= most, "{stopped_at} of {all} after {:?}", begun.elapsed());

    let running = world.project("one", ORDERS);
    let mut lowest = i64::MAX;
    assert!(world.read_model.pace(&second, None).await.unwrap());
    eventually("it has come as far", SOON, async || {
        let reached = world.applied(second).await;
        lowest = lowest.min(reached);
        (reached >= all).then_some(())
    })
    .await;
    assert!(lowest >= stopped_at, "it began again at {lowest}, and was at {stopped_at}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_of_another_shape_fills_its_own_generation_and_is_ready_once_readers_see_it() {
    let world = World::new(shared().await).await;
    let foreign = world.of(world.generation);
    world.read_model.found(&foreign, Shape(99), 0).await.unwrap();
    let running = world.project("one", ORDERS);
    let reason = eventually("it says that it cannot go on", SOON, async || {
        running.reason("projection-orders").filter(|reason| reason.contains("another shape"))
    })
    .await;
    assert!(reason.contains("ops rebuild orders"), "{reason}");

    let own = world.begin(shape(), None).await;
    let events: Vec<_> = (0..30).map(|_| placed(&fresh_order())).collect();
    world.publish(&events).await;
    eventually("its own is filled", SOON, async || (world.applied(own).await >= 30).then_some(())).await;
    assert_eq!(world.applied(foreign).await, 0, "what it does not fold is left alone");
    assert!(!running.0.health.is_ready());
    world.switch(foreign, own).await;
    world.shows::<OrderView>(&events).await;
    eventually("it is ready", SOON, async || running.0.health.is_ready().then_some(())).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_projection_that_pauses_stands_still_and_stays_ready_and_catches_up_afterwards() {
    let world = World::new(shared().await).await;
    let running = world.project("one", ORDERS);
    world.more(1).await;
    world.read_model.pause(ORDERS, SOON).await.unwrap();
    let waiting = eventually("an order waits, though there is time", SOON, async || {
        let event = [placed(&fresh_order())];
        world.publish(&event).await;
        let shown = tokio::time::timeout(Duration::from_secs(2), world.shows::<OrderView>(&event)).await;
        shown.is_err().then_some(event)
    })
    .await;
    assert!(running.0.health.is_ready(), "{:?}", running.0.health.report());
    world.read_model.pause(ORDERS, Duration::ZERO).await.unwrap();
    world.shows::<OrderView>(&waiting).await;
    running.stop().await;
}
