//! Whether the provider is there, as readiness shows it.

use std::sync::Arc;
use std::time::Duration;

use payments::{Failure, Provider};
use runtime::backoff::Backoff;
use runtime::{Dependency, Shutdown, chain};
use tokio::sync::Notify;

/// Told of failed calls; asks the provider itself then, and from the start, until it answers: a call may fail for reasons
/// of its own. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Till {
    doubts: Arc<Notify>,
}

impl Till {
    /// A call failed in a way that says something about the provider.
    pub(super) fn doubt(&self) {
        self.doubts.notify_one();
    }

    /// Keeps this dependency true until the process ends.
    pub(super) async fn watch(self, provider: Provider, dependency: Dependency, shutdown: Shutdown) {
        loop {
            let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
            while let Err(failure) = provider.ping().await {
                dependency.down(chain(&failure));
                tokio::select! {
                    () = backoff.wait() => {}
                    () = shutdown.requested() => return,
                }
            }
            dependency.up();
            tokio::select! {
                () = self.doubts.notified() => {}
                () = shutdown.requested() => return,
            }
        }
    }
}

/// Whether this failure is about the provider rather than about one payment.
pub(super) fn is_about_the_provider(failure: &Failure) -> bool {
    match failure {
        Failure::Unauthorized | Failure::Unavailable(_) | Failure::Unknown(_) => true,
        Failure::Declined { .. } | Failure::Refused { .. } => false,
    }
}
