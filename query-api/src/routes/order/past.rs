//! An order as it was: after an event, or at an instant, and what changed between two events. All of it is told from the
//! order's history alone, so it needs no other store, and is the same that was answered then.
//!
//! A payment has a history of its own, so the past of an order shows none.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use runtime::http::Params;
use runtime::problem::Problem;
use schemas::{OrderId, Timestamp, Version};
use serde::Serialize;
use serde_json::{Map, Value};
use sessions::Caller;
use utoipa::ToSchema;
use views::{HistoryEntry, HistoryView, OrderView, Projection, Untold};

use crate::App;
use crate::answer::Answer;
use crate::described::{HistoryEvent, Refused};
use crate::difference::{Change, changes};
use crate::parameters::{Parameters, wrong};
use crate::terms::Terms;

/// When to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// After the event of this version.
    Version(Version),
    /// After everything that had happened at this instant.
    Instant(Timestamp),
}

/// What is known of an order's past.
struct Past {
    history: HistoryView,
    /// The version up to which it is known; what an operator discarded is missing from the history, and counts here.
    known: Version,
}

/// What changed from one version of an order to another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderDiff {
    /// The order's id.
    #[schema(value_type = String)]
    order_id: OrderId,
    /// The earlier version; 0 is before the order was placed.
    from: u32,
    /// The later version.
    to: u32,
    /// Every value that differs, in the order of the paths.
    changes: Vec<Change>,
    /// What happened after the earlier version, up to the later one.
    #[schema(value_type = Vec<HistoryEvent>)]
    events: Vec<HistoryEntry>,
}

/// What changed from one version of an order to another, and what happened in between, as its owner or an admin sees it.
#[utoipa::path(get, path = "/queries/orders/{id}/diff", tag = "orders",
    params(("id" = String, Path, description = "The order"),
        ("from" = Option<u32>, Query, description = "The earlier version, 0 for before it was placed; else the one before `to`"),
        ("to" = Option<u32>, Query, description = "The later version; else the newest one"),
        ("Consistency-Token" = Option<String>, Header, description = "The answer is not older than this"),
        ("Prefer" = Option<String>, Header, description = "`wait=N`: how many seconds it may wait for that")),
    responses((status = 200, body = OrderDiff), (status = 304, description = "`If-None-Match` names what there is"),
        (status = "4XX", body = Refused), (status = 503, body = Refused)))]
pub(in crate::routes) async fn diff(
    State(app): State<App>,
    caller: Caller,
    Params(id): Params<OrderId>,
    parameters: Parameters,
    terms: Terms,
) -> Result<Response, Problem> {
    let past = app.past(&id, &caller, &terms).await?;
    let (from, to) = span(&parameters, &past)?;
    let answer = Answer::plain(written(&difference(past, from, to)?)?, &[from, to]);
    app.answer(&[Projection::History], answer, &terms).await
}

impl Moment {
    /// The moment that is asked for; none is now.
    pub(super) fn asked(parameters: &Parameters) -> Result<Option<Self>, Problem> {
        let version = version(parameters, "version", 1)?.map(Self::Version);
        let instant = parameters.instant("as_of")?.map(Timestamp::from_micros).map(Self::Instant);
        if version.is_some() && instant.is_some() {
            return Err(wrong("as_of", "says the same as version in another way; give one of them"));
        }
        Ok(version.or(instant))
    }

    /// The version that the order had then; 0 before it was placed. Unknown where something was discarded next: that may
    /// have happened before this instant or after it.
    fn version_in(self, Past { history, known }: &Past) -> Result<Version, Problem> {
        let at = match self {
            Self::Version(version) => return Ok(version),
            Self::Instant(at) => at,
        };
        let (then, later) = history.events.split_at(history.events.partition_point(|entry| entry.at <= at));
        let last = then.last().map_or(0, |entry| entry.version);
        let next = later.first().map_or(known.0.saturating_add(1), |entry| entry.version);
        if next == last + 1 { Ok(Version(last)) } else { Err(incomplete(Version(last + 1))) }
    }
}

impl App {
    /// Answers an order as it was.
    pub(super) async fn past_order(
        &self,
        id: &OrderId,
        moment: Moment,
        caller: &Caller,
        terms: &Terms,
    ) -> Result<Response, Problem> {
        let past = self.past(id, caller, terms).await?;
        let version = moment.version_in(&past)?;
        let order = at(&past, version)?.ok_or_else(|| unknown("The order was not placed yet"))?;
        let answer = Answer::wrapped("order", &written(&order)?, &[version]);
        self.answer(&[Projection::History], answer, terms).await
    }

    /// An order's past, if the caller may see it.
    async fn past(&self, id: &OrderId, caller: &Caller, terms: &Terms) -> Result<Past, Problem> {
        let shown = self.history(id, caller, terms).await?;
        let history = serde_json::from_slice(&shown.body).map_err(|error| {
            tracing::error!(error = runtime::chain(&error), order.id = %id, "a stored history cannot be read");
            Problem::internal()
        })?;
        Ok(Past { history, known: shown.version })
    }
}

/// The answer about a version that an order has not had.
fn unknown(detail: impl Into<String>) -> Problem {
    Problem::not_found("version_not_found", detail)
}

/// The answer about a past of which the event of this version is missing.
fn incomplete(version: Version) -> Problem {
    let detail =
        format!("An operator discarded what happened at version {version}; from there on nobody can tell the past");
    Problem::new(StatusCode::CONFLICT, "history_incomplete", detail)
}

/// The order after the event of this version; `None` before it was placed.
fn at(Past { history, known }: &Past, version: Version) -> Result<Option<OrderView>, Problem> {
    if version > *known {
        let detail = format!(
            "The order has no version {version} yet, only {known}; who just made it sends its Consistency-Token along"
        );
        return Err(unknown(detail));
    }
    history.order_at(version).map_err(|untold| match untold {
        Untold::Missing { version } => incomplete(version),
        Untold::Unreadable { .. } | Untold::Unfoldable { .. } => {
            let order = history.order_id.as_str();
            tracing::error!(error = runtime::chain(&untold), order.id = order, "a stored history tells no order");
            Problem::internal()
        }
    })
}

/// The two versions that are compared.
fn span(parameters: &Parameters, past: &Past) -> Result<(Version, Version), Problem> {
    let to = version(parameters, "to", 1)?.unwrap_or(past.known);
    let from = version(parameters, "from", 0)?.unwrap_or(Version(to.0.saturating_sub(1)));
    if from > to {
        return Err(wrong("from", format!("a version up to {to}, that of `to`, is expected")));
    }
    Ok((from, to))
}

fn difference(past: Past, from: Version, to: Version) -> Result<OrderDiff, Problem> {
    let state = |version| -> Result<Value, Problem> {
        let order = at(&past, version)?.map(serde_json::to_value).transpose().map_err(|error| unwritten(&error))?;
        Ok(order.unwrap_or_else(|| Value::Object(Map::new())))
    };
    let changes = changes(&state(from)?, &state(to)?);
    let between = from.0 + 1..=to.0;
    let Past { history, .. } = past;
    let events = history.events.into_iter().filter(|entry| between.contains(&entry.version)).collect();
    Ok(OrderDiff { order_id: history.order_id, from: from.0, to: to.0, changes, events })
}

/// A version, this one or a later one, if it is given.
fn version(parameters: &Parameters, name: &'static str, lowest: u32) -> Result<Option<Version>, Problem> {
    let known = |text: &str| text.parse().ok().filter(|version| *version >= lowest);
    Ok(parameters.one(name, &format!("a version, a number from {lowest} on,"), known)?.map(Version))
}

fn written(answer: &impl Serialize) -> Result<Vec<u8>, Problem> {
    serde_json::to_vec(answer).map_err(|error| unwritten(&error))
}

fn unwritten(error: &serde_json::Error) -> Problem {
    tracing::error!(error = runtime::chain(error), "an answer cannot be written");
    Problem::internal()
}
