//! The user: a role, and the log-ins that were ended. Credentials and personal data are not kept here.

use std::collections::VecDeque;

use schemas::{
    FIRST_SESSION_VERSION, Role, SessionId, UserEvent, UserRegistered, UserSessionEnded, UserSessionsRevoked,
};

use crate::{Aggregate, Refusal};

/// How many ended sessions a user's state remembers. Ending an older one again records it again, which is harmless;
/// what matters is that the state of a user who logs in and out for years does not grow.
const REMEMBERED_SESSIONS: usize = 64;

/// The user's rules.
#[derive(Debug, Clone, Copy)]
pub enum User {}

/// What a user can be told to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCommand {
    /// Comes into being.
    Register {
        /// As what.
        role: Role,
    },
    /// Logs out of one session.
    EndSession {
        /// Which one.
        session: SessionId,
    },
    /// Logs out everywhere: raises the session version by one.
    RevokeSessions,
}

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserState {
    /// May log in.
    Active(UserDetails),
}

/// What is known of a user who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDetails {
    /// What he or she may do.
    pub role: Role,
    /// Tokens with a lower session version are refused.
    pub session_version: i64,
    /// The sessions that were ended last, oldest first.
    pub ended: VecDeque<SessionId>,
}

impl UserDetails {
    fn new(role: Role) -> Self {
        Self { role, session_version: FIRST_SESSION_VERSION, ended: VecDeque::new() }
    }

    fn without(mut self, session: &SessionId) -> Self {
        if self.ended.len() >= REMEMBERED_SESSIONS {
            self.ended.pop_front();
        }
        self.ended.push_back(session.clone());
        self
    }
}

impl Aggregate for User {
    type State = UserState;
    type Command = UserCommand;
    type Event = UserEvent;

    fn evolve(state: Option<UserState>, event: &UserEvent) -> Option<UserState> {
        match (state, event) {
            (None, UserEvent::Registered(UserRegistered { role })) => Some(UserState::Active(UserDetails::new(*role))),
            (Some(UserState::Active(user)), UserEvent::SessionEnded(UserSessionEnded { session })) => {
                Some(UserState::Active(user.without(session)))
            }
            (Some(UserState::Active(user)), UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })) => {
                Some(UserState::Active(UserDetails { session_version: *session_version, ..user }))
            }
            (state @ Some(UserState::Active(_)), UserEvent::Registered(_))
            | (state @ None, UserEvent::SessionEnded(_) | UserEvent::SessionsRevoked(_)) => state,
        }
    }

    fn decide(state: Option<&UserState>, command: &UserCommand) -> Result<Vec<UserEvent>, Refusal> {
        match (state, command) {
            (None, UserCommand::Register { role }) => Ok(vec![UserEvent::Registered(UserRegistered { role: *role })]),
            (Some(UserState::Active(_)), UserCommand::Register { .. }) => Err(Refusal::AlreadyRegistered),
            (None, UserCommand::EndSession { .. } | UserCommand::RevokeSessions) => Err(Refusal::UserNotFound),
            (Some(UserState::Active(user)), UserCommand::EndSession { session }) => {
                let ended = UserEvent::SessionEnded(UserSessionEnded { session: session.clone() });
                Ok((!user.ended.contains(session)).then_some(ended).into_iter().collect())
            }
            (Some(UserState::Active(user)), UserCommand::RevokeSessions) => {
                let session_version = user.session_version.saturating_add(1);
                Ok(vec![UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })])
            }
        }
    }
}
