//! Streams that are longer than what is read at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use domain::stock::Stock;
use event_store::{Appended, Commit, EventStore, KeyHash, TailPage};
use schemas::{StreamId, Timestamp, Version};

use super::world::{World, given, keyed, receive};
use crate::streams::{Creates, Rejected, Store, Streams};

/// A store that reads two commits at once, and knows of no keys, as if what has them was committed after they were looked up.
#[derive(Clone)]
struct Narrow {
    store: EventStore,
    pages: Arc<AtomicU32>,
    /// The page that fails.
    lost: u32,
}

impl Narrow {
    fn on(world: &World, lost: u32) -> Self {
        Self { store: world.store.clone(), pages: Arc::default(), lost }
    }
}

impl Store for Narrow {
    fn now(&self) -> Timestamp {
        Store::now(&self.store)
    }

    async fn append(&self, commit: &Commit) -> Result<Appended, event_store::Error> {
        self.store.append(commit).await
    }

    async fn tail_page(&self, stream: &StreamId, from: Version) -> Result<TailPage, event_store::Error> {
        if self.pages.fetch_add(1, Ordering::Relaxed) + 1 == self.lost {
            return Err(event_store::Error::Busy);
        }
        self.store.tail_page(stream, from, 2).await
    }

    async fn find_keys(&self, _keys: &[KeyHash]) -> Result<Vec<Commit>, event_store::Error> {
        Ok(Vec::new())
    }
}

/// A stream of seven commits.
async fn world() -> World {
    let world = World::new().await;
    for number in 1..=7_i64 {
        given(&world.one, receive(number), keyed(&number.to_string())).await.unwrap();
    }
    world
}

#[tokio::test]
async fn a_stream_of_many_pages_is_folded_and_an_earlier_sending_is_found_on_any_of_them() {
    let world = world().await;
    let head = Streams::<Stock, _>::new(Narrow::on(&world, 0)).load(&world.stream).await.unwrap();
    assert_eq!((head.version, head.state.as_ref().unwrap().on_hand), (Version(7), 28));
    for number in 1..=7_u32 {
        let streams = Streams::<Stock, _>::new(Narrow::on(&world, 0));
        let (again, intent) = (receive(number.into()), keyed(&number.to_string()));
        let done = streams.execute(world.stream.clone(), Creates::No, again, intent).await.unwrap();
        assert_eq!((done.version, done.replayed), (Version(number), true));
    }
    assert_eq!(world.stock().await.on_hand, 28);
}

#[tokio::test]
async fn whoever_could_not_read_a_stream_to_its_end_goes_on_from_there() {
    let world = world().await;
    let store = Narrow::on(&world, 3);
    let streams = Streams::<Stock, _>::new(store.clone());
    assert!(matches!(streams.load(&world.stream).await, Err(Rejected::Store(_))));
    let head = streams.load(&world.stream).await.unwrap();
    assert_eq!((head.version, head.state.as_ref().unwrap().on_hand), (Version(7), 28));
    assert_eq!(store.pages.load(Ordering::Relaxed), 5, "two pages, one that failed, and the two others");
}
