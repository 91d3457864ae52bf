//! Passwords: a user's own, and the one for one time that an admin gives to who has forgotten it.

use accounts::{ONE_TIME_LIFETIME, Password};
use axum::extract::State;
use runtime::Secret;
use runtime::http::{JsonBody, Params};
use runtime::problem::{Problem, ProblemBody};
use schemas::UserId;
use serde::{Deserialize, Serialize};
use sessions::{AdminCaller, Caller};
use utoipa::ToSchema;

use super::{Envelope, UserBody, known, location};
use crate::app::App;
use crate::intent::CommandHeaders;
use crate::password::PasswordChange;
use crate::reply::Reply;
use crate::shape::Shape;

/// A password and its successor. Neither is part of the fingerprint.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(in crate::routes) struct ChangePassword {
    /// The one that logs in now.
    #[serde(skip_serializing)]
    current_password: String,
    /// 12 to 128 characters.
    #[serde(skip_serializing)]
    new_password: String,
}

/// A password for one time, told once.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct OneTimePassword {
    /// To be told to the user by a way that is known to be his or hers; logs in with a `newPassword` beside it.
    one_time_password: String,
    /// Seconds until it expires.
    expires_in: u64,
}

/// Changes the caller's password. Every log-in so far ends, this one too: log in again.
#[utoipa::path(post, path = "/api/v1/users/password", tag = "users", request_body = ChangePassword,
    responses((status = 200, body = Envelope<UserBody>, description = "Changed, now or before"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(in crate::routes) async fn change(
    State(app): State<App>,
    caller: Caller,
    headers: CommandHeaders,
    JsonBody(body): JsonBody<ChangePassword>,
) -> Result<Reply<Envelope<UserBody>>, Problem> {
    let intent = app.intent(&caller, "POST /api/v1/users/password", &headers, &body);
    let done = app.change_password(caller.user.clone(), body.check()?, intent).await?;
    let user = known(&app, &caller.user).await?;
    Ok(Reply::done(done, location(&caller.user), Envelope::of(user, "Password changed; log in again")))
}

/// Gives a user who has forgotten the password one for one time. The old one is void, and every log-in so far ends. An
/// Idempotency-Key does not count here: what was told once is not known any more; ask again for another.
#[utoipa::path(post, path = "/api/v1/users/{id}/password", tag = "users",
    params(("id" = String, Path, description = "The user")),
    responses((status = 200, body = Envelope<OneTimePassword>), (status = "4XX", body = ProblemBody),
        (status = 503, body = ProblemBody)))]
pub(in crate::routes) async fn give_for_one_time(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(id): Params<UserId>,
) -> Result<Reply<Envelope<OneTimePassword>>, Problem> {
    let headers = CommandHeaders { key: None, ..headers };
    let intent = app.intent(&caller, &format!("POST /api/v1/users/{id}/password"), &headers, &());
    let (done, password) = app.give_one_time_password(id.clone(), intent).await?;
    let one_time_password = password.expose().to_owned();
    let data = OneTimePassword { one_time_password, expires_in: ONE_TIME_LIFETIME.as_secs() };
    Ok(Reply::done(done, location(&id), Envelope::of(data, "Password for one time")))
}

impl ChangePassword {
    fn check(self) -> Result<PasswordChange, Problem> {
        let mut shape = Shape::default();
        let new = shape.take(&["newPassword".into()], Password::parse(&self.new_password));
        Ok(PasswordChange { current: Secret::from(self.current_password), new: shape.finish(new)? })
    }
}
