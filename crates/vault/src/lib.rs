//! The vault: seals and opens personal data with one random key per user, and is the only holder of those keys.
//!
//! Promises: a sealed value opens under its own user and field only (AES-256-GCM); a user's key is stored wrapped under
//! a master key of the configuration, in a database of its own, and durable before anything sealed with it is handed
//! out; a destroyed key is never made again, and whatever was sealed with it shows as `[erased]`.

mod cipher;
mod config;
mod connection;
mod error;
mod keys;
mod masters;
mod remnants;
mod rotation;
mod vault;

pub use config::VaultConfig;
pub use error::Error;
pub use masters::{InvalidMasterKeys, MasterId, MasterKeys};
pub use rotation::Wrapped;
pub use vault::{Destroyed, Vault};
