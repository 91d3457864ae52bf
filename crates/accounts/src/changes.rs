//! Changes of an account that belong to a transaction: another address, and the end.
//!
//! Await them in a task that nobody cancels. On [`Error::Contended`] the transaction is over: drop it, and begin again.

use bson::doc;
use mongodb::ClientSession;
use schemas::{Timestamp, UserId};

use crate::store::{Conflict, RESERVE, Reservation, unavailable};
use crate::{Accounts, Dismissed, Email, Error};

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It is part of the transaction.
    Yes,
    /// Another account has that address; the transaction is over.
    EmailTaken,
}

/// What became of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removed {
    /// It is part of the transaction.
    Yes,
    /// The user is the last admin, so nothing was changed.
    LastAdmin,
}

impl Accounts {
    /// Notes that a user's profile was changed at this time; with an address, moves the account to it: the old address
    /// is free, and the new one taken, from the commit of the transaction on.
    pub async fn change(
        &self,
        session: &mut ClientSession,
        user: &UserId,
        email: Option<&Email>,
        at: Timestamp,
    ) -> Result<Changed, Error> {
        self.prepared().await?;
        let mut set = doc! { "updatedAt": at.as_micros() };
        if let Some(tag) = email.map(|email| self.tag(email)) {
            if self.reserve(session, &tag, user).await? == Changed::EmailTaken {
                return Ok(Changed::EmailTaken);
            }
            self.release(session, user, Some(&tag)).await?;
            set.insert("email", tag);
        }
        let accounts = self.accounts.update_one(doc! { "_id": user.as_str() }, doc! { "$set": set });
        accounts.session(session).await.map_err(|error| contended("change an account", error))?;
        Ok(Changed::Yes)
    }

    /// Removes an account: from the commit of the transaction on nobody can log in to it, and its address is free.
    pub async fn remove(&self, session: &mut ClientSession, user: &UserId) -> Result<Removed, Error> {
        self.prepared().await?;
        match self.dismiss(session, user).await? {
            Dismissed::Yes | Dismissed::NoAdmin => {}
            Dismissed::LastAdmin => return Ok(Removed::LastAdmin),
        }
        self.release(session, user, None).await?;
        let removed = self.accounts.delete_one(doc! { "_id": user.as_str() }).session(session).await;
        removed.map_err(|error| contended("remove an account", error))?;
        Ok(Removed::Yes)
    }

    /// Takes an address, unless it is the user's own already.
    async fn reserve(&self, session: &mut ClientSession, tag: &str, user: &UserId) -> Result<Changed, Error> {
        let holder = self.emails.find_one(doc! { "_id": tag }).session(&mut *session).await;
        match holder.map_err(|error| contended(RESERVE, error))? {
            Some(holder) if holder.user == *user => return Ok(Changed::Yes),
            Some(_) => return Ok(Changed::EmailTaken),
            None => {}
        }
        let reservation = Reservation { email: tag.to_owned(), user: user.clone() };
        match self.emails.insert_one(reservation).session(session).await {
            Ok(_inserted) => Ok(Changed::Yes),
            Err(error) => match Conflict::of(&error) {
                Some(Conflict::Taken | Conflict::BeingTaken) => Err(Error::Contended),
                None => Err(unavailable(RESERVE, error)),
            },
        }
    }

    /// Gives back every address of the user but this one.
    async fn release(&self, session: &mut ClientSession, user: &UserId, but: Option<&str>) -> Result<(), Error> {
        const RELEASE: &str = "give an e-mail address back";
        let account = self.accounts.find_one(doc! { "_id": user.as_str() }).session(&mut *session).await;
        let account = account.map_err(|error| contended(RELEASE, error))?;
        let Some(account) = account.filter(|account| but != Some(account.email.as_str())) else { return Ok(()) };
        let own = doc! { "_id": account.email, "user": user.as_str() };
        let released = self.emails.delete_one(own).session(session).await;
        released.map(|_deleted| ()).map_err(|error| contended(RELEASE, error))
    }
}

/// The error of an operation in a transaction.
pub(crate) fn contended(doing: &'static str, error: mongodb::error::Error) -> Error {
    match Conflict::of(&error) {
        Some(Conflict::Taken | Conflict::BeingTaken) => Error::Contended,
        None => unavailable(doing, error),
    }
}
