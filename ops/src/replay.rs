//! `ops replay`: has a topic read again, by whoever asked for it and by nobody else. Either records are copied into a topic
//! of its own, or a group that is at rest begins at an earlier position.
//!
//! It never writes into the topics of our events: a record there is an event that MongoDB holds, and putting one there is
//! publishing, which `ops republish` has the relays do. It never moves a group that has members.

mod copying;
mod resetting;

use bus::ConsumerGroup;
use bus::log::{Log, Span};
use read_model::Target;
use schemas::Aggregate;

use crate::Error;
use crate::cli::ReplayCommand;
use crate::plan::{Action, Item, Plan};
use crate::projections::refused;

/// Says what would be read again; `--execute` brings it about.
pub(crate) async fn replay(wish: &ReplayCommand) -> Result<Plan, Error> {
    if let Some(plan) = forbidden(wish) {
        return Ok(plan);
    }
    let Some(log) = Log::open(&wish.kafka, &wish.topic).await.map_err(failed)? else {
        return Ok(refused(&wish.topic, "there is no such topic"));
    };
    let mut spans = log.spans(wish.part.begin(), wish.until).await.map_err(failed)?;
    if let Some(only) = wish.part.partition {
        spans.retain(|span| span.partition == only);
        if spans.is_empty() {
            return Ok(refused(&wish.topic, format!("it has no partition {only}")));
        }
    }
    match (&wish.to.to, &wish.to.group) {
        (Some(target), _) => copying::copy(wish, log, &spans, target).await,
        (None, Some(group)) => resetting::reset(wish, &spans, group).await,
        (None, None) => Ok(refused(&wish.topic, "say --to or --group")),
    }
}

/// What is refused before anything is asked.
fn forbidden(wish: &ReplayCommand) -> Option<Plan> {
    let target = wish.to.to.as_deref().unwrap_or_default();
    if Aggregate::of_topic(target).is_some() {
        let why = "is a topic of events, and every service reads it: writing there is publishing, and what is published is \
                   only what MongoDB holds. `ops republish` has the relays do that";
        return Some(refused(target, why));
    }
    if target == wish.topic {
        return Some(refused(target, "is read already: a copy into itself would never end"));
    }
    if target.starts_with("__") {
        return Some(refused(target, "belongs to Kafka itself"));
    }
    let group = wish.to.group.as_deref().unwrap_or_default();
    if group == ConsumerGroup::NOTIFIER.name || group.starts_with(Target::GROUPS) {
        let why = "keeps its positions in Redis, beside what it wrote there, so Kafka's move nothing: `ops rebuild` fills \
                   views anew, `ops republish` brings back what the log lost";
        return Some(refused(group, why));
    }
    None
}

/// Everything that is to be read again, and what is done in each partition.
fn items(
    name: String,
    whole: String,
    topic: &str,
    spans: &[Span],
    each: impl Fn(&Span) -> (Action, String),
) -> Vec<Item> {
    let part = |span: &Span| {
        let (action, state) = each(span);
        Item::new(format!("{topic}/{}", span.partition), action, state)
    };
    let parts: Vec<_> = spans.iter().map(part).collect();
    let changes = parts.iter().any(|part| part.action == Action::Change);
    let action = if changes { Action::Change } else { Action::None };
    std::iter::once(Item::new(name, action, whole)).chain(parts).collect()
}

fn records(spans: &[Span]) -> u64 {
    spans.iter().map(Span::records).sum()
}

fn failed(source: bus::Error) -> Error {
    Error::Topics { what: "read", source: Box::new(source) }
}
