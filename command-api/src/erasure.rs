//! Erases a user: the event and the end of the account in one transaction, then the end of the key.
//!
//! Should this process die between the two, the projector destroys the key when it comes to the event.

use accounts::Removed;
use domain::Refusal;
use domain::user::{User, UserCommand};
use event_store::Transaction;
use runtime::tasks;
use schemas::UserId;
use vault::Destroyed;

use crate::app::App;
use crate::intent::Intent;
use crate::spanning::{Beside, Spanning, Undone};
use crate::streams::{Done, Head, Rejected};

/// A user is erased.
pub(crate) struct Erased {
    pub(crate) done: Done,
    pub(crate) key: Destroyed,
}

/// The account ends.
struct Removal(UserId);

impl Beside for Removal {
    async fn write(&self, app: &App, transaction: &mut Transaction, _next: &Head<User>) -> Result<(), Undone> {
        match app.accounts.remove(transaction.session(), &self.0).await? {
            Removed::Yes => Ok(()),
            Removed::LastAdmin => Err(Rejected::from(Refusal::LastAdmin).into()),
        }
    }
}

impl App {
    /// Erases a user, to the end also when the caller stops waiting for it. Asked again, it makes sure that the key is
    /// gone, and answers as before.
    pub(crate) async fn erase(&self, user: UserId, by: UserId, intent: Intent) -> Result<Erased, Undone> {
        let (app, command, beside) = (self.clone(), UserCommand::Erase { by }, Removal(user.clone()));
        let erased = tasks::spawn("erasure", async move {
            let done = Spanning { user: user.clone(), command, beside, intent }.execute(&app).await?;
            let key = app.vault.destroy(&user).await?;
            Ok(Erased { done, key })
        });
        erased.await.unwrap_or_else(|panicked| Err(Rejected::from(panicked).into()))
    }
}
