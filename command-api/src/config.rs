//! The command API's settings.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;
use runtime::http::HttpLimits;
use runtime::{Environment, RuntimeConfig, Secret};
use vault::VaultConfig;

use crate::registration::first_admin;
use crate::streams::MOST_COMMANDS;

/// The shortest secret that is accepted in production, in bytes.
const MIN_SECRET: usize = 32;

/// Takes commands over HTTP, commits their events to MongoDB, and relays them to Kafka.
#[derive(Debug, Clone, Parser)]
#[command(name = "command-api", version)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub runtime: RuntimeConfig,
    /// Where commands are taken.
    #[arg(long, env = "HTTP_ADDR", default_value = "127.0.0.1:8081")]
    pub http_addr: SocketAddr,
    /// How much of that at once.
    #[command(flatten)]
    pub limits: HttpLimits,
    /// What this process does: `http` takes commands, `relay` publishes them, `fulfilment` carries orders out.
    #[arg(long, env = "ROLES", value_enum, value_delimiter = ',', default_value = "http,relay,fulfilment")]
    pub roles: Vec<Role>,
    /// Where the events are committed: a replica set; the path names the database, else it is `orderflow`.
    #[arg(long, env = "MONGODB_URI")]
    pub mongodb_uri: Secret,
    /// Where the events are published.
    #[command(flatten)]
    pub kafka: bus::KafkaConfig,
    /// How tokens are checked.
    #[command(flatten)]
    pub sessions: sessions::SessionsConfig,
    /// Where money is asked for.
    #[command(flatten)]
    pub payments: payments::PaymentsConfig,
    /// How long orders may take.
    #[command(flatten)]
    pub fulfilment: FulfilmentConfig,
    /// How many commands on one order, stock, payment or fulfilment share a commit at most, as when many want the same SKU; 1
    /// gives each its own. For products and users it is always 200.
    #[arg(long, env = "COMMANDS_TOGETHER", default_value_t = MOST_COMMANDS, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub commands_together: u16,
    /// Private key that signs tokens: Ed25519 as PKCS#8 PEM.
    #[arg(long, env = "JWT_PRIVATE_KEY")]
    pub jwt_private_key: Secret,
    /// File that holds `JWT_PRIVATE_KEY`; read again every second, so that a new key needs no restart.
    #[arg(long, env = "JWT_PRIVATE_KEY_FILE")]
    pub jwt_private_key_file: Option<PathBuf>,
    /// Secret under which request bodies are fingerprinted; changing it makes retries of old keys look like reuse.
    #[arg(long, env = "FINGERPRINT_KEY")]
    pub fingerprint_key: Secret,
    /// Secret under which e-mail addresses are hashed for look-ups; must never change.
    #[arg(long, env = "EMAIL_KEY")]
    pub email_key: Secret,
    /// Where the keys of personal data are.
    #[command(flatten)]
    pub vault: VaultConfig,
    /// How many days backups of the vault's database are kept: receipts of erasure say that a key may be in one.
    #[arg(long, env = "VAULT_BACKUP_DAYS", default_value_t = 30)]
    pub vault_backup_days: u16,
    /// E-mail of the first admin, registered at start if nobody has it.
    #[arg(long, env = "BOOTSTRAP_ADMIN_EMAIL")]
    pub bootstrap_admin_email: Option<String>,
    /// Password of the first admin, 12 to 128 characters.
    #[arg(long, env = "BOOTSTRAP_ADMIN_PASSWORD")]
    pub bootstrap_admin_password: Option<Secret>,
}

/// How long things may take when orders are carried out.
#[derive(Debug, Clone, clap::Args)]
pub struct FulfilmentConfig {
    /// For how long pieces are held for an order that is not paid yet.
    #[arg(long, env = "FULFILMENT_HOLD_SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..))]
    pub fulfilment_hold_seconds: u64,
    /// How long an order waits for its money before it is called off.
    #[arg(long, env = "FULFILMENT_PAYMENT_SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..))]
    pub fulfilment_payment_seconds: u64,
    /// How long the payment provider is asked what it did before an operator is.
    #[arg(long, env = "FULFILMENT_UNKNOWN_SECONDS", default_value_t = 86_400, value_parser = clap::value_parser!(u64).range(1..))]
    pub fulfilment_unknown_seconds: u64,
}

/// A part of the process that can run alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Takes commands over HTTP.
    Http,
    /// Publishes commits to Kafka.
    Relay,
    /// Carries orders out: gives the commands that follow from what happens, and asks the payment provider for money.
    Fulfilment,
}

impl runtime::Config for Config {
    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }

    fn check(&self, problems: &mut Vec<String>) {
        self.kafka.security.check(problems);
        self.sessions.check(problems);
        self.limits.check(problems);
        if self.sessions.jwks_url.is_some() {
            problems.push("JWKS_URL is for the other services: the command API publishes what JWKS holds".to_owned());
        }
        if let Err(invalid) = first_admin(self) {
            problems.push(format!("BOOTSTRAP_ADMIN_EMAIL or BOOTSTRAP_ADMIN_PASSWORD: {invalid}"));
        }
        self.vault.check(problems);
        if self.runtime().environment == Environment::Dev {
            return;
        }
        for (name, secret) in [("FINGERPRINT_KEY", &self.fingerprint_key), ("EMAIL_KEY", &self.email_key)] {
            if secret.expose().len() < MIN_SECRET {
                problems
                    .push(format!("{name} is shorter than {MIN_SECRET} bytes; make one with: openssl rand -hex 32"));
            }
        }
    }
}
