//! Who asks, with tokens of one key pair for the whole binary.

use std::sync::LazyLock;

use schemas::{Role, UserId};
use sessions::Sessions;
use sessions::testing::Issuer;

static ISSUER: LazyLock<Issuer> = LazyLock::new(Issuer::new);

/// A user's token.
pub(crate) fn user(id: &str) -> String {
    ISSUER.token(&UserId::parse(id).unwrap(), Role::User)
}

/// An admin's token.
pub(crate) fn admin() -> String {
    ISSUER.token(&UserId::parse("usr_admin").unwrap(), Role::Admin)
}

/// Sessions that trust these tokens.
pub(crate) fn sessions() -> Sessions {
    Sessions::without_events(&ISSUER.config()).unwrap()
}
