//! Changes a user's password: the account gets the new hash and the stream an event without it, in one transaction.
//!
//! Who has forgotten the password asks an admin for one that is good once: to log in with a new one.

use accounts::{Password, Proven, Replaced};
use domain::user::{User, UserCommand};
use event_store::Transaction;
use runtime::{Secret, tasks};
use schemas::UserId;

use crate::app::App;
use crate::intent::Intent;
use crate::spanning::{Beside, Spanning, Undone};
use crate::streams::{Done, Head, Rejected, replay};

/// A password that is to be replaced, and by what.
#[derive(Debug)]
pub(crate) struct PasswordChange {
    pub(crate) current: Secret,
    pub(crate) new: Password,
}

/// The account gets another password's hash.
struct NewHash {
    proven: Proven,
    hash: Secret,
}

impl Beside for NewHash {
    async fn write(&self, app: &App, transaction: &mut Transaction, _next: &Head<User>) -> Result<(), Undone> {
        match app.accounts.replace_password(transaction.session(), &self.proven, &self.hash).await? {
            Replaced::Yes => Ok(()),
            Replaced::Outdated => Err(Undone::WrongPassword),
        }
    }
}

/// The account gets the hash of a password for one time.
struct OneTime {
    user: UserId,
    hash: Secret,
}

impl Beside for OneTime {
    async fn write(&self, app: &App, transaction: &mut Transaction, next: &Head<User>) -> Result<(), Undone> {
        let session = transaction.session();
        Ok(app.accounts.give_one_time_password(session, &self.user, &self.hash, next.at).await?)
    }
}

impl App {
    /// Gives a user a password for one time instead of the one that he or she has, and ends every log-in so far.
    pub(crate) async fn give_one_time_password(
        &self,
        user: UserId,
        intent: Intent,
    ) -> Result<(Done, Password), Undone> {
        let password = Password::one_time()?;
        let hash = self.accounts.hash(&password).await?;
        let beside = OneTime { user: user.clone(), hash };
        let done = Spanning { user, command: UserCommand::ChangePassword, beside, intent }.execute(self).await?;
        Ok((done, password))
    }

    /// Changes the password of somebody who knows the current one, and logs him or her out everywhere. With the same
    /// key it answers as before, though the current password is another by then. Runs to its end also when the caller
    /// stops waiting for it.
    pub(crate) async fn change_password(
        &self,
        user: UserId,
        change: PasswordChange,
        intent: Intent,
    ) -> Result<Done, Undone> {
        let app = self.clone();
        let changed = tasks::spawn("password", async move {
            if let Some(done) = app.changed_before(&intent).await? {
                return Ok(done);
            }
            match app.password_changed(user, change, intent.clone()).await {
                // The same request may have come first, while this one was looking.
                Err(Undone::WrongPassword) => app.changed_before(&intent).await?.ok_or(Undone::WrongPassword),
                outcome => outcome,
            }
        });
        changed.await.unwrap_or_else(|panicked| Err(Rejected::from(panicked).into()))
    }

    async fn changed_before(&self, intent: &Intent) -> Result<Option<Done>, Undone> {
        Ok(replay(&self.store.find_keys(intent.key.as_slice()).await?, intent)?)
    }

    async fn password_changed(&self, user: UserId, change: PasswordChange, intent: Intent) -> Result<Done, Undone> {
        let PasswordChange { current, new } = change;
        // Else a password for one time could be used by who gave it, and be good for its user all the same.
        if new.expose() == current.expose() {
            return Err(Undone::SamePassword);
        }
        let proven = self.accounts.prove(&user, &current).await?.ok_or(Undone::WrongPassword)?;
        let hash = self.accounts.hash(&new).await?;
        let (command, beside) = (UserCommand::ChangePassword, NewHash { proven, hash });
        Spanning { user, command, beside, intent }.execute(self).await
    }
}
