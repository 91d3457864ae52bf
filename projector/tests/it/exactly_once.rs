//! Every event counts exactly once and in order, whatever dies.

use read_model::Page;
use schemas::{AnyEvent, Recorded, StreamId};
use stack::servers::Redis;
use stack::testing::eventually;
use views::{HistoryView, OrderView};

use crate::world::{SOON, World, cancelled, fresh_order, placed, shared};

/// Orders that are placed, and every second of them cancelled later.
fn orders(count: usize) -> (Vec<StreamId>, Vec<Recorded<AnyEvent>>) {
    let orders: Vec<_> = (0..count).map(|_| fresh_order()).collect();
    let events = orders.iter().map(placed).chain(orders.iter().step_by(2).map(cancelled));
    (orders.clone(), events.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_lists_equal_the_fold_of_the_events_and_repetitions_change_nothing() {
    let world = World::new(shared().await).await;
    let running = world.project("one", "orders,history");
    let (_, events) = orders(150);
    world.publish(&events).await;
    world.publish(&events).await;
    world.shows::<OrderView>(&events).await;
    world.shows::<HistoryView>(&events).await;
    eventually("nothing is behind", SOON, async || {
        let lag = world.reader.lag_ms("orders").await.unwrap();
        (lag == Some(0) && running.0.health.is_ready()).then_some(())
    })
    .await;
    running.stop().await;
    world.shows::<OrderView>(&events).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_when_redis_and_projectors_die_under_load() {
    let world = World::new(shared().await).await;
    let (orders, events) = orders(600);
    let (first, second) = (world.project("one", "orders"), world.project("two", "orders"));
    let publishing = async {
        for chunk in events.chunks(20) {
            world.publish(chunk).await;
        }
    };
    let dying = async {
        let shown = |index: usize| (index, &orders[index]);
        for (round, (_, order)) in [shown(60), shown(200), shown(400)].into_iter().enumerate() {
            eventually("it moves on", SOON, async || (world.version("orders", order).await > 0).then_some(())).await;
            world.redis.restart().await.unwrap();
            if round == 1 {
                first.0.shutdown.request();
            }
        }
    };
    tokio::join!(publishing, dying);
    let third = world.project("one", "orders");
    world.shows::<OrderView>(&events).await;
    third.stop().await;
    second.stop().await;
    assert_eq!(listed(&world, "all").await.intersection(&orders.iter().cloned().collect()).count(), orders.len());
}

async fn listed(world: &World, list: &str) -> std::collections::BTreeSet<StreamId> {
    let mut page = Page { list: list.to_owned(), from: None, to: None, after: None, limit: 100 };
    let mut streams = std::collections::BTreeSet::new();
    loop {
        let (entries, next) = world.reader.page("orders", &page).await.unwrap();
        for entry in entries {
            assert!(streams.insert(entry.at.stream), "twice in the list");
        }
        match next {
            Some(next) => page.after = Some(next),
            None => return streams,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_redis_lost_is_applied_again_although_nothing_new_happens() {
    let world = World::new(shared().await).await;
    let running = world.project("one", "orders");
    let (_, events) = orders(40);
    world.publish(&events).await;
    world.shows::<OrderView>(&events).await;

    world.redis.kill().await;
    cut_tail(&world.redis, 2_000);
    world.redis.restart().await.unwrap();
    world.shows::<OrderView>(&events).await;

    let _: () = flush(&world.redis).await;
    world.shows::<OrderView>(&events).await;
    running.stop().await;
}

fn cut_tail(server: &Redis, bytes: u64) {
    let files = std::fs::read_dir(server.folder().join("appendonlydir")).unwrap().map(|file| file.unwrap().path());
    let file = files.filter(|file| file.to_string_lossy().ends_with(".incr.aof")).max().unwrap();
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    file.set_len(file.metadata().unwrap().len() - bytes).unwrap();
}

/// Empties Redis and restarts it, as a lost disk would.
async fn flush(server: &Redis) {
    server.kill().await;
    std::fs::remove_dir_all(server.folder().join("appendonlydir")).unwrap();
    server.restart().await.unwrap();
}
