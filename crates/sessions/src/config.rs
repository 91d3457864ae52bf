//! How tokens are checked.

use crate::keys::{InvalidKeys, Keys};

/// The settings of every process that lets people in.
#[derive(Debug, Clone, clap::Args)]
pub struct SessionsConfig {
    /// Public keys that access tokens are checked with, as a JSON Web Key Set.
    #[arg(long, env = "JWKS", value_parser = key_set)]
    pub jwks: String,
    /// Issuer that a token must name.
    #[arg(long, env = "JWT_ISSUER", default_value = "orderflow")]
    pub jwt_issuer: String,
    /// Audience that a token must name.
    #[arg(long, env = "JWT_AUDIENCE", default_value = "orderflow")]
    pub jwt_audience: String,
}

fn key_set(text: &str) -> Result<String, InvalidKeys> {
    Keys::parse(text).map(|_| text.to_owned())
}
