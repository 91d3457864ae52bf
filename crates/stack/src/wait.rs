//! Waiting for a condition, with a deadline.

use std::time::Duration;

/// Asks `probe` every 10 ms until it gives a value; the wait of all tests.
///
/// # Panics
/// When the deadline passes: `what` did not happen.
#[expect(clippy::panic, reason = "a test fails by panicking")]
pub async fn eventually<T>(what: &str, deadline: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
    let told = async || probe().await.ok_or_else(|| what.to_owned());
    within(deadline, told).await.unwrap_or_else(|missing| panic!("{missing}"))
}

/// The same for a probe that says itself what is still missing.
///
/// # Errors
/// When the deadline passes: with what the probe said last.
pub async fn within<T>(deadline: Duration, mut probe: impl AsyncFnMut() -> Result<T, String>) -> Result<T, String> {
    let mut missing = String::from("the first answer");
    let asked = async {
        loop {
            match probe().await {
                Ok(value) => return value,
                Err(what) => missing = what,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let answer = tokio::time::timeout(deadline, asked).await;
    answer.map_err(|_elapsed| format!("not within {deadline:?}: {missing}"))
}
