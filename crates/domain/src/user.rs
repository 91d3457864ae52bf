//! The user: a role, personal data as it was sealed, and the log-ins that were ended. Credentials are not kept here.

use std::collections::VecDeque;

use schemas::{
    FIRST_SESSION_VERSION, Role, Sealed, SessionId, UserErased, UserEvent, UserId, UserPasswordChanged,
    UserProfileChanged, UserRegistered, UserReinstated, UserRoleGranted, UserRoleRevoked, UserSessionEnded,
    UserSessionsRevoked, UserSuspended,
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
    /// Has another password from now on, and is logged out everywhere. The password itself is not known here.
    ChangePassword,
    /// May do more, and is logged out everywhere.
    GrantRole {
        /// Who.
        to: UserId,
        /// As what.
        role: Role,
        /// By whom; nobody grants a role to himself.
        by: UserId,
    },
    /// May do less, and is logged out everywhere.
    RevokeRole {
        /// What he or she is no longer.
        role: Role,
        /// By whom.
        by: UserId,
    },
    /// Can neither log in nor give commands until reinstated, and is logged out everywhere.
    Suspend {
        /// By whom.
        by: UserId,
        /// Why.
        reason: Option<Sealed>,
    },
    /// May log in again.
    Reinstate {
        /// By whom.
        by: UserId,
        /// Why.
        reason: Option<Sealed>,
    },
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
    /// May not log in, for the time being.
    Suspended(UserDetails),
    /// Was erased; stays so for ever.
    Erased,
}

/// What is known of a user who was not erased.
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

    /// The state in which an event leaves this user; `stays` makes the one that he or she was in.
    fn then(self, event: &UserEvent, stays: fn(Self) -> UserState) -> UserState {
        match event {
            UserEvent::Registered(_) => stays(self),
            UserEvent::Erased(_) => UserState::Erased,
            UserEvent::Reinstated(_) => UserState::Active(self),
            UserEvent::ProfileChanged(changed) => stays(self.with(changed)),
            UserEvent::SessionEnded(UserSessionEnded { session }) => stays(self.without(session)),
            UserEvent::Suspended(UserSuspended { suspended_by: _, reason: _, session_version }) => {
                UserState::Suspended(Self { session_version: *session_version, ..self })
            }
            UserEvent::RoleGranted(UserRoleGranted { role, granted_by: _, session_version }) => {
                stays(Self { role: *role, session_version: *session_version, ..self })
            }
            UserEvent::RoleRevoked(UserRoleRevoked { role: _, revoked_by: _, session_version }) => {
                stays(Self { role: Role::default(), session_version: *session_version, ..self })
            }
            UserEvent::SessionsRevoked(UserSessionsRevoked { session_version })
            | UserEvent::PasswordChanged(UserPasswordChanged { session_version }) => {
                stays(Self { session_version: *session_version, ..self })
            }
        }
    }

    /// What a command brings about while the user may log in.
    fn decide(&self, command: &UserCommand) -> Result<Vec<UserEvent>, Refusal> {
        match command {
            UserCommand::Register { .. } => Err(Refusal::AlreadyRegistered),
            UserCommand::Reinstate { .. }
            | UserCommand::ChangeProfile { email: None, first_name: None, last_name: None } => Ok(vec![]),
            UserCommand::ChangeProfile { email, first_name, last_name } => {
                let (email, first_name, last_name) = (email.clone(), first_name.clone(), last_name.clone());
                Ok(vec![UserEvent::ProfileChanged(UserProfileChanged { email, first_name, last_name })])
            }
            UserCommand::ChangePassword => {
                let session_version = self.next_session_version();
                Ok(vec![UserEvent::PasswordChanged(UserPasswordChanged { session_version })])
            }
            UserCommand::GrantRole { to, by, .. } if to == by => Err(Refusal::OwnRole),
            UserCommand::GrantRole { role, by, .. } => Ok(self.grant(*role, by).into_iter().collect()),
            UserCommand::RevokeRole { role: Role::User, .. } => Err(Refusal::BasicRole),
            UserCommand::RevokeRole { role, by } => Ok(self.revoke(*role, by).into_iter().collect()),
            UserCommand::Suspend { by, reason } => {
                let (suspended_by, reason, session_version) = (by.clone(), reason.clone(), self.next_session_version());
                Ok(vec![UserEvent::Suspended(UserSuspended { suspended_by, reason, session_version })])
            }
            UserCommand::EndSession { session } => Ok(self.end(session).into_iter().collect()),
            UserCommand::RevokeSessions => Ok(vec![self.revoke_sessions()]),
            UserCommand::Erase { by } => Ok(vec![erased(by)]),
        }
    }

    /// What a command brings about while the user is suspended: sessions can be ended all the same.
    fn decide_suspended(&self, command: &UserCommand) -> Result<Vec<UserEvent>, Refusal> {
        match command {
            UserCommand::Register { .. } => Err(Refusal::AlreadyRegistered),
            UserCommand::ChangeProfile { .. }
            | UserCommand::ChangePassword
            | UserCommand::GrantRole { .. }
            | UserCommand::RevokeRole { .. } => Err(Refusal::UserSuspended),
            UserCommand::Suspend { .. } => Ok(vec![]),
            UserCommand::Reinstate { by, reason } => {
                let (reinstated_by, reason) = (by.clone(), reason.clone());
                Ok(vec![UserEvent::Reinstated(UserReinstated { reinstated_by, reason })])
            }
            UserCommand::EndSession { session } => Ok(self.end(session).into_iter().collect()),
            UserCommand::RevokeSessions => Ok(vec![self.revoke_sessions()]),
            UserCommand::Erase { by } => Ok(vec![erased(by)]),
        }
    }

    /// Ends a session, unless it is known to have ended.
    fn end(&self, session: &SessionId) -> Option<UserEvent> {
        let ended = UserEvent::SessionEnded(UserSessionEnded { session: session.clone() });
        (!self.ended.contains(session)).then_some(ended)
    }

    fn revoke_sessions(&self) -> UserEvent {
        UserEvent::SessionsRevoked(UserSessionsRevoked { session_version: self.next_session_version() })
    }

    /// Gives a role, unless the user has it; everybody has the lowest one.
    fn grant(&self, role: Role, by: &UserId) -> Option<UserEvent> {
        let (granted_by, session_version) = (by.clone(), self.next_session_version());
        let granted = UserEvent::RoleGranted(UserRoleGranted { role, granted_by, session_version });
        (role > self.role).then_some(granted)
    }

    /// Takes a role, if the user has it.
    fn revoke(&self, role: Role, by: &UserId) -> Option<UserEvent> {
        let (revoked_by, session_version) = (by.clone(), self.next_session_version());
        let revoked = UserEvent::RoleRevoked(UserRoleRevoked { role, revoked_by, session_version });
        (role == self.role).then_some(revoked)
    }

    fn next_session_version(&self) -> i64 {
        self.session_version.saturating_add(1)
    }
}

fn erased(by: &UserId) -> UserEvent {
    UserEvent::Erased(UserErased { erased_by: by.clone() })
}

impl Aggregate for User {
    type State = UserState;
    type Command = UserCommand;
    type Event = UserEvent;

    fn evolve(state: Option<UserState>, event: &UserEvent) -> Option<UserState> {
        match (state, event) {
            (None, UserEvent::Registered(registered)) => Some(UserState::Active(UserDetails::new(registered))),
            (Some(UserState::Active(user)), event) => Some(user.then(event, UserState::Active)),
            (Some(UserState::Suspended(user)), event) => Some(user.then(event, UserState::Suspended)),
            (
                state @ (None | Some(UserState::Erased)),
                UserEvent::ProfileChanged(_)
                | UserEvent::SessionEnded(_)
                | UserEvent::SessionsRevoked(_)
                | UserEvent::PasswordChanged(_)
                | UserEvent::RoleGranted(_)
                | UserEvent::RoleRevoked(_)
                | UserEvent::Suspended(_)
                | UserEvent::Reinstated(_)
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
            (Some(UserState::Suspended(user)), command) => user.decide_suspended(command),
            (Some(UserState::Erased), UserCommand::Register { .. }) => Err(Refusal::AlreadyRegistered),
            (Some(UserState::Erased), UserCommand::Erase { .. }) => Ok(vec![]),
            (
                None | Some(UserState::Erased),
                UserCommand::ChangeProfile { .. }
                | UserCommand::EndSession { .. }
                | UserCommand::RevokeSessions
                | UserCommand::ChangePassword
                | UserCommand::GrantRole { .. }
                | UserCommand::RevokeRole { .. }
                | UserCommand::Suspend { .. }
                | UserCommand::Reinstate { .. }
                | UserCommand::Erase { .. },
            ) => Err(Refusal::UserNotFound),
        }
    }
}
