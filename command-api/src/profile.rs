//! Changes a user's names and address: the event says what is new, sealed; another address moves the account to it.

use accounts::{Changed, Email, Name};
use domain::Refusal;
use domain::user::{User, UserCommand, UserState};
use event_store::Transaction;
use schemas::{PersonalField, Sealed, UserId};

use crate::app::App;
use crate::intent::Intent;
use crate::personal::Shown;
use crate::spanning::{Beside, Spanning, Undone};
use crate::streams::{Done, Head, Rejected};

/// What a user wants to be called from now on. What is left out stays.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProfileChange {
    pub(crate) email: Option<Email>,
    pub(crate) first_name: Option<Name>,
    pub(crate) last_name: Option<Name>,
}

/// The account moves to this address, if there is a new one.
struct Move {
    user: UserId,
    email: Option<Email>,
}

impl Beside for Move {
    async fn write(&self, app: &App, transaction: &mut Transaction, next: &Head<User>) -> Result<(), Undone> {
        match app.accounts.change(transaction.session(), &self.user, self.email.as_ref(), next.at).await? {
            Changed::Yes => Ok(()),
            Changed::EmailTaken => Err(Undone::EmailTaken),
        }
    }
}

impl App {
    /// Changes what differs from what is known; nothing at all is done, without an event, if nothing does.
    pub(crate) async fn change_profile(
        &self,
        user: &UserId,
        change: ProfileChange,
        intent: Intent,
    ) -> Result<Done, Undone> {
        let head = self.users.load(user.stream()).await?;
        let details = match &head.state {
            Some(UserState::Active(details)) => details,
            Some(UserState::Suspended(_)) => return Err(Rejected::from(Refusal::UserSuspended).into()),
            Some(UserState::Erased) | None => return Err(Rejected::from(Refusal::UserNotFound).into()),
        };
        let known = Shown::open(&self.vault, user, &details.profile).await?;
        let email = change.email.filter(|email| email.as_str() != known.email);
        let first_name = change.first_name.filter(|name| name.as_str() != known.first_name);
        let last_name = change.last_name.filter(|name| name.as_str() != known.last_name);
        let command = UserCommand::ChangeProfile {
            email: self.sealed(user, PersonalField::Email, email.as_ref().map(Email::as_str)).await?,
            first_name: self.sealed(user, PersonalField::FirstName, first_name.as_ref().map(Name::as_str)).await?,
            last_name: self.sealed(user, PersonalField::LastName, last_name.as_ref().map(Name::as_str)).await?,
        };
        let beside = Move { user: user.clone(), email };
        Spanning { user: user.clone(), command, beside, intent }.execute(self).await
    }

    pub(crate) async fn sealed(
        &self,
        user: &UserId,
        field: PersonalField,
        clear: Option<&str>,
    ) -> Result<Option<Sealed>, vault::Error> {
        match clear {
            Some(clear) => self.vault.seal(user, field, clear).await.map(Some),
            None => Ok(None),
        }
    }
}
