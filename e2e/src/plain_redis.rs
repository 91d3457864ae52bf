//! Redis as it is, for what none of our services would ask it.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisError};

/// How long an answer is waited for: the library's own half second is too little for a machine that does everything else,
/// too.
const PATIENCE: Duration = Duration::from_secs(120);

/// A connection to the Redis at this address.
///
/// # Errors
/// It cannot be reached.
pub async fn connect(url: &str) -> Result<MultiplexedConnection, RedisError> {
    let patient = AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE));
    Client::open(url)?.get_multiplexed_async_connection_with_config(&patient).await
}
