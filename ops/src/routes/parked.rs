//! Parked streams are let go: with the event that parked them, or without it.

use axum::Json;
use axum::extract::State;
use runtime::http::{JsonBody, Params};
use runtime::problem::{Problem, ProblemBody};
use schemas::StreamId;
use serde::Deserialize;
use sessions::{AdminCaller, Caller};
use utoipa::ToSchema;

use super::{App, answered};
use crate::cli::Reader;
use crate::parked::Release;
use crate::plan::Plan;

/// The longest reason, in characters.
const LONGEST: usize = 500;

/// Why an event is never applied.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Discard {
    /// In the operator's words, up to 500 characters; it is kept, and listed by `ops parked ls`.
    because: String,
}

/// Lets a parked stream go on, once its cause is gone: it is published again from the version after the one that is shown.
#[utoipa::path(post, path = "/ops/parked/{projection}/{stream}/redrive", tag = "operators",
    params(("projection" = String, Path, description = "Where it is parked: a projection, or `feeds`"),
        ("stream" = String, Path, description = "The stream")),
    responses((status = 200, body = Plan, description = "It goes on"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn redrive(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Params(place): Params<(String, String)>,
) -> Result<Json<Plan>, Problem> {
    app.release(&caller, place, None).await
}

/// Lets a parked stream go on without the event that parked it, which is never applied there then.
#[utoipa::path(post, path = "/ops/parked/{projection}/{stream}/discard", tag = "operators", request_body = Discard,
    params(("projection" = String, Path, description = "Where it is parked: a projection, or `feeds`"),
        ("stream" = String, Path, description = "The stream")),
    responses((status = 200, body = Plan, description = "It goes on without the event"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(super) async fn discard(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    Params(place): Params<(String, String)>,
    JsonBody(body): JsonBody<Discard>,
) -> Result<Json<Plan>, Problem> {
    let because = body.because.trim();
    if because.is_empty() || because.chars().count() > LONGEST {
        let expected = format!("1 to {LONGEST} characters are expected");
        return Err(Problem::validation().with_issue(vec!["because".into()], "invalid_value", expected));
    }
    app.release(&caller, place, Some(because)).await
}

impl App {
    /// In the generation that answers come from. Path segments that name nothing are 404.
    async fn release(
        &self,
        caller: &Caller,
        (projection, stream): (String, String),
        discard: Option<&str>,
    ) -> Result<Json<Plan>, Problem> {
        let (Some(reader), Ok(stream)) = (Reader::named(&projection), StreamId::parse(&stream)) else {
            let detail =
                format!("No reader {projection} has a stream {stream}; `GET /ops/parked` lists what is parked");
            return Err(Problem::not_found("not_found", detail));
        };
        let release = Release { reader, stream: Some(&stream), discard };
        let plan = answered(self.operator.release(&release, None, true).await)?;
        let (what, user) = (if discard.is_some() { "discard" } else { "redrive" }, &caller.user);
        tracing::info!(operator.user = %user, stream.id = %stream, "{user} asked to {what} {stream} in {projection}");
        Ok(plan)
    }
}
