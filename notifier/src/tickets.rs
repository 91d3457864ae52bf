//! Tickets: a browser cannot send its token along when it opens a connection, so it buys a ticket with it first.

use std::time::Duration;

use aws_lc_rs::{digest, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use runtime::problem::Problem;
use schemas::{Role, SessionId, UserId};
use serde::{Deserialize, Serialize};
use sessions::Caller;

use crate::App;
use crate::app::unreadable;

/// How long a ticket is good for.
pub(crate) const LIFETIME: Duration = Duration::from_secs(30);

/// What a ticket stands for. No e-mail: nobody needs it here.
#[derive(Debug, Serialize, Deserialize)]
struct Bearer {
    user: UserId,
    role: Role,
    session: SessionId,
    session_version: i64,
    expires_at: i64,
}

impl App {
    /// A ticket for this caller: 256 random bits, good for one entry on any instance.
    pub(crate) async fn issue(&self, caller: Caller) -> Result<String, Problem> {
        let mut bits = [0_u8; 32];
        rand::fill(&mut bits).map_err(|_| Problem::internal())?;
        let ticket = URL_SAFE_NO_PAD.encode(bits);
        let Caller { user, role, session, session_version, expires_at, email: _ } = caller;
        let bearer = Bearer { user, role, session, session_version, expires_at };
        let bearer = serde_json::to_string(&bearer).map_err(|_| Problem::internal())?;
        let kept = self.read_model.keep_ticket(&stored_name(&ticket), &bearer, LIFETIME).await;
        kept.map(|()| ticket).map_err(|error| unreadable(&error))
    }

    /// Whom a ticket lets in; it lets in nobody from then on. The session may have ended since it was issued.
    pub(crate) async fn redeem(&self, ticket: &str) -> Result<Caller, Problem> {
        let bearer = self.read_model.take_ticket(&stored_name(ticket)).await.map_err(|error| unreadable(&error))?;
        let bearer: Option<Bearer> = bearer.and_then(|bearer| serde_json::from_str(&bearer).ok());
        let Some(Bearer { user, role, session, session_version, expires_at }) = bearer else {
            let detail = "The ticket is unknown, used or expired; ask for a new one";
            return Err(Problem::unauthorized("invalid_ticket", detail));
        };
        let caller = Caller { user, role, email: None, session, session_version, expires_at };
        self.sessions.check(&caller)?;
        Ok(caller)
    }
}

/// Redis holds no ticket that anybody could use, only digests.
fn stored_name(ticket: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, ticket.as_bytes()))
}
