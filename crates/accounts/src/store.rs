//! Accounts in MongoDB: `accounts` by user, and `emails`, whose key is the keyed hash of the address, so that two
//! accounts cannot have the same one. Neither holds an address or a name.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use bson::{Document, doc};
use mongodb::error::{ErrorKind, WriteFailure};
use mongodb::{ClientSession, Collection, Database};
use runtime::backoff::Backoff;
use runtime::{Secret, clock, tasks};
use schemas::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::passwords::{Admitted, Passwords};
use crate::throttle::Throttle;
use crate::{Account, Email, Error, Password};

pub(crate) const RESERVE: &str = "reserve an e-mail address";
const DUPLICATE_KEY: i32 = 11_000;
const WRITE_CONFLICT: i32 = 112;
const NAMESPACE_EXISTS: i32 = 48;
/// How long another transaction may take that is about to take an address.
const OTHER_ENDS_WITHIN: Duration = Duration::from_secs(3);
/// How long one operation may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// All accounts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Accounts {
    database: Database,
    pub(crate) accounts: Collection<Stored>,
    pub(crate) emails: Collection<Reservation>,
    pub(crate) admins: Collection<Document>,
    prepared: Arc<OnceCell<()>>,
    email_key: hmac::Key,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Arc<Throttle>,
}

/// What became of a new account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Created {
    /// It is part of the transaction.
    Yes,
    /// Another account has its e-mail; the transaction is over.
    EmailTaken,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Stored {
    #[serde(rename = "_id")]
    id: UserId,
    /// The keyed hash of the address, by which its reservation is found.
    pub(crate) email: String,
    pub(crate) password_hash: String,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    one_time_until: Option<Timestamp>,
}

/// Who has an e-mail address; `_id` is the address's keyed hash.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Reservation {
    #[serde(rename = "_id")]
    pub(crate) email: String,
    pub(crate) user: UserId,
}

impl Accounts {
    /// The accounts in this database; addresses are hashed under this key, which must never change.
    pub fn new(database: &Database, email_key: &Secret) -> Result<Self, Error> {
        Ok(Self {
            database: database.clone(),
            accounts: database.collection("accounts"),
            emails: database.collection("emails"),
            admins: database.collection("admins"),
            prepared: Arc::default(),
            email_key: hmac::Key::new(hmac::HMAC_SHA256, email_key.expose().as_bytes()),
            passwords: Passwords::new()?,
            throttle: Arc::default(),
        })
    }

    /// A place among those who come with a password, to be had before anything is read for them; [`Error::Busy`] if there
    /// is none. However many come, what they ask of the store is bounded.
    pub fn admit(&self) -> Result<Admitted, Error> {
        self.passwords.admit()
    }

    /// The hash of a new password; takes tens of milliseconds of a thread of its own.
    pub async fn hash(&self, password: &Password) -> Result<Secret, Error> {
        self.passwords.hash(password.secret()).await.map(Secret::from)
    }

    /// The keyed hash of an address, as hexadecimal digits: names the address without showing it.
    #[must_use]
    pub fn tag(&self, email: &Email) -> String {
        hex::encode(hmac::sign(&self.email_key, email.as_str().as_bytes()))
    }

    /// Adds an account with this address to a transaction. Await it in a task that nobody cancels. Of several transactions that want one
    /// address at once, one gets it; the others hear [`Created::EmailTaken`] once that one is committed, or
    /// [`Error::Unavailable`] if it is not committed soon.
    pub async fn create(
        &self,
        session: &mut ClientSession,
        account: &Account,
        email: &Email,
        password_hash: &Secret,
    ) -> Result<Created, Error> {
        self.prepared().await?;
        let reservation = Reservation { email: self.tag(email), user: account.id.clone() };
        let stored = Stored {
            id: account.id.clone(),
            email: reservation.email.clone(),
            password_hash: password_hash.expose().to_owned(),
            created_at: account.created_at,
            updated_at: account.updated_at,
            one_time_until: account.one_time_until,
        };
        if let Err(error) = self.emails.insert_one(reservation).session(&mut *session).await {
            return match Conflict::of(&error) {
                Some(Conflict::Taken) => Ok(Created::EmailTaken),
                Some(Conflict::BeingTaken) => self.outcome_of_the_other(email, error).await,
                None => Err(unavailable(RESERVE, error)),
            };
        }
        let inserted = self.accounts.insert_one(stored).session(session).await;
        inserted.map(|_| Created::Yes).map_err(|error| unavailable("create an account", error))
    }

    /// Makes the collections, if they are not there: a transaction must not, for others that begin at the same time
    /// would fail.
    pub(crate) async fn prepared(&self) -> Result<(), Error> {
        self.prepared.get_or_try_init(|| self.prepare()).await.map(|_done| ())
    }

    async fn prepare(&self) -> Result<(), Error> {
        for name in [self.accounts.name(), self.emails.name(), self.admins.name()] {
            let (database, name) = (self.database.clone(), name.to_owned());
            run("create the collections", async move {
                match database.create_collection(name).await {
                    Err(error) if code(&error) != Some(NAMESPACE_EXISTS) => Err(error),
                    Ok(()) | Err(_) => Ok(()),
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Another transaction is about to take the address: waits until it is known whether it did.
    async fn outcome_of_the_other(&self, email: &Email, conflict: mongodb::error::Error) -> Result<Created, Error> {
        let started = clock::monotonic();
        let mut backoff = Backoff::new(Duration::from_millis(5), Duration::from_millis(100));
        while started.elapsed() < OTHER_ENDS_WITHIN {
            if self.owner(email).await?.is_some() {
                return Ok(Created::EmailTaken);
            }
            backoff.wait().await;
        }
        Err(unavailable(RESERVE, conflict))
    }

    /// The account of a user.
    pub async fn find(&self, user: &UserId) -> Result<Option<Account>, Error> {
        Ok(self.stored(user.clone()).await?.map(Account::from))
    }

    /// Who has this address.
    pub async fn owner(&self, email: &Email) -> Result<Option<UserId>, Error> {
        let (emails, tag) = (self.emails.clone(), self.tag(email));
        let found = run("look up an e-mail address", async move { emails.find_one(doc! { "_id": tag }).await });
        Ok(found.await?.map(|reservation| reservation.user))
    }

    /// The account with this address and this password. `None` for an unknown address as for a wrong password, after
    /// the same work. Too many wrong passwords for one address: [`Error::Throttled`].
    pub async fn log_in(&self, email: &Email, password: &Secret) -> Result<Option<Account>, Error> {
        let tag = self.tag(email);
        let attempt = self.throttle.attempt(&tag).map_err(|retry_after| Error::Throttled { retry_after })?;
        // An unknown address costs the same two reads as a known one.
        let owner = self.owner(email).await?.unwrap_or_else(|| UserId::from_bits(0));
        let stored = self.stored(owner).await?;
        let hash = stored.as_ref().map(|stored| stored.password_hash.clone());
        if self.passwords.check(password, hash).await? {
            attempt.was_right();
            return Ok(stored.map(Account::from));
        }
        attempt.was_wrong();
        Ok(None)
    }

    pub(crate) async fn stored(&self, user: UserId) -> Result<Option<Stored>, Error> {
        let accounts = self.accounts.clone();
        run("read an account", async move { accounts.find_one(doc! { "_id": user.as_str() }).await }).await
    }
}

impl From<Stored> for Account {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
            one_time_until: stored.one_time_until,
        }
    }
}

/// Runs an operation of the driver to its end, in a task of its own, but waits for it no longer than [`PATIENCE`].
pub(crate) async fn run<T, F>(doing: &'static str, operation: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: Future<Output = Result<T, mongodb::error::Error>> + Send + 'static,
{
    match tokio::time::timeout(PATIENCE, tasks::spawn("accounts", operation)).await {
        Ok(Ok(outcome)) => outcome.map_err(|error| unavailable(doing, error)),
        Ok(Err(died)) => Err(Error::Died(died)),
        Err(_elapsed) => Err(Error::Unavailable { doing, source: None }),
    }
}

pub(crate) fn unavailable(doing: &'static str, error: mongodb::error::Error) -> Error {
    Error::Unavailable { doing, source: Some(Box::new(error)) }
}

/// Why an address could not be reserved.
pub(crate) enum Conflict {
    /// Somebody has it.
    Taken,
    /// A transaction that is still open has written it.
    BeingTaken,
}

impl Conflict {
    pub(crate) fn of(error: &mongodb::error::Error) -> Option<Self> {
        match code(error)? {
            DUPLICATE_KEY => Some(Self::Taken),
            WRITE_CONFLICT => Some(Self::BeingTaken),
            _ => None,
        }
    }
}

/// The server's code for what went wrong, if it was the server that said so.
fn code(error: &mongodb::error::Error) -> Option<i32> {
    if let ErrorKind::Write(WriteFailure::WriteError(failed)) = &*error.kind {
        Some(failed.code)
    } else if let ErrorKind::Command(failed) = &*error.kind {
        Some(failed.code)
    } else {
        None
    }
}
