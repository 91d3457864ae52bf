//! What can be done about keys.

use std::path::PathBuf;

use vault::VaultConfig;

/// About keys.
#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Makes a signing key: `jwt.pem` for the command API, `jwks.json` for every service. Overwrites nothing.
    Generate {
        /// The folder for both files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Replaces keys by newer ones, without refusing what the older ones were used for.
    #[command(subcommand)]
    Rotate(RotateCommand),
}

/// Which keys.
#[derive(Debug, clap::Subcommand)]
pub enum RotateCommand {
    /// The key that signs access tokens: `jwt.pem` gets a new one, `jwks.json` holds the old one beside it until its
    /// tokens have expired. Processes that read the keys from these files, or from `JWKS_URL`, need no restart; others
    /// must be restarted within ten minutes.
    Jwt {
        /// The folder of both files.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
    /// Wraps every user's key under the newest master key; after that the older ones may leave `VAULT_MASTER_KEY`.
    Master {
        /// Where users' keys are, and what opens them.
        #[command(flatten)]
        vault: VaultConfig,
        /// Act instead of only saying what would be done.
        #[arg(long)]
        execute: bool,
    },
}
