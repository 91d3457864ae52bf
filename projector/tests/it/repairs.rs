//! Documents that were damaged behind the projector's back are made anew by it, once somebody asks.

use read_model::Target;
use schemas::{AnyEvent, Recorded, Sku, StockEvent, StockReceived, StreamId};
use stack::testing::eventually;
use uuid::Uuid;
use views::StockView;

use crate::world::{SOON, World, recorded, shared};

/// So many deliveries to each of these.
fn deliveries(skus: &[Sku], versions: std::ops::RangeInclusive<u32>) -> Vec<Recorded<AnyEvent>> {
    let received = |sku: &Sku, version| {
        recorded(
            &sku.stock(),
            version,
            StockEvent::Received(StockReceived { sku: sku.clone(), quantity: 7, reason: None }),
        )
    };
    versions.flat_map(|version| skus.iter().map(move |sku| received(sku, version))).collect()
}

impl World {
    async fn redis(&self, words: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.redis.url()).unwrap();
        let mut raw = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut raw).await.unwrap()
    }
}

fn document(Target { projection, generation }: Target, stream: &StreamId) -> String {
    format!("{{{projection}}}:g{generation}:d:{stream}")
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

    let seed = Uuid::new_v4().as_u128();
    let mut damaged = Vec::new();
    for (number, sku) in (0..).zip(&skus) {
        let (stream, dice) = (sku.stock(), seed.rotate_left(number * 7) % 6);
        let key = document(target, &stream);
        let body = r#"{"sku":"LAMP"}"#;
        let _how_much = match dice {
            0 => world.redis(&["DEL", &key]).await,
            1 => world.redis(&["HSET", &key, "b", body]).await,
            2 => world.redis(&["HDEL", &key, "b"]).await,
            3 => world.redis(&["HSET", &key, "v", "1"]).await,
            _ => continue,
        };
        if dice == 3 {
            let _how_much = world.redis(&["HDEL", &key, "e"]).await;
        }
        damaged.push(stream);
    }
    world.read_model.request_repairs(&target, &damaged).await.unwrap();
    // Whoever asks has the streams published again until they were.
    eventually(&format!("the documents are made anew, seed {seed}"), SOON, async || {
        world.publish(&events).await;
        let left = world.read_model.repairs(&[target]).await.ok()?;
        left[0].is_empty().then_some(())
    })
    .await;
    world.shows::<StockView>(&events).await;

    let more = deliveries(&skus, 4..=4);
    world.publish(&more).await;
    world.shows::<StockView>(&[events, more].concat()).await;
    running.stop().await;
}
