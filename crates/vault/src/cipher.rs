//! AES-256-GCM with random nonces: the one way in which anything is sealed here, be it a value or a key.
//!
//! A sealed thing is a byte that names this format, the nonce (12 bytes), the ciphertext, and the tag (16 bytes).

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};

/// The length of every key, in bytes.
pub(crate) const KEY_LENGTH: usize = 32;
const FORMAT: u8 = 1;

/// A key that seals and opens.
#[derive(Debug)]
pub(crate) struct Cipher(RandomizedNonceKey);

/// It did not work. The cipher says no more, so that nobody learns more.
#[derive(Debug)]
pub(crate) struct Failed;

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LENGTH]) -> Result<Self, Failed> {
        RandomizedNonceKey::new(&AES_256_GCM, key).map(Self).map_err(|_| Failed)
    }

    /// Seals these bytes for a purpose, which must be the same when they are opened.
    pub(crate) fn seal(&self, purpose: &str, clear: &[u8]) -> Result<Vec<u8>, Failed> {
        let mut body = clear.to_vec();
        let nonce = self.0.seal_in_place_append_tag(Aad::from(purpose), &mut body).map_err(|_| Failed)?;
        Ok([&[FORMAT], nonce.as_ref().as_slice(), &body].concat())
    }

    /// Opens what was sealed under this key for this purpose, and nothing else.
    pub(crate) fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Vec<u8>, Failed> {
        let (&format, rest) = sealed.split_first().ok_or(Failed)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().filter(|_| format == FORMAT).ok_or(Failed)?;
        let mut body = body.to_vec();
        let opened = self.0.open_in_place(Nonce::from(nonce), Aad::from(purpose), &mut body).map_err(|_| Failed)?;
        Ok(opened.to_vec())
    }
}

/// A fresh random key.
pub(crate) fn random_key() -> Result<[u8; KEY_LENGTH], Failed> {
    let mut key = [0; KEY_LENGTH];
    aws_lc_rs::rand::fill(&mut key).map_err(|_| Failed)?;
    Ok(key)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_opens_under_its_key_and_purpose_only() {
        let (cipher, other) = (Cipher::new(&[1; 32]).unwrap(), Cipher::new(&[2; 32]).unwrap());
        let sealed = cipher.seal("name", b"Ada").unwrap();
        assert_eq!(cipher.open("name", &sealed).unwrap(), b"Ada");
        assert!(other.open("name", &sealed).is_err());
        assert!(cipher.open("email", &sealed).is_err());
    }

    #[test]
    fn a_changed_or_shortened_byte_is_noticed_wherever_it_is() {
        let cipher = Cipher::new(&random_key().unwrap()).unwrap();
        let sealed = cipher.seal("name", b"Ada").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(cipher.open("name", &changed).is_err(), "byte {place}");
            assert!(cipher.open("name", &sealed[..place]).is_err(), "{place} bytes");
        }
    }

    #[test]
    fn the_same_text_is_sealed_in_another_way_every_time() {
        let cipher = Cipher::new(&[1; 32]).unwrap();
        assert_ne!(cipher.seal("name", b"Ada").unwrap(), cipher.seal("name", b"Ada").unwrap());
    }
}
