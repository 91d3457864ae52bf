//! Documents that were damaged behind the projector's back are made anew by it, once somebody asks.

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use read_model::Target;
use redis::Cmd;
use schemas::{AnyEvent, Recorded, Sku, StockEvent, StockReceived, StreamId};
use stack::testing::eventually;
use uuid::Uuid;
use views::StockView;

use crate::world::{SOON, World, recorded, shared};

/// A delivery of each of these versions to each of these.
fn deliveries(skus: &[Sku], versions: std::ops::RangeInclusive<u32>) -> Vec<Recorded<AnyEvent>> {
    let received = |sku: &Sku, version| {
        let received = StockReceived { sku: sku.clone(), quantity: 7, reason: None };
        recorded(&sku.stock(), version, StockEvent::Received(received))
    };
    versions.flat_map(|version| skus.iter().map(move |sku| received(sku, version))).collect()
}

impl World {
    /// How many records were read of the projection's partitions, together.
    async fn records_read(&self, target: &Target) -> Option<i64> {
        Some(self.read_model.progress(target).await.ok()?.values().sum())
    }

    /// Publishes events once more, and waits until whatever reads them may be behind them: so nothing piles up.
    async fn comes_by_again(&self, target: &Target, events: &[Recorded<AnyEvent>]) -> Option<()> {
        let behind = self.records_read(target).await? + i64::try_from(events.len()).ok()?;
        self.publish(events).await;
        let passed = async || (self.records_read(target).await? >= behind).then_some(());
        eventually("what is published again comes by", SOON, passed).await;
        Some(())
    }

    /// Damages some of these documents, each by a die; says which.
    async fn damage(&self, target: Target, streams: Vec<StreamId>, mut random: StdRng) -> Vec<StreamId> {
        let client = redis::Client::open(self.redis.url()).unwrap();
        let mut raw = client.get_multiplexed_async_connection().await.unwrap();
        let mut damaged = Vec::new();
        for stream in streams {
            let key = format!("{{{}}}:g{}:d:{stream}", target.projection, target.generation);
            let blows: &[Cmd] = match random.random_range(0..6) {
                0 => &[Cmd::del(&key)],
                1 => &[Cmd::hset(&key, "b", r#"{"sku":"LAMP"}"#)],
                2 => &[Cmd::hdel(&key, "b")],
                3 => &[Cmd::hset(&key, "v", 1), Cmd::hdel(&key, "e")],
                _ => continue,
            };
            for blow in blows {
                let _how_much: i64 = blow.query_async(&mut raw).await.unwrap();
            }
            damaged.push(stream);
        }
        damaged
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_damaged_is_made_anew_by_the_projector_that_believes_to_have_it() {
    let world = World::new(shared().await).await;
    let running = world.project("one", "stock");
    let target = world.views_of("stock");
    let skus: Vec<_> = (0..40).map(|_| Sku::parse(&Uuid::new_v4().simple().to_string()).unwrap()).collect();
    let events = deliveries(&skus, 1..=3);
    world.publish(&events).await;
    world.shows::<StockView>(&events).await;

    let seed: u64 = rand::random();
    let streams = skus.iter().map(Sku::stock).collect();
    let damaged = world.damage(target, streams, StdRng::seed_from_u64(seed)).await;
    world.read_model.request_repairs(&target, &damaged).await.unwrap();
    // Whoever asks has the streams published again until they were heard and made anew.
    eventually(&format!("{damaged:?} are made anew, seed {seed}"), SOON, async || {
        let left = world.read_model.repairs(&[target]).await.ok()?.remove(0);
        if left.is_empty() {
            return Some(());
        }
        let again: Vec<_> = events.iter().filter(|event| left.contains(&event.stream)).cloned().collect();
        world.comes_by_again(&target, &again).await?;
        None
    })
    .await;
    world.shows::<StockView>(&events).await;

    let more = deliveries(&skus, 4..=4);
    world.publish(&more).await;
    world.shows::<StockView>(&[events, more].concat()).await;
    running.stop().await;
}
