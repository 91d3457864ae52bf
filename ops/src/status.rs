//! `ops status`: how far everything is, and what needs somebody.

mod processes;
mod report;
mod unread;

use std::collections::BTreeMap;

use bus::inventory::{Group, Held, Inventory};
use bus::log::Span;
use bus::{ConsumerGroup, KafkaConfig};
use read_model::{Generation, ReadModel, Sink, Source, Survey, Target};
use runtime::{Process, chain};
use schemas::Aggregate;
use views::Projection;

use crate::Error;
use crate::answer::Answer;
use crate::cli::StatusCommand;
use crate::ends;
use crate::republish::connect;
use crate::shown::{Shown, drop_again, dropped_in_part, shown};
use report::{GroupStatus, OutboxStatus, PartitionStatus, ReaderStatus, Status};

/// Marks are counted no further than this.
const MOST_MARKS: u32 = 1_000_000;

/// Asks every server once.
pub(crate) async fn status(wish: &StatusCommand) -> Result<Answer, Error> {
    let read_model = ReadModel::connect(&wish.redis, &Process::new("ops", None))?;
    let inventory = Inventory::connect(&wish.kafka).map_err(unasked)?;
    let topics = inventory.topics().await.map_err(unasked)?;
    let groups = inventory.groups().await.map_err(unasked)?;
    let outbox = outbox(wish).await?;
    let shown = shown(&read_model).await?;
    let mut readers: Vec<_> =
        never_began(&shown).map(|projection| ReaderStatus::of_nothing(projection.name())).collect();
    for shown in &shown {
        readers.push(views(&read_model, &topics, shown).await?);
    }
    readers.push(feeds(&read_model, wish, &topics).await?);
    let groups = consumers(&wish.kafka, listed(groups, &shown), &topics).await?;
    let missing = Aggregate::ALL.into_iter().filter(|aggregate| !topics.contains_key(aggregate));
    let mut attention: Vec<_> =
        missing.map(|aggregate| format!("topic {} does not exist", aggregate.topic())).collect();
    attention.extend(dropped_in_part(&read_model).await?.iter().map(left_over));
    let processes = match &wish.gateway {
        Some(gateway) => processes::processes(gateway).await.unwrap_or_else(|error| {
            attention.push(format!("the gateway at {gateway} does not tell how the processes are: {}", chain(&error)));
            Vec::new()
        }),
        None => Vec::new(),
    };
    Ok(Status { attention, outbox, readers, groups, processes }.judged().into())
}

/// What is kept longer than anybody wants.
fn left_over(target: &Target) -> String {
    let Target { projection, generation } = target;
    let again = drop_again(target);
    format!("{projection} g{generation} is dropped in part, and nobody erases anything in what is left: {again}")
}

/// The projections of which nothing was ever stored.
fn never_began(shown: &[Shown]) -> impl Iterator<Item = Projection> {
    let began = move |projection: &Projection| shown.iter().any(|shown| shown.projection == *projection);
    Projection::ALL.into_iter().filter(move |projection| !began(projection))
}

/// The groups of projectors that somebody should be in: that of each generation that is fed, and the first one of each
/// projection that never began. The group of a generation that was dropped stays in Kafka for a while, and empty.
fn of_projectors(shown: &[Shown]) -> impl Iterator<Item = String> {
    let first = |projection: Projection| Target { projection: projection.name(), generation: Generation(1) };
    let begins = never_began(shown).map(first);
    shown.iter().map(|shown| shown.target).chain(begins).map(|target| target.group())
}

/// Our groups, also those that Kafka does not know, and whoever else reads.
fn listed(known: Vec<Group>, shown: &[Shown]) -> BTreeMap<String, GroupStatus> {
    let others = ConsumerGroup::ACTING.into_iter().chain([ConsumerGroup::NOTIFIER]).map(|group| group.name.to_owned());
    let group = |Group { name, state, members }| {
        (name.clone(), GroupStatus { name, state, members, ours: false, behind: None, seconds: None })
    };
    let mut groups: BTreeMap<_, _> = known.into_iter().map(group).collect();
    for name in of_projectors(shown).chain(others) {
        let unknown = Group { name: name.clone(), state: "unknown".to_owned(), members: 0 };
        groups.entry(name).or_insert_with(|| group(unknown).1).ours = true;
    }
    groups
}

/// These groups, and how far those are that keep their positions in Kafka.
async fn consumers(
    kafka: &KafkaConfig,
    mut groups: BTreeMap<String, GroupStatus>,
    topics: &BTreeMap<Aggregate, Vec<Held>>,
) -> Result<Vec<GroupStatus>, Error> {
    for ConsumerGroup { name, hears } in ConsumerGroup::ACTING {
        let Some(status) = groups.get_mut(name) else { continue };
        let (mut behind, mut longest) = (0, 0);
        for (topic, held) in hears.iter().filter_map(|heard| Some((heard.topic(), topics.get(heard)?))) {
            let spans = unread::of_group(kafka, name, topic, held).await.map_err(unasked)?;
            behind += spans.iter().map(Span::records).sum::<u64>();
            let waiting = unread::waiting(kafka, topic, &spans).await.map_err(unasked)?;
            longest = waiting.into_values().fold(longest, i64::max);
        }
        (status.behind, status.seconds) = (Some(behind), Some(longest));
    }
    Ok(groups.into_values().collect())
}

async fn outbox(wish: &StatusCommand) -> Result<OutboxStatus, Error> {
    let outbox = connect(&wish.mongodb_uri).await?.outbox();
    let oldest = outbox.oldest_mark_age().await?;
    Ok(OutboxStatus {
        waiting: outbox.backlog(MOST_MARKS).await?,
        oldest_seconds: oldest.map(|age| age.as_secs()),
        again: outbox.again().backlog(MOST_MARKS).await?,
    })
}

async fn views(
    read_model: &ReadModel,
    topics: &BTreeMap<Aggregate, Vec<Held>>,
    shown: &Shown,
) -> Result<ReaderStatus, Error> {
    let Shown { projection, target, live } = shown;
    let survey = read_model.survey(shown.sink()).await?;
    let held = topics.get(&projection.aggregate()).map(Vec::as_slice).unwrap_or_default();
    let sources = (0..).zip(held).map(|(partition, held)| {
        let topic = projection.aggregate().topic().into();
        (Source { topic, partition }, *held)
    });
    let now_ms = ends::now_ms();
    let partitions = sources.map(|(source, held)| {
        let at_end_ms = survey.at_end_ms.get(&source).copied().unwrap_or_default();
        let seconds = (at_end_ms > 0).then(|| (now_ms - at_end_ms).max(0) / 1_000);
        partition(&survey, source, held, seconds)
    });
    let partitions = partitions.collect();
    let name = (projection.name(), Some(target.generation.0));
    let mut status = ReaderStatus::new(name, partitions, &survey);
    status.live = *live;
    Ok(status)
}

/// The feeds do not note when they were at the end, so the log is asked.
async fn feeds(
    read_model: &ReadModel,
    wish: &StatusCommand,
    topics: &BTreeMap<Aggregate, Vec<Held>>,
) -> Result<ReaderStatus, Error> {
    let survey = read_model.survey(Sink::Feeds).await?;
    let mut partitions = Vec::new();
    for (aggregate, held) in topics {
        let topic = aggregate.topic();
        let read = (0..).zip(held).filter_map(|(partition, held)| {
            let source = Source { topic: topic.into(), partition };
            Some((unread::behind(partition, *survey.positions.get(&source)?, *held), source, *held))
        });
        let read: Vec<_> = read.collect();
        let spans: Vec<Span> = read.iter().map(|(span, ..)| *span).collect();
        let waiting = unread::waiting(&wish.kafka, topic, &spans).await.map_err(unasked)?;
        partitions.extend(
            read.into_iter()
                .map(|(span, source, held)| partition(&survey, source, held, waiting.get(&span.partition).copied())),
        );
    }
    Ok(ReaderStatus::new(("feeds", None), partitions, &survey))
}

/// `seconds` counts where something is unread.
fn partition(survey: &Survey, source: Source, held: Held, seconds: Option<i64>) -> PartitionStatus {
    let position = survey.positions.get(&source).copied().unwrap_or(held.start);
    let Span { from, until, .. } = unread::behind(source.partition, position, held);
    let behind = until - from;
    let seconds = if behind == 0 { Some(0) } else { seconds };
    let Source { topic, partition } = source;
    PartitionStatus { topic: topic.to_string(), partition, position, end: held.end, behind, seconds }
}

fn unasked(source: bus::Error) -> Error {
    Error::Logs { source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn orders(generation: u32, live: bool) -> Shown {
        let projection = Projection::Orders;
        Shown { projection, target: Target { projection: projection.name(), generation: Generation(generation) }, live }
    }

    /// What is said of the projectors of orders while these generations are fed and these groups have so many members.
    fn said(shown: &[Shown], known: &[(&str, usize)]) -> Vec<String> {
        let group = |(name, members): &(&str, usize)| {
            let state = if *members == 0 { "Empty" } else { "Stable" };
            Group { name: (*name).to_owned(), state: state.to_owned(), members: *members }
        };
        let groups = listed(known.iter().map(group).collect(), shown).into_values().collect();
        let outbox = OutboxStatus { waiting: 0, oldest_seconds: None, again: 0 };
        let status = Status { attention: Vec::new(), outbox, readers: Vec::new(), groups, processes: Vec::new() };
        let attention = status.judged().attention.into_iter();
        attention.filter(|sentence| sentence.contains("projector.orders")).collect()
    }

    #[test]
    fn somebody_must_be_in_the_group_of_each_generation_that_is_fed_and_of_no_other() {
        const FIRST: &str = "projector.orders";
        const SECOND: &str = "projector.orders.g2";
        let nobody_in = |group: &str| vec![format!("nobody is in group {group}")];
        assert_eq!(said(&[], &[]), nobody_in(FIRST), "it never began");
        assert_eq!(said(&[orders(1, true)], &[(FIRST, 1)]), Vec::<String>::new());
        let both = [orders(1, true), orders(2, false)];
        assert_eq!(said(&both, &[(FIRST, 1), (SECOND, 1)]), Vec::<String>::new());
        assert_eq!(said(&both, &[(FIRST, 1)]), nobody_in(SECOND), "it is not filled");
        let switched = [orders(2, true)];
        assert_eq!(said(&switched, &[(FIRST, 0), (SECOND, 1)]), Vec::<String>::new(), "the first one was dropped");
        assert_eq!(said(&switched, &[(FIRST, 0), (SECOND, 0)]), nobody_in(SECOND));
    }
}
