//! `ops audit`: every document that readers see, and every list that it stands in, held against the fold of the events
//! that MongoDB has. It names what is missing, what differs and what nobody ever wrote. With `--repair` it has documents
//! made anew by their projector.
//!
//! A document is compared at its own version, so what happens meanwhile is no difference. One that is behind counts only
//! if its projector was at the end of the log after that was found; until then it is on its way.

mod comparison;
mod finding;
mod refold;
mod repair;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use event_store::{PassedOver, Selection};
use read_model::generations::{Generations, Shape};
use read_model::{Places, Sink};
use schemas::{StreamId, Version};
use vault::Vault;
use views::Projection;

use crate::answer::Answer;
use crate::cli::AuditCommand;
use crate::plan::{Action, Item, Plan};
use crate::projections::{Views, refused};
use crate::republish::connect;
use crate::streams::Streams;
use crate::{Error, FAILED, passed_over};
pub(crate) use comparison::Comparison;
pub(crate) use finding::Findings;
use finding::Suspect;
use repair::Drift;

/// How often what looks wrong is looked at again before it counts, and how long is waited before: a projector that has
/// much to do says late that it was at the end of its log.
const LOOKS: u32 = 16;
const PAUSE: Duration = Duration::from_secs(1);
/// How many differences an answer names.
const NAMED: usize = 1_000;
/// Why a document cannot be repaired alone.
const STUCK: &str = "a version of it was discarded, so only `ops rebuild` makes it anew";

/// What an audit came to.
struct Outcome {
    name: String,
    compared: u64,
    coming: usize,
    /// The streams that are parked, each with the version that is shown.
    troubled: BTreeMap<StreamId, Version>,
    drift: Drift,
    surplus: BTreeSet<StreamId>,
    /// What was compared with nothing, because this build cannot read it.
    left_out: PassedOver,
}

/// Compares everything once, and what looks wrong again; repairs what differs, if that was said.
pub(crate) async fn audit(wish: &AuditCommand) -> Result<Answer, Error> {
    let audit = match Comparison::begin(wish).await? {
        Ok(audit) => audit,
        Err(plan) => return Ok(plan.into()),
    };
    let outcome = audit.outcome(&wish.selection()).await?;
    if !wish.repair || (outcome.drift.is_empty() && outcome.surplus.is_empty()) {
        return Ok(outcome.told());
    }
    if outcome.is_diverged() {
        return Ok(outcome.refused());
    }
    let mut items = outcome.summary(Action::Look);
    let Outcome { drift, troubled, left_out, .. } = outcome;
    let (stuck, whole): (Drift, Drift) = drift.into_iter().partition(|(stream, _)| audit.lacks_a_version(stream));
    let failed = if wish.execute { audit.repair(&whole).await? } else { BTreeSet::new() };
    items.extend(
        stuck
            .iter()
            .map(|(stream, suspect)| Item::new(stream.as_str(), Action::Look, format!("{}; {STUCK}", suspect.finding))),
    );
    items.extend(whole.iter().map(|(stream, Suspect { finding, .. })| {
        let go = if troubled.contains_key(stream) { "let go and " } else { "" };
        match failed.contains(stream) {
            true => Item::new(stream.as_str(), Action::Look, format!("{finding}; was not made anew in time")),
            false => Item::new(stream.as_str(), Action::Change, format!("{finding}; {go}made anew from its events")),
        }
    }));
    let is_whole = wish.execute && failed.is_empty() && stuck.is_empty() && left_out.commits == 0;
    let code = if is_whole { 0 } else { FAILED };
    Ok(Answer { code, ..Answer::from(Plan { executed: wish.execute, items }) })
}

/// Whether the views that readers see look as this build's would.
pub(crate) fn is_of_our_shape(projection: Projection, generations: &Generations) -> bool {
    let live = generations.entries.get(&generations.live);
    live.is_none_or(|live| live.shape == Shape(projection.shape()))
}

impl Comparison {
    /// Connects; or says why there is nothing to compare.
    async fn begin(wish: &AuditCommand) -> Result<Result<Self, Plan>, Error> {
        let prefix = wish.projection.aggregate().prefix();
        if let Some(only) = wish.only.as_deref().filter(|only| !only.starts_with(prefix)) {
            return Ok(Err(refused(
                only,
                format!("begins no stream of {}: those begin with {prefix}", wish.projection.name()),
            )));
        }
        let views = Views::connect(&wish.redis, wish.projection)?;
        let generations = match views.generations().await? {
            Ok(generations) => generations,
            Err(plan) => return Ok(Err(plan)),
        };
        let target = views.target(generations.live);
        if !is_of_our_shape(wish.projection, &generations) {
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
        let store = connect(&wish.mongodb_uri).await?;
        Ok(Ok(Self::of(&views.read_model, &store, (wish.projection, target), vault).await?))
    }

    /// Looks at everything, and again at what looks wrong, until that is certain.
    async fn outcome(&self, selection: &Selection) -> Result<Outcome, Error> {
        let mut found = Findings::default();
        let left_out = self.walk(selection, &mut found).await?;
        let mut surplus = self.surplus(selection).await?;
        for _look in 1..LOOKS {
            if found.suspects.is_empty() || self.is_settled(&found).await? {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            self.look_again(&mut found).await?;
        }
        // Whatever looked wrong once was looked at twice.
        self.look_again(&mut found).await?;
        self.add_strays(selection, &mut found, &mut surplus).await?;
        let survey = self.read_model.survey(Sink::Views(self.target)).await?;
        let is_drift = |(stream, suspect): &(_, Suspect)| suspect.is_drift(stream, &survey);
        let (drift, coming): (Drift, Drift) = found.suspects.into_iter().partition(is_drift);
        let name = format!("{} g{}", self.target.projection, self.target.generation);
        let Findings { compared, troubled, .. } = found;
        Ok(Outcome { name, compared, coming: coming.len(), troubled, drift, surplus, left_out })
    }

    /// Every stream of which some commit is selected; says what was left out.
    async fn walk(&self, selection: &Selection, found: &mut Findings) -> Result<PassedOver, Error> {
        let mut walk = Streams::among(selection.clone(), &self.store.republisher());
        let mut left_out = PassedOver::default();
        while let Some((streams, passed_over)) = walk.next().await? {
            left_out.add(passed_over);
            self.look_along(&streams, found).await?;
        }
        Ok(left_out)
    }

    /// Documents of streams that were never committed; those have no time.
    async fn surplus(&self, selection: &Selection) -> Result<BTreeSet<StreamId>, Error> {
        let (mut cursor, mut surplus) = (0, BTreeSet::new());
        if selection.since.is_some() {
            return Ok(surplus);
        }
        let beginning = selection.beginning.as_deref().unwrap_or_default();
        loop {
            let (next, found) = self.read_model.documents_from(cursor).await?;
            let ours = found.into_iter().filter(|(projection, generation, _)| {
                projection == self.target.projection && *generation == self.target.generation
            });
            let streams = ours.map(|(_, _, stream)| stream).filter(|stream| stream.as_str().starts_with(beginning));
            let streams: Vec<_> = streams.collect();
            let begun = self.store.begun(&streams).await?;
            surplus.extend(streams.into_iter().filter(|stream| !begun.contains(stream)));
            if next == 0 {
                return Ok(surplus);
            }
            cursor = next;
        }
    }

    /// What leads to documents from where it should not, or to none that was ever there. A time selects none of it.
    async fn add_strays(
        &self,
        selection: &Selection,
        found: &mut Findings,
        surplus: &mut BTreeSet<StreamId>,
    ) -> Result<(), Error> {
        if selection.since.is_some() {
            return Ok(());
        }
        let beginning = selection.beginning.as_deref().unwrap_or_default();
        let strays = self.strays().await?.into_iter().filter(|(stream, _)| stream.as_str().starts_with(beginning));
        let strays: Places = strays.collect();
        let streams: Vec<_> = strays.keys().cloned().collect();
        let begun = self.store.begun(&streams).await?;
        for (stream, places) in strays {
            if begun.contains(&stream) {
                found.note_strays(&stream, places);
            } else {
                surplus.insert(stream);
            }
        }
        Ok(())
    }

    /// Whether another look would change nothing: whatever is behind is so for good.
    async fn is_settled(&self, found: &Findings) -> Result<bool, Error> {
        let survey = self.read_model.survey(Sink::Views(self.target)).await?;
        Ok(found.suspects.iter().all(|(stream, suspect)| suspect.is_drift(stream, &survey)))
    }
}

impl Outcome {
    fn differences(&self) -> usize {
        self.drift.len() + self.surplus.len()
    }

    /// Whether some document was made from what MongoDB does not have.
    fn is_diverged(&self) -> bool {
        !self.surplus.is_empty() || self.drift.values().any(Suspect::is_diverged)
    }

    /// How much was compared and what came of it, and what was not.
    fn summary(&self, action: Action) -> Vec<Item> {
        let (count, Self { compared, coming, .. }) = (self.differences(), self);
        let parked = self.troubled.len();
        let state = format!(
            "{compared} streams compared with MongoDB: {count} differ, {coming} are on their way, {parked} are parked"
        );
        let compared = Item::new(self.name.as_str(), action, state);
        [Some(compared), passed_over::item(&self.left_out, Action::Look)].into_iter().flatten().collect()
    }

    /// The documents that drifted like this and those that are surplus, and what is wrong with each.
    fn named(&self, like_this: fn(&Suspect) -> bool) -> impl Iterator<Item = (&StreamId, String)> {
        let drifted = self.drift.iter().filter(move |(_, suspect)| like_this(suspect));
        let drifted = drifted.map(|(stream, suspect)| (stream, suspect.finding.to_string()));
        let surplus = self.surplus.iter();
        let surplus = surplus.map(|stream| (stream, "surplus: nothing of it was ever committed".to_owned()));
        drifted.chain(surplus).take(NAMED)
    }

    /// Everything that is wrong, by name.
    fn told(&self) -> Answer {
        let count = self.differences();
        let mut items = self.summary(if count == 0 { Action::None } else { Action::Look });
        let named = self.named(|_suspect| true);
        items.extend(named.map(|(stream, state)| Item::new(stream.as_str(), Action::Look, state)));
        let code = if count == 0 && self.left_out.commits == 0 { 0 } else { FAILED };
        Answer { code, ..Answer::from(Plan { executed: false, items }) }
    }

    /// Nothing is repaired from a MongoDB that may not be the one that the views were made from.
    fn refused(&self) -> Answer {
        let mut items = self.summary(Action::Refuse);
        items.extend(self.named(Suspect::is_diverged).map(|(stream, state)| {
            let state = format!("{state}; history may have diverged: see docs/runbooks/mongodb-restored.md");
            Item::new(stream.as_str(), Action::Refuse, state)
        }));
        Answer::from(Plan { executed: false, items })
    }
}
