//! The public keys with which anybody can check our tokens.

use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use runtime::problem::{Problem, ProblemBody};

use crate::app::App;

/// The JSON Web Key Set (RFC 7517): the key that signs now, and its predecessors for as long as their tokens live.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "keys",
    responses((status = 200, content_type = "application/json", description = "The keys"),
        (status = 503, body = ProblemBody)))]
pub(super) async fn jwks(State(app): State<App>) -> Result<impl IntoResponse, Problem> {
    let keys = app.sessions.published_keys().ok_or_else(|| Problem::unavailable("The key set", 1))?;
    Ok(([(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "max-age=60")], keys))
}
