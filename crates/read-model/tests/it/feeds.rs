//! Feeds: exactly once, in order, provably the same feed, and a bell for everyone who waits.

mod bells;
mod model;
mod property;

use std::time::Duration;

use read_model::feeds::{Appended, Batch, Cursor, Event, MOST_ENTRIES, Read, WINDOW};
use read_model::{ReadModel, RedisConfig, Source};
use runtime::Process;
use schemas::{EventId, OrderId, Position, StreamId, Timestamp, UserId, Version};
use stack::servers::Redis;
use stack::testing;
use uuid::Uuid;

/// A Redis of its own: the keys of the feeds have fixed names.
pub(crate) struct Rig {
    pub(crate) server: Redis,
    pub(crate) read_model: ReadModel,
    pub(crate) process: Process,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        let server: Redis = testing::own().await;
        let process = Process::new("feeds-test", None);
        let config = RedisConfig { redis_url: server.url().into() };
        let read_model = ReadModel::connect(&config, &process).unwrap();
        Self { server, read_model, process }
    }

    /// A connection beside the crate's own, to look and to break things.
    pub(crate) async fn raw(&self) -> redis::aio::MultiplexedConnection {
        redis::Client::open(self.server.url()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    pub(crate) async fn read(&self, user: &UserId, after: Cursor, count: usize) -> Read {
        self.read_model.feed_read(user, after, count).await.unwrap()
    }

    /// Appends events behind the stored position of partition 0.
    pub(crate) async fn append(&self, now: Timestamp, events: Vec<Event>) -> Appended {
        let source = source(0);
        let base = self.read_model.feeds_position(&source).await.unwrap();
        let next =
            Position { next: base.next + i64::try_from(events.len()).unwrap(), last: events.last().map(|e| e.id) };
        self.read_model.append_feeds(&Batch { source, base, next, now, events }).await.unwrap()
    }
}

pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

pub(crate) fn source(partition: i32) -> Source {
    Source { topic: "orders.events.v1".into(), partition }
}

pub(crate) fn user(number: u128) -> UserId {
    UserId::from_bits(number)
}

pub(crate) fn stream(number: u128) -> StreamId {
    OrderId::from_bits(number).stream().clone()
}

/// Version `version` of stream `number`, always the same event.
pub(crate) fn event(number: u128, version: u32, owner: Option<UserId>, at: Timestamp) -> Event {
    Event {
        stream: stream(number),
        version: Version(version),
        id: EventId(Uuid::from_u128(number << 32 | u128::from(version))),
        at,
        owner,
        name: "OrderPlaced".to_owned(),
        seed_type: (version == 1).then(|| "order.created".to_owned()),
        offset: i64::from(version),
        data: format!(r#"{{"number":{number}}}"#),
        trace: version.is_multiple_of(2).then(|| format!("00-{number:032x}-{version:016x}-01")),
    }
}

fn known(read: Read) -> Vec<(u64, Version)> {
    match read {
        Read::Known(entries) => entries.iter().map(|entry| (entry.cursor.seq, entry.version)).collect(),
        Read::Unknown { head } => panic!("unknown, head {head}"),
    }
}

#[tokio::test]
async fn a_feed_keeps_its_newest_thousand_entries_and_forgets_older_cursors() {
    let rig = Rig::start().await;
    let me = user(1);
    let mut cursors = vec![Cursor::START];
    for first in (1..=1_100).step_by(100) {
        let events = (first..first + 100).map(|version| event(7, version, Some(me.clone()), NOW)).collect();
        rig.append(NOW, events).await;
        cursors.push(rig.read_model.feed_head(&me).await.unwrap());
    }
    rig.append(NOW, vec![event(7, 1_101, Some(me.clone()), NOW)]).await;
    cursors.push(rig.read_model.feed_head(&me).await.unwrap());
    let head = *cursors.last().unwrap();
    assert_eq!(head.seq, 1_101);
    assert_eq!(rig.read(&me, cursors[1], 5).await, Read::Unknown { head }, "entry 101 is gone");
    assert_eq!(rig.read(&me, Cursor::START, 5).await, Read::Unknown { head });
    let all = known(rig.read(&me, cursors[2], 2_000).await);
    assert_eq!(all, (201..=1_101).map(|version| (u64::from(version), Version(version))).collect::<Vec<_>>());
    assert_eq!(rig.read(&me, head, 5).await, Read::Known(Vec::new()));
    let kept: usize =
        redis::cmd("XLEN").arg(format!("{{feeds}}:u:{me}")).query_async(&mut rig.raw().await).await.unwrap();
    assert_eq!(kept, usize::try_from(MOST_ENTRIES).unwrap());
}

#[tokio::test]
async fn a_feed_that_nobody_adds_to_expires_but_its_head_and_its_numbers_stay() {
    let rig = Rig::start().await;
    let me = user(1);
    rig.append(NOW, vec![event(7, 1, Some(me.clone()), NOW)]).await;
    rig.append(NOW, vec![event(7, 2, Some(me.clone()), NOW)]).await;
    let head = rig.read_model.feed_head(&me).await.unwrap();
    let key = format!("{{feeds}}:u:{me}");
    let mut raw = rig.raw().await;
    let left: u128 = redis::cmd("PTTL").arg(&key).query_async(&mut raw).await.unwrap();
    assert!(left <= WINDOW.as_millis() && left > WINDOW.as_millis() - 60_000, "{left}");
    let gone: u32 = redis::cmd("DEL").arg(&key).query_async(&mut raw).await.unwrap();
    assert_eq!(gone, 1);
    assert_eq!(rig.read(&me, head, 5).await, Read::Known(Vec::new()));
    rig.append(NOW, vec![event(7, 3, Some(me.clone()), NOW)]).await;
    assert_eq!(known(rig.read(&me, head, 5).await), [(3, Version(3))], "whoever was at the head goes on");
    assert!(matches!(rig.read(&me, Cursor::START, 5).await, Read::Unknown { .. }));
}

/// As what was parked over a weekend is when it is let go.
#[tokio::test]
async fn what_comes_too_late_to_be_kept_leaves_no_cursor_before_it_good() {
    let rig = Rig::start().await;
    let me = user(1);
    let late = Timestamp::from_micros(NOW.as_micros() + i64::try_from(WINDOW.as_micros()).unwrap() * 2);
    rig.append(NOW, vec![event(7, 1, Some(me.clone()), NOW)]).await;
    let before = rig.read_model.feed_head(&me).await.unwrap();
    rig.append(late, vec![event(7, 2, Some(me.clone()), NOW)]).await;
    let head = rig.read_model.feed_head(&me).await.unwrap();
    assert_eq!((head.seq, rig.read(&me, before, 5).await), (2, Read::Unknown { head }));
    assert_eq!(rig.read(&me, head, 5).await, Read::Known(Vec::new()));
    let mixed = vec![
        event(7, 3, Some(me.clone()), late),
        event(8, 1, Some(me.clone()), NOW),
        event(7, 4, Some(me.clone()), late),
    ];
    rig.append(late, mixed).await;
    let last = rig.read_model.feed_head(&me).await.unwrap();
    assert_eq!((last.seq, rig.read(&me, head, 5).await), (5, Read::Unknown { head: last }));
    assert_eq!(known(rig.read(&me, head, 1).await), [(3, Version(3))], "as far as nothing is missing");
}

#[tokio::test]
async fn an_emptied_redis_knows_no_cursor_until_the_same_events_made_the_same_feed_again() {
    let rig = Rig::start().await;
    let me = user(1);
    let events: Vec<_> = (1..=3).map(|version| event(7, version, Some(me.clone()), NOW)).collect();
    rig.append(NOW, events.clone()).await;
    let before = rig.read(&me, Cursor::START, 10).await;
    let head = rig.read_model.feed_head(&me).await.unwrap();
    let _: () = redis::cmd("FLUSHALL").query_async(&mut rig.raw().await).await.unwrap();
    assert_eq!(rig.read(&me, head, 10).await, Read::Unknown { head: Cursor::START });
    rig.append(NOW, events).await;
    assert_eq!(rig.read(&me, Cursor::START, 10).await, before);
    assert_eq!(rig.read(&me, head, 10).await, Read::Known(Vec::new()));
}

#[tokio::test]
async fn a_ticket_is_taken_by_one_of_all_who_try_and_lives_for_its_time() {
    let rig = Rig::start().await;
    rig.read_model.keep_ticket("secret", "bearer", Duration::from_secs(30)).await.unwrap();
    let left: u64 = redis::cmd("PTTL").arg("{feeds}:t:secret").query_async(&mut rig.raw().await).await.unwrap();
    assert!(left <= 30_000 && left > 20_000, "{left}");
    let tries = futures::future::join_all((0..20).map(|_| rig.read_model.take_ticket("secret"))).await;
    let taken: Vec<_> = tries.into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(taken, ["bearer"]);
}
