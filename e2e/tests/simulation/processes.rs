//! What a relay and a projector do around the product's rounds and progress: the least that any of them has to do.

use event_store::Lanes;
use projector::{Progress, Projected, Read, Stop, Work};
use rand::Rng as _;
use read_model::{Generation, Source, Target};
use relay::{Limits, Rounds};
use schemas::{Event as _, StockEvent};
use tokio_util::sync::CancellationToken;
use views::StockView;

use crate::link::Link;
use crate::verdict::Violation;

/// Publishes round after round; now and then it waits for its marks to be gone before the next.
pub(crate) async fn relay(link: Link) {
    let mut rounds = Rounds::new(link.clone(), Limits { page: 2, pages_in_flight: 1, commits: 5 });
    loop {
        link.turn("relay").await;
        let _ = rounds.next(&link, Lanes::ALL, &CancellationToken::new()).await;
        if link.shared.world().dice.random_bool(0.5) {
            let _ = rounds.settle().await;
        }
    }
}

/// Where records of this partition are from.
pub(crate) fn source(partition: usize) -> Source {
    Source { topic: "stock.events.v1".into(), partition: i32::try_from(partition).unwrap() }
}

/// Reads one partition from where the views have it on.
pub(crate) async fn projector(link: Link, partition: usize) {
    let target = Target { projection: "stock", generation: Generation(1) };
    let mut progress = Progress::<StockView, _>::new(link.clone(), target, source(partition));
    loop {
        link.turn("projector").await;
        let seen = link.shared.world().rewinds;
        if progress.resume().await.is_err() {
            continue;
        }
        while go_on(&link, &mut progress, (partition, seen)).await {}
    }
}

/// Applies what comes next; `false` if it has to be looked where that is.
async fn go_on(link: &Link, progress: &mut Progress<StockView, Link>, (partition, seen): (usize, u64)) -> bool {
    link.turn("records").await;
    let Some(work) = records(link, progress.position().next, (partition, seen)) else { return false };
    match progress.project(work).await {
        Ok(Projected::Stored) => true,
        Ok(Projected::Elsewhere) | Err(Stop::ReadModel(_) | Stop::Contended) => false,
        Err(stop) => {
            let reason = runtime::chain(&stop);
            link.shared.world().breach(Violation::StandsStill { reason });
            false
        }
    }
}

/// Some of the records from here on, unless the views went back since they were asked last.
fn records(link: &Link, next: i64, (partition, seen): (usize, u64)) -> Option<Work<StockEvent>> {
    let mut world = link.shared.world();
    if world.rewinds != seen {
        return None;
    }
    let first = usize::try_from(next).unwrap();
    let count = world.dice.random_range(1..4);
    let records = world.logs[partition].iter().skip(first).take(count).cloned();
    let read = (next..).zip(records).map(|(offset, recorded)| {
        let mut event = None;
        let envelope = recorded.map(|any| event = StockEvent::from_any(any));
        Read::Event { offset, recorded: envelope.map(|()| event.unwrap()), written: None }
    });
    Some(Work::new(read.collect(), None))
}
