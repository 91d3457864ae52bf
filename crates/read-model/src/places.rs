//! Places: where documents are found besides under their streams, for those who hold that against what the documents
//! show.
//!
//! A document's version moves in the same atomic step as its places. So what was read of a place between two reads of
//! the same version belongs to that version.

use std::collections::{BTreeMap, BTreeSet};

use redis::Pipeline;
use schemas::{StreamId, Version};
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::generations::{Members, Walk};
use crate::{Error, ReadModel, Target};

/// A list that a document stands in, or a text under which an index has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The list's name, or the index's.
    pub list: String,
    /// The text; `None` in a list.
    pub text: Option<String>,
}

/// Where documents are found, by stream.
pub type Places = BTreeMap<StreamId, BTreeSet<Place>>;

/// A document of some version, and where it should be found: each place with its score, 0 in an index.
#[derive(Debug, Clone)]
pub struct Placed {
    /// Whose document it is.
    pub stream: StreamId,
    /// The version that it has.
    pub version: Version,
    /// The places.
    pub places: BTreeMap<Place, i64>,
}

/// How a document is found at its places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placing {
    /// At each of them, as it should be.
    Right,
    /// Not at this one, at least.
    Wrong(Place),
    /// It was something else by the time that the places were read, so nothing is known.
    Moved,
}

impl Place {
    /// The place of a member of a list or an index, and whose document it leads to.
    fn of(list: String, member: &str) -> Result<(Self, StreamId), Error> {
        let (text, stream) = match member.rsplit_once('\0') {
            Some((text, stream)) => (Some(text.to_owned()), stream),
            None => (None, member),
        };
        let corrupt =
            |_| Error::Corrupt { key: format!("the list {list}"), found: "a member that is no stream".into() };
        let stream = StreamId::parse(stream).map_err(corrupt)?;
        Ok((Self { list, text }, stream))
    }

    fn member(&self, stream: &StreamId) -> String {
        self.text.as_ref().map_or_else(|| stream.to_string(), |text| format!("{text}\0{stream}"))
    }
}

impl ReadModel {
    /// How each of these is found.
    pub async fn placings(&self, target: &Target, placed: &[Placed]) -> Result<Vec<Placing>, Error> {
        let wanted = placed.iter().flat_map(|one| one.places.keys().map(|place| (&one.stream, place))).collect();
        let mut scores = self.scores(target, wanted).await?.into_iter();
        let streams: Vec<_> = placed.iter().map(|one| one.stream.clone()).collect();
        let now = self.documents(target, &streams).await?;
        let judged = placed.iter().zip(now).map(|(one, now)| {
            let found: Vec<_> = one.places.iter().zip(scores.by_ref()).collect();
            let wrong = found.into_iter().find(|((_, score), found)| *found != Some(score.to_string()));
            let is_same = now.is_some_and(|now| now.version == one.version);
            match wrong {
                Some(((place, _), _)) if is_same => Placing::Wrong(place.clone()),
                Some(_) => Placing::Moved,
                None => Placing::Right,
            }
        });
        Ok(judged.collect())
    }

    /// Every place that leads to a document which should not be found there, by a walk over all of a generation's
    /// places. `belongs` tells where a document with these bytes is to be found; `None`, if they are no such document's.
    pub async fn strays(
        &self,
        target: &Target,
        belongs: impl Fn(&[u8]) -> Option<BTreeSet<Place>>,
    ) -> Result<Places, Error> {
        let (lists, mut walk) = (format!("{}:l:", target.prefix()), Walk::over(target));
        let mut strays = Places::new();
        while let Some(keys) = walk.step(self).await? {
            let lists = keys.iter().filter_map(|key| key.strip_prefix(&lists)).map(str::to_owned);
            let mut members = Members::of(target, lists);
            while let Some(found) = members.step(self).await? {
                let found = found.into_iter().map(|(list, member)| Place::of(list, &member));
                for (stream, place) in self.astray(target, found.collect::<Result<_, _>>()?, &belongs).await? {
                    strays.entry(stream).or_default().insert(place);
                }
            }
        }
        Ok(strays)
    }

    /// Of these places those that still lead to their documents.
    pub async fn found_at(&self, target: &Target, places: &Places) -> Result<Places, Error> {
        let wanted = places.iter().flat_map(|(stream, places)| places.iter().map(move |place| (stream, place)));
        let wanted: Vec<_> = wanted.collect();
        let scores = self.scores(target, wanted.clone()).await?;
        let mut found = Places::new();
        for ((stream, place), _) in wanted.into_iter().zip(scores).filter(|(_, score)| score.is_some()) {
            found.entry(stream.clone()).or_default().insert(place.clone());
        }
        Ok(found)
    }

    /// Of these places those at which their documents, as they are now, should not be found, and are.
    async fn astray(
        &self,
        target: &Target,
        found: Vec<(Place, StreamId)>,
        belongs: impl Fn(&[u8]) -> Option<BTreeSet<Place>>,
    ) -> Result<Vec<(StreamId, Place)>, Error> {
        let streams: BTreeSet<_> = found.iter().map(|(_, stream)| stream.clone()).collect();
        let streams: Vec<_> = streams.into_iter().collect();
        let documents = self.documents(target, &streams).await?;
        let mut should = BTreeMap::new();
        for (stream, document) in streams.iter().zip(documents) {
            let body = document.as_ref().and_then(|document| document.body.as_deref());
            if let Some(places) = body.map_or_else(|| Some(BTreeSet::new()), &belongs) {
                should.insert(stream.clone(), (version(document), places));
            }
        }
        let is_suspect =
            |(place, stream): &(Place, StreamId)| should.get(stream).is_some_and(|(_, places)| !places.contains(place));
        let suspects: Vec<_> = found.into_iter().filter(is_suspect).collect();
        let scores = self.scores(target, suspects.iter().map(|(place, stream)| (stream, place)).collect()).await?;
        let streams: Vec<_> = suspects.iter().map(|(_, stream)| stream.clone()).collect();
        let now = self.documents(target, &streams).await?;
        let certain = suspects.into_iter().zip(scores).zip(now).filter_map(|(((place, stream), score), now)| {
            let is_same = should.get(&stream).is_some_and(|(before, _)| *before == version(now));
            (is_same && score.is_some()).then_some((stream, place))
        });
        Ok(certain.collect())
    }

    /// The scores at places, in their order; `None` where nothing leads to that document.
    async fn scores(&self, target: &Target, places: Vec<(&StreamId, &Place)>) -> Result<Vec<Option<String>>, Error> {
        if places.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = Pipeline::with_capacity(places.len());
        for (stream, place) in places {
            commands.cmd("ZSCORE").arg(target.list(&place.list)).arg(place.member(stream));
        }
        self.connections.read_all("reading where documents are found", &commands).await
    }
}

fn version(document: Option<Document>) -> Version {
    document.map_or(Version::NONE, |document| document.version)
}
