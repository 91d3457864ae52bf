//! Waiting for a condition, with a deadline.

use std::time::Duration;

/// Asks `probe` every 10 ms until it gives a value; the wait of all tests.
///
/// # Panics
/// When the deadline passes: `what` did not happen.
pub async fn eventually<T>(what: &str, deadline: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let told = async || probe().await.ok_or_else(|| what.to_owned());
    within(deadline, what.to_owned(), told).await
}

/// The same for a probe that says itself what is still missing.
///
/// # Panics
/// When the deadline passes: with what the probe said last.
pub async fn eventually_ok<T>(deadline: Duration, probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    within(deadline, "the first answer".to_owned(), probe).await
}

#[expect(clippy::panic, reason = "a test fails by panicking")]
async fn within<T>(deadline: Duration, mut missing: String, mut probe: impl AsyncFnMut() -> Result<T, String>) -> T {
    let asked = async {
        loop {
            match probe().await {
                Ok(value) => return value,
                Err(what) => missing = what,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(deadline, asked).await {
        Ok(value) => value,
        Err(_elapsed) => panic!("not within {deadline:?}: {missing}"),
    }
}
