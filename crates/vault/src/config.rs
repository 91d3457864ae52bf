//! Where the keys are, and what opens them.

use runtime::Secret;

use crate::MasterKeys;

/// The vault's settings.
#[derive(Debug, Clone, clap::Args)]
pub struct VaultConfig {
    /// Where users' keys are kept: a replica set; the path names the database, else it is `vault`. Not the events' own.
    #[arg(long, env = "VAULT_MONGODB_URI")]
    pub vault_mongodb_uri: Secret,
    /// Master keys of 32 bytes in hexadecimal digits, separated by commas or spaces; the last one is the newest.
    #[arg(long, env = "VAULT_MASTER_KEY")]
    pub vault_master_key: Secret,
}

impl VaultConfig {
    /// What is wrong with the settings, if anything is, as a sentence.
    pub fn check(&self, problems: &mut Vec<String>) {
        if let Err(invalid) = MasterKeys::parse(&self.vault_master_key) {
            problems.push(format!("VAULT_MASTER_KEY: {invalid}; make one with: openssl rand -hex 32"));
        }
    }
}
