//! Master keys: they wrap users' keys and nothing else. Several may be configured at once, which is how one replaces
//! another: the newest wraps, all of them unwrap.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use runtime::Secret;
use schemas::UserId;

use crate::Error;
use crate::cipher::{Cipher, KEY_LENGTH};

/// Names a master key without showing it: the beginning of the key's digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MasterId(Box<str>);

/// The text does not name master keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasterKeys {
    /// There is none.
    #[error("no master key is given")]
    None,
    /// One of them is something else.
    #[error("a master key is 32 bytes in 64 hexadecimal digits")]
    Malformed,
    /// Two are the same, so it is not clear which is newer.
    #[error("a master key is given twice")]
    Twice,
    /// One of them would be guessed.
    #[error("a master key repeats one byte, so it protects nothing")]
    Weak,
}

/// The configured master keys. Cheap to clone.
#[derive(Debug, Clone)]
pub struct MasterKeys {
    newest: MasterId,
    all: Arc<[(MasterId, Cipher)]>,
}

/// A user's key as it is stored.
pub(crate) struct WrappedKey {
    pub(crate) master: MasterId,
    pub(crate) bytes: Vec<u8>,
}

impl MasterId {
    fn of(key: &[u8]) -> Self {
        let digest = hex::encode(digest(&SHA256, &[b"orderflow master key", key].concat()));
        Self(digest.chars().take(12).collect())
    }

    pub(crate) fn named(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for MasterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl MasterKeys {
    /// Reads keys of 64 hexadecimal digits, separated by commas or white space, the newest at the end.
    pub fn parse(text: &Secret) -> Result<Self, InvalidMasterKeys> {
        let words = text.expose().split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty());
        let mut all = Vec::new();
        for word in words {
            let (id, cipher) = read(word)?;
            if all.iter().any(|(known, _)| *known == id) {
                return Err(InvalidMasterKeys::Twice);
            }
            all.push((id, cipher));
        }
        let newest = all.last().map(|(id, _)| id.clone()).ok_or(InvalidMasterKeys::None)?;
        Ok(Self { newest, all: all.into() })
    }

    /// The one that wraps.
    #[must_use]
    pub fn newest(&self) -> &MasterId {
        &self.newest
    }

    /// Whether this one is configured.
    #[must_use]
    pub fn knows(&self, id: &MasterId) -> bool {
        self.cipher(id).is_some()
    }

    pub(crate) fn wrap(&self, user: &UserId, key: &[u8; KEY_LENGTH]) -> Result<WrappedKey, Error> {
        let cipher = self.cipher(&self.newest).ok_or(Error::Cipher)?;
        let bytes = cipher.seal(&purpose(user), key).map_err(|_| Error::Cipher)?;
        Ok(WrappedKey { master: self.newest.clone(), bytes })
    }

    pub(crate) fn unwrap(&self, user: &UserId, wrapped: &WrappedKey) -> Result<[u8; KEY_LENGTH], Error> {
        let WrappedKey { master, bytes } = wrapped;
        let unknown = || Error::UnknownMaster { user: user.clone(), master: master.clone() };
        let opened = self.cipher(master).ok_or_else(unknown)?.open(&purpose(user), bytes);
        let key = opened.ok().and_then(|key| key.try_into().ok());
        key.ok_or_else(|| Error::NotAuthentic { user: user.clone() })
    }

    fn cipher(&self, id: &MasterId) -> Option<&Cipher> {
        self.all.iter().find(|(known, _)| known == id).map(|(_, cipher)| cipher)
    }
}

fn read(word: &str) -> Result<(MasterId, Cipher), InvalidMasterKeys> {
    let mut key = [0; KEY_LENGTH];
    hex::decode_to_slice(word, &mut key).map_err(|_| InvalidMasterKeys::Malformed)?;
    if key.iter().all(|byte| Some(byte) == key.first()) {
        return Err(InvalidMasterKeys::Weak);
    }
    let cipher = Cipher::new(&key).map_err(|_| InvalidMasterKeys::Malformed)?;
    Ok((MasterId::of(&key), cipher))
}

/// A wrapped key opens for its own user only.
fn purpose(user: &UserId) -> String {
    format!("key of {user}")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const OLD: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const NEW: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

    fn keys(text: &str) -> Result<MasterKeys, InvalidMasterKeys> {
        MasterKeys::parse(&Secret::from(text))
    }

    #[test]
    fn the_last_key_wraps_and_all_of_them_unwrap() {
        let (old, both, new) = (keys(OLD).unwrap(), keys(&format!("{OLD},\n{NEW}")).unwrap(), keys(NEW).unwrap());
        let user = UserId::from_bits(1);
        let wrapped = old.wrap(&user, &[7; 32]).unwrap();
        assert_eq!(both.unwrap(&user, &wrapped).unwrap(), [7; 32]);
        assert!(matches!(new.unwrap(&user, &wrapped), Err(Error::UnknownMaster { .. })));
        let wrapped = both.wrap(&user, &[7; 32]).unwrap();
        assert_eq!((&wrapped.master, both.newest()), (new.newest(), new.newest()));
        assert_eq!(new.unwrap(&user, &wrapped).unwrap(), [7; 32]);
        assert!(matches!(new.unwrap(&UserId::from_bits(2), &wrapped), Err(Error::NotAuthentic { .. })));
    }

    #[test]
    fn an_id_does_not_show_its_key() {
        let id = keys(OLD).unwrap().newest().to_string();
        assert!(id.len() == 12 && !OLD.contains(&id), "{id}");
    }

    #[test]
    fn what_is_no_master_key_is_refused() {
        let twice = format!("{OLD} {NEW} {}", OLD.to_uppercase());
        for (text, invalid) in [
            ("", InvalidMasterKeys::None),
            (" , ", InvalidMasterKeys::None),
            ("secret", InvalidMasterKeys::Malformed),
            (&OLD[2..], InvalidMasterKeys::Malformed),
            (twice.as_str(), InvalidMasterKeys::Twice),
            ("00".repeat(32).as_str(), InvalidMasterKeys::Weak),
        ] {
            assert_eq!(keys(text).err(), Some(invalid), "{text}");
        }
    }
}
