//! The vault as its callers see it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use quick_cache::sync::Cache;
use runtime::Process;
use runtime::clock::{self, Instant};
use schemas::{ERASED, PersonalField, Sealed, Timestamp, UserId};

use crate::cipher::{Cipher, random_key};
use crate::connection::Connection;
use crate::keys::{Found, Keys};
use crate::{Error, MasterKeys, VaultConfig};

/// Keys that are remembered.
const REMEMBERED: usize = 4_096;
/// How long a key is remembered at most: after that long no process opens what another one has erased.
const REMEMBERED_FOR: Duration = Duration::from_secs(30);

/// Seals and opens personal data. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vault {
    pub(crate) masters: MasterKeys,
    pub(crate) connection: Connection,
    pub(crate) keys: Keys,
    remembered: Arc<Cache<UserId, Remembered>>,
}

#[derive(Debug, Clone)]
struct Remembered {
    cipher: Arc<Cipher>,
    until: Instant,
}

/// A key is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Destroyed {
    /// Since when; destroying it again does not change that.
    pub at: Timestamp,
    /// Until when the server's own operation log still holds the wrapped key, as far as can be told from how fast the
    /// log grows; `None` if the server does not let us look.
    pub in_operation_log_until: Option<Timestamp>,
}

impl Vault {
    /// Starts watching the database of keys; the dependency `vault` says whether it is there. Fails only if the settings
    /// cannot be used.
    pub async fn connect(config: &VaultConfig, process: &Process) -> Result<Self, Error> {
        // Declared before anything is waited for, so that the process is never ready before it asked.
        let health = process.health.dependency("vault");
        let vault = Self::unwatched(config).await?;
        let watch = vault.connection.clone().watch(health, process.shutdown.clone());
        process.tasks.spawn("vault", watch);
        Ok(vault)
    }

    /// A vault for a command that runs once.
    pub async fn unwatched(config: &VaultConfig) -> Result<Self, Error> {
        let masters = MasterKeys::parse(&config.vault_master_key)?;
        let connection = Connection::new(config.vault_mongodb_uri.expose()).await?;
        let keys = Keys::new(&connection);
        Ok(Self { masters, connection, keys, remembered: Arc::new(Cache::new(REMEMBERED)) })
    }

    /// Seals a value of a user, with the key of that user; the first time the key is made and stored. What is returned
    /// carries its clear text beside it.
    pub async fn seal(&self, user: &UserId, field: PersonalField, clear: &str) -> Result<Sealed, Error> {
        let cipher = match self.cipher(user).await? {
            Some(Access::Key(cipher)) => cipher,
            Some(Access::Erased) => return Err(Error::Destroyed { user: user.clone() }),
            None => self.make(user).await?,
        };
        let sealed = cipher.seal(&purpose(user, field), clear.as_bytes()).map_err(|_| Error::Cipher)?;
        let sealed = Sealed::parse(&URL_SAFE_NO_PAD.encode(sealed)).map_err(|_| Error::Cipher)?;
        Ok(sealed.opened(clear))
    }

    /// Opens a sealed value where it stands: from now on it carries its clear text, which is [`ERASED`] if the user's key
    /// was destroyed. Refuses what was sealed for another user or field.
    pub async fn open(&self, user: &UserId, field: PersonalField, sealed: &mut Sealed) -> Result<(), Error> {
        let clear = match self.cipher(user).await? {
            Some(Access::Key(cipher)) => opened(&cipher, user, field, sealed)?,
            Some(Access::Erased) => ERASED.to_owned(),
            None => return Err(Error::NoKey { user: user.clone() }),
        };
        *sealed = sealed.clone().opened(&clear);
        Ok(())
    }

    /// Opens several values of a user.
    pub async fn open_all(
        &self,
        user: &UserId,
        sealed: impl IntoIterator<Item = (PersonalField, &mut Sealed)>,
    ) -> Result<(), Error> {
        for (field, sealed) in sealed {
            self.open(user, field, sealed).await?;
        }
        Ok(())
    }

    /// Destroys the key of a user: nothing that was sealed with it can be opened again, and none is ever made anew.
    /// Repeating it changes nothing. Other processes that remember the key forget it within 30 s.
    pub async fn destroy(&self, user: &UserId) -> Result<Destroyed, Error> {
        let now = Timestamp::from_micros(clock::now_micros());
        let wrapped_at = match self.keys.find(user).await? {
            Some(Found::Key { at, .. }) => Some(at),
            Some(Found::Destroyed { .. }) | None => None,
        };
        self.end(user, now).await?;
        let at = match self.keys.find(user).await? {
            Some(Found::Destroyed { at }) => at,
            Some(Found::Key { .. }) | None => return Err(Error::Cipher),
        };
        // Where nobody knows any more when it was wrapped, it was at the latest when it was destroyed.
        let in_operation_log_until = self.in_operation_log_until(wrapped_at.unwrap_or(at), now).await;
        Ok(Destroyed { at, in_operation_log_until })
    }

    /// Makes sure that the key of a user is destroyed: for whoever hears of an erasure, which may be told many times.
    pub async fn ensure_destroyed(&self, user: &UserId) -> Result<(), Error> {
        match self.keys.find(user).await? {
            Some(Found::Destroyed { .. }) => {
                self.forget(user);
                Ok(())
            }
            Some(Found::Key { .. }) | None => self.end(user, Timestamp::from_micros(clock::now_micros())).await,
        }
    }

    async fn end(&self, user: &UserId, now: Timestamp) -> Result<(), Error> {
        self.keys.destroy(user, now).await?;
        self.forget(user);
        Ok(())
    }

    /// Forgets the key of a user who was erased by another process.
    pub fn forget(&self, user: &UserId) {
        self.remembered.remove(user);
    }

    /// `None` if the user has no key.
    async fn cipher(&self, user: &UserId) -> Result<Option<Access>, Error> {
        if let Some(known) = self.remembered.get(user).filter(|known| clock::monotonic() < known.until) {
            return Ok(Some(Access::Key(known.cipher)));
        }
        match self.keys.find(user).await? {
            Some(Found::Key { wrapped, .. }) => {
                let key = self.masters.unwrap(user, &wrapped)?;
                let cipher = Arc::new(Cipher::new(&key).map_err(|_| Error::Cipher)?);
                let until = clock::monotonic() + REMEMBERED_FOR;
                self.remembered.insert(user.clone(), Remembered { cipher: Arc::clone(&cipher), until });
                Ok(Some(Access::Key(cipher)))
            }
            Some(Found::Destroyed { .. }) => Ok(Some(Access::Erased)),
            None => Ok(None),
        }
    }

    /// Makes a user's key, unless somebody else did at the same moment; either way uses the one that is stored.
    async fn make(&self, user: &UserId) -> Result<Arc<Cipher>, Error> {
        let key = random_key().map_err(|_| Error::Cipher)?;
        let wrapped = self.masters.wrap(user, &key)?;
        self.keys.add(user, wrapped, Timestamp::from_micros(clock::now_micros())).await?;
        match self.cipher(user).await? {
            Some(Access::Key(cipher)) => Ok(cipher),
            Some(Access::Erased) => Err(Error::Destroyed { user: user.clone() }),
            None => Err(Error::NoKey { user: user.clone() }),
        }
    }
}

/// What a user's values can be opened with.
enum Access {
    Key(Arc<Cipher>),
    Erased,
}

fn opened(cipher: &Cipher, user: &UserId, field: PersonalField, sealed: &Sealed) -> Result<String, Error> {
    let bytes = URL_SAFE_NO_PAD.decode(sealed.as_str()).ok();
    let clear = bytes.and_then(|bytes| cipher.open(&purpose(user, field), &bytes).ok());
    let clear = clear.and_then(|clear| String::from_utf8(clear).ok());
    clear.ok_or_else(|| Error::NotAuthentic { user: user.clone() })
}

/// What a value is sealed for: one field of one user.
fn purpose(user: &UserId, field: PersonalField) -> String {
    format!("{} of {user}", field.as_str())
}
