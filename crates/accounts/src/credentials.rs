//! The password of an account that exists: shown to be known, and replaced.

use std::time::Duration;

use bson::doc;
use mongodb::ClientSession;
use runtime::Secret;
use schemas::{Timestamp, UserId};

use crate::changes::contended;
use crate::{Accounts, Error, Password};

/// How long a one-time password is good.
pub const ONE_TIME_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The random bytes of a one-time password; it is shown as twice as many hexadecimal digits.
const ONE_TIME_BYTES: usize = 12;

/// Somebody has shown that he or she knows the password that a user has now.
#[derive(Debug, Clone)]
pub struct Proven {
    user: UserId,
    /// Of that password: whoever replaces it does so only while it is still the one.
    hash: Secret,
}

/// What became of a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It is part of the transaction.
    Yes,
    /// The password is no longer the one that was shown; nothing was changed.
    Outdated,
}

impl Accounts {
    /// Whether this is the password of somebody who is logged in already. After too many wrong ones it is
    /// [`Error::Throttled`]; they are counted apart from log-ins, which strangers can try.
    pub async fn prove(&self, user: &UserId, password: &Secret) -> Result<Option<Proven>, Error> {
        let Some(stored) = self.stored(user.clone()).await? else { return Ok(None) };
        let own = format!("own:{}", stored.email);
        let attempt = self.throttle.attempt(&own).map_err(|retry_after| Error::Throttled { retry_after })?;
        if self.passwords.check(password, Some(stored.password_hash.clone())).await? {
            attempt.was_right();
            return Ok(Some(Proven { user: user.clone(), hash: stored.password_hash.into() }));
        }
        attempt.was_wrong();
        Ok(None)
    }

    /// Gives a user another password, as part of a transaction. Await it in a task that nobody cancels. On
    /// [`Error::Contended`] the transaction is over: drop it, and begin again.
    pub async fn replace_password(
        &self,
        session: &mut ClientSession,
        proven: &Proven,
        hash: &Secret,
    ) -> Result<Replaced, Error> {
        let this = doc! { "_id": proven.user.as_str(), "passwordHash": proven.hash.expose() };
        let change = doc! { "$set": { "passwordHash": hash.expose() }, "$unset": { "oneTimeUntil": "" } };
        let replaced = self.accounts.update_one(this, change).session(session).await;
        let replaced = replaced.map_err(|error| contended("replace a password", error))?;
        Ok(if replaced.matched_count == 1 { Replaced::Yes } else { Replaced::Outdated })
    }
    /// Puts a one-time password in the place of a user's, as part of a transaction. Await it in a task that nobody
    /// cancels. On [`Error::Contended`] the transaction is over: drop it, and begin again.
    pub async fn give_one_time_password(
        &self,
        session: &mut ClientSession,
        user: &UserId,
        hash: &Secret,
        at: Timestamp,
    ) -> Result<(), Error> {
        let lifetime = i64::try_from(ONE_TIME_LIFETIME.as_micros()).unwrap_or(0);
        let until = at.as_micros().saturating_add(lifetime);
        let set = doc! { "passwordHash": hash.expose(), "oneTimeUntil": until };
        let given = self.accounts.update_one(doc! { "_id": user.as_str() }, doc! { "$set": set });
        given.session(session).await.map(drop).map_err(|error| contended("give a one-time password", error))
    }
}

impl Password {
    /// A password that nobody guesses, for one time.
    pub fn one_time() -> Result<Self, Error> {
        let mut random = [0; ONE_TIME_BYTES];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::NoRandomness)?;
        Self::parse(&hex::encode(random)).map_err(|_| Error::NoRandomness)
    }

    /// The password itself, for whoever is to be told. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.secret().expose()
    }
}
