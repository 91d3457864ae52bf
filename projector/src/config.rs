//! The projector's settings.

use bus::KafkaConfig;
use read_model::RedisConfig;
use runtime::RuntimeConfig;
use vault::VaultConfig;
use views::Projection;

/// Keeps the views up to date: reads events from Kafka and folds them into Redis.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "projector", version)]
pub struct Config {
    /// What every process has.
    #[command(flatten)]
    pub runtime: RuntimeConfig,
    /// Where events come from.
    #[command(flatten)]
    pub kafka: KafkaConfig,
    /// Where views go.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// Where the keys of personal data are, which the view of users shows.
    #[command(flatten)]
    pub vault: VaultConfig,
    /// The projections to keep up to date, separated by commas.
    #[arg(long, env = "PROJECTIONS", value_delimiter = ',', default_value = "orders,history,products,stock,payments,users,fulfilment", value_parser = projection)]
    pub projections: Vec<Projection>,
    /// The generation that a projection begins with; later ones are begun by `ops rebuild`.
    #[arg(long, env = "GENERATION", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub generation: u32,
}

impl runtime::Config for Config {
    fn runtime(&self) -> &RuntimeConfig {
        &self.runtime
    }

    fn check(&self, problems: &mut Vec<String>) {
        self.kafka.security.check(problems);
        self.vault.check(problems);
        let mut named = self.projections.clone();
        named.sort_unstable();
        named.dedup();
        if named.len() != self.projections.len() {
            problems.push("PROJECTIONS names a projection twice".to_owned());
        }
    }
}

fn projection(name: &str) -> Result<Projection, String> {
    Projection::named(name.trim()).ok_or_else(|| {
        let known: Vec<_> = Projection::ALL.iter().map(|projection| projection.name()).collect();
        format!("no projection is named {name:?}; known are {}", known.join(", "))
    })
}
