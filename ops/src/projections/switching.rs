//! The switch and the way back: one atomic step in Redis, which is refused while a reader would miss anything. Before a
//! switch both generations are compared; the way back is for when something is wrong, so it is not held up.

use std::cmp::Ordering;
use std::time::Duration;

use read_model::Generation;
use read_model::generations::{Behind, Generations, State, Switched};
use runtime::backoff::Backoff;
use runtime::clock;
use schemas::StreamId;

use super::{Views, refused};
use crate::Error;
use crate::plan::{Action, Item, Plan};
use crate::rebuild::verify;

/// For how long it is tried to meet a moment at which the other generation has come as far in every partition.
const PATIENCE: Duration = Duration::from_secs(10);
const FIRST_LOOK: Duration = Duration::from_millis(1);
const LONGEST_LOOK: Duration = Duration::from_millis(20);

/// Has readers see the generation that was filled; without one that is filled, the newest one. Whoever wants a certain one
/// is refused any other.
pub(crate) async fn switch(
    views: &Views,
    wanted: Option<Generation>,
    accepted: &[StreamId],
    execute: bool,
) -> Result<Plan, Error> {
    let generations = match views.generations().await? {
        Ok(generations) => generations,
        Err(refusal) => return Ok(refusal),
    };
    if let Some(plan) = seen_already(views, &generations, wanted, execute) {
        return Ok(plan);
    }
    let newer = |(generation, entry): (&Generation, &read_model::generations::Entry)| {
        (*generation > generations.live && entry.state != State::Dropping).then_some(*generation)
    };
    let newest = generations.entries.iter().rev().find_map(newer);
    let Some(other) = generations.filling().or(newest) else {
        let why = "no newer generation is there: fill one with `ops rebuild`";
        return Ok(refused(views.called(generations.live), why));
    };
    if let Some(refusal) = other_than_wanted(views, wanted, other) {
        return Ok(refusal);
    }
    let mut items = verify::items(views, &generations, other, accepted).await?;
    items.push(change(views, &generations, other));
    carry_out(views, &generations, other, Plan { executed: execute, items }).await
}

/// Has readers see the generation again that was live before. Going back twice leads forth again, so whoever acts says
/// which one is wanted, and a repetition finds that readers see it.
pub(crate) async fn rollback(views: &Views, wanted: Option<Generation>, execute: bool) -> Result<Plan, Error> {
    let generations = match views.generations().await? {
        Ok(generations) => generations,
        Err(refusal) => return Ok(refusal),
    };
    if let Some(plan) = seen_already(views, &generations, wanted, execute) {
        return Ok(plan);
    }
    let Some(other) = generations.kept() else {
        return Ok(refused(views.called(generations.live), "no other generation was ever live, or it was dropped"));
    };
    if let Some(refusal) = other_than_wanted(views, wanted, other) {
        return Ok(refusal);
    }
    let mut item = change(views, &generations, other);
    if wanted.is_none() {
        let command = format!("`ops projections rollback {} {other} --execute`", views.name());
        if execute {
            let why = format!("must be named, because going back twice would lead forth again: {command}");
            return Ok(refused(views.called(other), why));
        }
        item.state = format!("{}: {command}", item.state);
    }
    carry_out(views, &generations, other, Plan { executed: execute, items: vec![item] }).await
}

/// The answer to whoever asks again, because the first answer was lost.
fn seen_already(views: &Views, generations: &Generations, wanted: Option<Generation>, execute: bool) -> Option<Plan> {
    let wanted = wanted.filter(|wanted| *wanted == generations.live)?;
    let items = vec![Item::new(views.called(wanted), Action::None, "readers see it already")];
    Some(Plan { executed: execute, items })
}

fn other_than_wanted(views: &Views, wanted: Option<Generation>, other: Generation) -> Option<Plan> {
    let wanted = wanted.filter(|wanted| *wanted != other)?;
    Some(refused(views.called(wanted), format!("is not where this leads now: that is g{other}; look again")))
}

fn change(views: &Views, generations: &Generations, other: Generation) -> Item {
    let state = format!("readers see it instead of g{}, which is kept", generations.live);
    Item::new(views.called(other), Action::Change, state)
}

async fn carry_out(views: &Views, generations: &Generations, other: Generation, plan: Plan) -> Result<Plan, Error> {
    if plan.is_refused() || !plan.executed {
        return Ok(Plan { executed: false, ..plan });
    }
    let live = views.target(generations.live);
    let begun = clock::monotonic();
    let mut pause = Backoff::new(FIRST_LOOK, LONGEST_LOOK);
    loop {
        let answer = views.read_model.switch(&live, other).await?;
        let items = match &answer {
            Switched::Done => return Ok(plan),
            Switched::Behind { .. } if begun.elapsed() < PATIENCE => {
                pause.wait().await;
                continue;
            }
            Switched::Behind { .. }
            | Switched::Moved { .. }
            | Switched::Unknown
            | Switched::Stuck { .. }
            | Switched::Troubled => refusals(views, other, answer),
        };
        return Ok(Plan { executed: false, items });
    }
}

/// Why readers do not see the other generation.
fn refusals(views: &Views, other: Generation, answer: Switched) -> Vec<Item> {
    let refuse = |state: String| Item::new(views.called(other), Action::Refuse, state);
    match answer {
        Switched::Done => Vec::new(),
        Switched::Moved { live } => {
            let live = live.map_or_else(|| "none".to_owned(), |live| format!("g{live}"));
            vec![refuse(format!("somebody switched meanwhile: {live} is live now"))]
        }
        Switched::Unknown => vec![refuse("is not there any more, or is being dropped".to_owned())],
        Switched::Behind { partitions } => partitions.iter().map(|partition| lags(views, other, partition)).collect(),
        Switched::Troubled => vec![refuse("has gaps or parked events in more than 1,000 streams".to_owned())],
        Switched::Stuck { streams } => {
            let stuck = |stream| refuse(format!("stands still in {stream}, where the live one goes on"));
            streams.into_iter().map(stuck).collect()
        }
    }
}

/// The refusal of a generation that has not come as far in this partition.
pub(crate) fn lags(views: &Views, generation: Generation, partition: &Behind) -> Item {
    let Behind { source, live, other } = partition;
    let (live, other) = (live.next, other.next);
    let state = match other.cmp(&live) {
        Ordering::Less => format!("is at {other} in {source}, the live one at {live}: let it catch up"),
        Ordering::Equal => format!("has read another record before {live} in {source} than the live one: another log"),
        Ordering::Greater => format!(
            "is at {other} in {source}, the live one at {live}, which was at the log's end later: the log may have been \
             made anew; let it catch up"
        ),
    };
    let state = format!("{state}; if no projector feeds it, start the build that does, or drop it");
    Item::new(views.called(generation), Action::Refuse, state)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use read_model::{RedisConfig, Source};
    use schemas::Position;
    use views::Projection;

    use super::*;

    #[tokio::test]
    async fn every_refusal_says_what_stands_in_the_way() {
        let redis = RedisConfig { redis_url: "redis://127.0.0.1:1".into() };
        let views = Views::connect(&redis, Projection::Orders).unwrap();
        let source = Source { topic: "orders.events.v1".into(), partition: 3 };
        let at = |next| Position { next, last: None };
        let behind = |live, other| Switched::Behind {
            partitions: vec![Behind { source: source.clone(), live: at(live), other: at(other) }],
        };
        let stream = StreamId::parse("ord_1").unwrap();
        for (answer, words) in [
            (Switched::Moved { live: Some(Generation(5)) }, "g5 is live now"),
            (Switched::Unknown, "is not there any more"),
            (behind(9, 4), "is at 4 in orders.events.v1/3, the live one at 9: let it catch up"),
            (behind(60, 60), "has read another record before 60 in orders.events.v1/3"),
            (behind(60, 1_000), "the log may have been made anew; let it catch up"),
            (Switched::Stuck { streams: vec![stream] }, "stands still in ord_1"),
            (Switched::Troubled, "more than 1,000 streams"),
        ] {
            let items = refusals(&views, Generation(2), answer);
            let refused = |item: &Item| item.action == Action::Refuse && item.name == "orders g2";
            assert!(items.iter().all(refused) && items[0].state.contains(words), "{items:?}");
        }
    }
}
