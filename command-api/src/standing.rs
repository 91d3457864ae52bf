//! What admins make of a user: roles, suspension. Who is an admin is counted beside the streams, in the same transaction
//! as the event, so that one is left whatever happens at the same time.

use accounts::Dismissed;
use domain::user::{User, UserCommand, UserState};
use domain::{Reason, Refusal};
use event_store::Transaction;
use schemas::{PersonalField, Role, Sealed, UserId};

use crate::app::App;
use crate::intent::Intent;
use crate::spanning::{Beside, Spanning, Undone};
use crate::streams::{Done, Head, Rejected};

/// Counts the user among the admins if that is what he or she is after the command, and not otherwise.
struct Count(UserId);

impl Beside for Count {
    async fn write(&self, app: &App, transaction: &mut Transaction, next: &Head<User>) -> Result<(), Undone> {
        let Self(user) = self;
        app.accounts.change(transaction.session(), user, None, next.at).await?;
        if is_admin(next.state.as_ref()) {
            return Ok(app.accounts.appoint(transaction.session(), user).await?);
        }
        match app.accounts.dismiss(transaction.session(), user).await? {
            Dismissed::Yes | Dismissed::NoAdmin => Ok(()),
            Dismissed::LastAdmin => Err(Rejected::from(Refusal::LastAdmin).into()),
        }
    }
}

/// Whether somebody in this state can run the shop.
fn is_admin(state: Option<&UserState>) -> bool {
    match state {
        Some(UserState::Active(details)) => details.role == Role::Admin,
        Some(UserState::Suspended(_) | UserState::Erased) | None => false,
    }
}

impl App {
    /// Gives a command that may change who is an admin.
    pub(crate) async fn rule(&self, user: UserId, command: UserCommand, intent: Intent) -> Result<Done, Undone> {
        let beside = Count(user.clone());
        Spanning { user, command, beside, intent }.execute(self).await
    }

    /// Seals what is said about a user, who must be there: for anybody else the vault would make a key.
    pub(crate) async fn sealed_reason(&self, user: &UserId, reason: Option<&Reason>) -> Result<Option<Sealed>, Undone> {
        let Some(reason) = reason else { return Ok(None) };
        match &self.users.load(user.stream()).await?.state {
            Some(UserState::Active(_) | UserState::Suspended(_)) => {}
            Some(UserState::Erased) | None => return Err(Rejected::from(Refusal::UserNotFound).into()),
        }
        Ok(self.sealed(user, PersonalField::Reason, Some(reason.as_str())).await?)
    }
}
