//! What an access token says.

use std::time::Duration;

use schemas::{Role, SessionId, UserId};
use serde::{Deserialize, Serialize};

/// The longest that an access token is accepted after it was issued, and therefore how long revocations are kept.
pub const TOKEN_LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The claims of an access token (RFC 7519). `id`, `email` and `role` are the seeds' names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The user.
    pub sub: UserId,
    /// The user again, as the seeds' clients expect it.
    pub id: UserId,
    /// His or her e-mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What he or she may do.
    pub role: Role,
    /// When it was issued, in seconds since the epoch.
    pub iat: i64,
    /// Until when it is good, in seconds since the epoch.
    pub exp: i64,
    /// Who issued it.
    pub iss: String,
    /// For whom.
    pub aud: String,
    /// This token's own id.
    pub jti: String,
    /// The log-in that it belongs to.
    pub sid: SessionId,
    /// The user's session version at that log-in.
    pub sv: i64,
}
