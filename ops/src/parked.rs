//! `ops parked`: streams that wait because an event of theirs could not be decoded or applied.

mod release;

use read_model::{Generation, Parked, ParkingEntry, ReadModel, RedisConfig, Sink, Target};
use runtime::Process;
use schemas::StreamId;

use crate::Error;
use crate::cli::{OfProjection, Reader};
use crate::plan::{Action, Item, Plan};

pub(crate) use release::{Operator, Release};

/// What is parked, and what was discarded, in one place or in all.
pub(crate) async fn list(redis: &RedisConfig, only: Option<Reader>) -> Result<Plan, Error> {
    let model = connect(redis)?;
    let mut items = Vec::new();
    for reader in only.map_or_else(Reader::all, |only| vec![only]) {
        let sink = match sink(&model, reader, None).await {
            Ok(sink) => sink,
            // What never began has parked nothing.
            Err(Error::Parked { source: read_model::Error::NoLiveGeneration { .. } }) => continue,
            Err(error) => return Err(error),
        };
        let name = |stream: &StreamId| format!("{} {stream}", reader.name());
        for Parked { stream, entry, .. } in model.parked(sink).await.map_err(unread)? {
            items.push(Item::new(name(&stream), Action::Look, summary(&entry)));
        }
        for discarded in model.discarded(sink).await.map_err(unread)? {
            let nothing = if discarded.version().is_none() { "; no version counts as applied" } else { "" };
            let state =
                format!("discarded at {} ({}): {}{nothing}", discarded.at, discarded.why, summary(&discarded.entry));
            items.push(Item::new(name(&discarded.stream), Action::None, state));
        }
    }
    Ok(Plan { executed: false, items })
}

/// Everything that is known of one parked stream.
pub(crate) async fn show(of: &OfProjection, stream: &StreamId) -> Result<Plan, Error> {
    let model = connect(&of.redis)?;
    let sink = sink(&model, of.projection, of.generation).await?;
    let parked = model.parked(sink).await.map_err(unread)?;
    let Some(Parked { entry, .. }) = parked.into_iter().find(|parked| parked.stream == *stream) else {
        return Ok(Plan { executed: false, items: vec![absent(of.projection, stream)] });
    };
    let ParkingEntry { version, cause, reason, event_type, event_id, topic, partition, offset, at } = entry;
    let stored = model.version(sink, stream).await.map_err(unread)?;
    let unknown = || "the record does not tell".to_owned();
    let line = |name: &str, state: String| Item::new(name, Action::None, state);
    let items = vec![
        Item::new("stream", Action::Look, format!("{stream} is parked in {}", of.projection.name())),
        line("reason", reason),
        line("cause", cause.as_str().to_owned()),
        line("version", version.map_or_else(unknown, |version| version.to_string())),
        line("shown version", stored.to_string()),
        line("event type", event_type.unwrap_or_else(unknown)),
        line("event id", event_id.map_or_else(unknown, |id| id.to_string())),
        line("record", format!("{topic}/{partition}, offset {offset}")),
        line("parked at", at.to_string()),
    ];
    Ok(Plan { executed: false, items })
}

/// In one line.
fn summary(entry: &ParkingEntry) -> String {
    let ParkingEntry { version, reason, topic, partition, offset, at, .. } = entry;
    let version =
        version.map_or_else(|| "a version that is not told".to_owned(), |version| format!("version {version}"));
    format!("{version}, {topic}/{partition} offset {offset}, since {at}: {reason}")
}

fn absent(reader: Reader, stream: &StreamId) -> Item {
    Item::new(stream.as_str(), Action::Refuse, format!("is not parked in {}", reader.name()))
}

fn connect(redis: &RedisConfig) -> Result<ReadModel, Error> {
    ReadModel::connect(redis, &Process::new("ops", None)).map_err(unread)
}

/// What keeps the parked streams: of a projection the generation that was asked for, else the one that answers come from.
async fn sink(model: &ReadModel, reader: Reader, generation: Option<u32>) -> Result<Sink, Error> {
    let Reader::Views(projection) = reader else { return Ok(Sink::Feeds) };
    let projection = projection.name();
    let generation = match generation {
        Some(number) => Generation(number),
        None => model.reader().live_generation(projection).await.map_err(unread)?,
    };
    Ok(Sink::Views(Target { projection, generation }))
}

fn unread(source: read_model::Error) -> Error {
    Error::Parked { source }
}
