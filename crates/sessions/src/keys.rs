//! The public keys that tokens are checked with. The algorithm belongs to the key, never to the token.

use std::collections::BTreeMap;
use std::fmt;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm};
use serde::Deserialize;
use serde_json::{Value, json};

/// The length of an Ed25519 public key, in bytes.
const LENGTH: usize = 32;

/// Ed25519 keys by their `kid`.
#[derive(Clone, Default)]
pub(crate) struct Keys {
    keys: BTreeMap<String, Key>,
    /// How often a key was taken away from the set.
    generation: u64,
}

#[derive(Clone)]
struct Key {
    checks: DecodingKey,
    /// As it was published.
    jwk: Value,
    /// Until when it is used, in seconds since the epoch: the member `exp` of a key that has a successor.
    until: Option<i64>,
}

/// RFC 7517, section 5.
#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

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
        let set: KeySet = serde_json::from_str(text).map_err(InvalidKeys::Json)?;
        let mut keys = BTreeMap::new();
        for (index, member) in set.keys.into_iter().enumerate() {
            let jwk: Jwk = serde_json::from_value(member.clone()).map_err(InvalidKeys::Json)?;
            let kid = jwk.common.key_id.clone().ok_or(InvalidKeys::Kid { index })?;
            let checks = ed25519(&jwk).ok_or_else(|| InvalidKeys::Kind { kid: kid.clone() })?;
            let until = member.get("exp").and_then(Value::as_i64);
            if keys.insert(kid, Key { checks, jwk: member, until }).is_some() {
                return Err(InvalidKeys::Kid { index });
            }
        }
        if keys.is_empty() { Err(InvalidKeys::Empty) } else { Ok(Self { keys, generation: 0 }) }
    }

    /// These keys as the successors of `others`.
    pub(crate) fn after(self, others: &Self) -> Self {
        let same =
            |(kid, key): (&String, &Key)| self.keys.get(kid).is_some_and(|now| now.jwk.get("x") == key.jwk.get("x"));
        let generation = if others.keys.iter().all(same) { others.generation } else { others.generation + 1 };
        Self { generation, ..self }
    }

    /// Differs from that of earlier keys if one of those is gone: what was checked with them counts no more.
    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    /// The key of this name, if it is used at this time, in seconds since the epoch.
    pub(crate) fn find(&self, kid: &str, now: i64) -> Option<&DecodingKey> {
        self.keys.get(kid).filter(|key| key.is_used(now)).map(|key| &key.checks)
    }

    /// The keys that are used at this time, as a JSON Web Key Set.
    pub(crate) fn published(&self, now: i64) -> String {
        let used: Vec<_> = self.keys.values().filter(|key| key.is_used(now)).map(|key| &key.jwk).collect();
        json!({ "keys": used }).to_string()
    }
}

impl Key {
    fn is_used(&self, now: i64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.keys.values().map(|key| &key.jwk).eq(other.keys.values().map(|key| &key.jwk))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.keys.keys()).finish()
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
