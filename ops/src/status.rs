//! `ops status`: how far everything is, and what needs somebody.

mod processes;
mod report;
mod unread;

use std::collections::BTreeMap;

use bus::KafkaConfig;
use bus::inventory::{Group, Held, Inventory};
use bus::log::Span;
use read_model::{ReadModel, Sink, Source, Survey};
use runtime::{Process, chain};
use schemas::Aggregate;
use views::Projection;

use crate::Error;
use crate::answer::Answer;
use crate::cli::StatusCommand;
use crate::ends;
use crate::republish::connect;
use crate::shown::{Shown, shown};
use report::{GroupStatus, OutboxStatus, PartitionStatus, ReaderStatus, Status};

/// The groups that keep their positions in Kafka, and what each hears: roles of the command API.
const BY_THEIR_NOTES: [(&str, &[Aggregate]); 2] = [
    ("cashier", &[Aggregate::Payment]),
    ("fulfilment", &[Aggregate::Order, Aggregate::Stock, Aggregate::Payment, Aggregate::Fulfilment]),
];
/// The group that fills the feeds.
const NOTIFIER: &str = "notifier";
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
    let never = |projection: &Projection| !shown.iter().any(|shown| shown.projection == *projection);
    let mut readers: Vec<_> = Projection::ALL
        .into_iter()
        .filter(never)
        .map(|projection| ReaderStatus::of_nothing(projection.name()))
        .collect();
    for shown in &shown {
        readers.push(views(&read_model, &topics, shown).await?);
    }
    readers.push(feeds(&read_model, wish, &topics).await?);
    let groups = consumers(&wish.kafka, groups, &topics).await?;
    let missing = Aggregate::ALL.into_iter().filter(|aggregate| !topics.contains_key(aggregate));
    let mut attention: Vec<_> =
        missing.map(|aggregate| format!("topic {} does not exist", aggregate.topic())).collect();
    let processes = match &wish.gateway {
        Some(gateway) => processes::processes(gateway).await.unwrap_or_else(|error| {
            attention.push(format!("the gateway at {gateway} does not tell how the processes are: {}", chain(&error)));
            Vec::new()
        }),
        None => Vec::new(),
    };
    Ok(Status { attention, outbox, readers, groups, processes }.judged().into())
}

/// Ours, also those that Kafka does not know, and whoever else reads.
async fn consumers(
    kafka: &KafkaConfig,
    known: Vec<Group>,
    topics: &BTreeMap<Aggregate, Vec<Held>>,
) -> Result<Vec<GroupStatus>, Error> {
    let projectors = Projection::ALL.into_iter().map(|projection| format!("projector.{}", projection.name()));
    let others = BY_THEIR_NOTES.iter().map(|(name, _)| *name).chain([NOTIFIER]).map(str::to_owned);
    let group = |Group { name, state, members }| {
        (name.clone(), GroupStatus { name, state, members, ours: false, behind: None, seconds: None })
    };
    let mut groups: BTreeMap<_, _> = known.into_iter().map(group).collect();
    for name in projectors.chain(others) {
        let unknown = Group { name: name.clone(), state: "unknown".to_owned(), members: 0 };
        groups.entry(name).or_insert_with(|| group(unknown).1).ours = true;
    }
    for (name, hears) in BY_THEIR_NOTES {
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
