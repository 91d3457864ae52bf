//! Deadlines: set before they are relied on, found when due, looked after by one process at a time.

use std::time::Duration;

use bson::{Document, doc};
use event_store::Deadline;
use schemas::Timestamp;

use crate::given;

const LONG: Duration = Duration::from_secs(60);

fn deadline(id: &str, due: i64) -> Deadline {
    Deadline { id: id.to_owned(), due: Timestamp::from_micros(due), stream: given::stream() }
}

fn ids(deadlines: &[Deadline]) -> Vec<&str> {
    deadlines.iter().map(|deadline| deadline.id.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_are_found_once_they_are_due_the_longest_overdue_first() {
    let (store, _process) = given::store().await;
    let deadlines = store.deadlines();
    let set = [deadline("late", 300), deadline("early", 100), deadline("then", 200)];
    deadlines.set(&set).await.unwrap();
    deadlines.set(&[]).await.unwrap();
    assert_eq!(deadlines.due(Timestamp::from_micros(99), 10).await.unwrap(), []);
    let due = deadlines.due(Timestamp::from_micros(200), 10).await.unwrap();
    assert_eq!(due, [set[1].clone(), set[2].clone()]);
    assert_eq!(ids(&deadlines.due(Timestamp::from_micros(300), 2).await.unwrap()), ["early", "then"]);
    deadlines.drop(&["early".to_owned(), "nobody's".to_owned()]).await.unwrap();
    assert_eq!(ids(&deadlines.due(Timestamp::from_micros(300), 10).await.unwrap()), ["then", "late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_is_set_again_keeps_its_time_and_others_are_set_beside_it() {
    let (store, _process) = given::store().await;
    let deadlines = store.deadlines();
    deadlines.set(&[deadline("one", 100)]).await.unwrap();
    deadlines.set(&[deadline("one", 900), deadline("two", 200)]).await.unwrap();
    let due = deadlines.due(Timestamp::from_micros(500), 10).await.unwrap();
    assert_eq!(due.iter().map(|deadline| deadline.due.as_micros()).collect::<Vec<_>>(), [100, 200]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_keeps_nothing_else_from_being_found() {
    let (store, _process) = given::store().await;
    let deadlines = store.deadlines();
    deadlines.set(&[deadline("one", 100), deadline("two", 200)]).await.unwrap();
    let strange = [
        doc! { "_id": "gift_1:wrapped", "due": 50_i64, "s": "gift_1" },
        doc! { "_id": "gift_2:wrapped", "due": 150_i64, "s": 7 },
    ];
    store.database().collection("deadlines").insert_many(strange).await.unwrap();
    assert_eq!(ids(&deadlines.due(Timestamp::from_micros(900), 2).await.unwrap()), ["one", "two"]);
    let left = store.database().collection::<Document>("deadlines").count_documents(doc! {}).await.unwrap();
    assert_eq!(left, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_postponed_is_due_later_and_nothing_else_is() {
    let (store, _process) = given::store().await;
    let deadlines = store.deadlines();
    deadlines.set(&[deadline("one", 100), deadline("two", 200)]).await.unwrap();
    deadlines.postpone(&[], Timestamp::from_micros(900)).await.unwrap();
    deadlines.postpone(&["one".to_owned(), "nobody's".to_owned()], Timestamp::from_micros(900)).await.unwrap();
    assert_eq!(ids(&deadlines.due(Timestamp::from_micros(899), 10).await.unwrap()), ["two"]);
    assert_eq!(ids(&deadlines.due(Timestamp::from_micros(900), 10).await.unwrap()), ["two", "one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlines_of_one_beginning_are_dropped_together() {
    let (store, _process) = given::store().await;
    let deadlines = store.deadlines();
    deadlines
        .set(&[deadline("a:1", 100), deadline("a:2", 100), deadline("a", 100), deadline("b:1", 100)])
        .await
        .unwrap();
    deadlines.drop_all("a:").await.unwrap();
    let mut left = deadlines.due(Timestamp::from_micros(100), 10).await.unwrap();
    left.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(ids(&left), ["a", "b:1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_at_a_time_looks_after_deadlines_by_the_servers_clock() {
    let (store, _process) = given::store().await;
    let deadlines = store.deadlines();
    assert!(deadlines.lease("a", LONG).await.unwrap());
    assert!(!deadlines.lease("b", LONG).await.unwrap());
    assert!(deadlines.lease("a", LONG).await.unwrap(), "the holder renews it");
    let leases = store.database().collection::<Document>("leases");
    let over = doc! { "$set": { "until": { "$subtract": ["$$NOW", 1_i64] } } };
    leases.update_one(doc! { "_id": "deadlines" }, vec![over]).await.unwrap();
    assert!(deadlines.lease("b", LONG).await.unwrap(), "it is over");
    assert!(!deadlines.lease("a", LONG).await.unwrap());
    deadlines.give_up_lease("a").await.unwrap();
    assert!(!deadlines.lease("a", LONG).await.unwrap(), "nobody gives up another's lease");
    deadlines.give_up_lease("b").await.unwrap();
    assert!(deadlines.lease("a", LONG).await.unwrap());
}
