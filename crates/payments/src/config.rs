//! Where the payment provider is, and how we prove to each other who we are.

use std::time::Duration;

use runtime::Secret;

/// The settings of whoever speaks to the payment provider.
#[derive(Debug, Clone, clap::Args)]
pub struct PaymentsConfig {
    /// The root of the payment provider's API; the sandbox's in development.
    #[arg(long, env = "PAYMENTS_URL", default_value = "https://api.stripe.com", value_parser = root)]
    pub payments_url: String,
    /// The secret key that the payment provider knows us by.
    #[arg(long, env = "PAYMENTS_SECRET_KEY")]
    pub payments_secret_key: Secret,
    /// The secret that the payment provider signs its webhooks with.
    #[arg(long, env = "PAYMENTS_WEBHOOK_SECRET")]
    pub payments_webhook_secret: Secret,
    /// How many seconds the payment provider may take to answer, before the outcome counts as unknown.
    #[arg(long, env = "PAYMENTS_TIMEOUT", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub payments_timeout: u64,
}

impl PaymentsConfig {
    /// How long the provider may take to answer.
    #[must_use]
    pub const fn answer_within(&self) -> Duration {
        Duration::from_secs(self.payments_timeout)
    }
}

fn root(text: &str) -> Result<String, &'static str> {
    let url = text.trim_end_matches('/');
    let parsed = reqwest::Url::parse(url).map_err(|_| "a URL such as https://api.stripe.com is expected")?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err("a URL that starts with http:// or https:// is expected");
    }
    Ok(url.to_owned())
}
