//! Drift: documents that do not show what their events come to, without anybody having noticed. Every document that readers
//! see is held against its events, a few at a time, again and again; what differs is counted and told, and an operator
//! has it made anew. Users are left out: the steward cannot open personal data.

use std::collections::{BTreeSet, VecDeque};
use std::convert::Infallible;
use std::time::Duration;

use read_model::generations::Generations;
use read_model::{Sink, Target};
use runtime::clock::{self, Instant};
use schemas::StreamId;
use views::Projection;

use super::{Links, metrics, rest_from};
use crate::Error;
use crate::audit::{Comparison, Findings, is_of_our_shape};
use crate::streams::Streams;

const EVERY: Duration = Duration::from_secs(2);
/// Streams that are compared in one step: they are read from MongoDB together, and each is folded.
const FEW: usize = 200;
/// Documents that are suspected at a time; beyond them nothing more is compared until some are right.
const MOST: usize = 1_000;

/// What is known of one projection.
#[derive(Debug)]
struct Turn {
    projection: Projection,
    /// The generation that is compared; another one is begun anew.
    target: Option<Target>,
    walk: Option<Streams>,
    /// The streams of the walk's last page that are still to be compared.
    waiting: VecDeque<StreamId>,
    /// When the next walk begins.
    rests_until: Option<Instant>,
    found: Findings,
    /// The streams that were counted, and are not right again.
    told: BTreeSet<StreamId>,
}

#[derive(Debug)]
struct Drift {
    turns: Vec<Turn>,
    next_step: Option<Instant>,
}

/// Compares until shutdown.
pub(super) async fn audit(links: Links) -> Result<(), Infallible> {
    let shown = Projection::ALL.into_iter().filter(|projection| *projection != Projection::Users);
    let turns: Vec<_> = shown.map(|projection| Turn::new(projection, None)).collect();
    turns.iter().for_each(|turn| metrics::DRIFT.begin_at_zero(&[("projection", turn.projection.name())]));
    let drift = Drift { turns, next_step: None };
    links.repeat(EVERY, drift, async |links: &Links, drift: &mut Drift| drift.pass(links).await).await
}

impl Drift {
    /// A step of each projection for which it is time; one that cannot be compared now keeps no other from it.
    async fn pass(&mut self, links: &Links) -> Result<(), Error> {
        let begun = clock::monotonic();
        if links.alarm.is_raised() || self.next_step.is_some_and(|next| begun < next) {
            return Ok(());
        }
        let mut turns: Vec<_> = self.turns.iter_mut().filter(|turn| turn.is_due(begun)).collect();
        let names: Vec<_> = turns.iter().map(|turn| turn.projection.name()).collect();
        if names.is_empty() {
            return Ok(());
        }
        let known = links.read_model.generations(&names).await?;
        let mut outcome = Ok(());
        for (turn, generations) in turns.iter_mut().zip(known) {
            if let Some(target) = generations.and_then(|generations| ours(turn.projection, &generations)) {
                outcome = outcome.and(turn.step(links, target).await);
            }
        }
        self.next_step = Some(clock::monotonic() + rest_from(begun));
        outcome
    }
}

/// The live generation, if its documents look as this build's would.
fn ours(projection: Projection, generations: &Generations) -> Option<Target> {
    let target = Target { projection: projection.name(), generation: generations.live };
    is_of_our_shape(projection, generations).then_some(target)
}

impl Turn {
    fn new(projection: Projection, target: Option<Target>) -> Self {
        Self {
            projection,
            target,
            walk: None,
            waiting: VecDeque::new(),
            rests_until: None,
            found: Findings::default(),
            told: BTreeSet::new(),
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        !self.found.suspects.is_empty() || self.has_rested(now)
    }

    fn has_rested(&self, now: Instant) -> bool {
        self.rests_until.is_none_or(|until| until <= now)
    }

    /// Compares what looked wrong once more, and the next few streams.
    async fn step(&mut self, links: &Links, target: Target) -> Result<(), Error> {
        if self.target != Some(target) {
            *self = Self::new(self.projection, Some(target));
        }
        let of = (self.projection, target);
        let comparison = Comparison::of(&links.read_model, &links.store, of, None).await?;
        comparison.look_again(&mut self.found).await?;
        if self.found.suspects.len() < MOST {
            let streams = self.next_streams(links).await?;
            let compared = comparison.look_along(&streams, &mut self.found).await;
            if compared.is_err() {
                streams.into_iter().rev().for_each(|stream| self.waiting.push_front(stream));
            }
            compared?;
        }
        self.tell(links, target).await
    }

    /// The next streams of the walk; none while it rests.
    async fn next_streams(&mut self, links: &Links) -> Result<Vec<StreamId>, Error> {
        let now = clock::monotonic();
        if self.waiting.is_empty() && self.has_rested(now) {
            let walk = self.walk.get_or_insert_with(|| Streams::of(self.projection, &links.republisher));
            match walk.next().await? {
                Some(streams) => self.waiting.extend(streams),
                None => (self.walk, self.rests_until) = (None, Some(now + links.rest)),
            }
        }
        let few = self.waiting.len().min(FEW);
        Ok(self.waiting.drain(..few).collect())
    }

    /// Counts and tells what differs for certain, once until it is right again.
    async fn tell(&mut self, links: &Links, target: Target) -> Result<(), Error> {
        let suspects = &self.found.suspects;
        self.told.retain(|stream| suspects.contains_key(stream));
        if suspects.is_empty() {
            return Ok(());
        }
        let survey = links.read_model.survey(Sink::Views(target)).await?;
        let projection = self.projection.name();
        for (stream, suspect) in suspects.iter().filter(|(stream, suspect)| suspect.is_drift(stream, &survey)) {
            if self.told.insert(stream.clone()) {
                ::metrics::counter!(metrics::DRIFT.name, "projection" => projection).increment(1);
                let finding = &suspect.finding;
                tracing::error!(
                    projection,
                    stream = stream.as_str(),
                    "{stream} in {projection} {finding}: see docs/runbooks/views-drift.md"
                );
            }
        }
        Ok(())
    }
}
