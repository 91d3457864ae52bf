//! Tickets for browsers.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use runtime::problem::{Problem, ProblemBody};
use serde::Serialize;
use sessions::Caller;
use utoipa::ToSchema;

use crate::{App, tickets};

/// A way in without a token.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TicketAnswer {
    /// For `/ws?ticket=` or `/events?ticket=`, once.
    ticket: String,
    /// For how many seconds.
    expires_in: u64,
}

/// Issues a ticket that opens one connection, within 30 seconds.
#[utoipa::path(post, path = "/ws/tickets", tag = "realtime",
    responses((status = 201, body = TicketAnswer, description = "Issued"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn issue(State(app): State<App>, caller: Caller) -> Result<(StatusCode, Json<TicketAnswer>), Problem> {
    let ticket = app.issue(caller).await?;
    Ok((StatusCode::CREATED, Json(TicketAnswer { ticket, expires_in: tickets::LIFETIME.as_secs() })))
}
