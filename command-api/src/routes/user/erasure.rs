//! The end of a user.

use axum::extract::State;
use runtime::http::Params;
use runtime::problem::{Problem, ProblemBody};
use schemas::{Timestamp, UserId};
use serde::Serialize;
use sessions::AdminCaller;
use utoipa::ToSchema;

use super::Envelope;
use crate::app::App;
use crate::erasure::Erased;
use crate::intent::CommandHeaders;
use crate::reply::Reply;

/// What was erased, and where its key may still be found, for how long. Instants are RFC 3339.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::routes) struct Receipt {
    /// Who was erased.
    user_id: String,
    /// When the key was destroyed. From then on no copy of the user's events can be read.
    key_destroyed_at: String,
    /// Until when the database's operation log holds the key as it was stored, wrapped under the master key: at the
    /// rate at which the log grows now. Null if the database does not tell.
    key_in_operation_log_until: Option<String>,
    /// Until when a backup of the database of keys may hold it in the same form.
    key_in_backups_until: String,
}

/// Erases a user: nobody can log in as him or her, the sessions end, names and address can be read nowhere any more. The
/// address is free. The last admin cannot be erased.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "users",
    params(("id" = String, Path, description = "The user")),
    responses((status = 200, body = Envelope<Receipt>, description = "Erased, now or before"),
        (status = "4XX", body = ProblemBody), (status = 503, body = ProblemBody)))]
pub(in crate::routes) async fn erase(
    State(app): State<App>,
    AdminCaller(caller): AdminCaller,
    headers: CommandHeaders,
    Params(id): Params<UserId>,
) -> Result<Reply<Envelope<Receipt>>, Problem> {
    let intent = app.intent(&caller, &format!("DELETE /api/v1/users/{id}"), &headers, &());
    let erased = app.erase(id.clone(), caller.user, intent).await?;
    let data = receipt(&app, &id, &erased);
    let (location, message) = (format!("/api/v1/users/{id}"), "User deleted successfully");
    Ok(Reply::done(erased.done, location, Envelope { success: true, data, message }))
}

fn receipt(app: &App, user: &UserId, erased: &Erased) -> Receipt {
    let at = erased.key.at;
    let kept = i64::try_from(app.key_backups.as_micros()).unwrap_or(i64::MAX);
    Receipt {
        user_id: user.to_string(),
        key_destroyed_at: at.to_string(),
        key_in_operation_log_until: erased.key.in_operation_log_until.as_ref().map(ToString::to_string),
        key_in_backups_until: Timestamp::from_micros(at.as_micros().saturating_add(kept)).to_string(),
    }
}
