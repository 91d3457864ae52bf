//! Users' keys in MongoDB: one document per user, either a wrapped key or the mark that it was destroyed.
//!
//! Writes go by `insert` and `update` and never by `findAndModify`, of which the server keeps the images before and
//! after in a collection of its own.

use bson::spec::BinarySubtype;
use bson::{Binary, Document, doc};
use futures::TryStreamExt as _;
use mongodb::Collection;
use mongodb::error::{ErrorKind, WriteFailure};
use schemas::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::connection::Connection;
use crate::masters::{MasterId, WrappedKey};

const DUPLICATE_KEY: i32 = 11_000;

/// The stored keys. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    connection: Connection,
    collection: Collection<Stored>,
}

/// `_id` is the user. A key has `master`, `key` and `at`, the mark of a destroyed one has `destroyed` alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stored {
    #[serde(rename = "_id")]
    pub(crate) user: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    master: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Binary>,
    /// When the key was wrapped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    destroyed: Option<Timestamp>,
}

/// What is stored of a user.
pub(crate) enum Found {
    Key { wrapped: WrappedKey, at: Timestamp },
    Destroyed { at: Timestamp },
}

impl Keys {
    pub(crate) fn new(connection: &Connection) -> Self {
        Self { connection: connection.clone(), collection: connection.database.collection("keys") }
    }

    pub(crate) async fn find(&self, user: &UserId) -> Result<Option<Found>, Error> {
        let (keys, id) = (self.collection.clone(), doc! { "_id": user.as_str() });
        let stored = self.connection.run("read a key", async move { keys.find_one(id).await }).await?;
        stored.map(Found::of).transpose()
    }

    /// The first documents of a kind, by user.
    pub(crate) async fn page(&self, kind: Document, limit: i64) -> Result<Vec<Stored>, Error> {
        let keys = self.collection.clone();
        let page = async move { keys.find(kind).sort(doc! { "_id": 1 }).limit(limit).await?.try_collect().await };
        self.connection.run("read keys", page).await
    }

    /// Stores the first key of a user; one that is there already stays.
    pub(crate) async fn add(&self, user: &UserId, wrapped: WrappedKey, at: Timestamp) -> Result<(), Error> {
        let WrappedKey { master, bytes } = wrapped;
        let (master, key) = (Some(master.to_string()), Some(binary(bytes)));
        let stored = Stored { user: user.clone(), master, key, at: Some(at), destroyed: None };
        let keys = self.collection.clone();
        self.connection.run("store a key", async move { unless_there(keys.insert_one(stored).await.map(drop)) }).await
    }

    /// Replaces a wrapped key by another wrapping of the same key, if it is still the one that was read.
    pub(crate) async fn replace(
        &self,
        user: &UserId,
        old: Vec<u8>,
        wrapped: WrappedKey,
        at: Timestamp,
    ) -> Result<(), Error> {
        let one = doc! { "_id": user.as_str(), "key": binary(old) };
        let WrappedKey { master, bytes } = wrapped;
        let set = doc! { "master": master.as_str(), "key": binary(bytes), "at": at.as_micros() };
        let keys = self.collection.clone();
        let update = async move { keys.update_one(one, doc! { "$set": set }).await.map(drop) };
        self.connection.run("wrap a key again", update).await
    }

    /// Destroys a user's key for ever, also if there never was one. The first time counts.
    pub(crate) async fn destroy(&self, user: &UserId, at: Timestamp) -> Result<(), Error> {
        let alive = doc! { "_id": user.as_str(), "destroyed": { "$exists": false } };
        let gone = doc! { "key": "", "master": "", "at": "" };
        let destroy = doc! { "$set": { "destroyed": at.as_micros() }, "$unset": gone };
        let keys = self.collection.clone();
        let destroyed = async move { unless_there(keys.update_one(alive, destroy).upsert(true).await.map(drop)) };
        self.connection.run("destroy a key", destroyed).await
    }
}

impl Found {
    pub(crate) fn of(stored: Stored) -> Result<Self, Error> {
        match stored {
            Stored { destroyed: Some(at), .. } => Ok(Self::Destroyed { at }),
            Stored { master: Some(master), key: Some(key), at: Some(at), .. } => {
                let wrapped = WrappedKey { master: MasterId::named(&master), bytes: key.bytes };
                Ok(Self::Key { wrapped, at })
            }
            Stored { user, .. } => Err(Error::NotAuthentic { user }),
        }
    }
}

fn binary(bytes: Vec<u8>) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes }
}

/// Somebody else's document of the same user is as good as ours.
fn unless_there(outcome: Result<(), mongodb::error::Error>) -> Result<(), mongodb::error::Error> {
    outcome.or_else(|error| {
        if let ErrorKind::Write(WriteFailure::WriteError(failed)) = &*error.kind
            && failed.code == DUPLICATE_KEY
        {
            return Ok(());
        }
        Err(error)
    })
}
