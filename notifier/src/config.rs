//! The notifier's settings.

use std::net::SocketAddr;
use std::time::Duration;

use bus::KafkaConfig;
use read_model::RedisConfig;
use runtime::RuntimeConfig;
use runtime::http::HttpLimits;
use sessions::SessionsConfig;

/// Feeds owners what happens to their orders, and tells it to them over WebSocket and server-sent events.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "notifier", version)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub runtime: RuntimeConfig,
    /// Where clients connect.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:8083")]
    pub http_addr: SocketAddr,
    /// How much of that at once.
    #[command(flatten)]
    pub limits: HttpLimits,
    /// Where events come from.
    #[command(flatten)]
    pub kafka: KafkaConfig,
    /// Where the feeds are.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// How tokens are checked.
    #[command(flatten)]
    pub sessions: SessionsConfig,
    /// What clients may do.
    #[command(flatten)]
    pub terms: Terms,
}

/// What clients may do.
#[derive(Debug, Clone, clap::Args)]
pub struct Terms {
    /// Origins of other sites whose pages may connect, as `https://shop.example`, separated by commas.
    #[arg(long, env = "ALLOWED_ORIGINS", value_delimiter = ',', value_parser = origin)]
    pub allowed_origins: Vec<String>,
    /// Connections that one user may have to one notifier.
    #[arg(long, env = "MAX_CONNECTIONS_PER_USER", default_value_t = 20)]
    pub max_connections_per_user: usize,
    /// Bytes of frames that wait for a user's slow connections before these get snapshots instead.
    #[arg(long, env = "CONNECTION_QUEUE_BYTES", default_value_t = 256 * 1024)]
    pub connection_queue_bytes: usize,
    /// How long a client may take for what is written at once, up to 64 KiB, before it is closed as too slow, in milliseconds.
    #[arg(long, env = "SLOW_CLIENT_MS", default_value = "10000", value_parser = milliseconds)]
    pub slow_client: Duration,
}

impl runtime::Config for Config {
    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }

    fn check(&self, problems: &mut Vec<String>) {
        self.kafka.security.check(problems);
        self.sessions.check(problems);
        self.limits.check(problems);
    }
}

fn milliseconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_millis)
}

fn origin(text: &str) -> Result<String, &'static str> {
    let origin = text.trim().trim_end_matches('/');
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")).unwrap_or_default();
    let valid = !host.is_empty() && !host.contains('/');
    valid.then(|| origin.to_ascii_lowercase()).ok_or("an origin is a scheme and a host, such as https://shop.example")
}

#[cfg(test)]
mod tests {
    use super::origin;

    #[test]
    fn an_origin_is_a_scheme_and_a_host() {
        assert_eq!(origin(" https://Shop.example:8443/ ").as_deref(), Ok("https://shop.example:8443"));
        for wrong in ["", "shop.example", "https://", "https://shop.example/page", "ftp://shop.example", "*"] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
