//! How tokens are checked.

use std::path::PathBuf;

use crate::keys::{InvalidKeys, Keys};

/// The settings of every process that lets people in.
#[derive(Debug, Clone, clap::Args)]
pub struct SessionsConfig {
    /// Public keys that access tokens are checked with, as a JSON Web Key Set; required unless `JWKS_FILE` or `JWKS_URL` is set.
    #[arg(long, env = "JWKS", value_parser = key_set)]
    pub jwks: Option<String>,
    /// File that holds `JWKS`; read again every second, so that a new key is known without a restart.
    #[arg(long, env = "JWKS_FILE")]
    pub jwks_file: Option<PathBuf>,
    /// Where the keys are published, instead of `JWKS`; read again every minute, and when a token names a new key. The command
    /// API, which publishes them, refuses it.
    #[arg(long, env = "JWKS_URL", value_parser = url)]
    pub jwks_url: Option<String>,
    /// Issuer that a token must name.
    #[arg(long, env = "JWT_ISSUER", default_value = "orderflow")]
    pub jwt_issuer: String,
    /// Audience that a token must name.
    #[arg(long, env = "JWT_AUDIENCE", default_value = "orderflow")]
    pub jwt_audience: String,
}

impl SessionsConfig {
    /// Says what is wrong with the settings taken together.
    pub fn check(&self, problems: &mut Vec<String>) {
        let file = self.jwks.is_some() || self.jwks_file.is_some();
        match (file, self.jwks_url.is_some()) {
            (false, false) => {
                problems.push("JWKS is not set, nor are JWKS_FILE or JWKS_URL; set one of them".to_owned())
            }
            (true, true) => problems.push("JWKS (or JWKS_FILE) and JWKS_URL are both set; set one of them".to_owned()),
            (true, false) | (false, true) => {}
        }
    }
}

fn key_set(text: &str) -> Result<String, InvalidKeys> {
    Keys::parse(text).map(|_| text.to_owned())
}

fn url(text: &str) -> Result<String, &'static str> {
    let http = text.starts_with("http://") || text.starts_with("https://");
    http.then(|| text.to_owned()).ok_or("a URL is expected, such as https://shop.example/.well-known/jwks.json")
}
