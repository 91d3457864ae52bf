//! Random batches (stale documents, zombies, gaps, tombstones, moves in lists, parked streams), and parked streams that
//! are let go, on the real Redis against the model.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use read_model::{
    Applied, Batch, Discarded, DocumentWrite, Gap, Origin, Park, Parked, Parking, ParkingEntry, Released, Target,
};
use schemas::{EventId, Position, StreamId, Timestamp, Version};
use uuid::Uuid;

use super::model::Model;
use super::parking::entry;
use super::{Rig, event, source, stream};

const PARTITIONS: i32 = 2;
const STREAMS: u128 = 4;
const LISTS: [&str; 3] = ["all", "user:usr_1", "status:CREATED"];
const INDEX: &str = "words";
const TEXTS: [&str; 3] = ["ada", "ada lovelace", "é"];

#[derive(Debug, Clone)]
enum Step {
    Apply(Call),
    Release(Release),
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
    partition: i32,
    /// Off the stored position by so much.
    base_off: i64,
    changes: BTreeMap<u128, Change>,
    gaps: BTreeMap<u128, u32>,
    parks: BTreeMap<u128, Stop>,
    held: BTreeMap<u128, u32>,
    /// Which streams are parked is known, as a rule.
    knows_parked: bool,
}

#[derive(Debug, Clone)]
struct Stop {
    /// Off the stored version by so much.
    from_off: u32,
    /// Whether the record tells its version, and its id.
    tells: (bool, bool),
}

#[derive(Debug, Clone)]
struct Change {
    /// Off the stored version by so much.
    from_off: u32,
    by: u32,
    tombstone: bool,
    enters: BTreeMap<usize, i64>,
    leaves: Vec<usize>,
    /// Texts under which it is found, and is no longer found.
    texts: (Vec<usize>, Vec<usize>),
}

fn change() -> impl Strategy<Value = Change> {
    let off = prop_oneof![15 => Just(0_u32), 1 => Just(1_u32)];
    let enters = prop::collection::btree_map(0..LISTS.len(), 0..3_i64, 0..3);
    let leaves = prop::collection::vec(0..LISTS.len(), 0..2);
    let texts = || prop::collection::vec(0..TEXTS.len(), 0..2);
    (off, 1..4_u32, prop::bool::weighted(0.2), enters, leaves, (texts(), texts())).prop_map(
        |(from_off, by, tombstone, enters, leaves, texts)| Change { from_off, by, tombstone, enters, leaves, texts },
    )
}

fn stop() -> impl Strategy<Value = Stop> {
    let off = prop_oneof![15 => Just(0_u32), 1 => Just(1_u32)];
    let tells = (prop::bool::weighted(0.8), any::<bool>());
    (off, tells).prop_map(|(from_off, tells)| Stop { from_off, tells })
}

fn call() -> impl Strategy<Value = Call> {
    let off = prop_oneof![8 => Just(0_i64), 1 => Just(-1_i64), 1 => Just(2_i64)];
    let changes = prop::collection::btree_map(0..STREAMS, change(), 0..4);
    let gaps = prop::collection::btree_map(0..STREAMS, 2..9_u32, 0..2);
    let parks = prop::collection::btree_map(0..STREAMS, stop(), 0..2);
    let held = prop::collection::btree_map(0..STREAMS, 0..9_u32, 0..2);
    let knows = prop::bool::weighted(0.9);
    (0..PARTITIONS, off, changes, gaps, (parks, held, knows)).prop_map(
        |(partition, base_off, changes, gaps, (parks, held, knows_parked))| Call {
            partition,
            base_off,
            changes,
            gaps,
            parks,
            held,
            knows_parked,
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let discards = prop::option::of(prop::sample::select(&[Origin::Store, Origin::Stranger][..]));
    let release = (0..8_usize, discards, 0..9_u32);
    let release = release.prop_map(|(entry, discards, head)| Step::Release(Release { entry, discards, head }));
    prop_oneof![4 => call().prop_map(Step::Apply), 1 => release]
}

#[test]
fn the_function_does_what_the_model_does() {
    let seed = u64::try_from(runtime::clock::now_micros()).unwrap();
    let config = Config { cases: 150, failure_persistence: None, rng_seed: RngSeed::Fixed(seed), ..Config::default() };
    let threads = tokio::runtime::Runtime::new().unwrap();
    let rig = threads.block_on(Rig::shared("property"));
    let outcome = TestRunner::new(config).run(&prop::collection::vec(step(), 1..25), |steps| {
        threads.block_on(replay(&rig, steps));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("seed {seed}: {error}");
    }
}

async fn replay(rig: &Rig, steps: Vec<Step>) {
    let mut raw = rig.raw().await;
    for key in rig.everything().await.keys() {
        let _: () = redis::cmd("DEL").arg(key).query_async(&mut raw).await.unwrap();
    }
    let live = redis::cmd("SET").arg("{property}:live").arg(rig.target.generation.0).to_owned();
    let _: () = live.query_async(&mut raw).await.unwrap();
    let (mut model, mut seen) = (Model::default(), Vec::<Parked>::new());
    for step in steps {
        match step {
            Step::Apply(call) => apply(rig, &mut model, call).await,
            Step::Release(release) => release.run(rig, &mut model, &seen).await,
        }
        // The latest first.
        seen.splice(..0, rig.read_model.parked(&rig.target).await.unwrap());
    }
    assert_eq!(stored(rig, &model).await, model);
}

async fn apply(rig: &Rig, model: &mut Model, call: Call) {
    let batch = call.batch(rig.target, model);
    let expected = model.apply(&batch);
    assert_eq!(rig.read_model.apply(&batch).await.unwrap(), expected, "{batch:?}");
    if expected == Applied::Done {
        let twice = rig.read_model.apply(&batch).await.unwrap();
        assert_eq!(twice, Applied::Refused { stored: batch.next }, "a retry is recognised");
    }
}

impl Release {
    async fn run(self, rig: &Rig, model: &mut Model, seen: &[Parked]) {
        let Some(parked) = seen.get(self.entry) else { return };
        let (head, at) = (Version(self.head), Timestamp::from_micros(1_700_000_000_000_000));
        let (stream, entry) = (parked.stream.clone(), parked.entry.clone());
        let because = |origin| Discarded { stream, entry, why: "not ours".to_owned(), at, origin };
        let discarded = self.discards.map(because);
        let expected = model.release(parked, head, discarded);
        let release = async || match self.discards {
            Some(origin) => rig.read_model.discard(&rig.target, parked, head, ("not ours", at, origin)).await.unwrap(),
            None => rig.read_model.redrive(&rig.target, parked, head).await.unwrap(),
        };
        assert_eq!(release().await, expected, "{self:?}");
        assert_eq!(release().await, Released::Changed, "once is enough");
    }
}

impl Call {
    fn batch(self, target: Target, model: &Model) -> Batch {
        let source = source(self.partition);
        let mut base = model.position(&source);
        base.next += self.base_off;
        let next = Position { next: base.next + 5, last: Some(EventId(Uuid::from_u128(5))) };
        let is_parked = |number: &u128| model.parked.contains_key(&stream(*number));
        let fits = |number: &u128, parked: bool| !self.knows_parked || is_parked(number) == parked;
        let changes = self.changes.into_iter().filter(|(number, _)| fits(number, false));
        let writes: Vec<_> = changes.map(|(number, change)| change.write(number, model)).collect();
        let parks = self.parks.into_iter().filter(|(number, _)| fits(number, false));
        let parks = parks.map(|(number, stop)| stop.park(number, model, (&writes, base.next))).collect();
        let gap = |(number, highest)| Gap { stream: stream(number), highest: Version(highest) };
        let held = self.held.into_iter().filter(|(number, _)| fits(number, true)).map(gap).collect();
        let (gaps, parking) = (self.gaps.into_iter().map(gap).collect(), Parking { parks, held });
        Batch { target, source, base, next, writes, gaps, parking }
    }
}

impl Stop {
    /// Behind what the same batch writes of the stream.
    fn park(self, number: u128, model: &Model, (writes, offset): (&[DocumentWrite], i64)) -> Park {
        let stream = stream(number);
        let from = model.version(&stream).plus(self.from_off);
        let last = writes.iter().find(|write| write.stream == stream).map_or(from, |write| write.to);
        let version = self.tells.0.then(|| last.next());
        let event_id = self.tells.1.then(|| event(number, last.next().0));
        Park { stream, from, entry: ParkingEntry { version, event_id, offset, ..entry() } }
    }
}

impl Change {
    fn write(self, number: u128, model: &Model) -> DocumentWrite {
        let from = model.version(&stream(number)).plus(self.from_off);
        let to = from.plus(self.by);
        let name = |index: usize| LISTS[index].to_owned();
        let leaves = self.leaves.into_iter().filter(|index| !self.enters.contains_key(index));
        DocumentWrite {
            stream: stream(number),
            from,
            to,
            last_event: event(number, to.0),
            // Any bytes will do.
            body: (!self.tombstone).then(|| vec![0, 255, b'\r', b'\n', u8::try_from(to.0).unwrap_or(9)]),
            list_remove: leaves.map(name).collect(),
            list_add: self.enters.iter().map(|(index, score)| (name(*index), *score)).collect(),
            text_add: self.texts.0.iter().map(|text| (INDEX.to_owned(), TEXTS[*text].to_owned())).collect(),
            text_remove: self.texts.1.iter().map(|text| (INDEX.to_owned(), TEXTS[*text].to_owned())).collect(),
            sightings: Vec::new(),
        }
    }
}

/// What Redis holds, as a model; keys that the model does not know would show as a difference.
async fn stored(rig: &Rig, model: &Model) -> Model {
    let mut raw = rig.raw().await;
    let mut found = Model::default();
    let prefix = format!("{{{}}}:g1:", rig.target.projection);
    let live = format!("{{{}}}:live", rig.target.projection);
    for key in rig.everything().await.into_keys().filter(|key| *key != live) {
        let part = key.strip_prefix(&prefix).unwrap();
        if part == "pos" {
            for source in (0..PARTITIONS).map(source) {
                let position = rig.read_model.position(&rig.target, &source).await.unwrap();
                if position != Position::default() {
                    found.positions.insert(source, position);
                }
            }
        } else if part == "gaps" {
            let gaps = rig.read_model.gaps(&rig.target).await.unwrap();
            found.gaps = gaps.into_iter().map(|gap| (gap.stream, gap.highest)).collect();
        } else if part == "parked" {
            let parked = rig.read_model.parked(&rig.target).await.unwrap();
            found.parked = parked.into_iter().map(|parked| (parked.stream, parked.entry)).collect();
        } else if part == "discarded" {
            found.discarded = rig.read_model.discarded(&rig.target).await.unwrap();
            // In the order in which the model has them.
            let place = |one: &Discarded| model.discarded.iter().position(|known| known == one);
            found.discarded.sort_by_key(place);
        } else if part == "purges" {
            found.purges = redis::cmd("GET").arg(&key).query_async(&mut raw).await.unwrap();
        } else if part == "l:words" {
            let members: Vec<String> =
                redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).query_async(&mut raw).await.unwrap();
            let member = |member: &String| {
                let (text, name) = member.split_once('\0').unwrap();
                (text.to_owned(), parsed(name))
            };
            found.texts.insert(INDEX.to_owned(), members.iter().map(member).collect());
        } else if let Some(list) = part.strip_prefix("l:") {
            let range = redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).arg("WITHSCORES").query_async(&mut raw).await;
            let members: Vec<(String, i64)> = range.unwrap();
            let members = members.into_iter().map(|(name, score)| (parsed(&name), score)).collect();
            found.lists.insert(list.to_owned(), members);
        } else {
            let name = parsed(part.strip_prefix("d:").unwrap());
            let read = rig.read_model.documents(&rig.target, std::slice::from_ref(&name)).await.unwrap();
            let document = read.into_iter().next().flatten().unwrap();
            found.documents.insert(name, (document.version, document.last_event, document.body));
        }
    }
    assert_eq!(found.documents.len(), model.documents.len());
    found
}

fn parsed(name: &str) -> StreamId {
    StreamId::parse(name).unwrap()
}
