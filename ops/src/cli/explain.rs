//! Whose story is told, and whose views are looked into.

use event_store::Selection;
use read_model::RedisConfig;
use runtime::Secret;
use schemas::{InvalidId, OrderId, Timestamp};
use vault::VaultConfig;
use views::Projection;

use super::generations::projection;
use super::instant;

/// Which order, and where to look.
#[derive(Debug, clap::Args)]
pub struct ExplainCommand {
    /// The order's id.
    #[arg(value_parser = order)]
    pub order: OrderId,
    /// Where the events are committed.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: Secret,
    /// Where they are shown.
    #[command(flatten)]
    pub redis: RedisConfig,
}

/// Which views, and what they are held against.
#[derive(Debug, clap::Args)]
pub struct AuditCommand {
    /// Which projection.
    #[arg(value_parser = projection)]
    pub projection: Projection,
    /// Only streams whose ids begin like this: a single one, or a range of them.
    #[arg(long, value_name = "BEGINNING")]
    pub only: Option<Box<str>>,
    /// Only streams to which something happened at this instant or later, as 2024-05-01T12:00:00Z.
    #[arg(long, value_parser = instant)]
    pub since: Option<Timestamp>,
    /// Where the events are committed.
    #[arg(long, env = "MONGODB_URI", hide_env_values = true)]
    pub mongodb_uri: Secret,
    /// Where the views are.
    #[command(flatten)]
    pub redis: RedisConfig,
    /// Where users' keys are kept; only `users` hold personal data.
    #[arg(long, env = "VAULT_MONGODB_URI", hide_env_values = true, requires = "vault_master_key")]
    pub vault_mongodb_uri: Option<Secret>,
    /// The master keys that open them.
    #[arg(long, env = "VAULT_MASTER_KEY", hide_env_values = true, requires = "vault_mongodb_uri")]
    pub vault_master_key: Option<Secret>,
    /// Also says which documents would be made anew by their projector, from their streams' events.
    #[arg(long)]
    pub repair: bool,
    /// Repair them.
    #[arg(long, requires = "repair")]
    pub execute: bool,
}

impl AuditCommand {
    /// The streams that are compared.
    pub(crate) fn selection(&self) -> Selection {
        let Self { only, since, projection, .. } = self;
        let beginning = only.clone().unwrap_or_else(|| projection.aggregate().prefix().into());
        Selection { beginning: Some(beginning), since: *since, until: None }
    }

    /// What opens personal data, if that was said.
    pub(crate) fn vault(&self) -> Option<VaultConfig> {
        let (uri, key) = (self.vault_mongodb_uri.clone()?, self.vault_master_key.clone()?);
        Some(VaultConfig { vault_mongodb_uri: uri, vault_master_key: key })
    }
}

pub(super) fn order(text: &str) -> Result<OrderId, InvalidId> {
    OrderId::parse(text)
}
