//! What there is of each projection and of the feeds, for those who look after them: gaps, parked streams, positions,
//! versions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use redis::Pipeline;
use schemas::{EventId, StreamId, Version};

use crate::document::StoredId;
use crate::{Error, Gap, Generation, ReadModel, Sink, Source, Target, feeds, keys, position};

/// How many keys are looked at in one step of a walk.
const STEP: usize = 500;

/// What there is of one of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// The streams of which versions are missing.
    pub gaps: Vec<Gap>,
    /// The streams that wait for somebody.
    pub parked: BTreeSet<StreamId>,
    /// For each partition the next offset that will be applied.
    pub positions: BTreeMap<Source, i64>,
    /// When each partition was last at the end of its log, in milliseconds since the epoch; 0 is never. The feeds do not
    /// tell.
    pub at_end_ms: BTreeMap<Source, i64>,
}

/// How far a stream was applied somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reached {
    /// The last version that was applied; `NONE` if none was.
    pub version: Version,
    /// Its event, where that is known.
    pub event: Option<EventId>,
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Views(Target { projection, generation }) => write!(f, "{projection}.g{generation}"),
            Self::Feeds => f.write_str("feeds"),
        }
    }
}

impl Sink {
    fn positions(self) -> String {
        match self {
            Self::Views(target) => target.positions(),
            Self::Feeds => feeds::POSITIONS.to_owned(),
        }
    }
}

impl ReadModel {
    /// What there is of it, at one moment each.
    pub async fn survey(&self, sink: Sink) -> Result<Survey, Error> {
        let mut commands = Pipeline::new();
        commands.cmd("HGETALL").arg(sink.gaps());
        commands.cmd("HKEYS").arg(sink.parked());
        commands.cmd("HGETALL").arg(sink.positions());
        if let Sink::Views(target) = sink {
            commands.cmd("HGETALL").arg(target.fresh());
        }
        type Found = (BTreeMap<String, String>, Vec<String>, BTreeMap<String, String>, Option<BTreeMap<String, i64>>);
        let mut found: Vec<redis::Value> = self.connections.read_all("looking after a projection", &commands).await?;
        found.resize(4, redis::Value::Nil);
        let (gaps, parked, positions, stamps): Found = redis::from_redis_value(redis::Value::Array(found))
            .map_err(|error| Error::Corrupt { key: sink.gaps(), found: error.to_string() })?;
        let gaps = gaps.into_iter().map(|(stream, stored)| Gap::read(&stream, stored)).collect::<Result<_, _>>()?;
        let parked = parked.iter().filter_map(|stream| StreamId::parse(stream).ok()).collect();
        let positions = positions.iter().filter_map(|(source, at)| position::next(source, at)).collect();
        let stamps = stamps.unwrap_or_default().into_iter();
        let at_end_ms = stamps.filter_map(|(source, at)| Some((Source::parse(&source)?, at))).collect();
        Ok(Survey { gaps, parked, positions, at_end_ms })
    }

    /// How far these streams were applied there, in their order.
    pub async fn reached(&self, sink: Sink, streams: &[StreamId]) -> Result<Vec<Reached>, Error> {
        if streams.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = Pipeline::with_capacity(streams.len());
        for stream in streams {
            match sink {
                Sink::Views(target) => commands.cmd("HMGET").arg(target.document(stream)).arg("v").arg("e"),
                Sink::Feeds => commands.cmd("HMGET").arg(feeds::VERSIONS).arg(stream.as_str()).arg("-"),
            };
        }
        let found: Vec<(Option<u32>, Option<StoredId>)> =
            self.connections.read_all("reading how far streams were applied", &commands).await?;
        let reached = |(version, event): (Option<u32>, Option<StoredId>)| Reached {
            version: version.map_or(Version::NONE, Version),
            event: event.map(StoredId::event),
        };
        Ok(found.into_iter().map(reached).collect())
    }

    /// One step of a walk over the documents of all projections: some of them, each with its projection's name, and where
    /// to go on; begin at 0, which is also the end. A document that is there all the time is seen at least once.
    pub async fn documents_from(&self, cursor: u64) -> Result<(u64, Vec<(String, Generation, StreamId)>), Error> {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(keys::ALL_DOCUMENTS).arg("COUNT").arg(STEP);
        let (next, found): (u64, Vec<String>) = self.connections.read("walking over the documents", &scan).await?;
        Ok((next, found.iter().filter_map(|key| keys::document_of(key)).collect()))
    }
}
