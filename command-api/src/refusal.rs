//! How a command that had no effect is told to its caller.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Refusal, RefusalKind};
use runtime::problem::{Problem, VALIDATION_FAILED};

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
            Rejected::Store(error) => store_failed(error, &rejected),
            Rejected::Unreadable(_) | Rejected::Unwritable(_) | Rejected::Died(_) => failed(&rejected),
        }
    }
}

fn store_failed(error: &event_store::Error, rejected: &Rejected) -> Problem {
    match error {
        event_store::Error::Unavailable { .. } | event_store::Error::Busy => Problem::unavailable("the event store", 1),
        event_store::Error::TooLarge { .. } => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "event_too_large",
            "the command makes an event that is too large",
        ),
        event_store::Error::Config { .. } | event_store::Error::Unreadable { .. } => failed(rejected),
    }
}

/// A defect of ours, or of what is stored.
fn failed(rejected: &Rejected) -> Problem {
    tracing::error!(error = runtime::chain(rejected), "A command failed: {rejected}");
    Problem::internal()
}

/// A rule said no.
#[must_use]
pub(crate) fn refused(refusal: &Refusal) -> Problem {
    let (code, text) = (refusal.code(), refusal.to_string());
    let status = match refusal.kind() {
        // Only an order's lines can be each in order, and make no sense together.
        RefusalKind::Invalid => {
            let problem = Problem::bad_request(code, text.clone()).with_message(VALIDATION_FAILED);
            return problem.with_issue(vec!["items".into()], code, text);
        }
        RefusalKind::NotFound => StatusCode::NOT_FOUND,
        RefusalKind::Forbidden => StatusCode::FORBIDDEN,
        RefusalKind::Conflict => StatusCode::CONFLICT,
    };
    Problem::new(status, code, text)
}

impl IntoResponse for Rejected {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
