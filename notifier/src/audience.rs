//! Who listens to what: the owner to a feed, everybody to the catalogue, admins to what operators watch.

use schemas::Role;
use serde::Deserialize;
use sessions::Caller;

use crate::boards::Subject;

/// What a connection is for, as clients ask for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Audience {
    /// One's own feed, gapless and resumable.
    #[default]
    Owner,
    /// Every product's state, then its newest state whenever it changes.
    Catalogue,
    /// The newest state of every order, payment and fulfilment that changes from now on.
    Operators,
}

impl Audience {
    /// Every audience, as the protocol's description lists them.
    pub(crate) const ALL: [Self; 3] = [Self::Owner, Self::Catalogue, Self::Operators];

    /// Its name in URLs and metrics.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Catalogue => Subject::Catalogue.name(),
            Self::Operators => Subject::Operators.name(),
        }
    }

    /// Who may be in it and what it is told, for people.
    pub(crate) const fn description(self) -> &'static str {
        match self {
            Self::Owner => {
                "The feed of whoever connects: every change of his or her orders and payments, in order and each once. A \
                 client that was here before goes on behind the cursor of the last frame that it saw; `hello` says \
                 whether that worked."
            }
            Self::Catalogue => {
                "The catalogue, for everybody who is logged in: the state of every product with its available pieces, \
                 and then the newest state of each product that changes. A slow client skips states; \
                 versions never go back. Nothing is resumed: whoever connects is told every product again."
            }
            Self::Operators => {
                "What happens in the shop, for admins: the newest state of each order, payment and fulfilment that \
                 changes from now on. A slow client skips states; after `reload` it reads the queries again. Nothing \
                 is resumed."
            }
        }
    }

    /// The frames that it is told; `close` by server-sent events only.
    pub(crate) const fn told(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["hello", "event", "snapshot", "reload", "close"],
            Self::Catalogue => &["hello", "snapshot", "close"],
            Self::Operators => &["hello", "snapshot", "reload", "close"],
        }
    }

    /// The frames that a client in it may send.
    pub(crate) const fn said(self) -> &'static [&'static str] {
        match self {
            Self::Owner => &["resume", "refresh"],
            Self::Catalogue | Self::Operators => &["refresh"],
        }
    }

    /// Whether the caller may be in it.
    pub(crate) const fn admits(self, caller: &Caller) -> bool {
        match (self, caller.role) {
            (Self::Owner | Self::Catalogue, Role::User | Role::Admin) | (Self::Operators, Role::Admin) => true,
            (Self::Operators, Role::User) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Audience;

    #[test]
    fn an_audience_is_asked_for_by_its_name() {
        for audience in Audience::ALL {
            assert_eq!(serde_json::from_str(&format!("\"{}\"", audience.name())).ok(), Some(audience));
        }
        assert_eq!(Audience::default(), Audience::Owner);
    }
}
