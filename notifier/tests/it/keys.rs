//! Tokens, and the sessions that accept them.

use schemas::{Role, SessionId, UserId};
use sessions::testing::{Issuer, claims};
use sessions::{Claims, SessionsConfig};

/// A signing key and the configuration that trusts it.
pub(crate) struct Keys {
    issuer: Issuer,
    pub(crate) config: SessionsConfig,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let issuer = Issuer::new();
        let config = issuer.config();
        Self { issuer, config }
    }

    /// A token of this user for so many seconds; the log-in is named after them.
    pub(crate) fn token(&self, user: &UserId, seconds: i64) -> String {
        self.token_as(Role::User, user, seconds)
    }

    /// The same of somebody in this role.
    pub(crate) fn token_as(&self, role: Role, user: &UserId, seconds: i64) -> String {
        let usual = claims(user, role);
        let (exp, sid) = (usual.iat + seconds, session(seconds));
        self.issuer.sign(&Claims { exp, sid, jti: format!("t{seconds}"), ..usual })
    }
}

/// The log-in of the tokens of so many seconds.
pub(crate) fn session(seconds: i64) -> SessionId {
    SessionId::parse(&format!("s{seconds}")).unwrap()
}
