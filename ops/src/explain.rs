//! `ops explain`: how an order came to where it is. What happened to it, to its fulfilment and to its payment is read from
//! MongoDB and shown as what caused what, with the time that each step took; and how far each view of it is.
//!
//! Of the pieces it shows what the fulfilment recorded: a SKU's own stream is shared by all orders, and may be long.

mod tree;

use event_store::{Commit, EventStore};
use read_model::ReadModel;
use runtime::Process;
use schemas::{AnyEvent, OrderId, Recorded, StreamId, Version};

use crate::Error;
use crate::answer::Answer;
use crate::cli::ExplainCommand;
use crate::projections::refused;
use crate::republish::connect;
use crate::shown::{Shown, shown};
use tree::{Cause, Explanation, Seen};

/// Reads everything once, the commits before the views: so a view that is behind was behind.
pub(crate) async fn explain(wish: &ExplainCommand) -> Result<Answer, Error> {
    let store = connect(&wish.mongodb_uri).await?;
    let (mut happened, mut heads) = (Vec::new(), Vec::new());
    for stream in streams(&wish.order) {
        let events = events(&store, &stream).await?;
        heads.extend(events.last().map(|(recorded, _)| (stream, recorded.version)));
        happened.extend(events);
    }
    if heads.first().is_none_or(|(stream, _)| stream != wish.order.stream()) {
        return Ok(refused(wish.order.as_str(), "no such order was ever placed").into());
    }
    let read_model = ReadModel::connect(&wish.redis, &Process::new("ops", None))?;
    let mut views = Vec::new();
    for view in shown(&read_model).await?.into_iter().filter(|view| view.live) {
        views.extend(seen(&read_model, &view, &heads).await?);
    }
    Ok(Explanation::new(&wish.order, &happened, views).into())
}

/// The streams that are the order's alone.
fn streams(order: &OrderId) -> [StreamId; 3] {
    [order.stream().clone(), order.fulfilment().stream().clone(), order.payment().stream().clone()]
}

/// A stream's events, and who asked for each.
async fn events(store: &EventStore, stream: &StreamId) -> Result<Vec<(Recorded<AnyEvent>, Cause)>, Error> {
    let mut events = Vec::new();
    for commit in store.tail(stream, Version::FIRST).await? {
        let recorded = commit.recorded().map_err(|source| Error::Event { stream: stream.clone(), source })?;
        events.extend(recorded.into_iter().zip(callers(&commit)));
    }
    Ok(events)
}

/// Who gave the command of each event of a commit.
fn callers(commit: &Commit) -> impl Iterator<Item = Cause> + '_ {
    let each = |command: &event_store::CommandRecord| {
        let cause = Cause { caller: command.caller.to_string() };
        std::iter::repeat_n(cause, usize::try_from(command.events).unwrap_or_default())
    };
    let last = commit.commands.last().map(|command| Cause { caller: command.caller.to_string() }).unwrap_or_default();
    commit.commands.iter().flat_map(each).chain(std::iter::repeat(last))
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
