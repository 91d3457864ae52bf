//! The query API's settings.

use std::net::SocketAddr;

use read_model::RedisConfig;
use runtime::RuntimeConfig;
use runtime::http::HttpLimits;
use sessions::{KafkaConfig, SessionsConfig};

/// Answers queries over HTTP from the views in Redis.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "query-api", version)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub runtime: RuntimeConfig,
    /// Where queries are answered.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:8082")]
    pub http_addr: SocketAddr,
    /// How much of that at once.
    #[command(flatten)]
    pub limits: HttpLimits,
    /// Where the views are.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// How tokens are checked.
    #[command(flatten)]
    pub sessions: SessionsConfig,
    /// Where revoked sessions are heard of.
    #[command(flatten)]
    pub kafka: KafkaConfig,
    /// Admin addresses of the other services, whose health is part of `/health`: `NAME=http://HOST:PORT,…`.
    #[arg(long, env = "HEALTH_PEERS", value_delimiter = ',')]
    pub health_peers: Vec<Peer>,
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

/// Another service, and where its health is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The service's name, as `/health/ready` shows it.
    pub name: String,
    /// The root of its admin port: `http://127.0.0.1:9101`.
    pub url: String,
}

/// The text is not `NAME=URL`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("NAME=http://HOST:PORT is expected")]
pub struct InvalidPeer;

impl std::str::FromStr for Peer {
    type Err = InvalidPeer;

    fn from_str(text: &str) -> Result<Self, InvalidPeer> {
        let (name, url) = text.trim().split_once('=').ok_or(InvalidPeer)?;
        let url = url.trim_end_matches('/');
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
        let valid = !name.is_empty() && !host.is_empty();
        valid.then(|| Self { name: name.to_owned(), url: url.to_owned() }).ok_or(InvalidPeer)
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidPeer, Peer};

    #[test]
    fn a_peer_is_a_name_and_a_url() {
        let peer = Peer { name: "projector".to_owned(), url: "http://127.0.0.1:9102".to_owned() };
        assert_eq!("projector=http://127.0.0.1:9102/".parse(), Ok(peer));
        for wrong in ["projector", "=http://127.0.0.1:9102", "projector=", "projector=127.0.0.1:9102", "a=http://"] {
            assert_eq!(wrong.parse::<Peer>(), Err(InvalidPeer), "{wrong}");
        }
    }
}
