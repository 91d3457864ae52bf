//! Gates: within a process, requests with one key go one after the other.
//!
//! This saves conflicts; correctness never rests on it, because another process has gates of its own.

use std::sync::Arc;
use std::time::Duration;

use event_store::KeyHash;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::Rejected;

/// Gates are shared by hash: more of them would only save needless waits.
const GATES: usize = 4096;
/// The longest that a request waits for another one with its key.
const PATIENCE: Duration = Duration::from_secs(10);

/// One gate for each key, more or less.
#[derive(Debug)]
pub(super) struct Gates {
    keys: Vec<Arc<Mutex<()>>>,
}

impl Default for Gates {
    fn default() -> Self {
        Self { keys: (0..GATES).map(|_| Arc::default()).collect() }
    }
}

impl Gates {
    /// Waits until no other request with this key is under way.
    pub(super) async fn key(&self, key: &KeyHash) -> Result<OwnedMutexGuard<()>, Rejected> {
        // A key is a hash already.
        let [first, second, ..] = key.0;
        let index = usize::from(u16::from_be_bytes([first, second])) % GATES;
        let gate = self.keys.get(index).cloned().unwrap_or_default();
        tokio::time::timeout(PATIENCE, gate.lock_owned()).await.map_err(|_late| Rejected::InFlight)
    }
}
