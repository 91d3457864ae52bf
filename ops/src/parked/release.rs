//! `ops parked redrive` and `discard`, and the routes of the same names: a stream goes on, with or without the event that
//! parked it.
//!
//! Nothing here writes a view. The entry is released by a call that compares it first, so that the partition's projector
//! never sees half of it; what the stream lacks is a gap from then on, and is published again from the store. If that
//! does not come about any more, the gap is still there for whoever heals gaps.
//!
//! A version counts as applied only if the store has the very event that parked the stream. What somebody else wrote into
//! the log may claim any version: a view that showed it would be ahead of the store, or take the genuine event for another
//! history.

use event_store::{EventStore, Republisher};
use read_model::{Cause, Origin, Parked, ParkingEntry, ReadModel, RedisConfig, Released, Sink};
use runtime::{Secret, clock};
use schemas::{EventId, StreamId, Timestamp, Version};

use super::{absent, connect, sink, summary, unread};
use crate::Error;
use crate::cli::Reader;
use crate::plan::{Action, Item, Plan};
use crate::republish;

/// What is to be done about parked streams.
#[derive(Debug)]
pub(crate) struct Release<'a> {
    /// Where they are parked.
    pub(crate) reader: Reader,
    /// Which stream; all of them if none is named.
    pub(crate) stream: Option<&'a StreamId>,
    /// Why the event that parked it is passed over; it is not, if there is no reason.
    pub(crate) discard: Option<&'a str>,
}

/// Where streams are parked, and where their events come from.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    pub(crate) read_model: ReadModel,
    pub(crate) store: EventStore,
}

/// A parked stream, and what letting it go means.
struct Way {
    parked: Parked,
    stored: Version,
    /// The highest version in the store.
    head: Version,
    /// Whether the store has the event that parked it.
    origin: Origin,
}

impl Operator {
    /// Both, once MongoDB answers.
    pub(crate) async fn connect(redis: &RedisConfig, mongodb_uri: &Secret) -> Result<Self, Error> {
        Ok(Self { read_model: connect(redis)?, store: republish::connect(mongodb_uri).await? })
    }

    /// Lets streams go on, and has published again what they lack; in this generation, else in the one that answers come
    /// from. Cut short, it leaves at worst a gap, which the steward heals.
    pub(crate) async fn release(
        &self,
        release: &Release<'_>,
        generation: Option<u32>,
        execute: bool,
    ) -> Result<Plan, Error> {
        let (model, reader) = (&self.read_model, release.reader);
        let sink = sink(model, reader, generation).await?;
        let mut parked = model.parked(sink).await.map_err(unread)?;
        if let Some(stream) = release.stream {
            parked.retain(|parked| parked.stream == *stream);
            if parked.is_empty() {
                return Ok(Plan { executed: false, items: vec![absent(reader, stream)] });
            }
        }
        let (mut items, republisher) = (Vec::new(), self.store.republisher());
        for parked in parked {
            let stored = model.version(sink, &parked.stream).await.map_err(unread)?;
            let (mut head, mut origin) = (Version::NONE, Origin::Stranger);
            if concerns(reader, &parked.stream) {
                head = self::head(&self.store, &parked.stream, stored).await?;
                // Only a discard asks; and a commit that this build cannot read must not keep others from a redrive.
                if release.discard.is_some() {
                    origin = self::origin(&self.store, &parked.stream, &parked.entry).await?;
                }
            }
            let way = Way { parked, stored, head, origin };
            let gone = execute && !way.go(model, sink, (&republisher, release.discard)).await?;
            items.push(way.item(reader, release.discard, gone));
        }
        Ok(Plan { executed: execute, items })
    }
}

impl Way {
    /// Returns whether it was done: somebody else may have been faster.
    async fn go(
        &self,
        model: &ReadModel,
        sink: Sink,
        (republisher, discard): (&Republisher, Option<&str>),
    ) -> Result<bool, Error> {
        let now = Timestamp::from_micros(clock::now_micros());
        let released = match discard {
            Some(why) => model.discard(sink, &self.parked, self.head, (why, now, self.origin)).await,
            None => model.redrive(sink, &self.parked, self.head).await,
        };
        let Released::Done { stored } = released.map_err(unread)? else { return Ok(false) };
        if self.head > stored {
            republisher.stream(&self.parked.stream, stored.next()).await?;
        }
        Ok(true)
    }

    fn item(&self, reader: Reader, discard: Option<&str>, gone: bool) -> Item {
        let Self { parked: Parked { stream, entry, .. }, stored, head, origin } = self;
        let name = format!("{} {stream}", reader.name());
        if gone {
            return Item::new(name, Action::Look, "its entry changed meanwhile: nothing was done");
        }
        let skipped = discard.and(entry.version).filter(|_| *origin == Origin::Store);
        let from = skipped.unwrap_or(*stored).next();
        let skip = match (discard, skipped) {
            (None, _) => String::new(),
            (Some(_), Some(version)) => format!("version {version} is passed over, "),
            (Some(_), None) if entry.version.is_none() => "only the record is passed over, ".to_owned(),
            (Some(_), None) => "it is no event of the store's, so only the record is passed over, ".to_owned(),
        };
        let again = match *head >= from {
            true => format!("versions {from} to {head} are published again"),
            false => "the store has nothing newer to publish".to_owned(),
        };
        Item::new(name, Action::Change, format!("{skip}{again}; parked by {}", summary(entry)))
    }
}

/// Whether a stream is the reader's: to a projection, one of another aggregate has nothing that could be missing.
fn concerns(reader: Reader, stream: &StreamId) -> bool {
    match reader {
        Reader::Views(projection) => projection.aggregate() == stream.aggregate(),
        Reader::Feeds => true,
    }
}

/// Up to which version the store has a stream; none if that is no more than is stored where it is read.
async fn head(store: &EventStore, stream: &StreamId, stored: Version) -> Result<Version, event_store::Error> {
    let heads = store.republisher().heads(std::slice::from_ref(stream)).await?;
    let head = heads.into_iter().flatten().next().map_or(Version::NONE, |head| head.version);
    Ok(if head > stored { head } else { Version::NONE })
}

/// Whether the record that parked a stream is an event of the store's: its id says so, and nothing else could. One that lies
/// in another aggregate's topic is still to come out of its own.
async fn origin(store: &EventStore, stream: &StreamId, entry: &ParkingEntry) -> Result<Origin, event_store::Error> {
    let (Some(version), Some(event)) = (entry.version, entry.event_id) else { return Ok(Origin::Stranger) };
    let found = store.tail_page(stream, version, 1).await?.commits;
    let holder = found.iter().find(|commit| commit.first <= version && version <= commit.last());
    let genuine = holder.map(|commit| EventId::of_commit(commit.id, version.0 - commit.first.0));
    Ok(match genuine == Some(event) && entry.cause != Cause::Foreign {
        true => Origin::Store,
        false => Origin::Stranger,
    })
}
