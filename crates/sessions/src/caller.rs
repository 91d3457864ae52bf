//! The proof that somebody is logged in, as an argument of a handler: no caller, no entry.

use axum::extract::{FromRef, FromRequestParts};
use http::header;
use http::request::Parts;
use runtime::http::Meter;
use runtime::problem::Problem;
use schemas::{Role, SessionId, UserId};

use crate::{Claims, Rejection, Sessions, TOKEN_LIFETIME};

/// Somebody whose token was checked. As an extractor it needs `Sessions` in the router's state; without a token, or
/// with one that is not accepted, the answer is 401; to somebody who asks too often it is 429.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// Who.
    pub user: UserId,
    /// What he or she may do.
    pub role: Role,
    /// His or her e-mail, if the token says it.
    pub email: Option<String>,
    /// The log-in.
    pub session: SessionId,
    /// The user's session version at that log-in.
    pub session_version: i64,
    /// Until when the token is good, in seconds since the epoch.
    pub expires_at: i64,
}

/// A [`Caller`] who may run the shop; anybody else is answered 403.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminCaller(pub Caller);

impl From<Claims> for Caller {
    /// However long the token wants to live, it is not accepted for longer than revocations are kept.
    fn from(claims: Claims) -> Self {
        let Claims { sub, email, role, iat, exp, sid, sv, id: _, iss: _, aud: _, jti: _ } = claims;
        let expires_at = exp.min(iat.saturating_add(TOKEN_LIFETIME.as_secs().cast_signed()));
        Self { user: sub, role, email, session: sid, session_version: sv, expires_at }
    }
}

impl<S> FromRequestParts<S> for Caller
where
    Sessions: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let token = bearer(parts).ok_or(Rejection::Missing)?;
        let caller = Sessions::from_ref(state).admit(token).await?;
        if let Some(meter) = parts.extensions.get::<Meter>() {
            meter.spend(caller.user.as_str())?;
        }
        Ok(caller)
    }
}

impl<S> FromRequestParts<S> for AdminCaller
where
    Sessions: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, state).await?;
        match caller.role {
            Role::Admin => Ok(Self(caller)),
            Role::User => Err(Problem::forbidden("Admin access required")),
        }
    }
}

/// The token of `Bearer <token>`; the scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}
