//! How a command that had no effect is told to its caller.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Refusal, RefusalKind};
use runtime::problem::Problem;

use crate::streams::Rejected;

impl From<Rejected> for Problem {
    fn from(rejected: Rejected) -> Self {
        match &rejected {
            Rejected::Refused(refusal) => refused(refusal),
            Rejected::KeyReused => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this Idempotency-Key was used before with another body; send a new key for a new command",
            ),
            Rejected::InFlight => Self::conflict(
                "idempotency_key_in_flight",
                "a request with this Idempotency-Key is still under way; send it again in a moment",
            )
            .retry_after(1),
            Rejected::Stale { expected, actual } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "version_mismatch",
                format!("the version is {actual}, not {expected} as If-Match says; read it again"),
            ),
            Rejected::Contended => Self::conflict(
                "too_much_contention",
                "too many commands changed this at the same time; send it again in a moment",
            )
            .retry_after(1),
            Rejected::Store(event_store::Error::Unavailable { .. } | event_store::Error::Busy) => {
                Self::unavailable("the event store", 1)
            }
            Rejected::Store(event_store::Error::TooLarge { .. }) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "event_too_large",
                "the command makes an event that is too large",
            ),
            Rejected::Store(event_store::Error::Config { .. } | event_store::Error::Unreadable { .. })
            | Rejected::Unreadable(_)
            | Rejected::Unwritable(_)
            | Rejected::Died(_) => {
                tracing::error!(error = runtime::chain(&rejected), "A command failed: {rejected}");
                Self::internal()
            }
        }
    }
}

/// A rule said no.
#[must_use]
pub(crate) fn refused(refusal: &Refusal) -> Problem {
    let status = match refusal.kind() {
        RefusalKind::Invalid => StatusCode::BAD_REQUEST,
        RefusalKind::NotFound => StatusCode::NOT_FOUND,
        RefusalKind::Conflict => StatusCode::CONFLICT,
    };
    Problem::new(status, refusal.code(), refusal.to_string())
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
