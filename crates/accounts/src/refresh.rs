//! Refresh tokens: what prolongs a log-in without its password. Each is good once, and gives the next one.
//!
//! Two collections: `logins`, a document per log-in that names the one token that is good now, and `refresh_tokens`,
//! which tells whose a token is or was. Only hashes are stored. The compare-and-set of the good token is the one
//! decision: of any number of requests with one token, also at once, one gets the next; to all others the token is
//! spent, and a spent token that is shown again means that somebody has a copy. Both collections empty themselves.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use bson::{DateTime, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, Database, IndexModel};
use runtime::Secret;
use schemas::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use tokio::sync::OnceCell;

use crate::Error;
use crate::store::run;

/// How long a refresh token is good, and for as long it is recognised when it is shown again. A log-in that is
/// prolonged within that time goes on.
pub const REFRESH_LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The random bytes of a token; nobody guesses one, so a plain hash protects it.
const BYTES: usize = 32;

/// The refresh tokens of all log-ins. Cheap to clone.
#[derive(Debug, Clone)]
pub struct RefreshTokens {
    log_ins: Collection<StoredLogIn>,
    tokens: Collection<StoredToken>,
    prepared: Arc<OnceCell<()>>,
}

/// One log-in of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogIn {
    /// Whose.
    pub user: UserId,
    /// Which of his or hers.
    pub session: SessionId,
    /// The user's session version when it began.
    pub session_version: i64,
}

/// `_id` is the session. Without `good` the log-in is over.
#[derive(Debug, Serialize, Deserialize)]
struct StoredLogIn {
    #[serde(rename = "_id")]
    session: SessionId,
    user: UserId,
    version: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    good: Option<String>,
    expires: DateTime,
}

/// `_id` is the token's hash. The log-in is told here too, for it may be forgotten earlier than its tokens.
#[derive(Debug, Serialize, Deserialize)]
struct StoredToken {
    #[serde(rename = "_id")]
    hash: String,
    session: SessionId,
    user: UserId,
    version: i64,
    expires: DateTime,
}

impl RefreshTokens {
    /// The refresh tokens that lie in this database.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self {
            log_ins: database.collection("logins"),
            tokens: database.collection("refresh_tokens"),
            prepared: Arc::default(),
        }
    }

    /// The first token of a log-in that begins now.
    pub async fn begin(&self, log_in: &LogIn, now: Timestamp) -> Result<Secret, Error> {
        self.prepared.get_or_try_init(|| self.prepare()).await?;
        let (token, hash) = self.make(log_in, now).await?;
        let stored = StoredLogIn {
            session: log_in.session.clone(),
            user: log_in.user.clone(),
            version: log_in.session_version,
            good: Some(hash),
            expires: expiry(now),
        };
        let log_ins = self.log_ins.clone();
        run("remember a log-in", async move { log_ins.insert_one(stored).await }).await?;
        Ok(token)
    }

    /// The log-in of a token, which may be good or spent; `None` if it is none of ours, or too old. The server deletes
    /// expired documents once a minute only.
    pub async fn whose(&self, token: &Secret, now: Timestamp) -> Result<Option<LogIn>, Error> {
        let (tokens, hash) = (self.tokens.clone(), hash(token));
        let found = run("look up a refresh token", async move { tokens.find_one(doc! { "_id": hash }).await });
        let known = found.await?.filter(|token| token.expires > date(now));
        Ok(known.map(|StoredToken { user, session, version, .. }| LogIn { user, session, session_version: version }))
    }

    /// Spends a token of this log-in and returns the next one; `None` if it had been spent, or its log-in is over: whoever
    /// shows it must not go on, nor whoever has its successor. Whether its user may still log in is for the caller to
    /// find out, before the next token is handed over.
    pub async fn spend(&self, token: &Secret, log_in: &LogIn, now: Timestamp) -> Result<Option<Secret>, Error> {
        let (next, good) = self.make(log_in, now).await?;
        let log_ins = self.log_ins.clone();
        let this = doc! { "_id": log_in.session.as_str(), "good": hash(token) };
        let change = doc! { "$set": { "good": good, "expires": expiry(now) } };
        let moved = run("spend a refresh token", async move { log_ins.update_one(this, change).await }).await?;
        Ok((moved.matched_count == 1).then_some(next))
    }

    /// Ends a log-in: none of its tokens is good any more. The same again changes nothing.
    pub async fn end(&self, session: &SessionId) -> Result<(), Error> {
        let (log_ins, this) = (self.log_ins.clone(), doc! { "_id": session.as_str() });
        let change = doc! { "$unset": { "good": "" } };
        run("end a log-in", async move { log_ins.update_one(this, change).await }).await.map(drop)
    }

    /// A new token, known but not yet good: if the process dies now, nobody ever has it.
    async fn make(&self, log_in: &LogIn, now: Timestamp) -> Result<(Secret, String), Error> {
        let mut random = [0; BYTES];
        aws_lc_rs::rand::fill(&mut random).map_err(|_| Error::NoRandomness)?;
        let token = Secret::from(hex::encode(random));
        let hash = hash(&token);
        let stored = StoredToken {
            hash: hash.clone(),
            session: log_in.session.clone(),
            user: log_in.user.clone(),
            version: log_in.session_version,
            expires: expiry(now),
        };
        let tokens = self.tokens.clone();
        run("remember a refresh token", async move { tokens.insert_one(stored).await }).await?;
        Ok((token, hash))
    }

    async fn prepare(&self) -> Result<(), Error> {
        let options = IndexOptions::builder().expire_after(Duration::ZERO).build();
        let index = IndexModel::builder().keys(doc! { "expires": 1 }).options(options).build();
        let (log_ins, tokens) = (self.log_ins.clone(), self.tokens.clone());
        run("create the indexes of refresh tokens", async move {
            log_ins.create_index(index.clone()).await?;
            tokens.create_index(index).await
        })
        .await
        .map(drop)
    }
}

fn hash(token: &Secret) -> String {
    hex::encode(digest(&SHA256, token.expose().as_bytes()))
}

fn date(at: Timestamp) -> DateTime {
    DateTime::from_millis(at.as_micros().div_euclid(1_000))
}

fn expiry(now: Timestamp) -> DateTime {
    let lifetime = i64::try_from(REFRESH_LIFETIME.as_millis()).unwrap_or(i64::MAX);
    DateTime::from_millis(date(now).timestamp_millis().saturating_add(lifetime))
}
