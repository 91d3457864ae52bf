//! Which generations are fed. Once a second Redis is asked which there are; whatever has the shape that this build folds
//! is fed, each by a consumer group of its own: the live one, one that is being filled, and those that were live before
//! and are kept for the way back.

mod feed;

use std::collections::BTreeMap;
use std::time::Duration;

use bus::admin::PARTITIONS;
use bus::{Decoder, Kafka, Registry};
use read_model::generations::{Entry, Generations, Shape, State};
use read_model::{Generation, Places, ReadModel, Sink, Target};
use runtime::{Dependency, Process, Shutdown, clock};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use vault::Vault;
use views::Projection;

use crate::Config;
use crate::board::Board;
use crate::pace::{Pace, Speed};
use crate::renewal;
use crate::worker::Links;

/// How often it is looked which generations there are, and stored which partitions are at the end of their logs.
const LOOK: Duration = Duration::from_secs(1);
/// Events per second and process by which a generation is filled while the live one is behind: hardly any, but some.
const YIELDING: u32 = 100;

/// What every projection of this process is made of.
pub(crate) struct Feeding {
    kafka: Kafka,
    registry: Registry,
    read_model: ReadModel,
    vault: Option<Vault>,
    process: Process,
    /// The generation that a projection without any begins with.
    first: Generation,
    projections: Vec<Projected>,
}

/// One projection.
struct Projected {
    projection: Projection,
    health: Dependency,
    fed: BTreeMap<Generation, Fed>,
    /// Whether somebody asked for a pause that is not over.
    paused: bool,
}

/// One generation that is fed here.
struct Fed {
    board: Board,
    pace: Pace,
    /// The documents that are to be made anew.
    repairs: watch::Sender<Places>,
    end: Shutdown,
}

impl Feeding {
    /// Connects, and feeds nothing yet.
    pub(crate) async fn prepare(config: &Config, process: &Process) -> Result<Self, crate::Error> {
        let events = |source| crate::Error::Events { source };
        let kafka = Kafka::connect(&config.kafka, process).map_err(events)?;
        let registry = Registry::connect(&config.kafka, process).map_err(events)?;
        let read_model = ReadModel::connect(&config.redis, process).map_err(|source| crate::Error::Views { source })?;
        let shows_users = config.projections.contains(&Projection::Users);
        let vault = match shows_users {
            true => {
                Some(Vault::connect(&config.vault, process).await.map_err(|source| crate::Error::Vault { source })?)
            }
            false => None,
        };
        let projected = |projection: &Projection| {
            let health = process.health.dependency(health_name(*projection));
            Projected { projection: *projection, health, fed: BTreeMap::new(), paused: false }
        };
        let projections = config.projections.iter().map(projected).collect();
        let first = Generation(config.generation);
        Ok(Self { kafka, registry, read_model, vault, process: process.clone(), first, projections })
    }

    /// Feeds until shutdown.
    pub(crate) async fn run(mut self) -> Result<(), bus::Error> {
        renewal::start(self.read_model.clone(), &self.process);
        let shutdown = self.process.shutdown.clone();
        let mut time_to_look = interval(LOOK);
        time_to_look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                _ = time_to_look.tick() => {}
            }
            tokio::select! {
                () = shutdown.requested() => return Ok(()),
                looked = self.look() => looked?,
            }
            self.stamp().await;
            self.hear_repairs().await;
        }
    }

    /// Begins with generations that are new, and ends with those that are gone. While Redis is away nothing changes.
    async fn look(&mut self) -> Result<(), bus::Error> {
        let (known, pauses) = match self.known().await {
            Ok(known) => known,
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(error, "which generations there are is not known now");
                return Ok(());
            }
        };
        let mut projections = std::mem::take(&mut self.projections);
        for ((projected, generations), left) in projections.iter_mut().zip(&known).zip(pauses) {
            projected.hear_pause(left);
            if let Some(generations) = generations {
                projected.follow(generations, self)?;
            }
        }
        self.projections = projections;
        Ok(())
    }

    /// The generations of every projection, and for how much longer it pauses.
    async fn known(&self) -> Result<(Vec<Option<Generations>>, Vec<Duration>), read_model::Error> {
        let names: Vec<_> = self.projections.iter().map(|projected| projected.projection.name()).collect();
        Ok((self.generations(&names).await?, self.read_model.pauses(&names).await?))
    }

    /// The generations of every projection. A projection that has none gets its first one here.
    async fn generations(&self, names: &[&'static str]) -> Result<Vec<Option<Generations>>, read_model::Error> {
        let known = self.read_model.generations(names).await?;
        let is_unknown = |found: &Option<Generations>| {
            found.as_ref().is_none_or(|generations| !generations.entries.contains_key(&generations.live))
        };
        if !known.iter().any(is_unknown) {
            return Ok(known);
        }
        let now_ms = clock::now_micros().div_euclid(1_000);
        for (projected, _) in self.projections.iter().zip(&known).filter(|(_, found)| is_unknown(found)) {
            let first = Target { projection: projected.projection.name(), generation: self.first };
            self.read_model.found(&first, Shape(projected.projection.shape()), now_ms).await?;
        }
        self.read_model.generations(names).await
    }

    /// Stores which partitions were at the end of their logs, all in one round trip, and counts what is parked in another.
    async fn stamp(&self) {
        let fed = || self.projections.iter().flat_map(|projected| projected.fed.values());
        fed().for_each(|fed| fed.board.tell_lag(clock::monotonic()));
        let stamps: Vec<_> = fed().flat_map(|fed| fed.board.take_stamps()).collect();
        if let Err(error) = self.read_model.stamp(&stamps).await {
            let error: &dyn std::error::Error = &error;
            tracing::debug!(error, "how fresh the projections are could not be stored");
        }
        let sinks: Vec<_> = fed().map(|fed| Sink::Views(fed.board.target())).collect();
        if let Ok(parked) = self.read_model.count_parked(&sinks).await {
            fed().zip(parked).for_each(|(fed, parked)| fed.board.parked(parked));
        }
    }

    /// Tells the workers which documents are to be made anew.
    async fn hear_repairs(&self) {
        let fed = || self.projections.iter().flat_map(|projected| projected.fed.values());
        let targets: Vec<_> = fed().map(|fed| fed.board.target()).collect();
        if let Ok(asked) = self.read_model.repairs(&targets).await {
            let tell = |(fed, asked): (&Fed, Places)| {
                fed.repairs.send_if_modified(|known| std::mem::replace(known, asked) != *known)
            };
            fed().zip(asked).for_each(|one| _ = tell(one));
        }
    }

    /// Begins to feed a generation.
    fn begin(&self, projection: Projection, target: Target, health: &Dependency) -> Result<Fed, bus::Error> {
        let end = self.process.shutdown.of_a_part();
        let (repairs, asked) = watch::channel(Places::new());
        let (board, pace) = (Board::new(target, health.clone()), Pace::new(end.clone()));
        let links = Links {
            read_model: self.read_model.clone(),
            decoder: Decoder::new(&self.registry),
            vault: self.vault.clone(),
            target,
            board: board.clone(),
            pace: pace.clone(),
            repairs: asked,
            shutdown: end.clone(),
        };
        feed::start(projection, &self.kafka, links, &self.process)?;
        Ok(Fed { board, pace, repairs, end })
    }
}

impl Projected {
    fn hear_pause(&mut self, left: Duration) {
        let paused = !left.is_zero();
        if std::mem::replace(&mut self.paused, paused) != paused {
            let name = self.projection.name();
            match paused {
                true => tracing::warn!(projection = name, "{name} pauses for {} s, as was asked for", left.as_secs()),
                false => tracing::info!(projection = name, "{name} goes on"),
            }
        }
    }

    fn follow(&mut self, generations: &Generations, feeding: &Feeding) -> Result<(), bus::Error> {
        let shape = Shape(self.projection.shape());
        let name = self.projection.name();
        let is_ours = |entry: &Entry| entry.shape == shape && entry.state != State::Dropping;
        let ours = || generations.entries.iter().filter(|(_, entry)| is_ours(entry));
        self.fed.retain(|generation, fed| {
            let stays = ours().any(|(known, _)| known == generation);
            if !stays {
                tracing::info!(projection = name, "generation {generation} of {name} is fed no more");
                fed.end.request();
                fed.board.end();
            }
            stays
        });
        for (generation, entry) in ours() {
            if !self.fed.contains_key(generation) {
                let target = Target { projection: name, generation: *generation };
                tracing::info!(projection = name, "generation {generation} of {name} is fed from now on");
                let fed = feeding.begin(self.projection, target, &self.health)?;
                fed.pace.set(limit(entry, 1, Live::KeepsUp));
                self.fed.insert(*generation, fed);
            }
        }
        self.tell_which_is_live(generations.live);
        self.set_paces(generations);
        Ok(())
    }

    /// Readiness follows the generation that readers see.
    fn tell_which_is_live(&self, live: Generation) {
        let others = self.fed.iter().filter(|(generation, _)| **generation != live);
        others.for_each(|(_, fed)| fed.board.is_not_live());
        match self.fed.get(&live) {
            Some(fed) => fed.board.is_live(),
            None => self.health.down(format!(
                "generation {live} is live and has another shape than this build's: fill one of its shape with \
                 `ops rebuild {} --execute`",
                self.projection.name()
            )),
        }
    }

    fn set_paces(&self, generations: &Generations) {
        let now = clock::monotonic();
        let is_behind = self.fed.get(&generations.live).is_some_and(|fed| fed.board.is_behind(now));
        let live = if is_behind { Live::IsBehind } else { Live::KeepsUp };
        for (generation, fed) in &self.fed {
            let beside = generations.entries.get(generation).filter(|_| *generation != generations.live);
            fed.pace.set(match beside {
                _ if self.paused => Speed::Standstill,
                Some(entry) => limit(entry, fed.board.partitions(), live),
                None => Speed::Free,
            });
        }
    }
}

/// How the generation that readers see does in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Live {
    KeepsUp,
    IsBehind,
}

/// How fast this process may apply events of a generation. Only filling is limited: by this process's share of the
/// partitions, and to hardly any while the live one is behind. One that was live is kept as close as can be.
fn limit(entry: &Entry, partitions: usize, live: Live) -> Speed {
    if entry.state != State::Filling {
        return Speed::Free;
    }
    let (mine, all) = (u64::try_from(partitions.max(1)).unwrap_or(1), u64::from(PARTITIONS.unsigned_abs()));
    let share = entry.rate.map(|rate| u32::try_from((u64::from(rate) * mine).div_ceil(all)).unwrap_or(rate).max(1));
    match live {
        Live::KeepsUp => share.map_or(Speed::Free, Speed::PerSecond),
        Live::IsBehind => Speed::PerSecond(share.map_or(YIELDING, |share| share.min(YIELDING))),
    }
}

const fn health_name(projection: Projection) -> &'static str {
    match projection {
        Projection::Orders => "projection-orders",
        Projection::History => "projection-history",
        Projection::Products => "projection-products",
        Projection::Stock => "projection-stock",
        Projection::Payments => "projection-payments",
        Projection::Fulfilment => "projection-fulfilment",
        Projection::Users => "projection-users",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(state: State, rate: Option<u32>, partitions: usize, live: Live, expected: Speed) {
        let entry = Entry { state, shape: Shape(1), rate, started_ms: 0, left_ms: None };
        assert_eq!(limit(&entry, partitions, live), expected, "{state:?} {rate:?} {partitions} {live:?}");
    }

    #[test]
    fn filling_takes_its_share_of_the_rate_and_yields_to_the_live_generation() {
        use Live::{IsBehind, KeepsUp};
        check(State::Filling, Some(1_200), 6, KeepsUp, Speed::PerSecond(600));
        check(State::Filling, Some(1_200), 12, KeepsUp, Speed::PerSecond(1_200));
        check(State::Filling, Some(1), 6, KeepsUp, Speed::PerSecond(1));
        check(State::Filling, None, 6, KeepsUp, Speed::Free);
        check(State::Filling, None, 6, IsBehind, Speed::PerSecond(YIELDING));
        check(State::Filling, Some(12), 6, IsBehind, Speed::PerSecond(6));
        check(State::Served, Some(1_200), 6, IsBehind, Speed::Free);
    }
}
