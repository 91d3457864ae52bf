//! `ops projections`: which generations there are, which one readers see, the way there and back, the end of one, and a
//! pause for all of them.

mod dropping;
mod pausing;
mod switching;

use read_model::generations::{Entry, Generations, State};
use read_model::{Generation, ReadModel, RedisConfig, Target};
use runtime::{Process, clock};
use views::Projection;

use crate::Error;
use crate::cli::ProjectionsCommand;
use crate::plan::{Action, Item, Plan};
use crate::shown::drop_again;

pub(crate) use pausing::{LONGEST as LONGEST_PAUSE, pause};
pub(crate) use switching::{lags, rollback, switch};

/// Does what was asked for.
pub(crate) async fn run(command: &ProjectionsCommand) -> Result<Plan, Error> {
    match command {
        ProjectionsCommand::Ls { redis, projection } => list(redis, *projection).await,
        ProjectionsCommand::Switch { redis, projection, accept, execute } => {
            switch(&Views::connect(redis, *projection)?, None, accept, *execute).await
        }
        ProjectionsCommand::Rollback { redis, projection, generation, execute } => {
            rollback(&Views::connect(redis, *projection)?, generation.map(Generation), *execute).await
        }
        ProjectionsCommand::Drop { redis, projection, generation, execute } => {
            dropping::drop(&Views::connect(redis, *projection)?, Generation(*generation), *execute).await
        }
        ProjectionsCommand::Pause { redis, projection, seconds, execute } => {
            pause(&Views::connect(redis, *projection)?, *seconds, *execute).await
        }
    }
}

/// One projection's views.
pub(crate) struct Views {
    pub(crate) read_model: ReadModel,
    pub(crate) projection: Projection,
}

impl Views {
    pub(crate) fn connect(redis: &RedisConfig, projection: Projection) -> Result<Self, Error> {
        let read_model = ReadModel::connect(redis, &Process::new("ops", None))?;
        Ok(Self { read_model, projection })
    }

    pub(crate) const fn name(&self) -> &'static str {
        self.projection.name()
    }

    pub(crate) const fn target(&self, generation: Generation) -> Target {
        Target { projection: self.projection.name(), generation }
    }

    /// What a generation is called in answers.
    pub(crate) fn called(&self, generation: Generation) -> String {
        format!("{} g{generation}", self.name())
    }

    /// The generations, or the refusal to do anything without a live one.
    pub(crate) async fn generations(&self) -> Result<Result<Generations, Plan>, Error> {
        let found = self.read_model.generations(&[self.name()]).await?.pop().flatten();
        Ok(found.ok_or_else(|| refused(self.name(), "nothing was ever projected: start a projector")))
    }
}

/// An answer that nothing is done, and why.
pub(crate) fn refused(name: impl Into<String>, why: impl Into<String>) -> Plan {
    Plan { executed: false, items: vec![Item::new(name, Action::Refuse, why)] }
}

async fn list(redis: &RedisConfig, projection: Option<Projection>) -> Result<Plan, Error> {
    let read_model = ReadModel::connect(redis, &Process::new("ops", None))?;
    let wanted = projection.map_or_else(|| Projection::ALL.to_vec(), |projection| vec![projection]);
    let names: Vec<_> = wanted.iter().map(|projection| projection.name()).collect();
    let found = read_model.generations(&names).await?;
    let mut items = Vec::new();
    for (projection, generations) in wanted.into_iter().zip(found) {
        let views = Views { read_model: read_model.clone(), projection };
        match generations {
            Some(generations) => items.extend(standing(&views, &generations).await?),
            None => items.push(Item::new(views.name(), Action::Look, "nothing was ever projected")),
        }
    }
    Ok(Plan { executed: false, items })
}

/// One item per generation of a projection.
async fn standing(views: &Views, generations: &Generations) -> Result<Vec<Item>, Error> {
    let mut all: Vec<_> = generations.entries.iter().map(|(generation, entry)| (*generation, Some(entry))).collect();
    if !generations.entries.contains_key(&generations.live) {
        all.push((generations.live, None));
    }
    let mut items = Vec::new();
    let left = pausing::left(views).await?;
    if !left.is_zero() {
        items.push(Item::new(views.name(), Action::Look, format!("pauses for {} s more", left.as_secs())));
    }
    for (generation, entry) in all {
        let target = views.target(generation);
        let (gaps, parked) = views.read_model.troubled(&target).await?;
        let what = described(generations, generation, entry);
        let lag = lag(views, &views.target(generations.live), &target).await?;
        let mut state = format!("{what}; {lag}; {gaps} streams with gaps, {parked} parked");
        let dropped = entry.is_some_and(|entry| entry.state == State::Dropping);
        if dropped {
            state = format!("{state}; {}", drop_again(&target));
        }
        let action = if dropped || gaps + parked > 0 { Action::Look } else { Action::None };
        items.push(Item::new(views.called(generation), action, state));
    }
    Ok(items)
}

/// How far a generation is behind the live one.
async fn lag(views: &Views, live: &Target, other: &Target) -> Result<String, Error> {
    let behind = views.read_model.behind(live, other).await?;
    let (before, elsewhere): (Vec<_>, Vec<_>) = behind.iter().partition(|one| one.other.next < one.live.next);
    let events: i64 = before.iter().map(|one| one.live.next - one.other.next).sum();
    let elsewhere: Vec<_> = elsewhere.iter().map(|one| one.source.to_string()).collect();
    Ok(match elsewhere.is_empty() {
        true => format!("{events} events behind the live one"),
        false => format!(
            "{events} events behind the live one, and not on its log, or not at its end, in {}",
            elsewhere.join(", ")
        ),
    })
}

/// What a generation is now.
fn described(generations: &Generations, generation: Generation, entry: Option<&Entry>) -> String {
    let Some(entry) = entry else { return "live, found by no projector of this release yet".to_owned() };
    let what = match (generation == generations.live, entry.state, entry.rate) {
        (true, State::Filling | State::Served | State::Dropping, _) => "live".to_owned(),
        (false, State::Filling, Some(rate)) => format!("filling at {rate} events/s at most"),
        (false, State::Filling, None) => "filling".to_owned(),
        (false, State::Served, _) => "kept for the way back".to_owned(),
        (false, State::Dropping, _) => "dropped in part".to_owned(),
    };
    format!("{what}, shape {}, since {}", entry.shape.0, clock::rfc3339(entry.started_ms.saturating_mul(1_000)))
}
