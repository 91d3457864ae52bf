//! How the processes are, as the gateway tells: it asks each of them.

use std::time::Duration;

use reqwest::Client;
use serde::Deserialize;

use super::report::ProcessStatus;

/// How long the gateway may take. It waits a second for each process, for all of them together.
const WITHIN: Duration = Duration::from_secs(5);

/// What `GET /health/ready` answers.
#[derive(Debug, Deserialize)]
struct Overview {
    services: Vec<Service>,
}

#[derive(Debug, Deserialize)]
struct Service {
    name: String,
    ready: bool,
    dependencies: Vec<Needed>,
}

#[derive(Debug, Deserialize)]
struct Needed {
    name: String,
    up: bool,
}

/// Each process that the gateway knows.
pub(super) async fn processes(gateway: &str) -> Result<Vec<ProcessStatus>, reqwest::Error> {
    let url = format!("{}/health/ready", gateway.trim_end_matches('/'));
    let answer = Client::builder().timeout(WITHIN).no_proxy().build()?.get(url).send().await?;
    let overview: Overview = answer.json().await?;
    Ok(overview.services.into_iter().map(ProcessStatus::from).collect())
}

impl From<Service> for ProcessStatus {
    fn from(service: Service) -> Self {
        let Service { name, ready, dependencies } = service;
        let lacks = dependencies.into_iter().filter(|needed| !needed.up).map(|needed| needed.name);
        Self { name, ready, lacks: lacks.collect() }
    }
}
