//! Trails: when each event of a stream was first shown, entered its owner's feed, and was written to a screen.
//!
//! They lie beside documents and feeds, in keys of their own that no generation, digest or comparison knows, and are only
//! ever added to: of an event that comes by again, the first sighting stays. Nothing depends on them, so they hold nothing
//! up: what could not be noted is missing.

use std::collections::BTreeMap;

use redis::Pipeline;
use schemas::{StreamId, Timestamp, Version};

use crate::{Error, ReadModel};

/// What the keys of feeds' trails begin with.
pub(crate) const OF_FEEDS: &str = "{feeds}:trail:";
/// The same of screens' trails.
const OF_SCREENS: &str = "{feeds}:screen:";

/// What the keys of a projection's trails begin with. A stream is shown for the first time once, in whichever generation.
pub(crate) fn of_views(projection: &str) -> String {
    format!("{{{projection}}}:trail:")
}

/// Where events are sighted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trail {
    /// Among those that this projection shows.
    Views(&'static str),
    /// In the feed of their owner.
    Feeds,
    /// On the first screen that they were written to.
    Screens,
}

/// An event was seen somewhere for the first time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Its place in its stream.
    pub version: Version,
    /// What else to remember; nothing if empty.
    pub note: String,
}

/// The sightings of one stream in one trail, each with its time.
pub type Sightings = Vec<(Timestamp, Sighting)>;

impl Trail {
    fn key(self, stream: &StreamId) -> String {
        match self {
            Self::Views(projection) => format!("{}{stream}", of_views(projection)),
            Self::Feeds => format!("{OF_FEEDS}{stream}"),
            Self::Screens => format!("{OF_SCREENS}{stream}"),
        }
    }
}

impl ReadModel {
    /// Where the events of a stream were sighted: these trails, in their order, each by version.
    pub async fn trails(&self, stream: &StreamId, trails: &[Trail]) -> Result<Vec<Sightings>, Error> {
        if trails.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = Pipeline::with_capacity(trails.len());
        for trail in trails {
            commands.cmd("HGETALL").arg(trail.key(stream));
        }
        let found: Vec<BTreeMap<u32, String>> = self.connections.read_all("reading trails", &commands).await?;
        let read = |(trail, found): (&Trail, BTreeMap<u32, String>)| {
            let sighting = |(version, stored)| sighting(Version(version), stored, || trail.key(stream));
            found.into_iter().map(sighting).collect()
        };
        trails.iter().zip(found).map(read).collect()
    }

    /// These events were written to a screen, at these times; of what was written before, the first time stays.
    pub async fn shown_on_screens(&self, shown: &[(StreamId, Version, Timestamp)]) -> Result<(), Error> {
        let mut commands = Pipeline::with_capacity(shown.len());
        for (stream, version, at) in shown {
            commands.cmd("HSETNX").arg(Trail::Screens.key(stream)).arg(version.0).arg(at.as_micros()).ignore();
        }
        self.connections.write_all("noting what screens show", &commands).await
    }
}

fn sighting(version: Version, stored: String, key: impl Fn() -> String) -> Result<(Timestamp, Sighting), Error> {
    let (at, note) = stored.split_once(' ').unwrap_or((&stored, ""));
    let at = at.parse().map(Timestamp::from_micros);
    let at = at.map_err(|_| Error::Corrupt { key: key(), found: stored.clone() })?;
    Ok((at, Sighting { version, note: note.to_owned() }))
}
