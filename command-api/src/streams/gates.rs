//! Turns: within a process, commands on one stream go one after the other, and so do requests with one key.
//!
//! This saves conflicts; correctness never rests on it, because another process has gates of its own.

use std::hash::{BuildHasher, Hash, RandomState};
use std::time::Duration;

use event_store::KeyHash;
use runtime::backoff::Backoff;
use schemas::StreamId;
use tokio::sync::{Mutex, MutexGuard};

use super::Rejected;

/// Gates are shared by hash: more of them would only save needless waits.
const GATES: usize = 4096;
/// The longest that a command waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// Two sets of gates. A command takes its key's first and its stream's second, so no two can wait for each other.
#[derive(Debug)]
pub(super) struct Gates {
    hasher: RandomState,
    keys: Vec<Mutex<()>>,
    streams: Vec<Mutex<()>>,
}

impl Default for Gates {
    fn default() -> Self {
        let gates = || (0..GATES).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), keys: gates(), streams: gates() }
    }
}

impl Gates {
    /// Waits until no other request with this key is under way.
    pub(super) async fn key(&self, key: &KeyHash) -> Result<MutexGuard<'_, ()>, Rejected> {
        self.pass(&self.keys, key).await.ok_or(Rejected::InFlight)
    }

    /// Waits until no other command on this stream is under way.
    pub(super) async fn stream(&self, stream: &StreamId) -> Result<MutexGuard<'_, ()>, Rejected> {
        self.pass(&self.streams, stream).await.ok_or(Rejected::Contended)
    }

    async fn pass<'a>(&self, gates: &'a [Mutex<()>], what: &impl Hash) -> Option<MutexGuard<'a, ()>> {
        let index = usize::try_from(self.hasher.hash_one(what)).unwrap_or(0) % GATES;
        let gate = gates.get(index)?;
        tokio::time::timeout(PATIENCE, gate.lock()).await.ok()
    }
}

/// The waits after lost races: short, growing, jittered.
pub(crate) const fn breath() -> Backoff {
    Backoff::new(Duration::from_millis(2), Duration::from_millis(100))
}
