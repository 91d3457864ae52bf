//! Generations: fillings of one projection beside each other, of which readers see one.
//!
//! A generation begins empty, is filled from the start of the log, and becomes the live one by one atomic call, which is
//! refused while readers would miss anything that they may have seen. The one that was live before is kept up to date
//! until it is dropped, so the way back is the same call.

mod clearing;
mod comparing;
mod walking;

use std::collections::BTreeMap;

use redis::Pipeline;
use runtime::clock;
use schemas::{Position, StreamId};
use serde::{Deserialize, Serialize};

use crate::library::GENERATIONS;
use crate::{Error, Generation, ReadModel, Source, Target, keys, position};

pub use clearing::Footprint;
pub use comparing::{Compared, Comparison, Depth, Difference};
pub(crate) use walking::{Members, Walk};

/// The field of the highest number that was ever given out.
const LAST: &str = "last";

/// How the views of a generation look. A projector feeds only generations of the shape that it folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape(pub u32);

/// What is known of one generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What became of it.
    pub state: State,
    /// How its views look.
    pub shape: Shape,
    /// Events per second of all projectors together while it is filled; `None` is as many as they can.
    pub rate: Option<u32>,
    /// When it was begun, in milliseconds since the epoch.
    pub started_ms: i64,
    /// When readers were last led away from it, likewise; `None` if they never were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left_ms: Option<i64>,
}

/// What became of a generation. Which one is live is told by [`Generations::live`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It was never live.
    Filling,
    /// It is live, or was it.
    Served,
    /// Nobody feeds it any more, and its keys are being removed.
    Dropping,
}

/// The generations of one projection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generations {
    /// The one that readers see.
    pub live: Generation,
    /// What is known of each. The live one is missing where a build made it live that knew of no generations.
    pub entries: BTreeMap<Generation, Entry>,
}

impl Generations {
    /// The one that is filled, if there is one.
    #[must_use]
    pub fn filling(&self) -> Option<Generation> {
        let mut filling = self.entries.iter().filter(|(_, entry)| entry.state == State::Filling);
        filling.next().map(|(generation, _)| *generation)
    }

    /// The one to go back to: of those that were live, the one that was it last.
    #[must_use]
    pub fn kept(&self) -> Option<Generation> {
        let served = self.entries.iter().filter(|(_, entry)| entry.state == State::Served);
        let others = served.filter(|(generation, _)| **generation != self.live);
        others.max_by_key(|(generation, entry)| (entry.left_ms, **generation)).map(|(generation, _)| *generation)
    }
}

/// What became of the wish for a new generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    /// This one is to be filled.
    New(Generation),
    /// This one is being filled already; nothing was changed.
    Filling(Generation),
}

/// What became of the wish that readers see another generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Switched {
    /// They do, from now on.
    Done,
    /// Another one is live than was expected.
    Moved {
        /// Which.
        live: Option<Generation>,
    },
    /// There is no such generation, or it is being dropped.
    Unknown,
    /// It has not come as far as the live one, or has read another log.
    Behind {
        /// Where.
        partitions: Vec<Behind>,
    },
    /// It stands still, or has a gap, where the live one has not.
    Stuck {
        /// In which streams.
        streams: Vec<StreamId>,
    },
    /// It has gaps or parked events in more streams than are looked at one by one.
    Troubled,
}

/// A partition in which a generation has not come as far as the live one, or has read another log: its offset may be the
/// larger one then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Which.
    pub source: Source,
    /// The position of the live one.
    pub live: Position,
    /// The position of the other.
    pub other: Position,
}

/// What became of the wish to drop a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retired {
    /// Nobody feeds it any more, as soon as every projector has looked; it never becomes live again.
    Done,
    /// It is live: readers need it.
    Live,
    /// There never was such a generation.
    Unknown,
}

impl ReadModel {
    /// The generations of each of these projections, in one round trip; `None` if nothing was ever projected.
    pub async fn generations(&self, projections: &[&'static str]) -> Result<Vec<Option<Generations>>, Error> {
        let mut commands = Pipeline::with_capacity(2 * projections.len());
        for projection in projections {
            commands.cmd("GET").arg(keys::live(projection));
            commands.cmd("HGETALL").arg(keys::entries(projection));
        }
        let doing = "reading which generations there are";
        let mut found: Vec<redis::Value> = self.connections.read_all(doing, &commands).await?;
        let mut all = Vec::with_capacity(projections.len());
        for projection in projections {
            let rest = found.split_off(2.min(found.len()));
            all.push(parsed(projection, std::mem::replace(&mut found, rest))?);
        }
        Ok(all)
    }

    /// A projector that folds this shape has come: makes the target live if the projection has no live generation, and
    /// notes its shape if nobody did. Of a live one of another number nothing is noted: who made that live may fold
    /// another shape. Repeating it changes nothing.
    pub async fn found(&self, target: &Target, shape: Shape, now_ms: i64) -> Result<(), Error> {
        let entry = Entry { state: State::Served, shape, rate: None, started_ms: now_ms, left_ms: None };
        let projection = target.projection;
        let mut call = GENERATIONS.call("generations_found", &[keys::entries(projection), keys::live(projection)]);
        call.arg(target.generation.0).arg(entry.to_json());
        self.connections.call::<String>("noting the live generation", &call).await.map(drop)
    }

    /// Begins the next generation. One at a time is filled.
    pub async fn begin(
        &self,
        projection: &'static str,
        shape: Shape,
        rate: Option<u32>,
        now_ms: i64,
    ) -> Result<Begun, Error> {
        let entry = Entry { state: State::Filling, shape, rate, started_ms: now_ms, left_ms: None };
        let mut call = GENERATIONS.call("generations_begin", &[keys::entries(projection), keys::live(projection)]);
        call.arg(keys::generations(projection)).arg(entry.to_json());
        let answer: Vec<String> = self.connections.call("beginning a generation", &call).await?;
        match answer.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["begun", number] => Ok(Begun::New(numbered(number)?)),
            ["filling", number] => Ok(Begun::Filling(numbered(number)?)),
            ["nothing-live"] => Err(Error::NoLiveGeneration { projection: projection.to_owned() }),
            other => Err(unheard("begin", other)),
        }
    }

    /// Sets how fast a generation is filled; returns whether there is one.
    pub async fn pace(&self, target: &Target, rate: Option<u32>) -> Result<bool, Error> {
        let mut call = GENERATIONS.call("generations_pace", &[keys::entries(target.projection)]);
        call.arg(target.generation.0).arg(rate.map_or_else(String::new, |rate| rate.to_string()));
        self.connections.call("setting a generation's rate", &call).await
    }

    /// Makes another generation live instead of `live`, in one atomic step, unless a reader would miss anything: it must
    /// have come at least as far in every partition, on the same log, and may have gaps and parked streams only where
    /// `live` has them, too, and at no lower version. On [`Error::Unavailable`] the outcome is unknown: look, or ask again.
    pub async fn switch(&self, live: &Target, other: Generation) -> Result<Switched, Error> {
        let projection = live.projection;
        let target = Target { projection, generation: other };
        let mut names = vec![keys::entries(projection), keys::live(projection)];
        let of_one = |one: &Target| [one.positions(), one.gaps(), one.parked(), one.fresh()];
        names.extend([live, &target].into_iter().flat_map(of_one));
        let mut call = GENERATIONS.call("generations_switch", &names);
        call.arg(live.generation.0).arg(other.0).arg(keys::generations(projection)).arg(clock::now_micros() / 1_000);
        let answer: Vec<String> = self.connections.call("switching generations", &call).await?;
        match answer.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["done"] => Ok(Switched::Done),
            ["moved", ""] => Ok(Switched::Moved { live: None }),
            ["moved", number] => Ok(Switched::Moved { live: Some(numbered(number)?) }),
            ["unknown"] => Ok(Switched::Unknown),
            ["behind", partitions @ ..] => {
                let partitions = partitions.chunks(3).map(partition).collect::<Result<_, _>>()?;
                Ok(Switched::Behind { partitions })
            }
            ["troubled"] => Ok(Switched::Troubled),
            ["stuck", streams @ ..] => {
                Ok(Switched::Stuck { streams: streams.iter().map(|name| stream(name)).collect::<Result<_, _>>()? })
            }
            other => Err(unheard("switch", other)),
        }
    }

    /// Where another generation has not come as far as the live one, or has read another log; empty if readers who were
    /// switched to it now would miss no event.
    pub async fn behind(&self, live: &Target, other: &Target) -> Result<Vec<Behind>, Error> {
        let names: Vec<_> = [live, other].into_iter().flat_map(|one| [one.positions(), one.fresh()]).collect();
        let call = GENERATIONS.call_read("generations_behind", &names);
        let answer: Vec<String> = self.connections.call_read("comparing positions", &call).await?;
        answer.iter().map(String::as_str).collect::<Vec<_>>().chunks(3).map(partition).collect()
    }

    /// Has a generation that is not live fed no more. What it holds is removed by [`Self::clear`].
    pub async fn retire(&self, target: &Target) -> Result<Retired, Error> {
        let projection = target.projection;
        let mut call = GENERATIONS.call("generations_retire", &[keys::entries(projection), keys::live(projection)]);
        call.arg(target.generation.0);
        let answer: Vec<String> = self.connections.call("retiring a generation", &call).await?;
        match answer.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["done"] => Ok(Retired::Done),
            ["live"] => Ok(Retired::Live),
            ["unknown"] => Ok(Retired::Unknown),
            other => Err(unheard("retire", other)),
        }
    }

    /// How far a generation is in each partition: the next offset that it will apply.
    pub async fn progress(&self, target: &Target) -> Result<BTreeMap<Source, i64>, Error> {
        let mut command = redis::cmd("HGETALL");
        command.arg(target.positions());
        let stored: BTreeMap<String, String> = self.connections.read("reading positions", &command).await?;
        let next = |(source, stored): (String, String)| {
            position::next(&source, &stored).ok_or_else(|| corrupt(target.positions(), stored))
        };
        stored.into_iter().map(next).collect()
    }

    /// Whether there is, or ever was, a generation of this number.
    pub async fn ever_was(&self, target: &Target) -> Result<bool, Error> {
        let mut ask = redis::cmd("HMGET");
        ask.arg(keys::entries(target.projection)).arg(LAST).arg(target.generation.0);
        let (last, entry): (Option<u32>, Option<String>) =
            self.connections.read("reading which generations there were", &ask).await?;
        Ok(entry.is_some() || last.is_some_and(|last| target.generation.0 <= last))
    }

    /// How many streams of a generation have gaps, and how many are parked.
    pub async fn troubled(&self, target: &Target) -> Result<(u64, u64), Error> {
        let mut commands = Pipeline::new();
        commands.cmd("HLEN").arg(target.gaps()).cmd("HLEN").arg(target.parked());
        self.connections.read_all("counting streams in trouble", &commands).await
    }
}

impl Entry {
    fn to_json(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }
}

fn parsed(projection: &str, answers: Vec<redis::Value>) -> Result<Option<Generations>, Error> {
    let key = keys::entries(projection);
    let answers = redis::Value::Array(answers);
    let (live, stored): (Option<u32>, BTreeMap<String, String>) =
        redis::from_redis_value(answers).map_err(|error| corrupt(key.clone(), error.to_string()))?;
    let Some(live) = live else { return Ok(None) };
    let mut entries = BTreeMap::new();
    for (field, entry) in stored.into_iter().filter(|(field, _)| field != LAST) {
        let entry = serde_json::from_str(&entry).map_err(|_| corrupt(key.clone(), entry))?;
        entries.insert(numbered(&field)?, entry);
    }
    Ok(Some(Generations { live: Generation(live), entries }))
}

fn numbered(text: &str) -> Result<Generation, Error> {
    text.parse().map(Generation).map_err(|_| corrupt("the number of a generation".to_owned(), text.to_owned()))
}

fn stream(text: &str) -> Result<StreamId, Error> {
    StreamId::parse(text).map_err(|_| corrupt("the name of a stream".to_owned(), text.to_owned()))
}

/// A partition as `lacking` in the library names it.
fn partition(answer: &[&str]) -> Result<Behind, Error> {
    let [source, live, other] = answer else { return Err(unheard("switch", answer)) };
    let source = Source::parse(source).ok_or_else(|| unheard("switch", answer))?;
    let position = |stored: &str| position::stored(&source, Some(stored));
    let (live, other) = (position(live)?, position(other)?);
    Ok(Behind { source, live, other })
}

fn unheard(function: &str, answer: &[&str]) -> Error {
    corrupt(format!("the answer of generations_{function}"), answer.join(" "))
}

fn corrupt(key: String, found: String) -> Error {
    Error::Corrupt { key, found }
}
