//! `ops explain`: how an order came to where it is. What happened to it, to its fulfilment and to its payment is read from
//! MongoDB and shown as what caused what, with the time that each step took on its way to a screen; and how far each view
//! of it is. `GET /ops/explain/:orderId` tells the same without MongoDB: what was shown, and not who asked for it.
//!
//! Of the pieces it shows what the fulfilment recorded: a SKU's own stream is shared by all orders, and may be long.

mod answer;

use std::collections::BTreeMap;

use event_store::EventStore;
use read_model::{ReadModel, Trail};
use runtime::Process;
use schemas::{OrderId, StreamId, Version};
use views::{Envelope, Explanation, Sighting, Station, Told};

use crate::Error;
use crate::answer::Answer;
use crate::cli::ExplainCommand;
use crate::projections::refused;
use crate::republish::connect;
use crate::shown::{Shown, shown};
use crate::streams::recorded;
use answer::{Explained, Seen};

/// Reads everything once, the commits before the views: so a view that is behind was behind.
pub(crate) async fn explain(wish: &ExplainCommand) -> Result<Answer, Error> {
    let store = connect(&wish.mongodb_uri).await?;
    let (mut happened, mut heads) = (Vec::new(), Vec::new());
    for stream in streams(&wish.order) {
        let events = events(&store, &stream).await?;
        heads.extend(events.last().map(|told| (stream, told.version)));
        happened.push(events);
    }
    if heads.first().is_none_or(|(stream, _)| stream != wish.order.stream()) {
        return Ok(refused(wish.order.as_str(), "no such order was ever placed").into());
    }
    let read_model = ReadModel::connect(&wish.redis, &Process::new("ops", None))?;
    let mut told = Vec::new();
    for events in happened {
        let Some(Told { stream, .. }) = events.first() else { continue };
        let sightings = sightings(&read_model, stream).await?;
        told.extend(events.into_iter().map(|event| event.sighted(&sightings)));
    }
    let mut views = Vec::new();
    for view in shown(&read_model).await?.into_iter().filter(|view| view.live) {
        views.extend(seen(&read_model, &view, &heads).await?);
    }
    Ok(Explained { explanation: Explanation::new(&wish.order, told), views }.into())
}

/// The streams that are the order's alone.
fn streams(order: &OrderId) -> [StreamId; 3] {
    [order.stream().clone(), order.fulfilment().stream().clone(), order.payment().stream().clone()]
}

/// A stream's events, and who asked for each.
async fn events(store: &EventStore, stream: &StreamId) -> Result<Vec<Told>, Error> {
    let mut events = Vec::new();
    for commit in store.tail(stream, Version::FIRST).await? {
        let told = recorded(&commit)?.into_iter().zip(commit.causes()).map(|(recorded, cause)| Told {
            stream: stream.clone(),
            version: recorded.version,
            envelope: Envelope::of(&recorded, recorded.event.name(), None),
            caller: Some(cause.map_or_else(String::new, |command| command.caller.to_string())),
            arrivals: BTreeMap::new(),
        });
        events.extend(told);
    }
    Ok(events)
}

/// Where a stream's events were sighted.
async fn sightings(read_model: &ReadModel, stream: &StreamId) -> Result<Vec<Sighting>, Error> {
    let stations = Station::of(stream);
    let trails: Vec<_> = stations.iter().map(|station| trail(*station)).collect();
    let found = read_model.trails(stream, &trails).await?;
    let sightings = stations.iter().zip(found).flat_map(|(station, found)| {
        found.into_iter().map(|(at, seen)| Sighting { station: *station, version: seen.version, at, note: seen.note })
    });
    Ok(sightings.collect())
}

const fn trail(station: Station) -> Trail {
    match station {
        Station::View(projection) => Trail::Views(projection.name()),
        Station::Feed => Trail::Feeds,
        Station::Screen => Trail::Screens,
    }
}

/// How far a view shows those of the streams that it is made from.
async fn seen(read_model: &ReadModel, view: &Shown, heads: &[(StreamId, Version)]) -> Result<Vec<Seen>, Error> {
    let heads: Vec<_> =
        heads.iter().filter(|(stream, _)| stream.aggregate() == view.projection.aggregate()).cloned().collect();
    let streams: Vec<_> = heads.iter().map(|(stream, _)| stream.clone()).collect();
    let reached = read_model.reached(view.sink(), &streams).await?;
    let seen = heads.into_iter().zip(reached).map(|((stream, head), reached)| Seen {
        projection: view.projection.name(),
        generation: view.target.generation.0,
        stream: stream.to_string(),
        version: reached.version.0,
        head: head.0,
    });
    Ok(seen.collect())
}
