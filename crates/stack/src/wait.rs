//! Waiting for a condition, with a deadline.

use std::time::Duration;

/// Asks `probe` every 10 ms until it gives a value; the wait of all tests.
///
/// # Panics
/// When the deadline passes: `what` did not happen.
#[expect(clippy::panic, reason = "a test fails by panicking")]
pub async fn eventually<T>(what: &str, deadline: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let asked = async {
        loop {
            if let Some(value) = probe().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(deadline, asked).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("not within {deadline:?}: {what}"),
    }
}
