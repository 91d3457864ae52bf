//! A sandbox on a port of its own, and clients of it.

use std::path::PathBuf;

use clap::Parser as _;
use payments::sandbox::{self, Sandbox};
use payments::{Authorization, Failure, Intent, PaymentsConfig, Provider, Refunding};
use runtime::http::{HttpLimits, serve_on};
use runtime::{Process, Secret};
use serde_json::Value;
use stack::testing;
use tokio::net::TcpListener;

pub(crate) const KEY: &str = "sk_test_0123456789";

pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) file: PathBuf,
    process: Process,
}

impl World {
    pub(crate) async fn open() -> Self {
        Self::on(testing::folder("sandbox").join("ledger.jsonl")).await
    }

    /// A sandbox whose ledger lies in this file.
    pub(crate) async fn on(file: PathBuf) -> Self {
        let process = Process::new("payment-sandbox", None);
        let path = file.display().to_string();
        let arguments =
            ["", "--payments-secret-key", KEY, "--sandbox-ledger", path.as_str(), "--sandbox-delay-ms", "1500"];
        let config = sandbox::Config::try_parse_from(arguments).unwrap();
        let sandbox = Sandbox::open(&config, process.shutdown.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (serving, router) = (process.clone(), sandbox::router(sandbox));
        let limits = HttpLimits::default();
        process.tasks.spawn("serve", async move { serve_on(listener, router, &limits, &serving).await });
        Self { url, file, process }
    }

    /// A client that waits for an answer for a second.
    pub(crate) fn provider(&self) -> Provider {
        provider(&self.url, KEY)
    }

    pub(crate) async fn ledger(&self) -> Value {
        reqwest::get(format!("{}/sandbox/ledger", self.url)).await.unwrap().json().await.unwrap()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

pub(crate) fn provider(url: &str, key: &str) -> Provider {
    Provider::new(&PaymentsConfig {
        payments_url: url.to_owned(),
        payments_secret_key: Secret::from(key),
        payments_webhook_secret: Secret::from("whsec_0123456789"),
        payments_timeout: 1,
    })
    .unwrap()
}

/// Sets 1,500 cents aside for the payment `pay_1`.
pub(crate) async fn authorize(provider: &Provider, key: &str, method: &str) -> Result<Intent, Failure> {
    let wanted = Authorization { payment: "pay_1", amount: 1_500, currency: "EUR", method };
    provider.authorize(key, &wanted).await
}

/// Gives some of it back.
pub(crate) fn refunding<'a>(intent: &'a Intent, refund: &'a str, amount: i64) -> Refunding<'a> {
    Refunding { payment: "pay_1", refund, intent: &intent.id, amount }
}
