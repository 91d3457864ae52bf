//! Who the admins are, in one document, so that of two transactions that would together leave nobody, one conflicts with
//! the other.
//!
//! Await these in a task that nobody cancels. On [`Error::Contended`] the transaction is over: drop it, and begin again.

use bson::{Bson, doc};
use mongodb::ClientSession;
use schemas::UserId;

use crate::changes::contended;
use crate::{Accounts, Error};

const ADMINS: &str = "admins";

/// What became of a dismissal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dismissed {
    /// It is part of the transaction.
    Yes,
    /// The user is no admin.
    NoAdmin,
    /// No other admin would be left, so nothing was changed.
    LastAdmin,
}

impl Accounts {
    /// Counts this user among the admins, as part of a transaction.
    pub async fn appoint(&self, session: &mut ClientSession, user: &UserId) -> Result<(), Error> {
        self.prepared().await?;
        let add = doc! { "$addToSet": { "users": user.as_str() } };
        let added = self.admins.update_one(doc! { "_id": ADMINS }, add).upsert(true).session(session).await;
        added.map(|_updated| ()).map_err(|error| contended("appoint an admin", error))
    }

    /// Counts this user no longer among the admins, as part of a transaction, unless no other admin would be left.
    pub async fn dismiss(&self, session: &mut ClientSession, user: &UserId) -> Result<Dismissed, Error> {
        const DISMISS: &str = "dismiss an admin";
        self.prepared().await?;
        let found = self.admins.find_one(doc! { "_id": ADMINS }).session(&mut *session).await;
        let found = found.map_err(|error| contended(DISMISS, error))?.unwrap_or_default();
        let admins = found.get_array("users").map(Vec::as_slice).unwrap_or_default();
        if !admins.iter().any(|admin| admin.as_str() == Some(user.as_str())) {
            return Ok(Dismissed::NoAdmin);
        }
        if admins.len() < 2 {
            return Ok(Dismissed::LastAdmin);
        }
        let pull = doc! { "$pull": { "users": Bson::from(user.as_str()) } };
        let pulled = self.admins.update_one(doc! { "_id": ADMINS }, pull).session(session).await;
        pulled.map(|_updated| Dismissed::Yes).map_err(|error| contended(DISMISS, error))
    }
}
