//! One batch of commits, until each of them has an answer or nobody waits for it any more.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use bson::{RawDocumentBuf, doc};
use futures::TryStreamExt;
use mongodb::error::ErrorKind;
use mongodb::results::InsertManyResult;
use runtime::backoff::Backoff;
use uuid::Uuid;

use super::Pending;
use crate::commit::{Appended, CommitId, KeyHash, commit_id, commit_keys};
use crate::connection::Connection;
use crate::error::{Cause, DUPLICATE_KEY};
use crate::{Doorbell, Lanes, lane, metrics};

const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_LONGEST: Duration = Duration::from_millis(500);

pub(crate) struct Batch {
    pending: Vec<Pending>,
}

/// What one attempt showed about one commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Written,
    /// Its version or a key is taken: by another commit, or by itself in an earlier attempt whose answer was lost.
    Taken,
    /// It may or may not be stored: the same document is sent again.
    Unknown,
}

impl Batch {
    pub(crate) fn new(pending: Vec<Pending>) -> Self {
        Self { pending }
    }

    /// Sends the same documents again until the outcome of each is known, as long as somebody waits for it.
    pub(crate) async fn write(mut self, connection: &Connection, doorbell: &Doorbell) {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_LONGEST);
        loop {
            let attempts = self.insert(connection).await;
            let taken = self.settle(&attempts, doorbell);
            self.resolve(taken, connection).await;
            self.pending.retain(|pending| !pending.answer.is_closed());
            if self.pending.is_empty() {
                return;
            }
            metrics::RESENT.add(metrics::count(self.pending.len()));
            backoff.wait().await;
        }
    }

    async fn insert(&self, connection: &Connection) -> Vec<Attempt> {
        let commits = connection.commits.clone();
        let documents: Vec<_> = self.pending.iter().map(|pending| pending.document.clone()).collect();
        let started = runtime::clock::monotonic();
        let outcome = connection.run(async move { commits.insert_many(documents).ordered(false).await }).await;
        metrics::BATCH_SECONDS.record(started.elapsed().as_secs_f64());
        metrics::BATCH_COMMITS.add(metrics::count(self.pending.len()));
        attempts(&outcome, self.pending.len())
    }

    /// Answers the written ones, keeps the unknown ones, returns those of which something is taken.
    fn settle(&mut self, attempts: &[Attempt], doorbell: &Doorbell) -> Vec<Pending> {
        let (mut taken, mut written) = (Vec::new(), Vec::new());
        for (pending, attempt) in std::mem::take(&mut self.pending).into_iter().zip(attempts) {
            match attempt {
                Attempt::Written => {
                    written.push(lane(&pending.key.stream));
                    answer(pending, Appended::Written);
                }
                Attempt::Taken => taken.push(pending),
                Attempt::Unknown => self.pending.push(pending),
            }
        }
        if !written.is_empty() {
            doorbell.ring(Lanes::from_iter(written));
        }
        taken
    }

    /// Reads back who holds their versions and keys. A holder that no majority has yet leaves the outcome unknown.
    async fn resolve(&mut self, taken: Vec<Pending>, connection: &Connection) {
        if taken.is_empty() {
            return;
        }
        let holders = Holders::of(&taken, connection).await;
        for pending in taken {
            match holders.versions.get(&pending.key) {
                Some(holder) if *holder == pending.id => answer(pending, Appended::Written),
                Some(_other) => answer(pending, Appended::Conflict),
                None if keys_of(&pending).iter().any(|key| holders.keys.contains(key)) => {
                    answer(pending, Appended::Conflict);
                }
                None => self.pending.push(pending),
            }
        }
    }
}

fn answer(pending: Pending, appended: Appended) {
    // Whoever no longer waits finds out by trying again.
    let _ = pending.answer.send(appended);
}

fn attempts(outcome: &Result<InsertManyResult, Cause>, count: usize) -> Vec<Attempt> {
    let error = match outcome {
        Ok(_inserted) => return vec![Attempt::Written; count],
        Err(Cause::Driver(error)) => &*error.kind,
        Err(cause) => {
            tracing::warn!(%cause, "a batch of {count} commits is sent again");
            return vec![Attempt::Unknown; count];
        }
    };
    let ErrorKind::InsertMany(error) = error else {
        tracing::warn!(%error, "a batch of {count} commits is sent again");
        return vec![Attempt::Unknown; count];
    };
    // Without the majority's confirmation even what was inserted is not known to stay.
    let others = if error.write_concern_error.is_some() { Attempt::Unknown } else { Attempt::Written };
    let mut attempts = vec![others; count];
    for failed in error.write_errors.iter().flatten() {
        if let Some(attempt) = attempts.get_mut(failed.index) {
            *attempt = if failed.code == DUPLICATE_KEY { Attempt::Taken } else { Attempt::Unknown };
        }
    }
    attempts
}

/// The keys under which a commit is to be found.
fn keys_of(pending: &Pending) -> Vec<KeyHash> {
    commit_keys(&pending.document).unwrap_or_default()
}

/// What a majority holds that stands in the way of some commits; nothing when it cannot be read now.
#[derive(Default)]
struct Holders {
    /// Which commit has each version.
    versions: HashMap<CommitId, Uuid>,
    /// Under which keys a commit is found.
    keys: HashSet<KeyHash>,
}

impl Holders {
    async fn of(taken: &[Pending], connection: &Connection) -> Self {
        let versions: Vec<_> = taken.iter().map(|pending| pending.key.to_bson()).collect();
        let keys: Vec<_> = taken.iter().flat_map(keys_of).map(KeyHash::to_bson).collect();
        let either = doc! { "$or": [{ "_id": { "$in": versions } }, { "ks": { "$in": keys } }] };
        let commits = connection.commits.clone();
        let found = connection.run(async move {
            let found = commits.find(either).projection(doc! { "cid": 1, "ks": 1 });
            found.await?.try_collect::<Vec<RawDocumentBuf>>().await
        });
        let mut holders = Self::default();
        for document in found.await.unwrap_or_default() {
            if let (Ok(key), Ok(id)) = (CommitId::of_document(&document), commit_id(&document)) {
                holders.versions.insert(key, id);
            }
            holders.keys.extend(commit_keys(&document).unwrap_or_default());
        }
        holders
    }
}
