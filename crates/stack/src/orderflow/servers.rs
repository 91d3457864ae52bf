//! The servers of a system: its own, or those that were given.

use serde::{Deserialize, Serialize};

use super::Orderflow;
use crate::Error;
use crate::program::Program;
use crate::servers::{GuardedMongoKind, KafkaKind, Kind, RedisKind, RegistryKind};

/// Servers that run elsewhere and are used instead of our own.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Given {
    /// A MongoDB replica set to use instead of starting one.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: Option<String>,
    /// Kafka brokers to use instead of starting one.
    #[arg(long, env = "KAFKA_BROKERS")]
    pub kafka_brokers: Option<String>,
    /// A schema registry to use instead of starting one.
    #[arg(long, env = "SCHEMA_REGISTRY_URL")]
    pub schema_registry_url: Option<String>,
    /// A Redis to use instead of starting one.
    #[arg(long, env = "REDIS_URL", hide_env_values = true)]
    pub redis_url: Option<String>,
    /// The first admin's e-mail.
    #[arg(long, env = "BOOTSTRAP_ADMIN_EMAIL")]
    pub bootstrap_admin_email: Option<String>,
    /// The first admin's password, 12 to 128 characters; without it a random one is made.
    #[arg(long, env = "BOOTSTRAP_ADMIN_PASSWORD", hide_env_values = true)]
    pub bootstrap_admin_password: Option<String>,
    /// Which log lines our processes write.
    #[arg(long, env = "RUST_LOG")]
    pub rust_log: Option<String>,
    /// What our processes do about traces.
    #[command(flatten)]
    pub traces: Traces,
}

/// What our processes are told about traces.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Traces {
    /// An OTLP receiver, as `http://127.0.0.1:4318`; without it there are no traces.
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT")]
    pub otel_exporter_otlp_endpoint: Option<String>,
    /// Which traces are recorded.
    #[arg(long, env = "OTEL_TRACES_SAMPLER")]
    pub otel_traces_sampler: Option<String>,
    /// The share of them.
    #[arg(long, env = "OTEL_TRACES_SAMPLER_ARG")]
    pub otel_traces_sampler_arg: Option<String>,
    /// How many milliseconds spans are collected.
    #[arg(long, env = "OTEL_BSP_SCHEDULE_DELAY")]
    pub otel_bsp_schedule_delay: Option<String>,
}

impl Traces {
    /// The settings that are given.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &self.otel_exporter_otlp_endpoint),
            ("OTEL_TRACES_SAMPLER", &self.otel_traces_sampler),
            ("OTEL_TRACES_SAMPLER_ARG", &self.otel_traces_sampler_arg),
            ("OTEL_BSP_SCHEDULE_DELAY", &self.otel_bsp_schedule_delay),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

/// Where everything is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Addresses {
    /// The one public address: `http://127.0.0.1:8080`.
    pub gateway: String,
    /// MongoDB's URI with the database's name; of our own server that of a user who may do everything.
    pub mongodb_uri: String,
    /// Kafka's brokers.
    pub kafka_brokers: String,
    /// The registry's Confluent-compatible API.
    pub schema_registry_url: String,
    /// Redis.
    pub redis_url: String,
}

impl Orderflow {
    /// Starts the servers that were not given, all at once; their names.
    pub(super) async fn start_servers(&mut self, given: &Given, say: &dyn Fn(&str)) -> Result<Vec<String>, Error> {
        let mut programs = Vec::new();
        let mut own = |program: Program| {
            let address = program.address.clone();
            programs.push(program);
            address
        };
        self.addresses.mongodb_uri = match &given.mongodb_uri {
            Some(uri) => uri.clone(),
            None => own(self.server::<GuardedMongoKind>()?),
        };
        self.addresses.redis_url = match &given.redis_url {
            Some(url) => url.clone(),
            None => own(self.server::<RedisKind>()?),
        };
        self.addresses.kafka_brokers = match &given.kafka_brokers {
            Some(brokers) => brokers.clone(),
            None => own(self.server::<KafkaKind>()?),
        };
        self.addresses.schema_registry_url = match &given.schema_registry_url {
            Some(url) => url.clone(),
            None => own(self.server::<RegistryKind>()?),
        };
        if let Some(detour) = self.detours.kafka {
            detour.lay(&self.folder.join(KafkaKind::NAME))?;
        }
        let names: Vec<_> = programs.iter().map(|program| program.name.clone()).collect();
        if !names.is_empty() {
            say(&format!("starting {}", names.join(", ")));
        }
        self.start_together(programs, say).await?;
        self.give_mongodb(given).await?;
        Ok(names)
    }

    /// A server of our own: its folder, its ports, how it is started.
    fn server<K: Kind>(&mut self) -> Result<Program, Error> {
        let extra = (1..K::PORTS).map(|number| format!("{}.{number}", K::NAME));
        let names = std::iter::once(K::NAME.to_owned()).chain(extra);
        let ports = names.map(|name| self.ports.of(&name)).collect::<Result<Vec<_>, _>>()?;
        let folder = self.folder.join(K::NAME);
        std::fs::create_dir_all(&folder).map_err(Error::file("create", &folder))?;
        let mut program = K::program(&folder, &ports)?;
        program.log = self.log_of(&program.name);
        Ok(program)
    }
}
