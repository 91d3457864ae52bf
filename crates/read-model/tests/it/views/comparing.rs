//! Comparing two generations: finds exactly what differs, while both are written.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::time::Duration;

use read_model::generations::{Compared, Comparison, Depth, Difference};
use read_model::{DocumentWrite, Target};
use redis::Cmd;
use schemas::StreamId;

use super::{Rig, source, stream, write};

async fn compare(rig: &Rig, other: Target, depth: Depth, accepted: &[StreamId]) -> Compared {
    let accepted: BTreeSet<_> = accepted.iter().cloned().collect();
    let comparison =
        Comparison { live: rig.target, other: other.generation, depth, accepted: &accepted, source_of: |_| source(0) };
    rig.read_model.compare(&comparison).await.unwrap()
}

fn documents(count: u128) -> Vec<DocumentWrite> {
    let document = |number| {
        let mut document = write(number, 0, 1);
        document.text_add = vec![("names".to_owned(), format!("name {number}"))];
        document
    };
    (1..=count).map(document).collect()
}

/// Two generations with the same 250 documents, which are also in a list and an index.
async fn alike(projection: &'static str) -> (Rig, Target) {
    let (rig, other) = Rig::with_two(projection).await;
    for target in [rig.target, other] {
        for writes in documents(250).chunks(100) {
            rig.feed(target, 0, 100, writes.to_vec()).await;
        }
    }
    (rig, other)
}

async fn plant(rig: &Rig, commands: &[Cmd]) {
    for command in commands {
        let _: redis::Value = command.query_async(&mut rig.raw().await).await.unwrap();
    }
}

/// What is found, as `stream list live-version other-version`.
fn named(compared: &Compared) -> BTreeSet<(StreamId, Option<String>, u32, u32)> {
    let named = |difference: &Difference| {
        assert!(difference.at_one_point);
        let Difference { stream, list, live, other, .. } = difference.clone();
        (stream, list, live.0, other.0)
    };
    compared.differences.iter().map(named).collect()
}

#[tokio::test]
async fn generations_that_were_fed_the_same_are_alike() {
    let (rig, other) = alike("alike").await;
    let compared = compare(&rig, other, Depth::Everything, &[]).await;
    assert_eq!((compared.differing, compared.accepted), (0, 0));
    assert!(compared.items >= 3 * 250, "documents, list and index: {}", compared.items);
}

#[tokio::test]
async fn exactly_what_differs_is_named_and_what_was_accepted_is_not() {
    let (rig, other) = alike("planted").await;
    let document = |number: u128, generation: u32| format!("{{planted}}:g{generation}:d:{}", stream(number));
    let mut renamed = redis::cmd("ZADD");
    renamed.arg("{planted}:g2:l:names").arg(0).arg(format!("name 0\0{}", stream(7)));
    plant(
        &rig,
        &[
            redis::cmd("HSET").arg(document(1, 2)).arg("b").arg("wrong").to_owned(),
            redis::cmd("DEL").arg(document(2, 2)).to_owned(),
            redis::cmd("DEL").arg(document(3, 1)).to_owned(),
            redis::cmd("HSET").arg(document(4, 2)).arg("e").arg(super::event(4, 9).to_string()).to_owned(),
            redis::cmd("ZADD").arg("{planted}:g2:l:all").arg(77).arg(stream(5).as_str()).to_owned(),
            redis::cmd("ZREM").arg("{planted}:g2:l:all").arg(stream(6).as_str()).to_owned(),
            renamed,
            redis::cmd("HSET").arg(document(8, 2)).arg("b").arg("wrong").to_owned(),
        ],
    )
    .await;
    let compared = compare(&rig, other, Depth::Everything, &[stream(8)]).await;
    let list = |name: &str| Some(name.to_owned());
    let expected = BTreeSet::from([
        (stream(1), None, 1, 1),
        (stream(2), None, 1, 0),
        (stream(3), None, 0, 1),
        (stream(4), None, 1, 1),
        (stream(5), list("all"), 1, 1),
        (stream(6), list("all"), 1, 1),
        (stream(7), list("names"), 1, 1),
    ]);
    assert_eq!(named(&compared), expected);
    assert_eq!((compared.differing, compared.accepted), (7, 1));
    let versions = compare(&rig, other, Depth::Versions, &[]).await;
    assert_eq!(named(&versions).into_iter().map(|found| found.0).collect::<Vec<_>>(), [2, 3, 4].map(stream));
}

#[tokio::test]
async fn a_stream_that_has_a_gap_in_the_live_generation_only_may_have_gone_on_in_the_other() {
    let (rig, other) = alike("healed").await;
    rig.feed(other, 0, 1, vec![write(1, 1, 2), write(2, 1, 2)]).await;
    rig.feed(rig.target, 0, 1, Vec::new()).await;
    let mut gap = redis::cmd("HSET");
    plant(&rig, &[gap.arg("{healed}:g1:gaps").arg(stream(1).as_str()).arg(2).to_owned()]).await;
    let compared = compare(&rig, other, Depth::Everything, &[]).await;
    assert_eq!(named(&compared), BTreeSet::from([(stream(2), None, 1, 2)]));
}

/// And not for every thousand items anew, which would take minutes here.
#[tokio::test]
async fn what_never_comes_to_one_point_is_waited_for_once() {
    let (rig, other) = Rig::with_two("apart").await;
    for writes in documents(3_000).chunks(100) {
        rig.feed(rig.target, 0, 100, writes.to_vec()).await;
    }
    let comparing = compare(&rig, other, Depth::Everything, &[]);
    let compared = tokio::time::timeout(Duration::from_secs(30), comparing).await.unwrap();
    assert!(compared.differing >= 3_000 && compared.differing == compared.items, "{compared:?}");
    assert!(compared.differences.iter().all(|difference| !difference.at_one_point), "{compared:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_only_on_its_way_is_no_difference() {
    let (rig, other) = alike("on-its-way").await;
    let compared = Cell::new(0);
    let writing = async {
        let mut version = 1;
        while compared.get() < 5 {
            for target in [rig.target, other] {
                rig.feed(target, 0, 1, vec![write(1, version, version + 1), write(2, version, version + 1)]).await;
            }
            version += 1;
        }
        version
    };
    let comparing = async {
        while compared.get() < 5 {
            let found = compare(&rig, other, Depth::Everything, &[]).await;
            assert_eq!(found.differing, 0, "{found:?}");
            compared.set(compared.get() + 1);
        }
    };
    let (written, ()) = tokio::join!(writing, comparing);
    assert!(written > 10, "it was written meanwhile, {written} times");
}
