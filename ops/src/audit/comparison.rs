//! Holding documents against the fold of their streams' events.

use std::collections::{BTreeMap, BTreeSet};

use event_store::EventStore;
use read_model::{Place, Placed, Places, ReadModel, Sink, Standing, Target};
use schemas::{AnyEvent, Recorded, StreamId, UserId, Version};
use vault::Vault;
use views::Projection;

use super::finding::{Finding, Findings};
use super::refold::{places, refold};
use crate::ends::now_ms;
use crate::{Error, streams};

/// Streams that are read together.
const TOGETHER: usize = 200;

/// What is compared with what.
pub(crate) struct Comparison {
    pub(super) read_model: ReadModel,
    pub(super) store: EventStore,
    pub(super) projection: Projection,
    pub(super) target: Target,
    vault: Option<Vault>,
    /// Versions that somebody discarded: they count as applied and changed nothing.
    discarded: BTreeSet<(StreamId, Version)>,
}

impl Comparison {
    /// Of a generation that has this build's shape; users are opened by the vault.
    pub(crate) async fn of(
        read_model: &ReadModel,
        store: &EventStore,
        (projection, target): (Projection, Target),
        vault: Option<Vault>,
    ) -> Result<Self, Error> {
        let discarded = read_model.discarded(Sink::Views(target)).await?.into_iter();
        let discarded = discarded.filter_map(|one| Some((one.stream, one.entry.version?))).collect();
        Ok(Self { read_model: read_model.clone(), store: store.clone(), projection, target, vault, discarded })
    }

    /// Whether a version of this stream was passed over for ever.
    pub(super) fn lacks_a_version(&self, stream: &StreamId) -> bool {
        self.discarded.iter().any(|(discarded, _)| discarded == stream)
    }

    /// Compares these streams. Redis is read first and MongoDB after it: so whatever MongoDB lacks was never committed.
    pub(crate) async fn look(&self, streams: &[StreamId], found: &mut Findings) -> Result<(), Error> {
        for streams in streams.chunks(TOGETHER) {
            let standings = self.read_model.standings(&self.target, streams).await?;
            let mut events = BTreeMap::new();
            for stream in streams {
                events.insert(stream.clone(), streams::events(&self.store, stream).await?);
            }
            self.compare_all(streams, (standings, events), found).await?;
        }
        Ok(())
    }

    /// The same for streams as a walk brings them: what happened in them is read together.
    pub(crate) async fn look_along(&self, streams: &[StreamId], found: &mut Findings) -> Result<(), Error> {
        for streams in streams.chunks(TOGETHER) {
            let standings = self.read_model.standings(&self.target, streams).await?;
            let events = streams::events_along(&self.store, streams).await?;
            self.compare_all(streams, (standings, events), found).await?;
        }
        Ok(())
    }

    /// What is shown of each, with what happened in it; then, of what is right, where it is found.
    async fn compare_all(
        &self,
        streams: &[StreamId],
        (standings, mut events): (Vec<Standing>, BTreeMap<StreamId, Vec<Recorded<AnyEvent>>>),
        found: &mut Findings,
    ) -> Result<(), Error> {
        let mut shown = Vec::new();
        for (stream, standing) in streams.iter().zip(standings) {
            let events = events.remove(stream).unwrap_or_default();
            shown.extend(self.compare(stream, (&standing, events), found).await?);
        }
        self.compare_places(&shown, found).await
    }

    /// Compares what looks wrong once more.
    pub(crate) async fn look_again(&self, found: &mut Findings) -> Result<(), Error> {
        let compared = found.compared;
        let suspects: Vec<_> = found.suspects.keys().cloned().collect();
        self.look(&suspects, found).await?;
        found.compared = compared;
        Ok(())
    }

    /// What is shown of a stream, with everything that happened in it. Where it should be found, if it is right.
    async fn compare(
        &self,
        stream: &StreamId,
        (standing, events): (&Standing, Vec<Recorded<AnyEvent>>),
        found: &mut Findings,
    ) -> Result<Option<Placed>, Error> {
        found.compared += 1;
        if standing.parked {
            found.troubled += 1;
            found.suspects.remove(stream);
            return Ok(None);
        }
        if let Some(finding) = self.judge(stream, standing, events).await? {
            self.note(stream, finding, found).await?;
            return Ok(None);
        }
        let Some(document) = &standing.document else {
            found.suspects.remove(stream);
            return Ok(None);
        };
        let places = document.body.as_deref().and_then(|body| places(self.projection, body)).unwrap_or_default();
        Ok(Some(Placed { stream: stream.clone(), version: document.version, places }))
    }

    /// Whether what is right is found where it should be.
    async fn compare_places(&self, shown: &[Placed], found: &mut Findings) -> Result<(), Error> {
        let misplaced = self.read_model.misplaced(&self.target, shown).await?;
        for (Placed { stream, version, .. }, place) in shown.iter().zip(misplaced) {
            match place {
                Some(Place { list, .. }) => {
                    self.note(stream, Finding::Misplaced { version: *version, list }, found).await?;
                }
                None => _ = found.suspects.remove(stream),
            }
        }
        Ok(())
    }

    /// What is found where it should not be. Of a document that is not right it is not known where it should be.
    pub(super) async fn strays(&self) -> Result<Places, Error> {
        let belongs = |body: &[u8]| places(self.projection, body).map(|places| places.into_keys().collect());
        Ok(self.read_model.strays(&self.target, belongs).await?)
    }

    async fn note(&self, stream: &StreamId, finding: Finding, found: &mut Findings) -> Result<(), Error> {
        let head = self.store.republisher().heads(std::slice::from_ref(stream)).await?.pop().flatten();
        found.note(stream, finding, (head.is_some_and(|head| head.published), now_ms()));
        Ok(())
    }

    async fn judge(
        &self,
        stream: &StreamId,
        standing: &Standing,
        mut events: Vec<Recorded<AnyEvent>>,
    ) -> Result<Option<Finding>, Error> {
        let head = events.last().map_or(Version::NONE, |last| last.version);
        let Some(document) = &standing.document else {
            return Ok((head > Version::NONE).then_some(Finding::Behind { shown: Version::NONE, head }));
        };
        let shown = document.version;
        if shown > head {
            return Ok(Some(Finding::Ahead { shown, head }));
        }
        let behind = (shown < head).then_some(Finding::Behind { shown, head });
        // An erased user's key may be gone before the view is: then nothing can be said of what it showed before.
        if behind.is_some() && self.vault.is_some() {
            return Ok(behind);
        }
        events.retain(|event| event.version <= shown);
        if document.last_event.is_some_and(|id| events.last().is_none_or(|last| last.id != id)) {
            return Ok(Some(Finding::Other { version: shown }));
        }
        events.retain(|event| !self.discarded.contains(&(stream.clone(), event.version)));
        self.open(stream, &mut events).await?;
        let same_body = refold(self.projection, &events).is_ok_and(|body| body == document.body);
        Ok(if same_body { behind } else { Some(Finding::Differs { version: shown }) })
    }

    /// Opens what is personal, as the projector does.
    async fn open(&self, stream: &StreamId, events: &mut [Recorded<AnyEvent>]) -> Result<(), Error> {
        let (Some(vault), Ok(user)) = (&self.vault, UserId::parse(stream.as_str())) else { return Ok(()) };
        for event in events {
            let opened = vault.open_all(&user, event.event.sealed_mut()).await;
            opened.map_err(|source| Error::Vault { source })?;
        }
        Ok(())
    }
}
