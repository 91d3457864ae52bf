//! The actor: whoever gives a command that not everyone may give.

use schemas::{Role, UserId};

/// A user who gives a command, and the role in which he or she does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// As what.
    pub role: Role,
}

impl Actor {
    /// Whether this actor may act on what belongs to `owner`: the owner may, and every admin.
    #[must_use]
    pub fn may_act_for(&self, owner: &UserId) -> bool {
        match self.role {
            Role::Admin => true,
            Role::User => self.user == *owner,
        }
    }
}
