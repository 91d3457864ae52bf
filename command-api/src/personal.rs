//! Personal data on its way in and out: sealed before it becomes part of a command, opened for its owner's eyes only.

use accounts::{Email, Name};
use domain::user::Profile;
use schemas::{PersonalField, UserId};
use vault::{Error, Vault};

/// Names and address as a person gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Personal {
    /// The e-mail address.
    pub(crate) email: Email,
    /// The first name.
    pub(crate) first_name: Name,
    /// The last name.
    pub(crate) last_name: Name,
}

/// Names and address as they are shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) email: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
}

impl Personal {
    /// Seals it all for this user.
    pub(crate) async fn seal(&self, vault: &Vault, user: &UserId) -> Result<Profile, Error> {
        Ok(Profile {
            email: vault.seal(user, PersonalField::Email, self.email.as_str()).await?,
            first_name: vault.seal(user, PersonalField::FirstName, self.first_name.as_str()).await?,
            last_name: vault.seal(user, PersonalField::LastName, self.last_name.as_str()).await?,
        })
    }
}

impl Shown {
    /// Opens what was sealed for this user.
    pub(crate) async fn open(vault: &Vault, user: &UserId, profile: &Profile) -> Result<Self, Error> {
        let mut profile = profile.clone();
        let Profile { email, first_name, last_name } = &mut profile;
        let fields = [
            (PersonalField::Email, &mut *email),
            (PersonalField::FirstName, &mut *first_name),
            (PersonalField::LastName, &mut *last_name),
        ];
        vault.open_all(user, fields).await?;
        let clear = |sealed: &schemas::Sealed| sealed.clear().unwrap_or_default().to_owned();
        Ok(Self { email: clear(email), first_name: clear(first_name), last_name: clear(last_name) })
    }
}
