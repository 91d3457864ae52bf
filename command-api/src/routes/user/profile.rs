//! A user's own names and address.

use accounts::{Email, Name};
use axum::extract::State;
use runtime::http::JsonBody;
use runtime::problem::{Problem, ProblemBody};
use serde::{Deserialize, Serialize};
use sessions::Caller;
use utoipa::ToSchema;

use super::{Envelope, UserBody, known};
use crate::app::App;
use crate::intent::CommandHeaders;
use crate::profile::ProfileChange;
use crate::reply::Reply;
use crate::shape::Shape;

/// What shall be another from now on; what is left out stays. Nothing else can be changed here.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct ChangeProfile {
    /// Unique; in any case of letters.
    email: Option<String>,
    /// Up to 100 characters.
    first_name: Option<String>,
    /// Up to 100 characters.
    last_name: Option<String>,
}

/// Changes the caller's names or address.
#[utoipa::path(put, path = "/api/v1/users/profile", tag = "users", request_body = ChangeProfile,
    responses((status = 200, body = Envelope<UserBody>, description = "Changed, or as it was already"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(in crate::routes) async fn change(
    State(app): State<App>,
    caller: Caller,
    headers: CommandHeaders,
    JsonBody(body): JsonBody<ChangeProfile>,
) -> Result<Reply<Envelope<UserBody>>, Problem> {
    let intent = app.intent(&caller, "PUT /api/v1/users/profile", &headers, &body);
    let done = app.change_profile(&caller.user, body.check()?, intent).await?;
    let user = known(&app, &caller.user).await?;
    let (location, message) = (format!("/api/v1/users/{}", caller.user), "Profile updated successfully");
    Ok(Reply::done(done, location, Envelope { success: true, data: user, message }))
}

/// The same under the name that the seed's documentation gives it.
#[utoipa::path(put, path = "/api/v1/users/me", tag = "users", request_body = ChangeProfile,
    responses((status = 200, body = Envelope<UserBody>, description = "Changed, or as it was already"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(in crate::routes) async fn change_me(
    state: State<App>,
    caller: Caller,
    headers: CommandHeaders,
    body: JsonBody<ChangeProfile>,
) -> Result<Reply<Envelope<UserBody>>, Problem> {
    change(state, caller, headers, body).await
}

impl ChangeProfile {
    fn check(&self) -> Result<ProfileChange, Problem> {
        let mut shape = Shape::default();
        let name = |name: &Option<String>| name.as_deref().map(Name::parse).transpose();
        let email = shape.take(&["email".into()], self.email.as_deref().map(Email::parse).transpose());
        let first_name = shape.take(&["firstName".into()], name(&self.first_name));
        let last_name = shape.take(&["lastName".into()], name(&self.last_name));
        let (email, (first_name, last_name)) = shape.finish(email.zip(first_name.zip(last_name)))?;
        Ok(ProfileChange { email, first_name, last_name })
    }
}
