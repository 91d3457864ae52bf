//! From an old master key to the newest: every user's key is wrapped again. Values that are sealed stay as they are.

use std::collections::BTreeMap;

use bson::{Document, doc};
use runtime::clock;
use schemas::{Timestamp, UserId};

use crate::keys::{Found, Keys};
use crate::masters::{MasterId, WrappedKey};
use crate::{Error, Vault};

/// How many keys are read at a time.
const PAGE: i64 = 500;

/// How many users' keys are wrapped under a master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrapped {
    /// Which.
    pub master: MasterId,
    /// How many.
    pub keys: u64,
    /// Whether it is configured; if it is not, those keys cannot be opened.
    pub known: bool,
    /// Whether it is the newest one.
    pub newest: bool,
}

impl Vault {
    /// Under which master keys users' keys are wrapped now. The newest one is always among them.
    pub async fn wrapped(&self) -> Result<Vec<Wrapped>, Error> {
        let mut counts = BTreeMap::from([(self.masters.newest().clone(), 0)]);
        let mut pages = Pages::default();
        while let Some(page) = pages.next(&self.keys, doc! { "key": { "$exists": true } }).await? {
            for (_, wrapped) in page {
                *counts.entry(wrapped.master).or_default() += 1;
            }
        }
        let wrapped = |(master, keys): (MasterId, u64)| {
            let (known, newest) = (self.masters.knows(&master), master == *self.masters.newest());
            Wrapped { master, keys, known, newest }
        };
        Ok(counts.into_iter().map(wrapped).collect())
    }

    /// Wraps every user's key under the newest master key; returns how many were not yet. What was done stays done when
    /// it fails in the middle, and services go on meanwhile.
    pub async fn rewrap(&self) -> Result<u64, Error> {
        let (mut done, mut pages) = (0, Pages::default());
        let others = doc! { "key": { "$exists": true }, "master": { "$ne": self.masters.newest().as_str() } };
        while let Some(page) = pages.next(&self.keys, others.clone()).await? {
            for (user, old) in page {
                let key = self.masters.unwrap(&user, &old)?;
                let wrapped = self.masters.wrap(&user, &key)?;
                self.keys.replace(&user, old.bytes, wrapped, Timestamp::from_micros(clock::now_micros())).await?;
                done += 1;
            }
        }
        Ok(done)
    }
}

/// Walks through the stored keys, some at a time, in the order of the users' ids.
#[derive(Default)]
struct Pages {
    after: Option<UserId>,
}

impl Pages {
    /// The next keys of this kind; `None` behind the last one.
    async fn next(&mut self, keys: &Keys, mut kind: Document) -> Result<Option<Vec<(UserId, WrappedKey)>>, Error> {
        if let Some(after) = &self.after {
            kind.insert("_id", doc! { "$gt": after.as_str() });
        }
        let page = keys.page(kind, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = Some(last.user.clone());
        let mut wrapped = Vec::with_capacity(page.len());
        for stored in page {
            let user = stored.user.clone();
            if let Found::Key { wrapped: key, .. } = Found::of(stored)? {
                wrapped.push((user, key));
            }
        }
        Ok(Some(wrapped))
    }
}
