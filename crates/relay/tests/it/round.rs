//! One round by example: what a failure stops and what it does not.

use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use event_store::{Commit, CommitId, Lanes, Marked, PassedOver, StoredEvent};
use futures::FutureExt;
use relay::{Limits, Log, LogRound, Outbox, Pages, Refused, Report, Rounds};
use schemas::{AnyEvent, ProductDiscontinued, ProductEvent, Recorded, Sku};
use tokio_util::sync::CancellationToken;

use crate::ledger::{Ledger, commit, stream};

/// An outbox in memory that answers at once. Before all that it shows lie so many commits of streams that nobody knows.
#[derive(Clone)]
struct Marks(Arc<Mutex<Vec<Commit>>>, u32);

struct Shown(Vec<Commit>, PassedOver);

impl Outbox for Marks {
    type Snapshot = Shown;

    async fn snapshot(&self, _lanes: Lanes, limit: u32) -> Result<Shown, event_store::Error> {
        let mut marked = self.0.lock().unwrap().clone();
        marked.sort_by_key(|commit| commit.at);
        let unknown = self.1.min(limit);
        marked.truncate((limit - unknown).try_into().unwrap());
        let streams = (0..unknown).map(|number| format!("gift_{number}")).collect();
        Ok(Shown(marked, PassedOver { commits: unknown, streams }))
    }

    async fn unmark(&self, commits: &[CommitId]) -> Result<(), event_store::Error> {
        self.0.lock().unwrap().retain(|commit| !commits.contains(&commit.key()));
        Ok(())
    }
}

impl Pages for Shown {
    async fn page(&mut self, max: usize) -> Result<Vec<Marked>, event_store::Error> {
        let page = self.0.drain(..max.min(self.0.len()));
        let marked = |commit: Commit| Marked {
            id: commit.key(),
            at: commit.at,
            events: commit.recorded().map_err(event_store::Unreadable::from),
        };
        Ok(page.map(marked).collect())
    }

    fn passed_over(&self) -> PassedOver {
        self.1.clone()
    }
}

/// A log that refuses every record of some streams, or of a topic; whatever else is sent after the first of them fails as
/// well.
struct Picky(Ledger);

struct PickyRound {
    ledger: Ledger,
    failed: AtomicBool,
}

impl Log for Picky {
    type Round = PickyRound;

    fn round(&self) -> Result<PickyRound, bus::Error> {
        Ok(PickyRound { ledger: self.0.clone(), failed: AtomicBool::new(false) })
    }
}

impl LogRound for PickyRound {
    type Ack = <Ledger as LogRound>::Ack;

    fn send(&self, event: &Recorded<AnyEvent>) -> Result<Self::Ack, Refused> {
        let (name, stream) = (event.stream.as_str(), event.stream.clone());
        let refusal = match (name.contains("refused"), name.starts_with("prd_")) {
            (true, _) => Some(bus::Error::TooLarge { stream, version: event.version }),
            (false, true) => Some(bus::Error::TopicMissing { topic: "products" }),
            (false, false) => None,
        };
        let failed = self.failed.fetch_or(refusal.is_some(), Ordering::Relaxed);
        match (refusal, failed) {
            (Some(error), _) => Ok(ready(Err(error)).boxed()),
            (None, true) => Ok(ready(Err(bus::Error::RoundFailed)).boxed()),
            (None, false) => self.ledger.send(event),
        }
    }
}

/// Runs one round with pages of two, and says which commits still carry their marks.
fn check(marked: Vec<Commit>, ledger: &Ledger) -> (Report, Vec<CommitId>) {
    let outbox = Marks(Arc::new(Mutex::new(marked)), 0);
    let limits = Limits { page: 2, pages_in_flight: 1, commits: 100 };
    let mut rounds = Rounds::new(outbox.clone(), limits);
    let round = async {
        let mut report = rounds.next(ledger, Lanes::ALL, &CancellationToken::new()).await;
        report.finished += rounds.settle().await.unwrap();
        report
    };
    let report = round.now_or_never().expect("nothing waits");
    let left = outbox.0.lock().unwrap().iter().map(Commit::key).collect();
    (report, left)
}

#[test]
fn everything_marked_is_published_in_order_and_loses_its_mark() {
    let (a, b, ledger) = (stream("a"), stream("b"), Ledger::new());
    let (report, left) = check(vec![commit(&a, 1, 2), commit(&b, 2, 1), commit(&a, 3, 1), commit(&a, 4, 1)], &ledger);
    assert_eq!(left, []);
    assert_eq!((ledger.versions(&a), ledger.versions(&b)), (vec![1, 2, 3, 4], vec![2]));
    assert_eq!((report.read, report.published, report.finished, report.stopped_streams), (4, 5, 4, 0));
    assert!(report.failure.is_none() && !report.halted && !report.full);
}

#[test]
fn an_event_that_cannot_be_published_stops_its_stream_and_no_other() {
    let (a, b, ledger) = (stream("a"), stream("b"), Ledger::new());
    ledger.refuse(&a, 3);
    let of_a = [commit(&a, 1, 1), commit(&a, 2, 2), commit(&a, 4, 1)];
    let of_b = [commit(&b, 1, 1), commit(&b, 2, 1), commit(&b, 3, 1), commit(&b, 4, 1), commit(&b, 5, 1)];
    let (report, left) = check(of_a.iter().chain(&of_b).cloned().collect(), &ledger);
    // The commit before the failed one is done; the failed one and what follows it wait.
    assert_eq!(left, [of_a[1].key(), of_a[2].key()]);
    assert_eq!((ledger.versions(&a), ledger.versions(&b)), (vec![1, 2], vec![1, 2, 3, 4, 5]));
    assert_eq!((report.finished, report.stopped_streams, report.halted), (6, 1, false));
    assert!(report.failure.is_some());
}

#[test]
fn a_commit_that_cannot_be_read_stops_its_stream_and_no_other() {
    let (a, b, ledger) = (stream("a"), stream("b"), Ledger::new());
    let mut strange = commit(&a, 1, 1);
    strange.events[0].name = "StockEvaporated".into();
    let (report, left) = check(vec![strange.clone(), commit(&a, 2, 1), commit(&b, 3, 1)], &ledger);
    assert_eq!(left, [strange.key(), commit(&a, 2, 1).key()]);
    assert_eq!(ledger.written(), [(b, 3)]);
    assert!(matches!(report.failure, Some(relay::Error::Unreadable { .. })));
}

#[test]
fn however_many_commits_cannot_be_published_those_of_other_streams_are() {
    let (a, b, ledger) = (stream("a"), stream("b"), Ledger::new());
    ledger.refuse(&a, 1);
    let marked = (1..=5).map(|version| commit(&a, version, 1)).chain((6..=7).map(|version| commit(&b, version, 1)));
    let outbox = Marks(Arc::new(Mutex::new(marked.collect())), 0);
    // The oldest commits alone are more than a round reads.
    let mut rounds = Rounds::new(outbox, Limits { page: 2, pages_in_flight: 1, commits: 2 });
    let some = async {
        for _ in 0..5 {
            drop(rounds.next(&ledger, Lanes::ALL, &CancellationToken::new()).await);
        }
    };
    some.now_or_never().expect("nothing waits");
    assert_eq!(ledger.written(), [(b.clone(), 6), (b, 7)]);
}

#[test]
fn however_many_commits_are_of_streams_that_this_build_does_not_know_the_others_are_published() {
    let (a, ledger) = (stream("a"), Ledger::new());
    let marked = vec![commit(&a, 1, 1), commit(&a, 2, 1)];
    let mut rounds =
        Rounds::new(Marks(Arc::new(Mutex::new(marked)), 5), Limits { page: 2, pages_in_flight: 1, commits: 2 });
    let mut next =
        || rounds.next(&ledger, Lanes::ALL, &CancellationToken::new()).now_or_never().expect("nothing waits");
    let first = next();
    assert_eq!((first.stopped_streams, first.halted, first.full), (2, false, true));
    assert!(matches!(first.failure, Some(relay::Error::Unknown { commits: 2, .. })));
    for _ in 0..3 {
        next();
    }
    assert_eq!(ledger.written(), [(a.clone(), 1), (a, 2)]);
}

/// Seen to fail when streams are not held back: a round reads the oldest commits first.
#[tokio::test(start_paused = true)]
async fn what_the_log_refuses_when_it_was_handed_over_keeps_no_other_stream_from_being_published() {
    let ledger = Ledger::new();
    let named = |name: &str, number: u32, version: u32| commit(&stream(&format!("{name}-{number}")), version, 1);
    let refused = (0..3_000).map(|number| named("refused", number, 1));
    let marked = refused.chain((0..10).map(|number| named("other", number, 2))).collect();
    let outbox = Marks(Arc::new(Mutex::new(marked)), 0);
    let limits = Limits { page: 512, pages_in_flight: 4, commits: 1_024 };
    let (mut rounds, picky, stop) =
        (Rounds::new(outbox.clone(), limits), Picky(ledger.clone()), CancellationToken::new());
    for _ in 0..6 {
        drop(rounds.next(&picky, Lanes::ALL, &stop).await);
    }
    assert_eq!(ledger.written().len(), 10);
    rounds.settle().await.unwrap();
    assert_eq!(outbox.0.lock().unwrap().len(), 3_000);

    // The log takes them all now, but they are held back for a while longer.
    let held = rounds.next(&ledger, Lanes::ALL, &stop).await;
    assert_eq!((held.published, held.stopped_streams, held.halted), (0, 3_000, false));
    tokio::time::advance(Duration::from_secs(31)).await;
    for _ in 0..3 {
        drop(rounds.next(&ledger, Lanes::ALL, &stop).await);
    }
    assert_eq!(ledger.written().len(), 3_010);
}

/// Each product is a stream of its own, so to hold streams back would let every new one fail another round.
#[tokio::test(start_paused = true)]
async fn a_topic_that_the_log_refuses_costs_others_no_more_rounds_however_many_streams_it_gets() {
    let ledger = Ledger::new();
    let outbox = Marks(Arc::default(), 0);
    let limits = Limits { page: 512, pages_in_flight: 4, commits: 1_024 };
    let (mut rounds, picky, stop) =
        (Rounds::new(outbox.clone(), limits), Picky(ledger.clone()), CancellationToken::new());
    for number in 1..=6 {
        let refused = product(&format!("new-{number}"));
        outbox.0.lock().unwrap().extend([refused, commit(&stream(&format!("other-{number}")), 2, 1)]);
        drop(rounds.next(&picky, Lanes::ALL, &stop).await);
    }
    // The first round failed for everybody; its stock came with the second.
    assert_eq!(ledger.written().len(), 6);
    rounds.settle().await.unwrap();
    assert_eq!(outbox.0.lock().unwrap().len(), 6, "those of the topic wait");
}

/// The first commit of a product.
fn product(name: &str) -> Commit {
    let sku = Sku::parse(name).unwrap();
    let stream = sku.product();
    let event = ProductEvent::Discontinued(ProductDiscontinued { sku });
    Commit { events: vec![StoredEvent::of(&event).unwrap()], ..commit(&stream, 1, 1) }
}
