//! When a connection must end though its client would stay: the token expires, the session ends, the process ends.

use std::time::Duration;

use runtime::clock::{self, Instant};
use runtime::{Shutdown, clock::now_seconds};
use sessions::{Caller, Rejection, Revocation, Sessions};
use tokio::sync::broadcast;
use tokio::time::sleep_until;

use super::wire::Close;
use crate::audience::Audience;
use crate::entry::Entrant;

/// How long after a token's expiry it is asked again whether that counts already; clocks are granted some leeway.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The right of one client to stay.
#[derive(Debug)]
pub(crate) struct Ending {
    caller: Caller,
    audience: Audience,
    sessions: Sessions,
    revocations: broadcast::Receiver<Revocation>,
    expires: Instant,
    shutdown: Shutdown,
}

impl Ending {
    /// The right of this entrant. Revocations are heard from here on, so the caller is checked once more at once.
    pub(crate) fn new(entrant: &Entrant, sessions: Sessions, shutdown: Shutdown) -> Result<Self, Rejection> {
        let (caller, audience) = (entrant.caller.clone(), entrant.audience);
        let revocations = sessions.revocations();
        sessions.check(&caller)?;
        let expires = instant_of(caller.expires_at);
        Ok(Self { caller, audience, sessions, revocations, expires, shutdown })
    }

    /// Completes when the client must go, with the reason. May be dropped and called again.
    pub(crate) async fn reached(&mut self) -> Close {
        loop {
            tokio::select! {
                biased;
                () = self.shutdown.requested() => return Close::restart(),
                () = sleep_until(self.expires) => self.expires = clock::monotonic() + ASK_AGAIN,
                // Whichever it was, or if some were missed: the sessions know what counts.
                heard = self.revocations.recv() => if heard == Err(broadcast::error::RecvError::Closed) {
                    return Close::restart();
                },
            }
            match self.sessions.check(&self.caller) {
                Err(Rejection::Expired) => return Close::Expired,
                Err(Rejection::Revoked) => return Close::Revoked,
                Ok(()) | Err(_) => {}
            }
        }
    }

    /// Goes on under another token, if that is the same user's and still lets him or her into the audience.
    pub(crate) async fn refresh(&mut self, token: &str) -> Result<(), Close> {
        match self.sessions.admit(token).await {
            Ok(caller) if caller.user == self.caller.user && self.audience.admits(&caller) => {
                self.expires = instant_of(caller.expires_at);
                self.caller = caller;
                Ok(())
            }
            Err(Rejection::Expired) => Err(Close::Expired),
            Ok(_) | Err(_) => Err(Close::Revoked),
        }
    }
}

/// When it will be this time, in seconds since the epoch, as far as the wall clock can tell now.
fn instant_of(seconds: i64) -> Instant {
    let left = u64::try_from(seconds.saturating_sub(now_seconds())).unwrap_or_default();
    clock::monotonic() + Duration::from_secs(left.min(MAX_WAIT))
}

/// No token lives longer; a timer that is armed for longer than this only wakes up to ask.
const MAX_WAIT: u64 = 24 * 60 * 60;
