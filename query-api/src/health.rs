//! Whether the whole of our services can work, as seen from here: our own health and what the others' admin ports say.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use runtime::Process;
use runtime::clock::{self, Instant};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::Peer;

/// How long another service may take to say how it is.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);
/// How long a picture is shown again: however often we are asked, the others are asked twice a second.
const REMEMBERED: Duration = Duration::from_millis(500);

/// The other services. Clones share the last picture.
#[derive(Debug, Clone)]
pub struct Peers {
    peers: Arc<[Peer]>,
    client: reqwest::Client,
    process: Process,
    last: Arc<Mutex<Option<(Instant, Overview)>>>,
}

/// The health of all services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Overview {
    /// Whether all of them can do their work.
    pub(crate) ready: bool,
    /// Each of them, this one first.
    pub(crate) services: Vec<Service>,
}

/// The health of one service. Reasons are shown at its admin port only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Service {
    /// Its name.
    #[serde(default)]
    pub(crate) name: String,
    /// Whether it can do its work.
    pub(crate) ready: bool,
    /// What it needs; empty if it did not answer.
    pub(crate) dependencies: Vec<Needed>,
}

/// Something that a service needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Needed {
    /// Its name.
    pub(crate) name: String,
    /// Whether it is up.
    pub(crate) up: bool,
    /// Since when it has been up, or down; RFC 3339.
    pub(crate) since: String,
}

impl Overview {
    /// Whether this process can read the views.
    pub(crate) fn has_views(&self) -> bool {
        let needed = self.services.first().into_iter().flat_map(|own| &own.dependencies);
        needed.into_iter().any(|needed| needed.name == "redis" && needed.up)
    }
}

impl Peers {
    /// Asks nobody yet.
    pub fn new(peers: Vec<Peer>, process: Process) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(ANSWER_WITHIN).no_proxy().build()?;
        Ok(Self { peers: peers.into(), client, process, last: Arc::default() })
    }

    /// The picture, at most half a second old. Asked by many at once, the others are asked once.
    pub(crate) async fn overview(&self) -> Overview {
        let mut last = self.last.lock().await;
        if let Some((at, overview)) = &*last
            && at.elapsed() < REMEMBERED
        {
            return overview.clone();
        }
        let others = join_all(self.peers.iter().map(|peer| self.ask(peer))).await;
        let services: Vec<_> = std::iter::once(self.own()).chain(others).collect();
        let overview = Overview { ready: services.iter().all(|service| service.ready), services };
        *last = Some((clock::monotonic(), overview.clone()));
        overview
    }

    fn own(&self) -> Service {
        let report = self.process.health.report();
        let needed = |dependency: runtime::health::DependencyReport| Needed {
            name: dependency.name.to_owned(),
            up: dependency.up,
            since: dependency.since,
        };
        let dependencies = report.dependencies.into_iter().map(needed).collect();
        Service { name: self.process.name.to_owned(), ready: report.ready, dependencies }
    }

    /// A service that does not answer in time, or not as expected, is not ready.
    async fn ask(&self, peer: &Peer) -> Service {
        let silent = || Service { name: peer.name.clone(), ready: false, dependencies: Vec::new() };
        let Ok(answer) = self.client.get(format!("{}/readyz?verbose", peer.url)).send().await else { return silent() };
        let service = answer.json::<Service>().await.ok();
        service.map_or_else(silent, |service| Service { name: peer.name.clone(), ..service })
    }
}
