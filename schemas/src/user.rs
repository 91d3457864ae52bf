//! The user's events. They carry no personal data.

use std::collections::HashSet;

use apache_avro::schema::{Name, NamespaceRef};
use apache_avro::{AvroSchema, AvroSchemaComponent, Schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event::events;
use crate::{SessionId, avro, text};

events! {
    /// What can happen to a user.
    UserEvent of User {
        /// He or she registered.
        Registered(UserRegistered) as "user.created",
        /// One log-in was ended; its tokens and sockets die.
        SessionEnded(UserSessionEnded),
        /// Every log-in so far was ended.
        SessionsRevoked(UserSessionsRevoked),
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
    /// The role given at registration.
    pub role: Role,
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
