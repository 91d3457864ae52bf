//! `ops parked redrive` and `discard`: a stream goes on, with or without the event that parked it.
//!
//! Nothing here writes a view. The entry is released by a call that compares it first, so that the partition's projector
//! never sees half of it; what the stream lacks is a gap from then on, and is published again from the store. If that
//! does not come about any more, the gap is still there for whoever heals gaps.

use event_store::{EventStore, Republisher};
use read_model::{Parked, ReadModel, Released, Sink};
use runtime::{Secret, clock};
use schemas::{StreamId, Timestamp, Version};

use super::{absent, connect, sink, summary, unread};
use crate::Error;
use crate::cli::{OfProjection, Reader};
use crate::plan::{Action, Item, Plan};
use crate::republish;

/// What is to be done about parked streams.
#[derive(Debug)]
pub(crate) struct Release<'a> {
    pub(crate) of: &'a OfProjection,
    /// Which stream; all of them if none is named.
    pub(crate) stream: Option<&'a StreamId>,
    pub(crate) store: &'a Secret,
    /// Why the event that parked it is passed over; it is not, if there is no reason.
    pub(crate) discard: Option<&'a str>,
}

/// A parked stream, and what letting it go means.
struct Way {
    parked: Parked,
    stored: Version,
    /// The highest version in the store.
    head: Version,
}

/// Lets streams go on, and has published again what they lack.
pub(crate) async fn release(release: &Release<'_>, execute: bool) -> Result<Plan, Error> {
    let model = connect(&release.of.redis)?;
    let reader = release.of.projection;
    let sink = sink(&model, reader, release.of.generation).await?;
    let mut parked = model.parked(sink).await.map_err(unread)?;
    if let Some(stream) = release.stream {
        parked.retain(|parked| parked.stream == *stream);
        if parked.is_empty() {
            return Ok(Plan { executed: false, items: vec![absent(release.of, stream)] });
        }
    }
    let store = republish::connect(release.store).await?;
    let (mut items, republisher) = (Vec::new(), store.republisher());
    for parked in parked {
        let stored = model.version(sink, &parked.stream).await.map_err(unread)?;
        let head = head(&store, reader, &parked.stream, stored).await?;
        let way = Way { parked, stored, head };
        let gone = execute && !way.go(&model, sink, (&republisher, release.discard)).await?;
        items.push(way.item(reader, release.discard, gone));
    }
    Ok(Plan { executed: execute, items })
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
            Some(why) => model.discard(sink, &self.parked, self.head, (why, now)).await,
            None => model.redrive(sink, &self.parked, self.head).await,
        };
        let Released::Done { stored } = released.map_err(unread)? else { return Ok(false) };
        if self.head > stored {
            republisher.stream(&self.parked.stream, stored.next()).await?;
        }
        Ok(true)
    }

    fn item(&self, reader: Reader, discard: Option<&str>, gone: bool) -> Item {
        let Self { parked: Parked { stream, entry, .. }, stored, head } = self;
        let name = format!("{} {stream}", reader.name());
        if gone {
            return Item::new(name, Action::Look, "its entry changed meanwhile: nothing was done");
        }
        let skipped = discard.and(entry.version);
        let from = skipped.unwrap_or(*stored).next();
        let skip = skipped.map_or_else(String::new, |version| format!("version {version} is passed over, "));
        let again = match *head >= from {
            true => format!("versions {from} to {head} are published again"),
            false => "the store has nothing newer to publish".to_owned(),
        };
        Item::new(name, Action::Change, format!("{skip}{again}; parked by {}", summary(entry)))
    }
}

/// The highest version of a stream in the store, as far as it concerns the reader: to a projection, a stream of another
/// aggregate has none that could be missing.
async fn head(
    store: &EventStore,
    reader: Reader,
    stream: &StreamId,
    stored: Version,
) -> Result<Version, event_store::Error> {
    match reader {
        Reader::Views(projection) if projection.aggregate() != stream.aggregate() => return Ok(Version::NONE),
        Reader::Views(_) | Reader::Feeds => {}
    }
    Ok(store.tail(stream, stored.next()).await?.last().map_or(Version::NONE, |commit| commit.last()))
}
