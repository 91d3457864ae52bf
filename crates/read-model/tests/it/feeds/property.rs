//! Random histories (gaps, duplicates, old events, retried calls, zombies, parked streams) on the real Redis against the
//! model.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use read_model::feeds::{Appended, Batch, Cursor, Passed, Poison};
use read_model::{Origin, Parked, ParkingEntry, Released, Sink};
use schemas::{Position, Timestamp, Version};

use super::model::Model;
use super::{NOW, Rig, event, source, stream, user};
use crate::views::parking::entry;

const HOUR: i64 = 3_600_000_000;
const PARTITIONS: u128 = 2;
const STREAMS: u128 = 3;
const USERS: u128 = 2;

#[derive(Debug, Clone)]
enum Step {
    Append(Call),
    Park(Record),
    Release(Release),
}

/// A record that gives no event.
#[derive(Debug, Clone)]
struct Record {
    partition: u128,
    base: Base,
    stream: u128,
    /// `None` = it does not tell its version.
    version: Option<Choice>,
}

/// Of all entries that were ever read, this one is released.
#[derive(Debug, Clone)]
struct Release {
    entry: usize,
    discards: Option<Origin>,
    head: u32,
}

/// One call, in terms that make sense in any state.
#[derive(Debug, Clone)]
struct Call {
    partition: u128,
    base: Base,
    /// How much later than the call before, in hours.
    later: i64,
    events: Vec<Pick>,
}

#[derive(Debug, Clone, Copy)]
enum Base {
    Stored,
    /// A zombie's, or that of a retry whose first answer was lost.
    Other(i64),
}

#[derive(Debug, Clone, Copy)]
struct Pick {
    stream: u128,
    version: Choice,
    /// How old it is, in hours.
    age: i64,
}

#[derive(Debug, Clone, Copy)]
enum Choice {
    Next,
    Any(u32),
}

fn choice() -> impl Strategy<Value = Choice> {
    prop_oneof![4 => Just(Choice::Next), 1 => (1..8_u32).prop_map(Choice::Any)]
}

fn base() -> impl Strategy<Value = Base> {
    prop_oneof![6 => Just(Base::Stored), 1 => (-1..2_i64).prop_map(Base::Other)]
}

fn pick() -> impl Strategy<Value = Pick> {
    let age = prop_oneof![4 => 0..3_i64, 1 => 20..30_i64];
    (0..STREAMS, choice(), age).prop_map(|(stream, version, age)| Pick { stream, version, age })
}

fn call() -> impl Strategy<Value = Call> {
    let later = prop_oneof![3 => Just(0_i64), 1 => 1..30_i64];
    (0..PARTITIONS, base(), later, prop::collection::vec(pick(), 0..6))
        .prop_map(|(partition, base, later, events)| Call { partition, base, later, events })
}

fn step() -> impl Strategy<Value = Step> {
    let record = (0..PARTITIONS, base(), 0..STREAMS, prop::option::of(choice()));
    let record = record.prop_map(|(partition, base, stream, version)| Record { partition, base, stream, version });
    let discards = prop::option::of(prop::sample::select(&[Origin::Store, Origin::Stranger][..]));
    let release = (0..6_usize, discards, 0..9_u32);
    let release = release.prop_map(|(entry, discards, head)| Release { entry, discards, head });
    prop_oneof![
        6 => call().prop_map(Step::Append),
        1 => record.prop_map(Step::Park),
        1 => release.prop_map(Step::Release),
    ]
}

#[test]
fn feeds_equal_the_model_under_gaps_duplicates_old_events_retries_and_zombies() {
    let seed = u64::try_from(runtime::clock::now_micros()).unwrap();
    let config = Config { cases: 100, failure_persistence: None, rng_seed: RngSeed::Fixed(seed), ..Config::default() };
    let threads = tokio::runtime::Runtime::new().unwrap();
    let rig = threads.block_on(Rig::start());
    let histories = (prop::collection::vec(step(), 1..25), prop::collection::vec(any::<Index>(), 8));
    let outcome = TestRunner::new(config).run(&histories, |(steps, places)| {
        threads.block_on(replay(&rig, steps, &places));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("seed {seed}: {error}");
    }
}

async fn replay(rig: &Rig, steps: Vec<Step>, places: &[Index]) {
    let mut raw = rig.raw().await;
    let _: () = redis::cmd("FLUSHALL").query_async(&mut raw).await.unwrap();
    let (mut model, mut now, mut seen) = (Model::default(), NOW.as_micros(), Vec::<Parked>::new());
    for step in steps {
        match step {
            Step::Append(call) => {
                now += call.later * HOUR;
                let batch = batch(&model, &call, now);
                append(rig, &mut model, &batch).await;
            }
            Step::Park(record) => record.run(rig, &mut model).await,
            Step::Release(release) => release.run(rig, &mut model, &seen).await,
        }
        // The latest first.
        seen.splice(..0, rig.read_model.parked(Sink::Feeds).await.unwrap());
    }
    assert_eq!(stored_versions(&mut raw).await, expected_versions(&model));
    assert_eq!(stored_gaps(&mut raw).await, expected_gaps(&model));
    let parked = rig.read_model.parked(Sink::Feeds).await.unwrap();
    assert_eq!(parked.into_iter().map(|one| (one.stream, one.entry)).collect::<BTreeMap<_, _>>(), model.parked);
    compare_feeds(rig, &model, places).await;
}

async fn append(rig: &Rig, model: &mut Model, batch: &Batch) {
    let expected = model.append(batch);
    assert_eq!(rig.read_model.append_feeds(batch).await.unwrap(), expected);
    if let Appended::Done(_) = expected
        && batch.base != batch.next
    {
        let again = rig.read_model.append_feeds(batch).await.unwrap();
        assert_eq!(again, Appended::Refused { stored: batch.next }, "a retried call changes nothing");
    }
    assert_eq!(rig.read_model.feeds_position(&batch.source).await.unwrap(), model.position(&batch.source));
}

impl Record {
    async fn run(self, rig: &Rig, model: &mut Model) {
        let (source, stream) =
            (source(i32::try_from(self.partition).unwrap()), stream(self.partition * STREAMS + self.stream));
        let base = self.base.of(model.position(&source));
        let next = Position { next: base.next + 1, last: None };
        let version = self.version.map(|choice| Version(choice.version(model.version(&stream))));
        let entry = ParkingEntry { version, offset: base.next, ..entry() };
        let poison = Poison { source, base, next, stream, entry };
        let expected = model.park(&poison);
        assert_eq!(rig.read_model.park_feeds(&poison).await.unwrap(), expected, "{poison:?}");
        if matches!(expected, Passed::Parked | Passed::Over) {
            let again = rig.read_model.park_feeds(&poison).await.unwrap();
            assert_eq!(again, Passed::Refused { stored: next }, "a retried call changes nothing");
        }
    }
}

impl Release {
    async fn run(self, rig: &Rig, model: &mut Model, seen: &[Parked]) {
        let Some(parked) = seen.get(self.entry) else { return };
        let (head, expected) = (Version(self.head), model.release(parked, self.head, self.discards));
        let release = async || match self.discards {
            Some(origin) => rig.read_model.discard(Sink::Feeds, parked, head, ("not ours", NOW, origin)).await.unwrap(),
            None => rig.read_model.redrive(Sink::Feeds, parked, head).await.unwrap(),
        };
        assert_eq!(release().await, expected, "{self:?}");
        assert_eq!(release().await, Released::Changed, "once is enough");
        let stored = rig.read_model.version(Sink::Feeds, &parked.stream).await.unwrap();
        assert_eq!(stored.0, model.version(&parked.stream));
    }
}

impl Base {
    fn of(self, stored: Position) -> Position {
        match self {
            Self::Stored => stored,
            Self::Other(by) => Position { next: (stored.next + by).max(0), last: None },
        }
    }
}

impl Choice {
    fn version(self, head: u32) -> u32 {
        match self {
            Self::Next => head + 1,
            Self::Any(version) => version,
        }
    }
}

/// The whole of each feed, and what it says to cursors of its own, of others and of its past.
async fn compare_feeds(rig: &Rig, model: &Model, places: &[Index]) {
    for owner in (0..USERS).map(user) {
        assert_eq!(rig.read_model.feed_head(&owner).await.unwrap(), model.head(&owner));
        let mut cursors = vec![Cursor::START, model.head(&owner)];
        if !model.cursors.is_empty() {
            cursors.extend(places.iter().map(|place| place.get(&model.cursors).1));
        }
        for cursor in cursors {
            for count in [0, 1, 1_000] {
                let read = rig.read(&owner, cursor, count).await;
                assert_eq!(read, model.read(&owner, cursor, count), "{cursor} of {owner}");
            }
        }
    }
}

fn batch(model: &Model, call: &Call, now: i64) -> Batch {
    let source = source(i32::try_from(call.partition).unwrap());
    let stored = model.position(&source);
    let base = call.base.of(stored);
    let mut heads = BTreeMap::new();
    let events: Vec<_> = call
        .events
        .iter()
        .map(|pick| {
            // A stream lives in one partition; every third one is nobody's.
            let number = call.partition * STREAMS + pick.stream;
            let head = heads.entry(number).or_insert_with(|| model.version(&stream(number)));
            let version = pick.version.version(*head);
            *head = if version == *head + 1 { version } else { *head };
            let owner = (pick.stream < USERS).then(|| user(pick.stream));
            event(number, version, owner, Timestamp::from_micros(now - pick.age * HOUR))
        })
        .collect();
    let next = Position {
        next: base.next + i64::try_from(events.len()).unwrap(),
        last: events.last().map_or(base.last, |event| Some(event.id)),
    };
    Batch { source, base, next, now: Timestamp::from_micros(now), events }
}

async fn stored_versions(raw: &mut redis::aio::MultiplexedConnection) -> BTreeMap<String, u32> {
    redis::cmd("HGETALL").arg("{feeds}:v").query_async(raw).await.unwrap()
}

async fn stored_gaps(raw: &mut redis::aio::MultiplexedConnection) -> BTreeMap<String, String> {
    redis::cmd("HGETALL").arg("{feeds}:gaps").query_async(raw).await.unwrap()
}

fn expected_versions(model: &Model) -> BTreeMap<String, u32> {
    model.versions.iter().map(|(stream, version)| (stream.to_string(), *version)).collect()
}

/// First missing version and highest seen one.
fn expected_gaps(model: &Model) -> BTreeMap<String, String> {
    let note = |stream, highest| format!("{} {highest}", model.version(stream) + 1);
    model.gaps.iter().map(|(stream, highest)| (stream.to_string(), note(stream, highest))).collect()
}
