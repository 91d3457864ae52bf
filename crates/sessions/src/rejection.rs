//! Why somebody is not let in, and how that is answered. The reasons are worded as the seeds' library words them.

use axum::response::{IntoResponse, Response};
use runtime::problem::Problem;

/// Why a token is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is none.
    #[error("no token")]
    Missing,
    /// It is not a token, or lacks a claim.
    #[error("jwt malformed")]
    Malformed,
    /// It names no key, or one that we do not have.
    #[error("unknown key")]
    UnknownKey,
    /// It wants to be checked by another algorithm than its key's.
    #[error("invalid algorithm")]
    WrongAlgorithm,
    /// The signature is not the key's.
    #[error("invalid signature")]
    WrongSignature,
    /// It was issued by somebody else.
    #[error("jwt issuer invalid")]
    WrongIssuer,
    /// It is for somebody else.
    #[error("jwt audience invalid")]
    WrongAudience,
    /// It is too old.
    #[error("jwt expired")]
    Expired,
    /// Its session was ended.
    #[error("session has ended")]
    Revoked,
    /// Nobody can be let in yet: it is not known which sessions have ended.
    #[error("revocations are not known yet")]
    NotReady,
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::NotReady => Self::unavailable("The check of sessions", 1),
            Rejection::Missing => Self::unauthorized("token_required", "Authentication token is required"),
            Rejection::Expired => Self::unauthorized("token_expired", format!("Invalid token: {rejection}")),
            Rejection::Revoked => Self::unauthorized("session_ended", format!("Invalid token: {rejection}")),
            Rejection::Malformed
            | Rejection::UnknownKey
            | Rejection::WrongAlgorithm
            | Rejection::WrongSignature
            | Rejection::WrongIssuer
            | Rejection::WrongAudience => Self::unauthorized("invalid_token", format!("Invalid token: {rejection}")),
        }
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
