//! The user's events. Personal data in them is sealed.

use std::collections::HashSet;

use apache_avro::schema::{Name, NamespaceRef};
use apache_avro::{AvroSchema, AvroSchemaComponent, Schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::events;
use crate::{PersonalField, Sealed, SessionId, UserId, avro, text};

events! {
    /// What can happen to a user.
    UserEvent of User {
        /// He or she registered.
        Registered(UserRegistered) as "user.created",
        /// He or she has another name or e-mail address.
        ProfileChanged(UserProfileChanged) as "user.updated",
        /// One log-in was ended; its tokens and sockets die.
        SessionEnded(UserSessionEnded),
        /// Every log-in so far was ended.
        SessionsRevoked(UserSessionsRevoked),
        /// He or she has another password.
        PasswordChanged(UserPasswordChanged),
        /// He or she may do more.
        RoleGranted(UserRoleGranted),
        /// He or she may do less.
        RoleRevoked(UserRoleRevoked),
        /// He or she can neither log in nor give commands.
        Suspended(UserSuspended),
        /// He or she can again.
        Reinstated(UserReinstated),
        /// He or she is gone; nothing follows.
        Erased(UserErased) as "user.deleted",
    }
}

impl UserEvent {
    /// The personal data that this event carries, to be opened where it stands.
    pub fn sealed_mut(&mut self) -> Vec<(PersonalField, &mut Sealed)> {
        use PersonalField::{Email, FirstName, LastName};
        match self {
            Self::Registered(UserRegistered { email, first_name, last_name, role: _ }) => {
                vec![(Email, email), (FirstName, first_name), (LastName, last_name)]
            }
            Self::ProfileChanged(UserProfileChanged { email, first_name, last_name }) => {
                let fields = [(Email, email), (FirstName, first_name), (LastName, last_name)];
                fields.into_iter().filter_map(|(field, sealed)| Some((field, sealed.as_mut()?))).collect()
            }
            Self::Suspended(UserSuspended { suspended_by: _, reason, session_version: _ })
            | Self::Reinstated(UserReinstated { reinstated_by: _, reason }) => {
                reason.as_mut().map(|reason| (PersonalField::Reason, reason)).into_iter().collect()
            }
            Self::SessionEnded(_)
            | Self::SessionsRevoked(_)
            | Self::PasswordChanged(_)
            | Self::RoleGranted(_)
            | Self::RoleRevoked(_)
            | Self::Erased(_) => Vec::new(),
        }
    }
}

/// The session version of a user who just registered.
pub const FIRST_SESSION_VERSION: i64 = 1;

/// What a user may do. A role that this release does not know counts as the default, which has the fewest rights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Role {
    /// May shop.
    #[default]
    User,
    /// May run the shop.
    Admin,
}

impl Role {
    /// Every role, the default first.
    pub const ALL: [Self; 2] = [Self::User, Self::Admin];

    /// The role as text: `admin`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Admin => "admin",
        }
    }

    /// Reads a role, in lower case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text::deserialize(deserializer, "role", |text| Some(Self::parse(text).unwrap_or_default()))
    }
}

impl AvroSchemaComponent for Role {
    fn get_schema_in_ctxt(named: &mut HashSet<Name>, namespace: NamespaceRef<'_>) -> Schema {
        avro::enumeration("Role", "What a user may do.", Self::ALL.map(Self::as_str), named, namespace)
    }
}

/// A user registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserRegistered {
    /// The e-mail address, sealed.
    pub email: Sealed,
    /// The first name, sealed.
    pub first_name: Sealed,
    /// The last name, sealed.
    pub last_name: Sealed,
    /// The role given at registration.
    pub role: Role,
}

/// A user has another name or e-mail address. What did not change is not said again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserProfileChanged {
    /// The new e-mail address, sealed.
    pub email: Option<Sealed>,
    /// The new first name, sealed.
    pub first_name: Option<Sealed>,
    /// The new last name, sealed.
    pub last_name: Option<Sealed>,
}

/// A user logged out of one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserSessionEnded {
    /// The session that ended.
    pub session: SessionId,
}

/// A user logged out everywhere: tokens with a lower session version are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserSessionsRevoked {
    /// The lowest session version that is still accepted.
    pub session_version: i64,
}

/// A user has another password. Neither it nor its hash is told; tokens with a lower session version are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserPasswordChanged {
    /// The lowest session version that is still accepted.
    pub session_version: i64,
}

/// A user was given a role: tokens that name the old one are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserRoleGranted {
    /// The role that the user has now.
    pub role: Role,
    /// Who gave it.
    pub granted_by: UserId,
    /// The lowest session version that is still accepted.
    pub session_version: i64,
}

/// A role was taken from a user, who has the lowest one now: tokens that name the old one are refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserRoleRevoked {
    /// The role that was taken.
    pub role: Role,
    /// Who took it.
    pub revoked_by: UserId,
    /// The lowest session version that is still accepted.
    pub session_version: i64,
}

/// A user was suspended: he or she can neither log in nor give commands, and every log-in so far was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserSuspended {
    /// Who did it.
    pub suspended_by: UserId,
    /// Why, sealed: whatever is said about a person is his or hers.
    pub reason: Option<Sealed>,
    /// The lowest session version that is still accepted.
    pub session_version: i64,
}

/// A suspended user may log in again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserReinstated {
    /// Who did it.
    pub reinstated_by: UserId,
    /// Why, sealed.
    pub reason: Option<Sealed>,
}

/// A user was erased: the key of his or her personal data is destroyed, so nobody can open it any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.user")]
pub struct UserErased {
    /// Who did it.
    pub erased_by: UserId,
}
