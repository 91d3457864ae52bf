//! Who asks for a command, how, and under which Idempotency-Key.

use aws_lc_rs::{digest, hmac};
use event_store::{CommandRecord, Fingerprint, KeyHash};
use runtime::http::RequestContext;
use schemas::{AnyEvent, EventId, Recorded, Timestamp, Version};
use serde::Serialize;
use uuid::Uuid;

use crate::streams::Rejected;

/// Everything about a command but its content. One request has one intent, also when it is decided several times.
#[derive(Debug, Clone)]
pub struct Intent {
    /// Whose command it is; the scope of the key.
    pub(crate) caller: Box<str>,
    /// Hash of caller, route and Idempotency-Key, if the client sent one.
    pub key: Option<KeyHash>,
    /// What was asked, passwords left out; nothing where the key alone says it.
    pub(crate) fingerprint: Option<Fingerprint>,
    /// The version that the client saw (`If-Match`).
    pub(crate) expected: Option<Version>,
    /// Id of the request.
    pub(crate) correlation: Box<str>,
    /// The W3C trace context of the request.
    pub(crate) traceparent: Option<Box<str>>,
    /// The event that it is given because of, if it was not a person who gave it.
    pub(crate) cause: Option<Cause>,
}

/// The event that a command is given because of. What the command brings about is dated after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// Its id.
    pub(crate) event: EventId,
    /// Its version in its stream.
    pub(crate) version: Version,
    /// The least time that it happened at.
    pub(crate) at: Timestamp,
    /// The request that it all began with.
    pub(crate) correlation: Box<str>,
    /// The W3C trace context of that request.
    pub(crate) traceparent: Option<Box<str>>,
}

impl Cause {
    /// This event, as the cause of something.
    #[must_use]
    pub(crate) fn of(recorded: &Recorded<AnyEvent>) -> Self {
        let Recorded { version, id, at, correlation, traceparent, .. } = recorded;
        let (correlation, traceparent) = (correlation.clone(), traceparent.clone());
        Self { event: *id, version: *version, at: *at, correlation, traceparent }
    }
}

impl Intent {
    /// A command that the process issues by itself, under a key of its own making.
    #[must_use]
    pub fn internal(name: &str, key: &str) -> Self {
        Self {
            caller: name.into(),
            key: Some(key_hash(name, "internal", key)),
            fingerprint: None,
            expected: None,
            correlation: format!("{name}:{key}").into(),
            traceparent: None,
            cause: None,
        }
    }

    /// A command that the process gives because of an event, and that is harmless when it is given again.
    #[must_use]
    pub(crate) fn caused(name: &str, cause: Cause) -> Self {
        Self { key: None, ..Self::internal(name, "").because(cause) }
    }

    /// The same command, because of this event.
    #[must_use]
    pub(crate) fn because(self, cause: Cause) -> Self {
        let (correlation, traceparent) = (cause.correlation.clone(), cause.traceparent.clone());
        Self { correlation, traceparent, cause: Some(cause), ..self }
    }

    /// An intent of `caller` on `route` (method and concrete path).
    #[must_use]
    pub(crate) fn new(caller: &str, route: &str, headers: &CommandHeaders, fingerprint: Fingerprint) -> Self {
        Self {
            caller: caller.into(),
            key: headers.key.as_ref().map(|key| key_hash(caller, route, key)),
            fingerprint: Some(fingerprint),
            expected: headers.expected,
            correlation: headers.context.request_id.as_str().into(),
            traceparent: Some(headers.context.traceparent.as_str().into()),
            cause: None,
        }
    }

    /// 128 bits for the id of a new stream: the same for the same key, fresh where there is none.
    ///
    /// So two requests with one key aim at the same stream, and only one of them can write its first version.
    #[must_use]
    pub(crate) fn new_id(&self) -> u128 {
        match &self.key {
            Some(KeyHash(hash)) => u128_of(hash),
            None => Uuid::now_v7().as_u128(),
        }
    }

    /// Refuses if the stream has another version than the client saw.
    pub(crate) fn check(&self, actual: Version) -> Result<(), Rejected> {
        match self.expected {
            Some(expected) if expected != actual => Err(Rejected::Stale { expected, actual }),
            Some(_) | None => Ok(()),
        }
    }

    /// How a commit remembers this command.
    #[must_use]
    pub(crate) fn record(&self, events: u32) -> CommandRecord {
        CommandRecord {
            key: self.key,
            fingerprint: self.key.and(self.fingerprint),
            events,
            caller: self.caller.clone(),
            correlation: self.correlation.clone(),
            causation: self.cause.as_ref().map(|cause| cause.event.to_string().into()),
            traceparent: self.traceparent.clone(),
        }
    }
}

/// What every command may carry in its headers.
#[derive(Debug, Clone)]
pub(crate) struct CommandHeaders {
    /// `Idempotency-Key`, 1 to 255 characters.
    pub(crate) key: Option<String>,
    /// `If-Match`.
    pub(crate) expected: Option<Version>,
    /// The version of what the answer joins that `If-Match` was taken from.
    pub(crate) joined: Option<Version>,
    /// Request id and trace.
    pub(crate) context: RequestContext,
}

/// SHA-256 of caller, route and key, each behind its length, so that no two triples share a text.
fn key_hash(caller: &str, route: &str, key: &str) -> KeyHash {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [caller, route, key] {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part.as_bytes());
    }
    KeyHash(bytes_of(context.finish().as_ref()))
}

/// The secret under which request bodies are fingerprinted. A plain hash would let a reader of the database test
/// guesses of personal data.
#[derive(Clone)]
pub(crate) struct FingerprintKey(hmac::Key);

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FingerprintKey(..)")
    }
}

impl FingerprintKey {
    /// The key made of this secret.
    #[must_use]
    pub(crate) fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// The fingerprint of a request: what its typed form serialises to, so field order and unknown fields do not count.
    #[must_use]
    pub(crate) fn fingerprint(&self, request: &impl Serialize) -> Fingerprint {
        let canonical = serde_json::to_vec(request).unwrap_or_default();
        Fingerprint(bytes_of(hmac::sign(&self.0, &canonical).as_ref()))
    }
}

/// The first 32 bytes of a SHA-256 sized digest.
fn bytes_of(digest: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(digest) {
        *to = *from;
    }
    bytes
}

fn u128_of(hash: &[u8; 32]) -> u128 {
    hash.iter().take(16).fold(0, |bits, byte| (bits << 8) | u128::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_hash_depends_on_where_its_parts_end() {
        assert_ne!(key_hash("a", "bc", "d"), key_hash("ab", "c", "d"));
        assert_eq!(key_hash("a", "b", "c"), key_hash("a", "b", "c"));
    }

    #[test]
    fn a_fingerprint_depends_on_the_secret() {
        let body = ["same"];
        assert_ne!(FingerprintKey::new("one").fingerprint(&body), FingerprintKey::new("two").fingerprint(&body));
    }
}
