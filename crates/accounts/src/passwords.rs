//! Hashes and checks passwords with Argon2id (19 MiB, 2 passes, 1 lane: the minimum that OWASP's password storage cheat
//! sheet recommends), on half of the cores, with a queue that is bounded in number and in time: whatever else the process
//! does goes on. The threads are few and always the same, because the allocator keeps the memory of a hash for the thread
//! that made it.

use std::sync::Arc;
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use rayon_core::{ThreadPool, ThreadPoolBuilder};
use runtime::Secret;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use crate::Error;

/// How many may wait: about two seconds of one core's work.
const QUEUE: usize = 64;
/// How long one may wait, should the cores be busy with other things.
const WAIT: Duration = Duration::from_secs(4);

/// The hashing threads. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    pool: Arc<ThreadPool>,
    threads: Arc<Semaphore>,
    places: Arc<Semaphore>,
    entrants: Arc<Semaphore>,
    decoy: Arc<str>,
}

/// Somebody who may come in with a password; dropping it makes room for the next one.
#[derive(Debug)]
pub struct Admitted {
    _place: OwnedSemaphorePermit,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, Error> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let at_once = (cores / 2).max(1);
        // Whoever waits for work that panics is told by the channel; the process goes on.
        let pool = ThreadPoolBuilder::new().num_threads(at_once).panic_handler(|_| ());
        let pool = pool.thread_name(|_| "passwords".to_owned()).build().map_err(Error::Threads)?;
        Ok(Self {
            pool: Arc::new(pool),
            threads: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(at_once + QUEUE)),
            entrants: Arc::new(Semaphore::new(at_once + QUEUE)),
            // A failure shows in `check`, which then refuses everything.
            decoy: hash(b"no account has this password").unwrap_or_default().into(),
        })
    }

    /// A place for somebody whose password will have to be hashed.
    pub(crate) fn admit(&self) -> Result<Admitted, Error> {
        let place = Arc::clone(&self.entrants).try_acquire_owned().map_err(|_| Error::Busy)?;
        Ok(Admitted { _place: place })
    }

    /// The PHC string of a password, with a salt of its own.
    pub(crate) async fn hash(&self, password: &Secret) -> Result<String, Error> {
        let password = password.clone();
        self.work(move || hash(password.expose().as_bytes())).await?
    }

    /// Whether this is the password. Without a hash (no such account) it works as long, and says no.
    pub(crate) async fn check(&self, password: &Secret, stored: Option<String>) -> Result<bool, Error> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| self.decoy.to_string());
        let password = password.clone();
        let matches = self.work(move || matches(password.expose().as_bytes(), &stored)).await??;
        Ok(known && matches)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Error::Busy)?;
        let thread = timeout(WAIT, Arc::clone(&self.threads).acquire_owned()).await;
        let thread = thread.ok().and_then(Result::ok).ok_or(Error::Busy)?;
        let (tell, told) = oneshot::channel();
        self.pool.spawn(move || {
            let done = work();
            drop((thread, place));
            // Nobody may be waiting any more.
            let _unheard = tell.send(done);
        });
        told.await.map_err(Error::Unhashed)
    }
}

fn hash(password: &[u8]) -> Result<String, Error> {
    Argon2::default().hash_password(password).map(|hash| hash.to_string()).map_err(Error::Hash)
}

fn matches(password: &[u8], stored: &str) -> Result<bool, Error> {
    let stored = PasswordHash::new(stored).map_err(|_| Error::Unreadable)?;
    Ok(Argon2::default().verify_password(password, &stored).is_ok())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use super::*;

    #[test]
    fn the_parameters_are_argon2id_with_19_mib_and_2_passes() {
        let hash = hash(b"correct horse").unwrap_or_default();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_account_matches() {
        let passwords = Passwords::new().unwrap();
        let right = Secret::from("correct horse".to_owned());
        let stored = passwords.hash(&right).await.unwrap_or_default();
        let check = async |password: &str, stored: Option<&String>| {
            passwords.check(&Secret::from(password.to_owned()), stored.cloned()).await.ok()
        };
        assert_eq!(check("correct horse", Some(&stored)).await, Some(true));
        assert_eq!(check("wrong horse", Some(&stored)).await, Some(false));
        assert_eq!(check("no account has this password", None).await, Some(false));
    }
}
