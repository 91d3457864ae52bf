//! The public keys that tokens are checked with. The algorithm belongs to the key, never to the token.

use std::collections::HashMap;
use std::fmt;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm};

/// The length of an Ed25519 public key, in bytes.
const LENGTH: usize = 32;

/// Ed25519 keys by their `kid`.
#[derive(Clone)]
pub(crate) struct Keys(HashMap<String, DecodingKey>);

/// The text is not a key set that tokens can be checked with.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeys {
    /// It is no key set at all.
    #[error("not a JSON Web Key Set; make one with: ops keys generate")]
    Json(#[source] serde_json::Error),
    /// It holds no key.
    #[error("the key set is empty; make one with: ops keys generate")]
    Empty,
    /// A key has no `kid`, or shares it.
    #[error("key {index} of the set needs a kid of its own")]
    Kid {
        /// Which, from 0.
        index: usize,
    },
    /// A key is of another kind.
    #[error("key {kid} is not an Ed25519 public key")]
    Kind {
        /// Which.
        kid: String,
    },
}

impl Keys {
    /// Reads a key set; every key of it must be an Ed25519 key with a `kid` of its own.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidKeys> {
        let set: JwkSet = serde_json::from_str(text).map_err(InvalidKeys::Json)?;
        let mut keys = HashMap::new();
        for (index, jwk) in set.keys.iter().enumerate() {
            let kid = jwk.common.key_id.clone().ok_or(InvalidKeys::Kid { index })?;
            let key = ed25519(jwk).ok_or_else(|| InvalidKeys::Kind { kid: kid.clone() })?;
            if keys.insert(kid, key).is_some() {
                return Err(InvalidKeys::Kid { index });
            }
        }
        if keys.is_empty() { Err(InvalidKeys::Empty) } else { Ok(Self(keys)) }
    }

    /// The key of this name.
    pub(crate) fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.0.get(kid)
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn ed25519(jwk: &Jwk) -> Option<DecodingKey> {
    let AlgorithmParameters::OctetKeyPair(pair) = &jwk.algorithm else { return None };
    let algorithm = jwk.common.key_algorithm.is_none_or(|algorithm| algorithm == KeyAlgorithm::EdDSA);
    if !algorithm || pair.curve != EllipticCurve::Ed25519 {
        return None;
    }
    let key = DecodingKey::from_ed_components(&pair.x).ok()?;
    key.try_get_as_bytes().is_ok_and(|bytes| bytes.len() == LENGTH).then_some(key)
}
