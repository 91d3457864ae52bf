//! What queries do: read documents and pages of the live generation, and tell how far behind a projection is.
//!
//! A reader remembers which generation is live and asks for the pointer behind the read, in one round trip; if the pointer
//! has moved it reads again. So no answer is older than the switch of generations before it.

mod ranks;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use redis::{Cmd, FromRedisValue, Pipeline, Value};
use runtime::clock::{self, Instant};
use schemas::StreamId;

use crate::connection::Connections;
use crate::document::{FIELDS, Fields, StoredId};
use crate::library::VIEWS;
use crate::{Document, Error, Generation, Source, Target, keys, position};

pub use ranks::{Order, Ranks};

/// How long the oldest stamp of a projection is remembered; they are stored once a second.
const LAG_MEMORY: Duration = Duration::from_millis(250);
/// A projection that keeps up is stamped once a second; ages up to this are no lag.
const LAG_RESOLUTION_MS: i64 = 2_500;
/// Generations may move while we read; they do not move often.
const ATTEMPTS: usize = 4;

/// Reads the live generation; clones share what they remember.
#[derive(Debug, Clone)]
pub struct Reader {
    connections: Connections,
    memory: Arc<RwLock<Memory>>,
}

#[derive(Debug, Default)]
struct Memory {
    live: BTreeMap<&'static str, Generation>,
    oldest_stamp: BTreeMap<&'static str, (Instant, Option<i64>)>,
}

/// Which part of a list: entries by descending (score, stream).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The list's name, as the view gave it.
    pub list: String,
    /// The lowest score, itself included.
    pub from: Option<i64>,
    /// The highest score, itself included.
    pub to: Option<i64>,
    /// Start after this entry, which need not exist any more.
    pub after: Option<Cursor>,
    /// How many entries at most; at least 1.
    pub limit: usize,
}

/// A place in a list. Scores tie, so the stream belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The entry's score.
    pub score: i64,
    /// The entry's stream.
    pub stream: StreamId,
}

/// One entry of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Where it stands in the list.
    pub at: Cursor,
    /// Its document, read in the same atomic step as the list.
    pub document: Document,
}

/// What to read of a projection's live generation.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Document(&'a StreamId),
    Positions,
    Stamps,
}

impl Part<'_> {
    fn command(self, target: &Target) -> Cmd {
        let mut command = Cmd::new();
        match self {
            Self::Document(stream) => command.arg("HMGET").arg(target.document(stream)).arg(&FIELDS),
            Self::Positions => command.arg("HGETALL").arg(target.positions()),
            Self::Stamps => command.arg("HVALS").arg(target.fresh()),
        };
        command
    }
}

/// What `views_page` answers for one entry.
type StoredEntry = (String, String, Option<u32>, Option<StoredId>, Option<Vec<u8>>);

impl Reader {
    pub(crate) fn new(connections: Connections) -> Self {
        Self { connections, memory: Arc::default() }
    }

    /// One document; `None` if the stream is unknown.
    pub async fn document(&self, projection: &'static str, stream: &StreamId) -> Result<Option<Document>, Error> {
        let mut found = self.documents(&[(projection, stream)]).await?;
        Ok(found.pop().flatten())
    }

    /// Several documents, also of several projections, in one round trip and in the order asked for. They are read one after
    /// the other in that order, and what is written meanwhile may come in between.
    pub async fn documents(&self, wanted: &[(&'static str, &StreamId)]) -> Result<Vec<Option<Document>>, Error> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let reads: Vec<_> = wanted.iter().map(|(projection, stream)| (*projection, Part::Document(stream))).collect();
        let found = self.live_read("reading documents", &reads).await?;
        let found = found.into_iter().map(|fields| parsed::<Fields>("a document", fields).map(Document::of));
        found.collect()
    }

    /// A page of a list, newest first, and where the next one starts if there is one.
    pub async fn page(&self, projection: &'static str, page: &Page) -> Result<(Vec<Entry>, Option<Cursor>), Error> {
        let Page { list, from, to, after, limit } = page;
        let highest = match (to, after) {
            (Some(to), Some(after)) => Some(*to.min(&after.score)),
            (to, after) => to.or(after.as_ref().map(|after| after.score)),
        };
        let bound = |score: &Option<i64>, open: &str| score.map_or_else(|| open.to_owned(), |score| score.to_string());
        let mut call = VIEWS.call_read("views_page", &[keys::live(projection)]);
        call.arg(keys::generations(projection)).arg(list).arg(bound(&highest, "+inf")).arg(bound(from, "-inf"));
        call.arg(limit + 1).arg(after.as_ref().map_or_else(String::new, |after| after.score.to_string()));
        call.arg(after.as_ref().map_or("", |after| after.stream.as_str()));

        let found: Option<Vec<StoredEntry>> = self.connections.call_read("reading a page", &call).await?;
        let found = found.ok_or_else(|| Error::NoLiveGeneration { projection: projection.to_owned() })?;
        let mut entries = found.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
        let more = entries.len() > *limit;
        entries.truncate(*limit);
        let next = entries.last().filter(|_| more).map(|entry| entry.at.clone());
        Ok((entries, next))
    }

    /// The generation that answers come from now.
    pub async fn live_generation(&self, projection: &'static str) -> Result<Generation, Error> {
        self.live_read("reading which generation is live", &[(projection, Part::Stamps)]).await?;
        Ok(self.assumed(projection).generation)
    }

    /// How many milliseconds ago every partition of the projection was at the end of its log; 0 for one that keeps up
    /// (below 2.5 s cannot be told apart from that), `None` while a partition has not been there yet.
    pub async fn lag_ms(&self, projection: &'static str) -> Result<Option<i64>, Error> {
        let now_ms = || clock::now_micros().div_euclid(1000);
        let remembered =
            self.memory.read().unwrap_or_else(PoisonError::into_inner).oldest_stamp.get(projection).copied();
        let oldest = match remembered {
            Some((read_at, oldest)) if read_at.elapsed() < LAG_MEMORY => oldest,
            _ => self.oldest_stamp(projection).await?,
        };
        Ok(oldest.map(|oldest| now_ms() - oldest).map(|age| if age <= LAG_RESOLUTION_MS { 0 } else { age }))
    }

    /// How far the projection is in each partition: the next offset that it will apply.
    pub async fn positions(&self, projection: &'static str) -> Result<BTreeMap<Source, i64>, Error> {
        let found = self.live_read("reading positions", &[(projection, Part::Positions)]).await?;
        let found = parsed::<Vec<BTreeMap<String, String>>>("positions", Value::Array(found))?;
        let next = |(source, stored): (String, String)| {
            let corrupt = || Error::Corrupt { key: format!("positions of {projection}"), found: stored.clone() };
            position::next(&source, &stored).ok_or_else(corrupt)
        };
        found.into_iter().flatten().map(next).collect()
    }

    async fn oldest_stamp(&self, projection: &'static str) -> Result<Option<i64>, Error> {
        let found = self.live_read("reading the lag", &[(projection, Part::Stamps)]).await?;
        let stamps = parsed::<Vec<Vec<i64>>>("stamps", Value::Array(found))?;
        let oldest = stamps.into_iter().flatten().min().filter(|oldest| *oldest > 0);
        let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
        memory.oldest_stamp.insert(projection, (clock::monotonic(), oldest));
        Ok(oldest)
    }

    /// Reads parts of the live generations, and in the same round trip which generations those are: after the parts, because a
    /// switch may come in between.
    async fn live_read(&self, doing: &'static str, reads: &[(&'static str, Part<'_>)]) -> Result<Vec<Value>, Error> {
        let projections: BTreeSet<_> = reads.iter().map(|(projection, _)| *projection).collect();
        for _ in 0..ATTEMPTS {
            let assumed: Vec<_> = projections.iter().map(|projection| self.assumed(projection)).collect();
            let mut commands = Pipeline::with_capacity(reads.len() + assumed.len());
            for (projection, part) in reads {
                let target = assumed.iter().find(|target| target.projection == *projection);
                commands.add_command(part.command(target.unwrap_or(&self.assumed(projection))));
            }
            for target in &assumed {
                commands.cmd("GET").arg(keys::live(target.projection));
            }
            let mut found: Vec<Value> = self.connections.read_all(doing, &commands).await?;
            let pointers = found.split_off(reads.len().min(found.len()));
            if self.learn(&assumed, pointers)? {
                return Ok(found);
            }
        }
        let key = projections.first().map(|projection| keys::live(projection)).unwrap_or_default();
        Err(Error::Corrupt { key, found: "a pointer that moves without end".to_owned() })
    }

    /// The generation that was live when it was last looked at; at first a guess, which the read itself checks.
    fn assumed(&self, projection: &'static str) -> Target {
        let memory = self.memory.read().unwrap_or_else(PoisonError::into_inner);
        Target { projection, generation: memory.live.get(projection).copied().unwrap_or(Generation(1)) }
    }

    /// Whether all pointers were as assumed; remembers those that were not.
    fn learn(&self, assumed: &[Target], pointers: Vec<Value>) -> Result<bool, Error> {
        let mut all = true;
        for (target, pointer) in assumed.iter().zip(pointers) {
            let projection = target.projection;
            let live = parsed::<Option<u32>>("the pointer to the live generation", pointer)?;
            let live = live.ok_or_else(|| Error::NoLiveGeneration { projection: projection.to_owned() })?;
            if Generation(live) != target.generation {
                all = false;
                let mut memory = self.memory.write().unwrap_or_else(PoisonError::into_inner);
                memory.live.insert(projection, Generation(live));
            }
        }
        Ok(all)
    }
}

fn parsed<T: FromRedisValue>(what: &str, value: Value) -> Result<T, Error> {
    T::from_redis_value(value).map_err(|error| Error::Corrupt { key: what.to_owned(), found: error.to_string() })
}

fn entry((stream, score, version, id, body): StoredEntry) -> Result<Entry, Error> {
    let corrupt = |found: &str| Error::Corrupt { key: format!("the list entry of {stream}"), found: found.to_owned() };
    let at = Cursor {
        score: score.parse().map_err(|_| corrupt(&score))?,
        stream: StreamId::parse(&stream).map_err(|_| corrupt("a member that is no stream"))?,
    };
    let document = Document::of((version, id, body)).ok_or_else(|| corrupt("no document"))?;
    Ok(Entry { at, document })
}
