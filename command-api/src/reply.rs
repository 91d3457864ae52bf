//! What a command answers: its effect, and how to read it.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::streams::Done;

/// Waits for this effect when it is sent along with a query.
pub(crate) const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
/// `true` where the answer is that of an earlier sending.
pub(crate) const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The token that lets a query wait for this effect: `<stream>@<version>`, opaque to clients.
#[must_use]
pub(crate) fn consistency_token(done: &Done) -> String {
    format!("{}@{}", done.stream, done.version)
}

/// A command's answer: `Created` says 201 the first time and 200 when it is replayed.
#[derive(Debug)]
pub(crate) struct Reply<T> {
    status: StatusCode,
    done: Done,
    location: String,
    /// Whether the version is that of what stands at the location.
    tagged: bool,
    body: T,
}

impl<T: Serialize> Reply<T> {
    /// Something new stands at `location`.
    pub(crate) fn created(done: Done, location: String, body: T) -> Self {
        let status = if done.replayed { StatusCode::OK } else { StatusCode::CREATED };
        Self { status, done, location, tagged: true, body }
    }

    /// What stands at `location` was changed.
    pub(crate) fn done(done: Done, location: String, body: T) -> Self {
        Self { status: StatusCode::OK, done, location, tagged: true, body }
    }

    /// Only what is joined to what stands at `location` was changed. It has versions of its own, so there is no `ETag`.
    pub(crate) fn of_what_is_joined(self) -> Self {
        Self { tagged: false, ..self }
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        let Self { status, done, location, tagged, body } = self;
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        let mut set = |name, value: String| {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        };
        if tagged {
            set(header::ETAG, format!("\"{}\"", done.version));
        }
        set(CONSISTENCY_TOKEN, consistency_token(&done));
        set(header::LOCATION, location);
        if done.replayed {
            set(IDEMPOTENCY_REPLAYED, "true".to_owned());
        }
        response
    }
}
