//! The check itself: signature (once per token), then expiry and revocation (every time).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use bus::{Kafka, KafkaConfig, Registry};
use quick_cache::sync::Cache;
use runtime::{Process, clock};
use tokio::sync::broadcast;

use crate::key_ring::{KeyRing, Reading};
use crate::revocations::{Revocation, Revocations};
use crate::verifier::Verifier;
use crate::{Caller, InvalidKeys, Rejection, SessionsConfig, follow, metrics};

/// Tokens that are remembered as verified; about 1 KB each.
const REMEMBERED_TOKENS: usize = 16 * 1024;
/// Revocations that a listener may be behind before it has to look for itself.
const BACKLOG: usize = 1_024;
/// Clocks may differ by as much, in seconds.
const LEEWAY: i64 = 5;

/// The check of sessions could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The public keys cannot be used.
    #[error("cannot use JWKS")]
    Keys(#[from] InvalidKeys),
    /// The client that reads published keys could not be made.
    #[error("cannot set up the HTTP client that reads JWKS_URL")]
    Client(#[source] reqwest::Error),
    /// The users' topic cannot be followed.
    #[error("cannot follow the users' events")]
    Follow(#[from] bus::Error),
}

/// Who is logged in. Clones share everything.
#[derive(Debug, Clone)]
pub struct Sessions(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    keys: Arc<KeyRing>,
    verifier: Verifier,
    verified: Cache<Box<str>, Verified>,
    revocations: RwLock<Revocations>,
    listeners: broadcast::Sender<Revocation>,
    caught_up: AtomicBool,
}

/// A token that was verified before.
#[derive(Debug, Clone)]
struct Verified {
    caller: Arc<Caller>,
    /// Of the keys that it was verified with.
    generation: u64,
}

impl Sessions {
    /// Starts to follow the users' topic, through clients that the process has anyway, and the keys, where they can
    /// change. The dependency `sessions` is up once the topic was read to its end; until then everybody is refused.
    pub fn start(
        config: &SessionsConfig,
        kafka: &Kafka,
        registry: &Registry,
        process: &Process,
    ) -> Result<Self, Error> {
        let sessions = Self::new(config)?;
        sessions.follow_keys(process);
        follow::start(sessions.clone(), kafka, registry, process)?;
        Ok(sessions)
    }

    /// [`Self::start`] with clients of its own, for a process that reads Kafka for nothing else.
    pub fn connect(config: &SessionsConfig, events: &KafkaConfig, process: &Process) -> Result<Self, Error> {
        let (kafka, registry) = (Kafka::connect(events, process)?, Registry::connect(events, process)?);
        Self::start(config, &kafka, &registry, process)
    }

    /// Sessions that hear of revocations only through [`Self::revoke`]: for tests of routes, with tokens of
    /// [`crate::testing`].
    pub fn without_events(config: &SessionsConfig) -> Result<Self, Error> {
        let sessions = Self::new(config)?;
        sessions.caught_up();
        Ok(sessions)
    }

    /// Reads the keys again while the process lives, where they can change. [`Self::start`] does that.
    pub fn follow_keys(&self, process: &Process) {
        Arc::clone(&self.0.keys).follow(process);
    }

    fn new(config: &SessionsConfig) -> Result<Self, Error> {
        runtime::metrics::describe(metrics::ALL);
        Ok(Self(Arc::new(Inner {
            keys: Arc::new(KeyRing::new(config)?),
            verifier: Verifier::new(config),
            verified: Cache::new(REMEMBERED_TOKENS),
            revocations: RwLock::default(),
            listeners: broadcast::Sender::new(BACKLOG),
            caught_up: AtomicBool::new(false),
        })))
    }

    /// [`Self::verify`]; if the token names a key that is not known, the keys are read again first.
    pub async fn admit(&self, token: &str) -> Result<Caller, Rejection> {
        match self.verify(token) {
            Err(Rejection::UnknownKey) => match self.0.keys.read_again().await {
                Reading::Done => self.verify(token),
                Reading::Failed => Err(Rejection::UnknownKey),
                // Whoever has a token of a key that is new may come again.
                Reading::Crowded => Err(Rejection::NotReady),
            },
            judged => judged,
        }
    }

    /// Who shows this token: signature, issuer, audience, expiry and revocation are checked, the last two also when
    /// the token was verified before.
    pub fn verify(&self, token: &str) -> Result<Caller, Rejection> {
        self.verify_at(token, clock::now_seconds())
    }

    /// [`Self::verify`] at this time, in seconds since the epoch.
    pub fn verify_at(&self, token: &str, now: i64) -> Result<Caller, Rejection> {
        let keys = self.0.keys.keys().ok_or(Rejection::NotReady)?;
        let generation = keys.generation();
        if let Some(known) = self.0.verified.get(token).filter(|known| known.generation == generation) {
            self.check_at(&known.caller, now)?;
            return Ok(Caller::clone(&known.caller));
        }
        let caller = Arc::new(Caller::from(self.0.verifier.verify(&keys, token, now)?));
        self.check_at(&caller, now)?;
        self.0.verified.insert(token.into(), Verified { caller: Arc::clone(&caller), generation });
        Ok(Caller::clone(&caller))
    }

    /// The keys that tokens are checked with now, as a JSON Web Key Set; `None` if there are none yet.
    #[must_use]
    pub fn published_keys(&self) -> Option<String> {
        self.0.keys.keys().map(|keys| keys.published(clock::now_seconds()))
    }

    /// Whether somebody who was let in before may stay: the token has not expired, the session has not ended.
    pub fn check(&self, caller: &Caller) -> Result<(), Rejection> {
        self.check_at(caller, clock::now_seconds())
    }

    fn check_at(&self, caller: &Caller, now: i64) -> Result<(), Rejection> {
        if !self.0.caught_up.load(Ordering::Acquire) {
            return Err(Rejection::NotReady);
        }
        if caller.expires_at.saturating_add(LEEWAY) <= now {
            return Err(Rejection::Expired);
        }
        let revocations = self.0.revocations.read().unwrap_or_else(PoisonError::into_inner);
        if revocations.refuse(caller) { Err(Rejection::Revoked) } else { Ok(()) }
    }

    /// Hears every revocation from now on. Whoever lags behind must [`Self::check`] all of its callers.
    #[must_use]
    pub fn revocations(&self) -> broadcast::Receiver<Revocation> {
        self.0.listeners.subscribe()
    }

    /// Takes note of a revocation, then tells the listeners; the same again changes nothing.
    pub fn revoke(&self, revocation: Revocation) {
        let mut revocations = self.0.revocations.write().unwrap_or_else(PoisonError::into_inner);
        revocations.note(&revocation, clock::now_seconds());
        let users = revocations.len();
        drop(revocations);
        metrics::REVOKING_USERS.set(f64::from(u32::try_from(users).unwrap_or(u32::MAX)));
        // Nobody may be listening, which is fine.
        let _ = self.0.listeners.send(revocation);
    }

    /// Every revocation before now is known: people may be let in.
    pub(crate) fn caught_up(&self) {
        self.0.caught_up.store(true, Ordering::Release);
    }
}
