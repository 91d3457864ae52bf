//! `ops status`: how far everything is, and what needs somebody.

mod report;

use std::collections::BTreeMap;

use bus::inventory::{Held, Inventory};
use read_model::{ReadModel, Sink, Source, Survey};
use runtime::Process;
use schemas::Aggregate;
use views::Projection;

use crate::Error;
use crate::answer::Answer;
use crate::cli::StatusCommand;
use crate::ends;
use crate::republish::connect;
use crate::shown::{Shown, shown};
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
    let never = |projection: &Projection| !shown.iter().any(|shown| shown.projection == *projection);
    let mut readers: Vec<_> = Projection::ALL
        .into_iter()
        .filter(never)
        .map(|projection| ReaderStatus::of_nothing(projection.name()))
        .collect();
    for shown in &shown {
        readers.push(views(&read_model, &topics, shown).await?);
    }
    readers.push(feeds(&read_model, &topics).await?);
    let groups =
        groups.into_iter().map(|group| GroupStatus { name: group.name, state: group.state, members: group.members });
    let missing = Aggregate::ALL.into_iter().filter(|aggregate| !topics.contains_key(aggregate));
    let missing = missing.map(|aggregate| format!("topic {} does not exist", aggregate.topic())).collect();
    Ok(Status::new(missing, outbox, readers, groups.collect()).into())
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

async fn feeds(read_model: &ReadModel, topics: &BTreeMap<Aggregate, Vec<Held>>) -> Result<ReaderStatus, Error> {
    let survey = read_model.survey(Sink::Feeds).await?;
    let held = |source: &Source| {
        let held = topics.get(&Aggregate::of_topic(&source.topic)?)?;
        held.get(usize::try_from(source.partition).ok()?).copied()
    };
    let sources = survey.positions.keys().filter_map(|source| Some((source.clone(), held(source)?)));
    // The feeds do not tell when they were at the end.
    let partitions = sources.map(|(source, held)| partition(&survey, source, held, None)).collect();
    Ok(ReaderStatus::new(("feeds", None), partitions, &survey))
}

fn partition(survey: &Survey, source: Source, held: Held, seconds_since_end: Option<i64>) -> PartitionStatus {
    let position = survey.positions.get(&source).copied().unwrap_or(held.start);
    let behind = (held.end - position.max(held.start)).max(0);
    let seconds = if behind == 0 { Some(0) } else { seconds_since_end };
    let Source { topic, partition } = source;
    PartitionStatus { topic: topic.to_string(), partition, position, end: held.end, behind, seconds }
}

fn unasked(source: bus::Error) -> Error {
    Error::Logs { source }
}
