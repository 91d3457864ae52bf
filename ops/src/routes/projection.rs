//! Readers are switched to a generation that was filled, and back, and a projection pauses.

use axum::Json;
use axum::extract::State;
use read_model::Generation;
use runtime::http::{JsonBody, Params};
use runtime::problem::{Problem, ProblemBody};
use schemas::UserId;
use serde::Deserialize;
use sessions::AdminCaller;
use utoipa::ToSchema;
use views::Projection;

use super::{App, answered};
use crate::plan::Plan;
use crate::projections::{self, LONGEST_PAUSE, Views};

/// Which generation readers are to see.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    /// Its number. If the way leads to another one meanwhile, nothing is done: so the same request twice acts once.
    generation: u32,
}

/// Compares the generation that was filled with the live one, and has readers see it if both show the same.
#[utoipa::path(post, path = "/ops/projections/{projection}/switch", tag = "operators", request_body = Wanted,
    params(("projection" = String, Path, description = "Which projection")),
    responses((status = 200, body = Plan, description = "Readers see it"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn switch(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Params(projection): Params<String>,
    JsonBody(Wanted { generation }): JsonBody<Wanted>,
) -> Result<Json<Plan>, Problem> {
    let views = app.views(&projection)?;
    let done = answered(projections::switch(&views, Some(Generation(generation)), &[], true).await)?;
    note(&caller.user, &views, generation);
    Ok(done)
}

/// Has readers see the generation again that was live before.
#[utoipa::path(post, path = "/ops/projections/{projection}/rollback", tag = "operators", request_body = Wanted,
    params(("projection" = String, Path, description = "Which projection")),
    responses((status = 200, body = Plan, description = "Readers see it again"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn rollback(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Params(projection): Params<String>,
    JsonBody(Wanted { generation }): JsonBody<Wanted>,
) -> Result<Json<Plan>, Problem> {
    let views = app.views(&projection)?;
    let done = answered(projections::rollback(&views, Some(Generation(generation)), true).await)?;
    note(&caller.user, &views, generation);
    Ok(done)
}

/// For how long a projection stands still.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Pause {
    /// Seconds from now on, 60 at most; 0 ends a pause.
    seconds: u8,
}

/// Has a projection stand still for a while, which ends by itself. Commands and queries are answered as before; a query
/// with a token of something newer is put off.
#[utoipa::path(post, path = "/ops/projections/{projection}/pause", tag = "operators", request_body = Pause,
    params(("projection" = String, Path, description = "Which projection")),
    responses((status = 200, body = Plan, description = "It stands still within a second, or goes on"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn pause(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Params(projection): Params<String>,
    JsonBody(Pause { seconds }): JsonBody<Pause>,
) -> Result<Json<Plan>, Problem> {
    let views = app.views(&projection)?;
    if seconds > LONGEST_PAUSE {
        let expected = format!("0 to {LONGEST_PAUSE} seconds are expected");
        return Err(Problem::validation().with_issue(vec!["seconds".into()], "too_big", expected));
    }
    let done = answered(projections::pause(&views, seconds, true).await)?;
    let (user, name) = (&caller.user, views.name());
    tracing::info!(operator.user = %user, "{user} had {name} pause for {seconds} s");
    Ok(done)
}

fn note(user: &UserId, views: &Views, generation: u32) {
    let name = views.name();
    tracing::info!(operator.user = %user, "{user} had readers of {name} see g{generation}");
}

impl App {
    /// A name that no projection has is 404.
    fn views(&self, name: &str) -> Result<Views, Problem> {
        let unknown = || {
            let detail = format!("There is no projection {name}; `GET /ops/projections` lists them");
            Problem::not_found("not_found", detail)
        };
        let projection = Projection::named(name).ok_or_else(unknown)?;
        Ok(Views { read_model: self.operator.read_model.clone(), projection })
    }
}
