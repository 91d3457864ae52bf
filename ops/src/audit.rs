//! `ops audit`: every document that readers see, held against the fold of the events that MongoDB has. It names what is
//! missing, what differs and what nobody ever wrote, and changes nothing.
//!
//! A document is compared at its own version, so what happens meanwhile is no difference. One that is behind counts only
//! if its projector was at the end of the log after that was found; until then it is on its way.

mod refold;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event_store::{EventStore, Selection};
use read_model::generations::Shape;
use read_model::{Sink, Standing, Survey, Target};
use schemas::{AnyEvent, Recorded, StreamId, UserId, Version};
use vault::Vault;
use views::Projection;

use crate::answer::Answer;
use crate::cli::AuditCommand;
use crate::ends::{now_ms, was_at_the_end};
use crate::plan::{Action, Item, Plan};
use crate::projections::{Views, refused};
use crate::republish::connect;
use crate::{Error, FAILED};
use refold::refold;

/// Streams that are read together.
const TOGETHER: usize = 200;
/// How often what looks wrong is looked at again before it counts, and how long is waited before.
const LOOKS: u32 = 6;
const PAUSE: Duration = Duration::from_secs(1);
/// How many differences an answer names.
const NAMED: usize = 1_000;

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Finding {
    /// It shows less than what was committed: drift only if it does not come by itself.
    Behind { shown: Version, head: Version },
    /// Its bytes or its event are not those of the version that it says to show.
    Differs { version: Version },
    /// It shows more than was ever committed.
    Ahead { shown: Version, head: Version },
}

/// What is compared with what.
struct Audit {
    views: Views,
    target: Target,
    store: EventStore,
    vault: Option<Vault>,
    /// Versions that somebody discarded: they count as applied and changed nothing.
    discarded: BTreeSet<(StreamId, Version)>,
}

/// What was found so far.
#[derive(Debug, Default)]
struct Findings {
    compared: u64,
    /// Streams that wait for somebody, and are told by `ops parked` and `ops status`.
    troubled: u64,
    suspects: BTreeMap<StreamId, Finding>,
}

/// Compares everything once, and what looks wrong again.
pub(crate) async fn audit(wish: &AuditCommand) -> Result<Answer, Error> {
    let audit = match Audit::begin(wish).await? {
        Ok(audit) => audit,
        Err(plan) => return Ok(plan.into()),
    };
    let begun_ms = now_ms();
    let mut found = Findings::default();
    audit.walk(&mut found).await?;
    let surplus = audit.surplus().await?;
    for _look in 1..LOOKS {
        if found.suspects.is_empty() || audit.is_settled(&found, begun_ms).await? {
            break;
        }
        tokio::time::sleep(PAUSE).await;
        audit.look_again(&mut found).await?;
    }
    // Whatever looked wrong once was looked at twice.
    audit.look_again(&mut found).await?;
    let survey = audit.views.read_model.survey(Sink::Views(audit.target)).await?;
    Ok(audit.told(found, &surplus, |(stream, finding)| finding.is_drift(stream, &survey, begun_ms)))
}

impl Audit {
    /// Connects; or says why there is nothing to compare.
    async fn begin(wish: &AuditCommand) -> Result<Result<Self, Plan>, Error> {
        let views = Views::connect(&wish.redis, wish.projection)?;
        let generations = match views.generations().await? {
            Ok(generations) => generations,
            Err(plan) => return Ok(Err(plan)),
        };
        let target = views.target(generations.live);
        let shape = generations.entries.get(&generations.live).map(|entry| entry.shape);
        if shape.is_some_and(|shape| shape != Shape(wish.projection.shape())) {
            return Ok(Err(refused(
                views.called(target.generation),
                "has another shape than this build would give it",
            )));
        }
        let vault = match (wish.vault(), wish.projection == Projection::Users) {
            (Some(config), true) => Some(Vault::unwatched(&config).await.map_err(|source| Error::Vault { source })?),
            (None, true) => {
                return Ok(Err(refused("users", "hold personal data: set VAULT_MONGODB_URI and VAULT_MASTER_KEY")));
            }
            (_, false) => None,
        };
        let discarded = views.read_model.discarded(Sink::Views(target)).await?.into_iter();
        let discarded = discarded.filter_map(|one| Some((one.stream, one.entry.version?))).collect();
        Ok(Ok(Self { views, target, store: connect(&wish.mongodb_uri).await?, vault, discarded }))
    }

    /// Every stream that has commits.
    async fn walk(&self, found: &mut Findings) -> Result<(), Error> {
        let beginning = Some(self.views.projection.aggregate().prefix().into());
        let mut walk = self.store.republisher().walk(Selection { beginning, ..Selection::default() });
        let mut last = None;
        while let Some(page) = walk.next().await? {
            let mut streams: Vec<_> = page.heads().into_iter().map(|head| head.stream).collect();
            // The last stream of a page may go on in the next one.
            streams.retain(|stream| last.as_ref() != Some(stream));
            last = streams.last().cloned().or(last);
            for streams in streams.chunks(TOGETHER) {
                self.look(streams, found).await?;
            }
        }
        Ok(())
    }

    /// Redis first, then MongoDB: so whatever MongoDB lacks was never committed.
    async fn look(&self, streams: &[StreamId], found: &mut Findings) -> Result<(), Error> {
        let standings = self.views.read_model.standings(&self.target, streams).await?;
        for (stream, standing) in streams.iter().zip(standings) {
            found.compared += 1;
            if standing.parked {
                found.troubled += 1;
                found.suspects.remove(stream);
                continue;
            }
            match self.judge(stream, &standing).await? {
                Some(finding) => drop(found.suspects.insert(stream.clone(), finding)),
                None => drop(found.suspects.remove(stream)),
            }
        }
        Ok(())
    }

    async fn look_again(&self, found: &mut Findings) -> Result<(), Error> {
        let suspects: Vec<_> = found.suspects.keys().cloned().collect();
        for streams in suspects.chunks(TOGETHER) {
            let mut again = Findings { suspects: std::mem::take(&mut found.suspects), ..Findings::default() };
            self.look(streams, &mut again).await?;
            (found.suspects, found.troubled) = (again.suspects, found.troubled + again.troubled);
        }
        Ok(())
    }

    async fn judge(&self, stream: &StreamId, standing: &Standing) -> Result<Option<Finding>, Error> {
        let mut events = Vec::new();
        for commit in self.store.tail(stream, Version::FIRST).await? {
            events.extend(commit.recorded().map_err(|source| Error::Event { stream: stream.clone(), source })?);
        }
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
        let same_event = document.last_event.is_none_or(|id| events.last().is_some_and(|last| last.id == id));
        events.retain(|event| !self.discarded.contains(&(stream.clone(), event.version)));
        self.open(stream, &mut events).await?;
        let same_body = refold(self.views.projection, &events).is_ok_and(|body| body == document.body);
        Ok(if same_event && same_body { behind } else { Some(Finding::Differs { version: shown }) })
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

    /// Documents of streams that were never committed.
    async fn surplus(&self) -> Result<BTreeSet<StreamId>, Error> {
        let (mut cursor, mut surplus) = (0, BTreeSet::new());
        loop {
            let (next, found) = self.views.read_model.documents_from(cursor).await?;
            let ours = found.into_iter().filter(|(projection, generation, _)| {
                projection == self.target.projection && *generation == self.target.generation
            });
            let streams: Vec<_> = ours.map(|(_, _, stream)| stream).collect();
            let heads = self.store.republisher().heads(&streams).await?;
            surplus.extend(streams.into_iter().zip(heads).filter(|(_, head)| head.is_none()).map(|(stream, _)| stream));
            if next == 0 {
                return Ok(surplus);
            }
            cursor = next;
        }
    }

    /// Whether another look would change nothing: whatever is behind is so for good.
    async fn is_settled(&self, found: &Findings, begun_ms: i64) -> Result<bool, Error> {
        let survey = self.views.read_model.survey(Sink::Views(self.target)).await?;
        Ok(found.suspects.iter().all(|(stream, finding)| finding.is_drift(stream, &survey, begun_ms)))
    }

    fn told(
        &self,
        found: Findings,
        surplus: &BTreeSet<StreamId>,
        is_drift: impl Fn(&(StreamId, Finding)) -> bool,
    ) -> Answer {
        let (drift, coming): (Vec<_>, Vec<_>) = found.suspects.into_iter().partition(is_drift);
        let count = drift.len() + surplus.len();
        let state = format!(
            "{} streams compared with MongoDB: {count} differ, {} are on their way, {} are parked",
            found.compared,
            coming.len(),
            found.troubled
        );
        let action = if count == 0 { Action::None } else { Action::Look };
        let mut items = vec![Item::new(self.views.called(self.target.generation), action, state)];
        let named = drift.iter().map(|(stream, finding)| (stream, finding.to_string()));
        let surplus = surplus.iter().map(|stream| (stream, "surplus: nothing of it was ever committed".to_owned()));
        items.extend(
            named.chain(surplus).take(NAMED).map(|(name, state)| Item::new(name.as_str(), Action::Look, state)),
        );
        let code = if count == 0 { 0 } else { FAILED };
        Answer { code, ..Answer::from(Plan { executed: false, items }) }
    }
}

impl Finding {
    /// Whether it stays: what is only behind may still come, unless the projector has been at the end since then.
    fn is_drift(&self, stream: &StreamId, survey: &Survey, since_ms: i64) -> bool {
        match self {
            Self::Behind { .. } => was_at_the_end(&survey.at_end_ms, stream, since_ms),
            Self::Differs { .. } | Self::Ahead { .. } => true,
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Behind { shown, head } if *shown == Version::NONE => {
                write!(f, "missing: version {head} is committed")
            }
            Self::Behind { shown, head } => write!(f, "behind: shows version {shown} of {head}"),
            Self::Differs { version } => write!(f, "differs from what its events come to at version {version}"),
            Self::Ahead { shown, head } => write!(f, "ahead: shows version {shown}, MongoDB has {head}"),
        }
    }
}
