//! Holding documents against the fold of their streams' events.

use std::collections::BTreeSet;

use event_store::EventStore;
use read_model::{Document, Place, Placed, Places, Placing, ReadModel, Sink, Standing, Target};
use schemas::{AnyEvent, EventId, Recorded, StreamId, UserId, Version};
use vault::Vault;
use views::Projection;

use super::finding::{Finding, Findings};
use super::refold::{Fold, begin, places};
use crate::Error;
use crate::ends::now_ms;
use crate::streams::{self, Commits};

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

/// What a stream's events tell.
struct Told {
    /// The last version.
    head: Version,
    /// The last event of those that are shown.
    last: Option<EventId>,
    /// What those come to.
    view: Box<dyn Fold>,
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
        let discarded = discarded.filter_map(|one| one.version().map(|version| (one.stream, version))).collect();
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
            let mut shown = Vec::new();
            for (stream, standing) in streams.iter().zip(&standings) {
                let mut commits = Commits::between(&self.store, stream, stream);
                shown.extend(self.compare(stream, (standing, &mut commits), found).await?);
            }
            self.compare_places(&shown, found).await?;
        }
        Ok(())
    }

    /// The same for streams as a walk brings them: what happened in them is read together.
    pub(crate) async fn look_along(&self, streams: &[StreamId], found: &mut Findings) -> Result<(), Error> {
        for streams in streams.chunks(TOGETHER) {
            let (Some(first), Some(last)) = (streams.first(), streams.last()) else { continue };
            let standings = self.read_model.standings(&self.target, streams).await?;
            let mut commits = Commits::between(&self.store, first, last);
            let mut shown = Vec::new();
            for (stream, standing) in streams.iter().zip(&standings) {
                shown.extend(self.compare(stream, (standing, &mut commits), found).await?);
            }
            self.compare_places(&shown, found).await?;
        }
        Ok(())
    }

    /// Compares what looks wrong once more.
    pub(crate) async fn look_again(&self, found: &mut Findings) -> Result<(), Error> {
        let compared = found.compared;
        let suspects: Vec<_> = found.suspects.keys().cloned().collect();
        self.look(&suspects, found).await?;
        found.compared = compared;
        Ok(())
    }

    /// What is shown of a stream, with everything that happened in it; then, if it is right, where it should be found.
    async fn compare(
        &self,
        stream: &StreamId,
        (standing, commits): (&Standing, &mut Commits<'_>),
        found: &mut Findings,
    ) -> Result<Option<Placed>, Error> {
        found.compared += 1;
        if standing.parked {
            let shown = standing.document.as_ref().map_or(Version::NONE, |document| document.version);
            found.troubled.insert(stream.clone(), shown);
        } else {
            found.troubled.remove(stream);
        }
        match self.judge(stream, standing.document.as_ref(), commits).await? {
            // A parked stream does not go on, but what is shown of it must be right.
            Some(Finding::Behind { .. }) if standing.parked => {}
            Some(finding) => {
                self.note(stream, finding, found).await?;
                return Ok(None);
            }
            None => {}
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
        let placings = self.read_model.placings(&self.target, shown).await?;
        for (Placed { stream, version, .. }, placing) in shown.iter().zip(placings) {
            let version = *version;
            match placing {
                Placing::Right => _ = found.suspects.remove(stream),
                Placing::Wrong(Place { list, .. }) => {
                    self.note(stream, Finding::Misplaced { version, list }, found).await?;
                }
                Placing::Moved => self.note(stream, Finding::Moved { version }, found).await?,
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
        document: Option<&Document>,
        commits: &mut Commits<'_>,
    ) -> Result<Option<Finding>, Error> {
        let shown = document.map_or(Version::NONE, |document| document.version);
        let Told { head, last, view } = self.told(stream, shown, commits).await?;
        if shown > head {
            return Ok(Some(Finding::Ahead { shown, head }));
        }
        let behind = (shown < head).then_some(Finding::Behind { shown, head });
        let Some(document) = document else { return Ok(behind) };
        // An erased user's key may be gone before the view is: then nothing can be said of what it showed before.
        if behind.is_some() && self.vault.is_some() {
            return Ok(behind);
        }
        if document.last_event.is_some_and(|id| last != Some(id)) {
            return Ok(Some(Finding::Other { version: shown }));
        }
        Ok(if view.holds(document.body.as_deref()) { behind } else { Some(Finding::Differs { version: shown }) })
    }

    /// What a stream's events tell, and what those up to the version that is shown come to.
    async fn told(&self, stream: &StreamId, shown: Version, commits: &mut Commits<'_>) -> Result<Told, Error> {
        let mut told = Told { head: Version::NONE, last: None, view: begin(self.projection) };
        while let Some(commit) = commits.next_of(stream).await? {
            for mut event in streams::recorded(&commit)? {
                told.head = event.version;
                if event.version > shown {
                    continue;
                }
                told.last = Some(event.id);
                if !self.discarded.contains(&(stream.clone(), event.version)) {
                    self.open(stream, &mut event).await?;
                    told.view.take(event);
                }
            }
        }
        Ok(told)
    }

    /// Opens what is personal, as the projector does.
    async fn open(&self, stream: &StreamId, event: &mut Recorded<AnyEvent>) -> Result<(), Error> {
        let (Some(vault), Ok(user)) = (&self.vault, UserId::parse(stream.as_str())) else { return Ok(()) };
        vault.open_all(&user, event.event.sealed_mut()).await.map_err(|source| Error::Vault { source })
    }
}
