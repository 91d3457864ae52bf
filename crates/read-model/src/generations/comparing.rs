//! Whether two generations show the same, found out while both are fed and read.
//!
//! Redis itself compares, a bounded number of keys in one atomic step, so only what differs travels. What differs
//! counts as a difference once both generations have come to the same point of the partition that it is read from;
//! until then it is looked at again.

use std::collections::BTreeSet;
use std::time::Duration;

use redis::Cmd;
use runtime::backoff::Backoff;
use runtime::clock;
use schemas::{StreamId, Version};

use super::walking::{Members, Walk};
use super::{corrupt, stream};
use crate::library::GENERATIONS;
use crate::{Error, Generation, ReadModel, Source, Target};

/// How many items one call compares: Redis is held up for about a millisecond.
const STEP: usize = 100;
/// More items than this are not set aside to be looked at again.
const MOST_UNDECIDED: usize = 1_000;
/// How many differences are named; the rest is counted.
const NAMED: usize = 100;
/// How long it is waited for items that are undecided, while both generations go on; once it was in vain, no more.
const SETTLE: Duration = Duration::from_secs(10);
const FIRST_LOOK: Duration = Duration::from_millis(2);
const LONGEST_LOOK: Duration = Duration::from_millis(100);

/// Which generations are compared, and how.
#[derive(Debug, Clone, Copy)]
pub struct Comparison<'a> {
    /// The one that is live.
    pub live: Target,
    /// The one that shall be it.
    pub other: Generation,
    /// What must be alike.
    pub depth: Depth,
    /// Streams that may differ.
    pub accepted: &'a BTreeSet<StreamId>,
    /// The partition that a stream is read from.
    pub source_of: fn(&StreamId) -> Source,
}

/// What must be alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Every byte of every document, and every list.
    Everything,
    /// Which documents there are, and by which events: for generations of different shapes.
    Versions,
}

/// What a comparison found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Compared {
    /// How many documents and entries of lists were compared.
    pub items: u64,
    /// How many of them differ.
    pub differing: u64,
    /// The first of those.
    pub differences: Vec<Difference>,
    /// How many were accepted although they differ.
    pub accepted: u64,
}

/// What two generations do not show alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Of which stream.
    pub stream: StreamId,
    /// In which list or index; `None` is the document itself.
    pub list: Option<String>,
    /// The version that the live one has of it.
    pub live: Version,
    /// The version that the other has of it.
    pub other: Version,
    /// Whether both had come to the same point of the stream's partition; else they never did while it was looked at.
    pub at_one_point: bool,
}

/// A member of a list, or in place of one the document of a stream.
type Item = (Option<String>, String);

/// What is compared in one walk.
#[derive(Debug, Clone, Copy)]
enum Side {
    /// Whatever the live generation has.
    Live,
    /// Whatever only the other one has.
    Rest,
}

impl ReadModel {
    /// Compares everything that both generations have had all the time. Reads and writes go on meanwhile; memory is
    /// bounded.
    pub async fn compare(&self, comparison: &Comparison<'_>) -> Result<Compared, Error> {
        let mut run =
            Run { read_model: self, comparison, compared: Compared::default(), undecided: Vec::new(), gave_up: false };
        run.walk(comparison.live, Side::Live).await?;
        run.walk(comparison.other(), Side::Rest).await?;
        run.settle().await?;
        Ok(run.compared)
    }
}

impl Comparison<'_> {
    const fn other(&self) -> Target {
        Target { projection: self.live.projection, generation: self.other }
    }

    fn call(&self, items: &[Item], side: Side) -> Result<Cmd, Error> {
        let (live, other) = (self.live, self.other());
        let keys = [live.positions(), other.positions(), live.gaps(), live.parked()];
        let mut call = GENERATIONS.call_read("generations_compare", &keys);
        call.arg(live.prefix()).arg(other.prefix());
        call.arg(match self.depth {
            Depth::Everything => "everything",
            Depth::Versions => "versions",
        });
        call.arg(match side {
            Side::Live => "all",
            Side::Rest => "rest",
        });
        for (list, member) in items {
            call.arg(list.as_deref().unwrap_or_default()).arg(member);
            call.arg((self.source_of)(&stream_of(member)?).to_string());
        }
        Ok(call)
    }
}

/// One comparison under way.
struct Run<'a> {
    read_model: &'a ReadModel,
    comparison: &'a Comparison<'a>,
    compared: Compared,
    undecided: Vec<Item>,
    /// Whether it was waited in vain once: then nothing is waited for any more.
    gave_up: bool,
}

impl Run<'_> {
    async fn walk(&mut self, target: Target, side: Side) -> Result<(), Error> {
        let (documents, lists) = (format!("{}:d:", target.prefix()), format!("{}:l:", target.prefix()));
        let mut walk = Walk::over(&target);
        while let Some(keys) = walk.step(self.read_model).await? {
            let streams = keys.iter().filter_map(|key| key.strip_prefix(&documents));
            let items: Vec<Item> = streams.map(|stream| (None, stream.to_owned())).collect();
            self.look(&items, side).await?;
            if self.comparison.depth == Depth::Versions {
                continue;
            }
            let lists = keys.iter().filter_map(|key| key.strip_prefix(&lists)).map(str::to_owned);
            let mut members = Members::of(&target, lists);
            while let Some(found) = members.step(self.read_model).await? {
                let items: Vec<Item> = found.into_iter().map(|(list, member)| (Some(list), member)).collect();
                self.look(&items, side).await?;
            }
        }
        Ok(())
    }

    /// Compares items, and sets those aside that cannot be judged yet.
    async fn look(&mut self, items: &[Item], side: Side) -> Result<(), Error> {
        for items in items.chunks(STEP) {
            self.compared.items += u64::try_from(items.len()).unwrap_or_default();
            let undecided = self.judge(items, side).await?;
            self.undecided.extend(undecided.into_iter().map(|(item, _)| item));
        }
        if self.undecided.len() > MOST_UNDECIDED { self.settle().await } else { Ok(()) }
    }

    /// Compares items, takes down the differences, and returns what cannot be judged yet.
    async fn judge(&mut self, items: &[Item], side: Side) -> Result<Vec<(Item, Difference)>, Error> {
        let call = self.comparison.call(items, side)?;
        let found: Vec<(usize, String, u32, u32)> =
            self.read_model.connections.call_read("comparing generations", &call).await?;
        let mut undecided = Vec::new();
        for (index, verdict, live, other) in found {
            let Some((list, member)) = items.get(index) else {
                return Err(corrupt("the answer of generations_compare".to_owned(), index.to_string()));
            };
            let (stream, at_one_point) = (stream_of(member)?, verdict == "differs");
            let (live, other) = (Version(live), Version(other));
            let difference = Difference { stream, list: list.clone(), live, other, at_one_point };
            if at_one_point {
                self.take_down(difference);
            } else {
                undecided.push(((list.clone(), member.clone()), difference));
            }
        }
        Ok(undecided)
    }

    fn take_down(&mut self, difference: Difference) {
        if self.comparison.accepted.contains(&difference.stream) {
            self.compared.accepted += 1;
            return;
        }
        self.compared.differing += 1;
        if self.compared.differences.len() < NAMED {
            self.compared.differences.push(difference);
        }
    }

    /// Looks again at what could not be judged, until it can. What cannot when all patience is spent counts as a difference.
    async fn settle(&mut self) -> Result<(), Error> {
        let begun = clock::monotonic();
        let mut pause = Backoff::new(FIRST_LOOK, LONGEST_LOOK);
        let mut waiting = std::mem::take(&mut self.undecided);
        while !waiting.is_empty() {
            let late = self.gave_up || begun.elapsed() > SETTLE;
            let mut still = Vec::new();
            for items in waiting.chunks(STEP) {
                for (item, difference) in self.judge(items, Side::Live).await? {
                    if late {
                        self.gave_up = true;
                        self.take_down(difference);
                    } else {
                        still.push(item);
                    }
                }
            }
            waiting = still;
            if !waiting.is_empty() {
                pause.wait().await;
            }
        }
        Ok(())
    }
}

/// A member's stream: all of it, or what follows a text and a zero byte.
fn stream_of(member: &str) -> Result<StreamId, Error> {
    stream(member.rsplit('\0').next().unwrap_or_default())
}
