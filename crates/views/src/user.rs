//! The user as he or she, and every admin, sees him or her: with personal data in clear.

use std::collections::BTreeSet;

use schemas::{
    Event as _, Recorded, Role, Sealed, Timestamp, UserEvent, UserId, UserProfileChanged, UserRegistered,
    UserRoleGranted,
};
use serde::{Deserialize, Serialize};

use crate::view::{Listing, Projection, Text, Unfoldable, View};

/// One user, with the seed's fields. An erased one is shown nowhere.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserView {
    /// The user's id, under the seed's name.
    #[serde(rename = "_id")]
    pub id: UserId,
    /// The address, in lower case.
    pub email: String,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// What he or she may do.
    pub role: Role,
    /// Whether he or she may log in.
    pub is_active: bool,
    /// When he or she registered.
    #[serde(with = "schemas::rfc3339")]
    pub created_at: Timestamp,
    /// When something that is shown here changed last.
    #[serde(with = "schemas::rfc3339")]
    pub updated_at: Timestamp,
    /// The stream's version, under the seed's name.
    #[serde(rename = "__v")]
    pub version: u32,
}

/// Personal data stays out of logs.
impl std::fmt::Debug for UserView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UserView").field("id", &self.id).field("version", &self.version).finish_non_exhaustive()
    }
}

/// What a listing of users may be sorted by: each is the name of a list or of an index of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserSort {
    /// By time of registration.
    CreatedAt,
    /// By time of the last change.
    UpdatedAt,
    /// By address.
    Email,
    /// By first name.
    FirstName,
    /// By last name.
    LastName,
}

impl UserSort {
    /// Every order.
    pub const ALL: [Self; 5] = [Self::CreatedAt, Self::UpdatedAt, Self::Email, Self::FirstName, Self::LastName];

    /// The field that it sorts by, and the name of its list or index.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CreatedAt => "createdAt",
            Self::UpdatedAt => "updatedAt",
            Self::Email => "email",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
        }
    }

    /// The order of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == name)
    }
}

impl UserView {
    /// The index under whose texts users are found.
    pub const SEARCH: &'static str = "search";

    /// A text as it stands in indexes: in lower case, one space between words.
    #[must_use]
    pub fn indexed(text: &str) -> String {
        text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn registered(recorded: &Recorded<UserEvent>, registered: &UserRegistered) -> Result<Self, Unfoldable> {
        let event = recorded.event.name();
        let id = UserId::parse(recorded.stream.as_str())
            .map_err(|_| Unfoldable::Stream { event, stream: recorded.stream.clone() })?;
        Ok(Self {
            id,
            email: clear(event, &registered.email)?,
            first_name: clear(event, &registered.first_name)?,
            last_name: clear(event, &registered.last_name)?,
            role: registered.role,
            is_active: true,
            created_at: recorded.at,
            updated_at: recorded.at,
            version: recorded.version.0,
        })
    }

    fn changed(mut self, recorded: &Recorded<UserEvent>, changed: &UserProfileChanged) -> Result<Self, Unfoldable> {
        let event = recorded.event.name();
        let UserProfileChanged { email, first_name, last_name } = changed;
        let fields = [(email, &mut self.email), (first_name, &mut self.first_name), (last_name, &mut self.last_name)];
        for (sealed, field) in fields {
            if let Some(sealed) = sealed {
                *field = clear(event, sealed)?;
            }
        }
        Ok(Self { updated_at: recorded.at, ..self })
    }
}

/// What the vault found in it, before the fold.
fn clear(event: &'static str, sealed: &Sealed) -> Result<String, Unfoldable> {
    sealed.clear().map(str::to_owned).ok_or(Unfoldable::Sealed { event })
}

impl View for UserView {
    const PROJECTION: Projection = Projection::Users;
    type Event = UserEvent;

    fn apply(view: Option<Self>, recorded: &Recorded<UserEvent>) -> Result<Option<Self>, Unfoldable> {
        let event = recorded.event.name();
        let user = match (view, &recorded.event) {
            (None, UserEvent::Registered(registered)) => Self::registered(recorded, registered)?,
            (Some(user), UserEvent::ProfileChanged(changed)) => user.changed(recorded, changed)?,
            (
                Some(user),
                UserEvent::SessionEnded(_) | UserEvent::SessionsRevoked(_) | UserEvent::PasswordChanged(_),
            ) => user,
            (Some(user), UserEvent::RoleGranted(UserRoleGranted { role, .. })) => {
                Self { role: *role, updated_at: recorded.at, ..user }
            }
            (Some(user), UserEvent::RoleRevoked(_)) => Self { role: Role::default(), updated_at: recorded.at, ..user },
            (Some(user), UserEvent::Suspended(_)) => Self { is_active: false, updated_at: recorded.at, ..user },
            (Some(user), UserEvent::Reinstated(_)) => Self { is_active: true, updated_at: recorded.at, ..user },
            (Some(_), UserEvent::Erased(_)) => return Ok(None),
            (Some(_), UserEvent::Registered(_)) => return Err(Unfoldable::Impossible { event }),
            (
                None,
                UserEvent::ProfileChanged(_)
                | UserEvent::SessionEnded(_)
                | UserEvent::SessionsRevoked(_)
                | UserEvent::PasswordChanged(_)
                | UserEvent::RoleGranted(_)
                | UserEvent::RoleRevoked(_)
                | UserEvent::Suspended(_)
                | UserEvent::Reinstated(_)
                | UserEvent::Erased(_),
            ) => return Err(Unfoldable::Missing { event }),
        };
        Ok(Some(Self { version: recorded.version.0, ..user }))
    }

    fn lists(&self) -> Vec<Listing> {
        vec![
            Listing::new(UserSort::CreatedAt.as_str(), self.created_at.as_micros()),
            Listing::new(UserSort::UpdatedAt.as_str(), self.updated_at.as_micros()),
        ]
    }

    /// Sorted by address and names; found by the beginning of the address, of the whole name, and of every word in it.
    fn texts(&self) -> Vec<Text> {
        let (first, last) = (Self::indexed(&self.first_name), Self::indexed(&self.last_name));
        let (email, whole) = (Self::indexed(&self.email), format!("{first} {last}"));
        let words = whole.split([' ', '-']).map(str::to_owned);
        let found: BTreeSet<_> = words.chain([email.clone(), last.clone(), whole.clone()]).collect();
        let text = |index: &str, text: String| Text { index: index.to_owned(), text };
        let sorted = [(UserSort::Email, email), (UserSort::FirstName, first), (UserSort::LastName, last)];
        let sorted = sorted.into_iter().map(|(sort, value)| text(sort.as_str(), value));
        sorted.chain(found.into_iter().map(|word| text(Self::SEARCH, word))).collect()
    }
}
