//! Which sessions have ended. Kept for as long as a token of theirs could still be shown.

use std::collections::HashMap;

use schemas::{
    Recorded, SessionId, UserEvent, UserId, UserPasswordChanged, UserRoleGranted, UserRoleRevoked, UserSessionsRevoked,
    UserSuspended,
};

use crate::{Caller, TOKEN_LIFETIME};

/// Clocks of different machines may differ by as much, in seconds.
const MARGIN: i64 = 60;
/// The table is swept when it has doubled since the last time, but not below this many users.
const SWEEP_FROM: usize = 1_024;

/// Tokens that are no longer accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// Those of one session.
    Session {
        /// Whose.
        user: UserId,
        /// Which.
        session: SessionId,
    },
    /// Those with a lower session version.
    Below {
        /// Whose.
        user: UserId,
        /// The lowest version that is still accepted.
        session_version: i64,
    },
}

impl Revocation {
    /// The revocation that lies in this event, if it is one.
    #[must_use]
    pub fn of(recorded: &Recorded<UserEvent>) -> Option<Self> {
        let user = UserId::parse(recorded.stream.as_str()).ok()?;
        match &recorded.event {
            UserEvent::Registered(_) | UserEvent::ProfileChanged(_) | UserEvent::Reinstated(_) => None,
            UserEvent::SessionEnded(ended) => Some(Self::Session { user, session: ended.session.clone() }),
            UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })
            | UserEvent::PasswordChanged(UserPasswordChanged { session_version })
            | UserEvent::RoleGranted(UserRoleGranted { session_version, .. })
            | UserEvent::RoleRevoked(UserRoleRevoked { session_version, .. })
            | UserEvent::Suspended(UserSuspended { session_version, .. }) => {
                Some(Self::Below { user, session_version: *session_version })
            }
            UserEvent::Erased(_) => Some(Self::Below { user, session_version: i64::MAX }),
        }
    }

    /// Whether this caller's token is one of those.
    #[must_use]
    pub fn ends(&self, caller: &Caller) -> bool {
        match self {
            Self::Session { user, session } => *user == caller.user && *session == caller.session,
            Self::Below { user, session_version } => *user == caller.user && caller.session_version < *session_version,
        }
    }

    fn user(&self) -> &UserId {
        match self {
            Self::Session { user, .. } | Self::Below { user, .. } => user,
        }
    }
}

/// Every revocation of the last token lifetime, or longer.
#[derive(Debug)]
pub(crate) struct Revocations {
    users: HashMap<UserId, Revoked>,
    sweep_at: usize,
}

/// What one user revoked.
#[derive(Debug, Default)]
struct Revoked {
    lowest_version: i64,
    /// Each with the second from which on it may be forgotten.
    sessions: HashMap<SessionId, i64>,
    /// The second from which on all of it may be forgotten.
    until: i64,
}

impl Default for Revocations {
    fn default() -> Self {
        Self { users: HashMap::new(), sweep_at: SWEEP_FROM }
    }
}

impl Revocations {
    /// Notes a revocation at this time, in seconds. The same again only keeps it for longer.
    pub(crate) fn note(&mut self, revocation: &Revocation, now: i64) {
        let until = now.saturating_add(TOKEN_LIFETIME.as_secs().cast_signed()).saturating_add(MARGIN);
        let revoked = self.users.entry(revocation.user().clone()).or_default();
        revoked.until = revoked.until.max(until);
        revoked.sessions.retain(|_, until| *until > now);
        match revocation {
            Revocation::Session { session, .. } => {
                revoked.sessions.insert(session.clone(), until);
            }
            Revocation::Below { session_version, .. } => {
                revoked.lowest_version = revoked.lowest_version.max(*session_version);
            }
        }
        if self.users.len() >= self.sweep_at {
            self.users.retain(|_, revoked| revoked.until > now);
            self.sweep_at = SWEEP_FROM.max(2 * self.users.len());
        }
    }

    /// Whether the caller's session has ended.
    pub(crate) fn refuse(&self, caller: &Caller) -> bool {
        self.users.get(&caller.user).is_some_and(|revoked| {
            caller.session_version < revoked.lowest_version || revoked.sessions.contains_key(&caller.session)
        })
    }

    /// How many users revoked something that is still remembered.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use schemas::Role;

    use super::*;

    fn caller(user: u128, session: &str, session_version: i64) -> Caller {
        let session = SessionId::parse(session).unwrap();
        Caller { user: UserId::from_bits(user), role: Role::User, email: None, session, session_version, expires_at: 0 }
    }

    fn ended(user: u128, session: &str) -> Revocation {
        Revocation::Session { user: UserId::from_bits(user), session: SessionId::parse(session).unwrap() }
    }

    #[test]
    fn an_ended_session_is_refused_and_no_other() {
        let mut table = Revocations::default();
        table.note(&ended(1, "a"), 1_000);
        assert!(table.refuse(&caller(1, "a", 0)));
        assert!(!table.refuse(&caller(1, "b", 0)) && !table.refuse(&caller(2, "a", 0)));
    }

    #[test]
    fn a_raised_session_version_refuses_every_lower_one_also_when_told_out_of_order() {
        let mut table = Revocations::default();
        for session_version in [3, 2] {
            table.note(&Revocation::Below { user: UserId::from_bits(1), session_version }, 1_000);
        }
        assert!(table.refuse(&caller(1, "a", 2)));
        assert!(!table.refuse(&caller(1, "a", 3)) && !table.refuse(&caller(2, "a", 0)));
    }

    #[test]
    fn nothing_of_an_erased_user_is_accepted_any_more() {
        let mut table = Revocations::default();
        let erased = UserEvent::Erased(schemas::UserErased { erased_by: UserId::from_bits(9) });
        let recorded = Recorded {
            stream: UserId::from_bits(1).stream().clone(),
            version: schemas::Version(7),
            id: schemas::EventId(uuid::Uuid::nil()),
            at: schemas::Timestamp::from_micros(0),
            owner: None,
            correlation: "request".into(),
            causation: None,
            traceparent: None,
            event: erased,
        };
        let revocation = Revocation::of(&recorded).unwrap();
        table.note(&revocation, 1_000);
        for session_version in [0, 1, 1_000_000] {
            assert!(
                table.refuse(&caller(1, "a", session_version)) && revocation.ends(&caller(1, "b", session_version))
            );
            assert!(!table.refuse(&caller(9, "a", session_version)));
        }
    }

    #[test]
    fn what_no_token_can_survive_is_forgotten_and_nothing_else() {
        let mut table = Revocations::default();
        let lifetime = TOKEN_LIFETIME.as_secs().cast_signed();
        for user in 0..4_500 {
            table.note(&ended(user, "a"), 1_000 + i64::try_from(user).unwrap());
        }
        assert!(table.len() < 2_500, "{}", table.len());
        let kept = 4_500 - u128::try_from(lifetime).unwrap();
        assert!((kept..4_500).all(|user| table.refuse(&caller(user, "a", 0))));
    }
}
