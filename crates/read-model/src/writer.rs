//! What projectors do: apply batches, read what they fold on, and say how fresh they are.

use std::collections::BTreeMap;

use redis::{FromRedisValue, Pipeline, Value};
use schemas::{Position, StreamId};

use crate::document::{FIELDS, Fields};
use crate::library::VIEWS;
use crate::{Applied, Batch, Document, Error, ReadModel, Source, Target, keys, position};

/// A partition was at the end of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// For which projection.
    pub target: Target,
    /// Which partition.
    pub source: Source,
    /// When, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// What the next event of a stream is folded on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Its document; `None` if nothing was ever stored.
    pub document: Option<Document>,
    /// Whether it is parked, so that nothing is applied to it.
    pub parked: bool,
}

impl ReadModel {
    /// Applies a batch as one atomic step, or nothing of it. On [`Error::Unavailable`] the outcome is unknown: apply
    /// the same batch again, or start over from [`Self::open`].
    pub async fn apply(&self, batch: &Batch) -> Result<Applied, Error> {
        let doing = "applying a batch";
        let answer: Vec<String> = self.connections.call(doing, &batch.call()).await?;
        match answer.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["done"] => Ok(Applied::Done),
            ["stale", _stream] => Ok(Applied::StaleDocuments),
            ["full", parked] => parked.parse().map(|parked| Applied::Full { parked }).map_err(|_| unexpected(&answer)),
            ["refused", stored] => Ok(Applied::Refused { stored: position::stored(&batch.source, Some(stored))? }),
            ["gone"] => Err(gone(&batch.target)),
            _ => Err(unexpected(&answer)),
        }
    }

    /// Begins, or resumes, the work on a partition: returns its position, and notes that the partition exists, so that its
    /// lag counts from now on. A generation that is not there, not there any more, or being dropped is not opened:
    /// [`Error::NoSuchGeneration`]. [`Self::found`] makes the first one.
    pub async fn open(&self, target: &Target, source: &Source) -> Result<Position, Error> {
        let projection = target.projection;
        let keys = [keys::live(projection), keys::entries(projection), target.fresh(), target.positions()];
        let mut call = VIEWS.call("views_open", &keys);
        call.arg(target.generation.0).arg(source.to_string());
        let stored: Option<String> = self.connections.call("opening a partition", &call).await?;
        position::stored(source, Some(&stored.ok_or_else(|| gone(target))?))
    }

    /// The position of a partition, without beginning work on it.
    pub async fn position(&self, target: &Target, source: &Source) -> Result<Position, Error> {
        let mut command = redis::cmd("HGET");
        command.arg(target.positions()).arg(source.to_string());
        let stored: Option<String> = self.connections.read("reading a position", &command).await?;
        position::stored(source, stored.as_deref())
    }

    /// The documents of these streams, in their order; `None` where nothing was ever stored.
    pub async fn documents(&self, target: &Target, streams: &[StreamId]) -> Result<Vec<Option<Document>>, Error> {
        let standings = self.standings(target, streams).await?;
        Ok(standings.into_iter().map(|standing| standing.document).collect())
    }

    /// What the events of these streams are to be folded on, in their order and in one round trip.
    pub async fn standings(&self, target: &Target, streams: &[StreamId]) -> Result<Vec<Standing>, Error> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = Pipeline::with_capacity(streams.len() + 1);
        commands.cmd("HMGET").arg(target.parked());
        for stream in streams {
            commands.arg(stream.as_str());
        }
        for stream in streams {
            commands.cmd("HMGET").arg(target.document(stream)).arg(&FIELDS);
        }
        let mut found: Vec<Value> = self.connections.read_all("reading documents to fold on", &commands).await?;
        let documents = found.split_off(found.len().min(1));
        let parked = found.pop().map(parsed::<Vec<Option<String>>>).transpose()?.unwrap_or_default();
        let standing = |(fields, parked): (Value, Option<String>)| {
            Ok(Standing { document: Document::of(parsed::<Fields>(fields)?), parked: parked.is_some() })
        };
        documents.into_iter().zip(parked).map(standing).collect()
    }

    /// Stores when partitions were last at the end of their logs: one round trip for all.
    pub async fn stamp(&self, stamps: &[Freshness]) -> Result<(), Error> {
        let mut by_target = BTreeMap::<String, Vec<(String, i64)>>::new();
        for stamp in stamps {
            by_target.entry(stamp.target.fresh()).or_default().push((stamp.source.to_string(), stamp.at_ms));
        }
        if by_target.is_empty() {
            return Ok(());
        }
        let mut commands = Pipeline::new();
        for (key, fields) in &by_target {
            commands.cmd("HSET").arg(key).arg(fields).ignore();
        }
        self.connections.write_all("storing how fresh the projections are", &commands).await
    }
}

fn gone(target: &Target) -> Error {
    Error::NoSuchGeneration { projection: target.projection, generation: target.generation }
}

fn unexpected(answer: &[String]) -> Error {
    Error::Corrupt { key: "the answer of views_apply".to_owned(), found: answer.join(" ") }
}

fn parsed<T: FromRedisValue>(value: Value) -> Result<T, Error> {
    T::from_redis_value(value)
        .map_err(|error| Error::Corrupt { key: "what events are folded on".to_owned(), found: error.to_string() })
}
