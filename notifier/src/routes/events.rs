//! Server-sent events: the same frames, for clients without a `WebSocket`.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use runtime::http::Search;
use runtime::problem::{Problem, ProblemBody};
use serde::Deserialize;

use crate::connection::wire::{Close, SentEvents};
use crate::connection::{Opening, Patience};
use crate::entry::Entrant;
use crate::metrics::Open;
use crate::{App, metrics};

/// How long a user with too many connections should wait, in seconds.
const RETRY_AFTER: u32 = 5;

/// What may stand in the URL.
#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    /// Where to go on; the header `Last-Event-ID` says the same, and counts first.
    cursor: Option<String>,
}

/// Opens a stream of server-sent events for the caller's own feed, where each event's id is the cursor behind it, for
/// the catalogue, or for what operators watch.
#[utoipa::path(get, path = "/events", tag = "realtime",
    params(("ticket" = Option<String>, Query, description = "From `POST /ws/tickets`, unless a token comes in a header"),
        ("audience" = Option<String>, Query,
            description = "`owner`, one's own feed, unless it says `catalogue`, or `operators` for admins"),
        ("cursor" = Option<String>, Query, description = "Where to go on; `Last-Event-ID` says the same and counts first"),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen")),
    responses((status = 200, content_type = "text/event-stream", description = "Events follow; see the realtime protocol"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn open(
    State(app): State<App>,
    entrant: Entrant,
    Search(asked): Search<Asked>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let audience = entrant.audience;
    let Some(opening) = Opening::of(&app, entrant).await? else {
        metrics::closed(Close::TooMany.name());
        let detail = "You have too many connections here; close some";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_connections", detail);
        return Err(problem.retry_after(RETRY_AFTER));
    };
    let last_seen = headers.get("last-event-id").map(|id| String::from_utf8_lossy(id.as_bytes()).into_owned());
    let wish = last_seen.filter(|id| !id.is_empty()).or(asked.cursor);
    let (wire, body) = SentEvents::new();
    let patience = Patience { greeting: Duration::ZERO, write: app.terms.slow_client };
    let (open, connection) = (Open::new("events", audience), opening.connect(wire, patience));
    drop(app.process.tasks.spawn("events", async move {
        connection.run(wish).await;
        drop(open);
    }));
    let headers = [
        (header::CONTENT_TYPE.as_str(), "text/event-stream"),
        (header::CACHE_CONTROL.as_str(), "no-store"),
        // nginx must not gather what is to be seen at once.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, body).into_response())
}
