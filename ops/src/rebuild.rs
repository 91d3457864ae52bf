//! `ops rebuild`: fills the next generation of a projection from the log, beside the one that readers see.
//!
//! The work is done by the projectors; this only asks for it and watches. So whoever asks again joins in, and nothing is
//! lost when the watching ends.

pub(crate) mod verify;
mod watch;

use bus::admin::{Extent, Topics};
use read_model::generations::{Begun, Footprint, Generations, Shape};
use read_model::{Generation, Target};
use schemas::Aggregate;

use crate::Error;
use crate::cli::RebuildCommand;
use crate::ends::now_ms;
use crate::plan::{Action, Item, Plan};
use crate::projections::{Views, refused};

/// Plans, begins, watches or compares.
pub(crate) async fn run(command: &RebuildCommand) -> Result<Plan, Error> {
    let views = Views::connect(&command.redis, command.projection)?;
    let generations = match views.generations().await? {
        Ok(generations) => generations,
        Err(refusal) => return Ok(refusal),
    };
    if !command.execute {
        if !command.watch && !command.verify {
            return plan(&views, &generations, command).await;
        }
        let Some(other) = generations.filling().or_else(|| generations.kept()) else {
            return Ok(refused(views.called(generations.live), "no other generation is there to look at"));
        };
        return follow(&views, other, command, Vec::new()).await;
    }
    let plan = plan(&views, &generations, command).await?;
    if plan.is_refused() {
        return Ok(plan);
    }
    let (shape, now_ms) = (Shape(views.projection.shape()), now_ms());
    let other = match views.read_model.begin(views.name(), shape, rate(command), now_ms).await? {
        Begun::New(generation) => generation,
        Begun::Filling(generation) => {
            views.read_model.pace(&views.target(generation), rate(command)).await?;
            generation
        }
    };
    follow(&views, other, command, plan.items).await
}

/// Watches until the generation is filled, and compares it if that was asked for.
async fn follow(
    views: &Views,
    other: Generation,
    command: &RebuildCommand,
    mut items: Vec<Item>,
) -> Result<Plan, Error> {
    if command.execute || command.watch {
        items.push(watch::until_filled(views, other).await?);
    }
    if command.verify {
        let generations = match views.generations().await? {
            Ok(generations) => generations,
            Err(refusal) => return Ok(refusal),
        };
        items.extend(verify::items(views, &generations, other, &command.accept).await?);
    }
    Ok(Plan { executed: command.execute, items })
}

const fn rate(command: &RebuildCommand) -> Option<u32> {
    if command.rate == 0 { None } else { Some(command.rate) }
}

/// What would be done: from where, how much, how long, in how much memory, and what stands in the way.
async fn plan(views: &Views, generations: &Generations, command: &RebuildCommand) -> Result<Plan, Error> {
    if let Some(refusal) = unfed(views, generations) {
        return Ok(refusal);
    }
    let topic = views.projection.aggregate().topic();
    let unread = |source| Error::Topics { what: "read", source: Box::new(source) };
    let extents = Topics::connect(&command.kafka, -1).and_then(|topics| topics.extents(topic)).map_err(unread)?;
    // In this order: whatever is measured of the one that is joined is among what Redis is said to use afterwards.
    let joined = match generations.filling() {
        Some(filling) => Some((filling, views.read_model.footprint(&views.target(filling)).await?)),
        None => None,
    };
    let live = views.read_model.footprint(&views.target(generations.live)).await?;
    let mut items = vec![beginning(views, generations, command)];
    items.extend(extents.iter().map(|extent| partition(views.projection.aggregate(), extent)));
    items.push(effort(&extents, rate(command)));
    items.push(memory(&live, joined));
    items.extend(trouble(views, &views.target(generations.live)).await?);
    items.extend(generations.kept().map(|kept| {
        let state = format!("is kept and takes memory; `ops projections drop {} {kept}` frees it", views.name());
        Item::new(views.called(kept), Action::Look, state)
    }));
    Ok(Plan { executed: false, items })
}

/// The refusal to join a generation of another shape: no projector of this build fills it, so watching might never end.
fn unfed(views: &Views, generations: &Generations) -> Option<Plan> {
    let filling = generations.filling()?;
    let (ours, theirs) = (views.projection.shape(), generations.entries.get(&filling)?.shape.0);
    let why = || {
        format!(
            "is being filled in shape {theirs}, and projectors of this build fill shape {ours} only: if nobody wants \
             it any more, drop it with `ops projections drop {} {filling} --execute`, then repeat this",
            views.name()
        )
    };
    (theirs != ours).then(|| refused(views.called(filling), why()))
}

/// The generation that is made, or joined.
fn beginning(views: &Views, generations: &Generations, command: &RebuildCommand) -> Item {
    let rate = rate(command).map_or_else(|| "as fast as it can be".to_owned(), |rate| format!("at {rate} events/s"));
    let live = generations.live;
    match generations.filling() {
        Some(filling) => {
            Item::new(views.called(filling), Action::Change, format!("is being filled already, from now on {rate}"))
        }
        None => {
            let (ours, theirs) = (views.projection.shape(), generations.entries.get(&live).map(|entry| entry.shape.0));
            let shape = match theirs {
                Some(theirs) if theirs != ours => format!("; its shape is {ours}, that of g{live} is {theirs}"),
                Some(_) | None => String::new(),
            };
            let state = format!("is filled {rate} beside g{live}, which stays live{shape}");
            Item::new(format!("{}, next generation", views.name()), Action::Create, state)
        }
    }
}

fn partition(aggregate: Aggregate, extent: &Extent) -> Item {
    let Extent { partition, start, end } = extent;
    let name = format!("{}/{partition}", aggregate.topic());
    if *start == 0 {
        return Item::new(name, Action::None, format!("from offset 0 to {end}"));
    }
    let named = aggregate.plural();
    let state = format!(
        "begins at offset {start} (to {end}): what was before comes from MongoDB, by the steward or by \
         `ops republish --aggregate {named} --execute`"
    );
    Item::new(name, Action::Look, state)
}

fn effort(extents: &[Extent], rate: Option<u32>) -> Item {
    let events: u64 = extents.iter().map(Extent::records).sum();
    let time = match rate {
        Some(rate) => format!("about {} s", events.div_ceil(u64::from(rate))),
        None => "as long as the projectors need".to_owned(),
    };
    Item::new("events", Action::None, format!("{events}, {time}"))
}

/// What is still to come beside the live generation: of one that is joined, a part is there and among what is used.
fn memory(live: &Footprint, joined: Option<(Generation, Footprint)>) -> Item {
    let Footprint { documents, bytes, used, limit } = *live;
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    let (there, without) = match joined {
        Some((filling, has)) => (has.bytes, format!(", without what g{filling} has already")),
        None => (0, String::new()),
    };
    let bytes = bytes.saturating_sub(there);
    let more = format!("about {} MiB more, as the live one's {documents} documents take{without}", mebibytes(bytes));
    let uses = format!("Redis uses {} MiB", mebibytes(used));
    match limit {
        0 => Item::new("memory", Action::None, format!("{more}; {uses}, without a limit")),
        limit if used + bytes > limit => {
            Item::new("memory", Action::Refuse, format!("{more}; {uses} of {} MiB: too little", mebibytes(limit)))
        }
        limit => Item::new("memory", Action::None, format!("{more}; {uses} of {} MiB", mebibytes(limit))),
    }
}

async fn trouble(views: &Views, live: &Target) -> Result<Option<Item>, Error> {
    let (gaps, parked) = views.read_model.troubled(live).await?;
    let state = format!("{gaps} streams with gaps, {parked} parked: the new one may show more of them");
    Ok((gaps + parked > 0).then(|| Item::new(views.called(live.generation), Action::Look, state)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_little_memory_refuses_and_a_log_without_its_beginning_is_shown() {
        let live = |limit| Footprint { documents: 5, bytes: 10 << 20, used: 20 << 20, limit };
        let of = |limit| memory(&live(limit), None).action;
        assert_eq!([of(0), of(40 << 20), of(29 << 20)], [Action::None, Action::None, Action::Refuse]);
        let of = |start| partition(Aggregate::Order, &Extent { partition: 3, start, end: 9 });
        assert_eq!((of(0).action, of(4).action), (Action::None, Action::Look));
        assert!(of(4).state.contains("`ops republish --aggregate orders --execute`"), "{}", of(4).state);
    }

    #[test]
    fn one_that_is_joined_needs_memory_only_for_what_it_lacks() {
        let joins = |has: u64, limit: u64| {
            let live = Footprint { documents: 5, bytes: 10 << 20, used: 20 << 20, limit: limit << 20 };
            memory(&live, Some((Generation(2), Footprint { bytes: has << 20, ..live })))
        };
        assert_eq!([joins(8, 22).action, joins(8, 21).action], [Action::None, Action::Refuse]);
        assert_eq!(joins(12, 20).action, Action::None, "it may have more than the live one has");
        let state = joins(8, 0).state;
        assert!(state.starts_with("about 2 MiB more") && state.contains("without what g2 has already"), "{state}");
    }

    #[test]
    fn the_time_follows_from_the_rate() {
        let extents = [Extent { partition: 0, start: 0, end: 900 }, Extent { partition: 1, start: 100, end: 201 }];
        assert_eq!(effort(&extents, Some(100)).state, "1001, about 11 s");
        assert!(effort(&extents, None).state.starts_with("1001, as long"));
    }
}
