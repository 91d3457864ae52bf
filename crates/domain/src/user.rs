//! The user: a role, personal data as it was sealed, and the log-ins that were ended. Credentials are not kept here.

use std::collections::VecDeque;

use schemas::{
    FIRST_SESSION_VERSION, Role, Sealed, SessionId, UserErased, UserEvent, UserId, UserProfileChanged, UserRegistered,
    UserSessionEnded, UserSessionsRevoked,
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
        /// Under which names and address.
        profile: Profile,
        /// As what.
        role: Role,
    },
    /// Takes other names or another address. A value that stays is left out: sealed values cannot be compared.
    ChangeProfile {
        /// The new e-mail address.
        email: Option<Sealed>,
        /// The new first name.
        first_name: Option<Sealed>,
        /// The new last name.
        last_name: Option<Sealed>,
    },
    /// Logs out of one session.
    EndSession {
        /// Which one.
        session: SessionId,
    },
    /// Logs out everywhere: raises the session version by one.
    RevokeSessions,
    /// Is forgotten.
    Erase {
        /// By whom.
        by: UserId,
    },
}

/// A user's personal data, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The e-mail address.
    pub email: Sealed,
    /// The first name.
    pub first_name: Sealed,
    /// The last name.
    pub last_name: Sealed,
}

/// What is known of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserState {
    /// May log in.
    Active(UserDetails),
    /// Was erased; stays so for ever.
    Erased,
}

/// What is known of a user who may log in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserDetails {
    /// Names and address.
    pub profile: Profile,
    /// What he or she may do.
    pub role: Role,
    /// Tokens with a lower session version are refused.
    pub session_version: i64,
    /// The sessions that were ended last, oldest first.
    pub ended: VecDeque<SessionId>,
}

impl UserDetails {
    fn new(registered: &UserRegistered) -> Self {
        let UserRegistered { email, first_name, last_name, role } = registered.clone();
        let profile = Profile { email, first_name, last_name };
        Self { profile, role, session_version: FIRST_SESSION_VERSION, ended: VecDeque::new() }
    }

    fn with(mut self, changed: &UserProfileChanged) -> Self {
        let UserProfileChanged { email, first_name, last_name } = changed.clone();
        let Profile { email: old_email, first_name: old_first_name, last_name: old_last_name } = self.profile;
        self.profile = Profile {
            email: email.unwrap_or(old_email),
            first_name: first_name.unwrap_or(old_first_name),
            last_name: last_name.unwrap_or(old_last_name),
        };
        self
    }

    fn without(mut self, session: &SessionId) -> Self {
        if self.ended.len() >= REMEMBERED_SESSIONS {
            self.ended.pop_front();
        }
        self.ended.push_back(session.clone());
        self
    }

    /// What a command other than registration and erasure brings about.
    fn decide(&self, command: &UserCommand) -> Result<Vec<UserEvent>, Refusal> {
        match command {
            UserCommand::Register { .. } => Err(Refusal::AlreadyRegistered),
            UserCommand::ChangeProfile { email: None, first_name: None, last_name: None } => Ok(vec![]),
            UserCommand::ChangeProfile { email, first_name, last_name } => {
                let (email, first_name, last_name) = (email.clone(), first_name.clone(), last_name.clone());
                Ok(vec![UserEvent::ProfileChanged(UserProfileChanged { email, first_name, last_name })])
            }
            UserCommand::EndSession { session } => {
                let ended = UserEvent::SessionEnded(UserSessionEnded { session: session.clone() });
                Ok((!self.ended.contains(session)).then_some(ended).into_iter().collect())
            }
            UserCommand::RevokeSessions => {
                let session_version = self.session_version.saturating_add(1);
                Ok(vec![UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })])
            }
            UserCommand::Erase { by } => Ok(vec![UserEvent::Erased(UserErased { erased_by: by.clone() })]),
        }
    }
}

impl Aggregate for User {
    type State = UserState;
    type Command = UserCommand;
    type Event = UserEvent;

    fn evolve(state: Option<UserState>, event: &UserEvent) -> Option<UserState> {
        match (state, event) {
            (None, UserEvent::Registered(registered)) => Some(UserState::Active(UserDetails::new(registered))),
            (Some(UserState::Active(user)), UserEvent::ProfileChanged(changed)) => {
                Some(UserState::Active(user.with(changed)))
            }
            (Some(UserState::Active(user)), UserEvent::SessionEnded(UserSessionEnded { session })) => {
                Some(UserState::Active(user.without(session)))
            }
            (Some(UserState::Active(user)), UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })) => {
                Some(UserState::Active(UserDetails { session_version: *session_version, ..user }))
            }
            (Some(UserState::Active(_)), UserEvent::Erased(_)) => Some(UserState::Erased),
            (state @ Some(UserState::Active(_)), UserEvent::Registered(_))
            | (
                state @ (None | Some(UserState::Erased)),
                UserEvent::ProfileChanged(_)
                | UserEvent::SessionEnded(_)
                | UserEvent::SessionsRevoked(_)
                | UserEvent::Erased(_),
            )
            | (state @ Some(UserState::Erased), UserEvent::Registered(_)) => state,
        }
    }

    fn decide(state: Option<&UserState>, command: &UserCommand) -> Result<Vec<UserEvent>, Refusal> {
        match (state, command) {
            (None, UserCommand::Register { profile, role }) => {
                let Profile { email, first_name, last_name } = profile.clone();
                Ok(vec![UserEvent::Registered(UserRegistered { email, first_name, last_name, role: *role })])
            }
            (Some(UserState::Active(user)), command) => user.decide(command),
            (Some(UserState::Erased), UserCommand::Register { .. }) => Err(Refusal::AlreadyRegistered),
            (Some(UserState::Erased), UserCommand::Erase { .. }) => Ok(vec![]),
            (
                None | Some(UserState::Erased),
                UserCommand::ChangeProfile { .. }
                | UserCommand::EndSession { .. }
                | UserCommand::RevokeSessions
                | UserCommand::Erase { .. },
            ) => Err(Refusal::UserNotFound),
        }
    }
}
