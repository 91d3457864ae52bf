//! What admins make of a user: suspend, reinstate, grant and take roles.

use axum::extract::State;
use domain::Reason;
use domain::user::UserCommand;
use runtime::http::{JsonBody, Params};
use runtime::problem::{Problem, ProblemBody};
use schemas::{Role, UserId};
use serde::{Deserialize, Serialize};
use sessions::AdminCaller;
use utoipa::ToSchema;

use super::{Envelope, UserBody, known, location};
use crate::app::App;
use crate::intent::CommandHeaders;
use crate::reply::Reply;
use crate::shape::{Mistake, Shape};
use crate::streams::Done;

/// Why. It is sealed: what is said about a user nobody reads who may not read the user's name.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::routes) struct Why {
    /// One line, up to 500 characters.
    reason: Option<String>,
}

/// A role that a user is to have, or to have no longer.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::routes) struct ChangeRole {
    /// `admin`; everybody is a `user`.
    role: String,
    /// Whether to give it, or to take it.
    grant: bool,
}

/// No role is called so.
#[derive(Debug, thiserror::Error)]
#[error("a role is one of user, admin")]
struct UnknownRole;

impl Mistake for UnknownRole {
    fn code(&self) -> &'static str {
        "invalid_role"
    }
}

/// Suspends a user: until reinstated he or she can neither log in nor give commands. Every log-in so far ends. The last
/// admin cannot be suspended.
#[utoipa::path(post, path = "/api/v1/users/{id}/suspend", tag = "users", request_body = Option<Why>,
    params(("id" = String, Path, description = "The user")),
    responses((status = 200, body = Envelope<UserBody>, description = "Suspended, now or before"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(in crate::routes) async fn suspend(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(id): Params<UserId>,
    body: Option<JsonBody<Why>>,
) -> Result<Reply<Envelope<UserBody>>, Problem> {
    let JsonBody(body) = body.unwrap_or_default();
    let intent = app.intent(&caller, &format!("POST /api/v1/users/{id}/suspend"), &headers, &body);
    let reason = app.sealed_reason(&id, body.check()?.as_ref()).await?;
    let done = app.rule(id.clone(), UserCommand::Suspend { by: caller.user, reason }, intent).await?;
    answer(&app, &id, done, "User suspended").await
}

/// Lets a suspended user log in again.
#[utoipa::path(post, path = "/api/v1/users/{id}/reinstate", tag = "users", request_body = Option<Why>,
    params(("id" = String, Path, description = "The user")),
    responses((status = 200, body = Envelope<UserBody>, description = "Reinstated, or not suspended"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(in crate::routes) async fn reinstate(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(id): Params<UserId>,
    body: Option<JsonBody<Why>>,
) -> Result<Reply<Envelope<UserBody>>, Problem> {
    let JsonBody(body) = body.unwrap_or_default();
    let intent = app.intent(&caller, &format!("POST /api/v1/users/{id}/reinstate"), &headers, &body);
    let reason = app.sealed_reason(&id, body.check()?.as_ref()).await?;
    let done = app.rule(id.clone(), UserCommand::Reinstate { by: caller.user, reason }, intent).await?;
    answer(&app, &id, done, "User reinstated").await
}

/// Gives a user a role, or takes it. Nobody gives one to himself, and the last admin stays one. Every log-in so far ends
/// if anything changes.
#[utoipa::path(post, path = "/api/v1/users/{id}/roles", tag = "users", request_body = ChangeRole,
    params(("id" = String, Path, description = "The user")),
    responses((status = 200, body = Envelope<UserBody>, description = "Changed, or so already"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(in crate::routes) async fn change_role(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(id): Params<UserId>,
    JsonBody(body): JsonBody<ChangeRole>,
) -> Result<Reply<Envelope<UserBody>>, Problem> {
    let intent = app.intent(&caller, &format!("POST /api/v1/users/{id}/roles"), &headers, &body);
    let done = app.rule(id.clone(), body.command(id.clone(), caller.user)?, intent).await?;
    answer(&app, &id, done, "Roles changed").await
}

impl Why {
    fn check(&self) -> Result<Option<Reason>, Problem> {
        let mut shape = Shape::default();
        let reason = shape.take(&["reason".into()], self.reason.as_deref().map(Reason::parse).transpose());
        shape.finish(reason)
    }
}

impl ChangeRole {
    fn command(&self, to: UserId, by: UserId) -> Result<UserCommand, Problem> {
        let mut shape = Shape::default();
        let role = shape.take(&["role".into()], Role::parse(&self.role).ok_or(UnknownRole));
        let role = shape.finish(role)?;
        Ok(if self.grant { UserCommand::GrantRole { to, role, by } } else { UserCommand::RevokeRole { role, by } })
    }
}

async fn answer(
    app: &App,
    user: &UserId,
    done: Done,
    message: &'static str,
) -> Result<Reply<Envelope<UserBody>>, Problem> {
    let shown = known(app, user).await?;
    Ok(Reply::done(done, location(user), Envelope::of(shown, message)))
}
