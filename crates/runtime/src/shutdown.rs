//! The one signal that a process is to end. Requested once, never taken back.

use tokio_util::sync::CancellationToken;

/// A handle on the process's end; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(CancellationToken);

impl Shutdown {
    /// Completes once the end was requested. May be dropped and called again.
    pub async fn requested(&self) {
        self.0.cancelled().await;
    }

    /// Whether the end was requested.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    /// Requests the end; repeating it changes nothing.
    pub fn request(&self) {
        self.0.cancel();
    }

    /// The end of a part of the process: requested together with the process's end, or by itself before.
    #[must_use]
    pub fn of_a_part(&self) -> Self {
        Self(self.0.child_token())
    }

    /// The same signal as a token, for libraries that take one.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.0.clone()
    }
}
