//! Who asks, with tokens of one key pair for the whole binary.

use std::sync::LazyLock;

use schemas::{Role, UserId};
use sessions::testing::Issuer;

/// Whose tokens are accepted.
pub(crate) static ISSUER: LazyLock<Issuer> = LazyLock::new(Issuer::new);

/// A customer.
pub(crate) const ADA: &str = "usr_ada";
/// Another one.
pub(crate) const BOB: &str = "usr_bob";
/// Who runs the shop.
pub(crate) const ADMIN: &str = "usr_admin";

/// A token as log-in gives it; only [`ADMIN`] is an admin.
pub(crate) fn token(id: &str) -> String {
    let role = if id == ADMIN { Role::Admin } else { Role::User };
    ISSUER.token(&UserId::parse(id).unwrap(), role)
}
