//! Generations: one at a time is filled, readers are switched only to one that shows all they may have seen, and what is
//! dropped leaves nothing.

use std::cell::Cell;
use std::time::Duration;

use read_model::generations::{Begun, Behind, Generations, Retired, Shape, State, Switched};
use read_model::{Applied, Batch, DocumentWrite, Error, Freshness, Gap, Generation, Parking, Target};
use runtime::clock;
use schemas::{Position, Version};
use stack::servers::Redis;
use stack::{eventually, testing};

use super::{Rig, event, source, stream, write};

pub(crate) const SHAPE: Shape = Shape(1);
const G2: Generation = Generation(2);

impl Rig {
    /// A projection whose first generation is live and whose second one is being filled.
    pub(crate) async fn with_two(projection: &'static str) -> (Self, Target) {
        let rig = Self::shared(projection).await;
        rig.found().await;
        assert_eq!(rig.begin().await, Begun::New(G2));
        let other = Target { generation: G2, ..rig.target };
        (rig, other)
    }

    async fn found(&self) {
        self.read_model.found(&self.target, SHAPE, 5).await.unwrap();
    }

    async fn begin(&self) -> Begun {
        self.read_model.begin(self.target.projection, SHAPE, Some(100), 6).await.unwrap()
    }

    pub(crate) async fn generations(&self) -> Generations {
        self.read_model.generations(&[self.target.projection]).await.unwrap().pop().unwrap().unwrap()
    }

    /// Applies one batch to a generation, behind its position in this partition, which moves by `records`.
    pub(crate) async fn feed(&self, target: Target, partition: i32, records: i64, writes: Vec<DocumentWrite>) {
        let base = self.read_model.open(&target, &source(partition)).await.unwrap();
        let next = Position { next: base.next + records, last: Some(event(9, 9)) };
        let batch = Batch {
            target,
            source: source(partition),
            base,
            next,
            writes,
            gaps: Vec::new(),
            parking: Parking::default(),
        };
        assert_eq!(self.read_model.apply(&batch).await.unwrap(), Applied::Done);
    }

    /// The log of partition 0 is another one than before: a generation reads it from its start.
    async fn start_over(&self, target: Target) {
        let (base, next) = (self.read_model.open(&target, &source(0)).await.unwrap(), Position::default());
        let (writes, gaps, parking) = (Vec::new(), Vec::new(), Parking::default());
        let batch = Batch { target, source: source(0), base, next, writes, gaps, parking };
        assert_eq!(self.read_model.apply(&batch).await.unwrap(), Applied::Done);
    }

    /// A generation was at the end of partition 0.
    async fn at_end(&self, target: Target, at_ms: i64) {
        self.read_model.stamp(&[Freshness { target, source: source(0), at_ms }]).await.unwrap();
    }

    /// Notes a gap in a stream of which nothing was applied, or nothing more.
    async fn gap(&self, target: Target, number: u128) {
        let base = self.read_model.open(&target, &source(0)).await.unwrap();
        let gaps = vec![Gap { stream: stream(number), highest: Version(9) }];
        let batch = Batch {
            target,
            source: source(0),
            base,
            next: base,
            writes: Vec::new(),
            gaps,
            parking: Parking::default(),
        };
        assert_eq!(self.read_model.apply(&batch).await.unwrap(), Applied::Done);
    }

    async fn park(&self, target: Target, number: u128) {
        let key = format!("{{{}}}:g{}:parked", target.projection, target.generation);
        let park = redis::cmd("HSET").arg(key).arg(stream(number).as_str()).arg("{}").to_owned();
        let _: () = park.query_async(&mut self.raw().await).await.unwrap();
    }

    async fn switch(&self, live: Target, other: Target) -> Switched {
        self.read_model.switch(&live, other.generation).await.unwrap()
    }
}

#[tokio::test]
async fn one_generation_at_a_time_is_filled_and_no_number_is_given_out_twice() {
    let rig = Rig::shared("begin").await;
    let nothing = rig.read_model.begin("begin", SHAPE, None, 6).await.unwrap_err();
    assert!(matches!(nothing, Error::NoLiveGeneration { .. }), "{nothing:?}");
    rig.found().await;
    rig.read_model.found(&Target { generation: Generation(9), ..rig.target }, Shape(2), 7).await.unwrap();
    let known = rig.generations().await;
    assert_eq!((known.live, known.entries.len(), known.filling()), (Generation(1), 1, None), "the first one stays it");

    assert_eq!(rig.begin().await, Begun::New(G2));
    assert_eq!(rig.begin().await, Begun::Filling(G2));
    assert_eq!(rig.generations().await.filling(), Some(G2));
    let second = Target { generation: G2, ..rig.target };
    assert!(rig.read_model.pace(&second, None).await.unwrap());
    assert_eq!(rig.generations().await.entries[&G2].rate, None);
    assert_eq!(rig.read_model.retire(&second).await.unwrap(), Retired::Done);
    rig.read_model.forget(&second).await.unwrap();
    assert_eq!(rig.begin().await, Begun::New(Generation(3)));
}

#[tokio::test]
async fn a_generation_that_has_not_come_as_far_in_every_partition_does_not_become_live() {
    let (rig, other) = Rig::with_two("guard-behind").await;
    rig.feed(rig.target, 0, 5, Vec::new()).await;
    rig.feed(rig.target, 1, 2, Vec::new()).await;
    rig.feed(other, 0, 6, Vec::new()).await;
    let at = |next| Position { next, last: Some(event(9, 9)) };
    for reached in [Position::default(), at(1)] {
        let partitions = vec![Behind { source: source(1), live: at(2), other: reached }];
        assert_eq!(rig.read_model.behind(&rig.target, &other).await.unwrap(), partitions);
        assert_eq!(rig.switch(rig.target, other).await, Switched::Behind { partitions });
        rig.feed(other, 1, 1, Vec::new()).await;
    }
    assert_eq!(rig.read_model.behind(&rig.target, &other).await.unwrap(), []);
    assert_eq!(rig.switch(rig.target, other).await, Switched::Done);
    assert_eq!(rig.generations().await.live, G2);
}

/// The larger offset is no proof: it may be one of a log that is gone.
#[tokio::test]
async fn a_generation_that_nobody_has_fed_since_the_topic_was_made_anew_does_not_become_live() {
    let (rig, second) = Rig::with_two("guard-anew").await;
    let minute = |minutes: i64| minutes * 60_000;
    for target in [rig.target, second] {
        rig.feed(target, 0, 1_000, Vec::new()).await;
        rig.at_end(target, minute(1)).await;
    }
    assert_eq!(rig.switch(rig.target, second).await, Switched::Done);
    rig.start_over(second).await;
    rig.feed(second, 0, 60, Vec::new()).await;
    rig.at_end(second, minute(3)).await;
    let at = |next| Position { next, last: Some(event(9, 9)) };
    let partitions = vec![Behind { source: source(0), live: at(60), other: at(1_000) }];
    assert_eq!(rig.read_model.behind(&second, &rig.target).await.unwrap(), partitions);
    assert_eq!(rig.switch(second, rig.target).await, Switched::Behind { partitions });

    rig.start_over(rig.target).await;
    rig.feed(rig.target, 0, 61, Vec::new()).await;
    rig.at_end(rig.target, minute(3)).await;
    assert_eq!(rig.switch(second, rig.target).await, Switched::Done, "it is fed again");
}

#[tokio::test]
async fn whoever_was_at_the_end_together_is_switched_to_also_where_one_is_ahead_and_long_after_that() {
    let (rig, second) = Rig::with_two("guard-together").await;
    let hour = 3_600_000;
    for (target, records, at_ms) in [(rig.target, 5, hour), (second, 6, hour - 2_000)] {
        rig.feed(target, 0, records, Vec::new()).await;
        rig.at_end(target, at_ms).await;
    }
    assert_eq!(rig.switch(rig.target, second).await, Switched::Done, "one is ahead, both are fed");
    rig.feed(rig.target, 0, 1, Vec::new()).await;
    rig.at_end(second, 2 * hour).await;
    assert_eq!(rig.switch(second, rig.target).await, Switched::Done, "nothing has happened since");
    // A partition of which there was never a record.
    let never = |target| Freshness { target, source: source(7), at_ms: 3 * hour };
    rig.read_model.open(&second, &source(7)).await.unwrap();
    rig.read_model.stamp(&[never(rig.target)]).await.unwrap();
    assert_eq!(rig.switch(rig.target, second).await, Switched::Done);
}

/// As when Redis was emptied under a worker of another build.
#[tokio::test]
async fn a_live_generation_that_another_number_founded_gets_the_shape_of_nobody_else() {
    let rig = Rig::shared("founded").await;
    let second = Target { generation: G2, ..rig.target };
    assert!(rig.read_model.open(&second, &source(0)).await.is_err(), "Redis was emptied");
    rig.found().await;
    assert!(!rig.generations().await.entries.contains_key(&G2));
    let _: () = redis::cmd("SET").arg("{founded}:live").arg(2).query_async(&mut rig.raw().await).await.unwrap();
    rig.found().await;
    let known = rig.generations().await;
    assert_eq!((known.live, known.entries.contains_key(&G2)), (G2, false), "{known:?}");
    rig.read_model.found(&second, Shape(2), 6).await.unwrap();
    assert_eq!(rig.generations().await.entries[&G2].shape, Shape(2));
}

#[tokio::test]
async fn a_generation_that_has_read_another_log_does_not_become_live() {
    let (rig, other) = Rig::with_two("guard-log").await;
    rig.feed(rig.target, 0, 5, Vec::new()).await;
    let base = rig.read_model.open(&other, &source(0)).await.unwrap();
    let next = Position { next: 5, last: Some(event(1, 1)) };
    let batch = Batch {
        target: other,
        source: source(0),
        base,
        next,
        writes: Vec::new(),
        gaps: Vec::new(),
        parking: Parking::default(),
    };
    rig.read_model.apply(&batch).await.unwrap();
    assert!(matches!(rig.switch(rig.target, other).await, Switched::Behind { .. }));
}

/// What is wrong with stream 1 in the live generation and in the other, by which version each has of it.
async fn check_trouble(name: &'static str, live: (u32, &[Trouble]), other: (u32, &[Trouble]), expected: Switched) {
    let (rig, two) = Rig::with_two(name).await;
    for (target, (version, troubles)) in [(rig.target, live), (two, other)] {
        let writes = (version > 0).then(|| write(1, 0, version));
        rig.feed(target, 0, 9, writes.into_iter().collect()).await;
        for trouble in troubles {
            match trouble {
                Trouble::Gap => rig.gap(target, 1).await,
                Trouble::Parked => rig.park(target, 1).await,
            }
        }
    }
    assert_eq!(rig.switch(rig.target, two).await, expected, "{name}");
    let live = rig.generations().await.live;
    assert_eq!(live == G2, expected == Switched::Done, "{name}");
}

#[derive(Clone, Copy)]
enum Trouble {
    Gap,
    Parked,
}

#[tokio::test]
async fn a_generation_that_stands_still_where_the_live_one_does_not_does_not_become_live() {
    use Trouble::{Gap, Parked};
    let stuck = || Switched::Stuck { streams: vec![stream(1)] };
    check_trouble("guard-gap", (3, &[]), (3, &[Gap]), stuck()).await;
    check_trouble("guard-parked", (3, &[]), (3, &[Parked]), stuck()).await;
    check_trouble("guard-lower", (3, &[Parked]), (2, &[Gap]), stuck()).await;
    check_trouble("guard-nothing", (1, &[Gap]), (0, &[Gap]), stuck()).await;
    check_trouble("guard-alike", (3, &[Gap]), (3, &[Parked]), Switched::Done).await;
    check_trouble("guard-better", (3, &[Gap, Parked]), (9, &[]), Switched::Done).await;
}

#[tokio::test]
async fn with_more_streams_in_trouble_than_can_be_looked_at_nothing_is_switched() {
    let (rig, other) = Rig::with_two("guard-many").await;
    for number in 0..1_001 {
        rig.park(rig.target, number).await;
        rig.park(other, number).await;
    }
    assert_eq!(rig.switch(rig.target, other).await, Switched::Troubled);
}

#[tokio::test]
async fn the_way_back_is_guarded_like_the_way_there() {
    let (rig, other) = Rig::with_two("back").await;
    assert_eq!(rig.switch(other, rig.target).await, Switched::Moved { live: Some(Generation(1)) });
    assert_eq!(rig.switch(rig.target, other).await, Switched::Done);
    assert_eq!(rig.switch(rig.target, other).await, Switched::Moved { live: Some(G2) }, "once");
    assert_eq!(rig.generations().await.kept(), Some(Generation(1)));
    rig.feed(other, 3, 1, vec![write(1, 0, 1)]).await;
    assert!(matches!(rig.switch(other, rig.target).await, Switched::Behind { .. }), "nobody fed the old one");
    rig.feed(rig.target, 3, 1, vec![write(1, 0, 1)]).await;
    assert_eq!(rig.switch(other, rig.target).await, Switched::Done);
    assert_eq!(rig.generations().await.kept(), Some(G2), "served once, so it is kept as well");
    let third = Target { generation: Generation(3), ..rig.target };
    assert_eq!(rig.switch(rig.target, third).await, Switched::Unknown);
}

#[tokio::test]
async fn the_way_back_leads_to_what_was_live_last_and_not_to_what_was_left_before() {
    let (rig, second) = Rig::with_two("left").await;
    assert_eq!(rig.switch(rig.target, second).await, Switched::Done);
    assert_eq!(rig.switch(second, rig.target).await, Switched::Done, "something is wrong with the second");
    assert_eq!(rig.begin().await, Begun::New(Generation(3)));
    let third = Target { generation: Generation(3), ..rig.target };
    // Times are of milliseconds.
    let then = clock::now_micros() / 1_000;
    eventually("a millisecond has gone by", Duration::from_secs(5), async || {
        (clock::now_micros() / 1_000 > then).then_some(())
    })
    .await;
    assert_eq!(rig.switch(rig.target, third).await, Switched::Done);
    let known = rig.generations().await;
    assert_eq!(known.kept(), Some(rig.target.generation), "{known:?}");
    assert_eq!(rig.switch(third, rig.target).await, Switched::Done);
    assert_eq!(rig.generations().await.kept(), Some(third.generation), "twice leads forth again");
}

#[tokio::test]
async fn a_dropped_generation_leaves_nothing_and_the_live_one_cannot_be_dropped() {
    let (rig, other) = Rig::with_two("drop").await;
    rig.feed(rig.target, 0, 5, vec![write(1, 0, 1)]).await;
    let before = rig.everything().await.into_keys().filter(|key| key.contains(":g1:")).collect::<Vec<_>>();
    for numbers in (0..1_200).collect::<Vec<_>>().chunks(100) {
        rig.feed(other, 0, 100, numbers.iter().map(|number| write(*number, 0, 1)).collect()).await;
    }
    assert_eq!(rig.read_model.footprint(&other).await.unwrap().documents, 1_200);
    let base = rig.read_model.position(&other, &source(0)).await.unwrap();
    let straggling = Batch { target: other, base, ..rig.batch(vec![write(9_999, 0, 1)]).await };
    assert_eq!(rig.read_model.retire(&rig.target).await.unwrap(), Retired::Live);
    let never = Target { generation: Generation(3), ..rig.target };
    assert_eq!(rig.read_model.retire(&never).await.unwrap(), Retired::Unknown);
    assert!(!rig.read_model.ever_was(&never).await.unwrap());
    for _ in 0..2 {
        assert_eq!(rig.read_model.retire(&other).await.unwrap(), Retired::Done);
        assert_eq!(rig.generations().await.entries[&G2].state, State::Dropping);
    }
    assert_eq!(rig.switch(rig.target, other).await, Switched::Unknown, "it never becomes live again");
    let fed_no_more = rig.read_model.apply(&straggling).await;
    assert!(matches!(fed_no_more, Err(Error::NoSuchGeneration { .. })), "{fed_no_more:?}");
    assert!(rig.read_model.clear(&other).await.unwrap() > 1_200);
    assert_eq!(rig.read_model.clear(&other).await.unwrap(), 0);
    rig.read_model.forget(&other).await.unwrap();
    let mut left = rig.everything().await.into_keys().collect::<Vec<_>>();
    left.retain(|key| key != "{drop}:live" && key != "{drop}:generations");
    assert_eq!(left, before);
    assert_eq!(rig.read_model.retire(&other).await.unwrap(), Retired::Done, "what a straggler left can be cleared");
    assert!(rig.read_model.ever_was(&other).await.unwrap());
}

#[tokio::test]
async fn without_memory_to_spare_a_generation_can_still_be_dropped() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "full");
    rig.found().await;
    let Begun::New(generation) = rig.begin().await else { panic!("nothing is filled") };
    let other = Target { generation, ..rig.target };
    rig.feed(other, 0, 1, vec![write(1, 0, 1)]).await;
    let limit = redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(1).to_owned();
    limit.query_async::<()>(&mut rig.raw().await).await.unwrap();
    assert_eq!(rig.read_model.retire(&other).await.unwrap(), Retired::Done);
    assert!(rig.read_model.clear(&other).await.unwrap() > 0);
    rig.read_model.forget(&other).await.unwrap();
}

/// How often the next test switches.
const SWITCHES: u32 = 12;

#[tokio::test(flavor = "multi_thread")]
async fn readers_never_go_back_while_generations_are_switched_to_and_fro_under_writes() {
    let (rig, other) = Rig::with_two("to-and-fro").await;
    let (reader, targets) = (rig.read_model.reader(), [rig.target, other]);
    let (written, switches) = (Cell::new(0), Cell::new(0));
    let writing = async {
        while switches.get() < SWITCHES {
            let version = written.get() + 1;
            // Now one is ahead, now the other.
            let order = if version % 3 == 0 { [other, rig.target] } else { targets };
            for target in order {
                rig.feed(target, 0, 1, vec![write(1, version - 1, version)]).await;
            }
            written.set(version);
        }
    };
    let switching = async {
        let mut due = 0;
        while switches.get() < SWITCHES {
            // Operators switch more rarely than readers read.
            if written.get() < due {
                tokio::task::yield_now().await;
                continue;
            }
            let [live, other] = if switches.get() % 2 == 0 { targets } else { [targets[1], targets[0]] };
            let switched = rig.switch(live, other).await;
            if matches!(switched, Switched::Done) {
                switches.set(switches.get() + 1);
                due = written.get() + 5;
            } else {
                assert!(matches!(switched, Switched::Behind { .. }), "{switched:?}");
            }
        }
    };
    let reading = async {
        let mut seen = Version::NONE;
        while switches.get() < SWITCHES || seen < Version(written.get()) {
            let document = reader.document("to-and-fro", &stream(1)).await.unwrap();
            let page = reader.page("to-and-fro", &super::pages::page("all", 5)).await.unwrap();
            let versions = [document.map(|found| found.version), page.0.first().map(|entry| entry.document.version)];
            for version in versions.into_iter().flatten() {
                assert!(version >= seen, "{version} after {seen}");
                seen = version;
            }
        }
    };
    tokio::join!(writing, switching, reading);
}
