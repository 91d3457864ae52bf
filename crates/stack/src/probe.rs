//! Is it ready? One question per kind of server.

use std::time::Duration;

use bson::doc;
use mongodb::Client;
use mongodb::options::{ClientOptions, ServerAddress};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// `PING` is answered with `PONG` on this loopback port.
    Redis(u16),
    /// The one-node replica set on this loopback port has a primary; it is initiated when it was not yet.
    Mongo(u16),
    /// A broker answers with metadata at this address.
    Kafka(String),
    /// A GET of this URL answers 2xx.
    Http(String),
}

/// Why it is not ready.
#[derive(Debug, thiserror::Error)]
pub enum Unready {
    /// No connection, or it broke.
    #[error("no connection: {0}")]
    Connection(#[from] std::io::Error),
    /// Nobody answered in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// It answered, but is not there yet.
    #[error("it answered: {0}")]
    Answer(String),
    /// The MongoDB driver's view.
    #[error("MongoDB: {0}")]
    Mongo(#[from] mongodb::error::Error),
    /// The Kafka client's view.
    #[error("Kafka: {0}")]
    Kafka(#[from] rdkafka::error::KafkaError),
    /// The HTTP client's view.
    #[error("HTTP: {0}")]
    Http(#[from] reqwest::Error),
    /// The process answers and names what it waits for.
    #[error("HTTP {status}: {body}")]
    Status {
        /// The status.
        status: StatusCode,
        /// The body, which names the dependency that is down.
        body: String,
    },
}

const PATIENCE: Duration = Duration::from_secs(3);

impl Probe {
    /// Asks once.
    ///
    /// # Errors
    /// Why it is not ready.
    pub async fn check(&self) -> Result<(), Unready> {
        let asked = async {
            match self {
                Self::Redis(port) => redis(*port).await,
                Self::Mongo(port) => mongo(*port).await,
                Self::Kafka(brokers) => kafka(brokers.clone()).await,
                Self::Http(url) => http(url).await,
            }
        };
        tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(Unready::Silent(PATIENCE)))
    }
}

async fn redis(port: u16) -> Result<(), Unready> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"PING\r\n").await?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).await?;
    let answer = String::from_utf8_lossy(answer.get(..length).unwrap_or_default()).into_owned();
    if answer.starts_with("+PONG") { Ok(()) } else { Err(Unready::Answer(answer)) }
}

async fn mongo(port: u16) -> Result<(), Unready> {
    // The driver would wait for its own heartbeat; a refused connection is known at once.
    drop(TcpStream::connect(("127.0.0.1", port)).await?);
    let address = ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: Some(port) };
    let options = ClientOptions::builder()
        .hosts(vec![address])
        .direct_connection(true)
        .server_selection_timeout(Duration::from_secs(1))
        .build();
    let client = Client::with_options(options)?;
    let outcome = primary(&client, port).await;
    client.shutdown().immediate(true).await;
    outcome
}

async fn primary(client: &Client, port: u16) -> Result<(), Unready> {
    let admin = client.database("admin");
    let hello = admin.run_command(doc! { "hello": 1 }).await?;
    if hello.get_bool("isWritablePrimary").unwrap_or(false) {
        return Ok(());
    }
    if hello.get_str("setName").is_err() {
        let member = doc! { "_id": 0, "host": format!("127.0.0.1:{port}") };
        admin.run_command(doc! { "replSetInitiate": { "_id": "rs0", "members": [member] } }).await?;
    }
    Err(Unready::Answer("not the primary yet".to_owned()))
}

async fn kafka(brokers: String) -> Result<(), Unready> {
    let asked = tokio::task::spawn_blocking(move || {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("group.id", "probe").set("reconnect.backoff.max.ms", "100");
        let consumer: BaseConsumer = config.create()?;
        consumer.fetch_metadata(None, Duration::from_secs(2)).map(|metadata| metadata.brokers().len())
    });
    match asked.await {
        Ok(Ok(0)) => Err(Unready::Answer("no broker in its own metadata yet".to_owned())),
        Ok(Ok(_brokers)) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(_cancelled) => Err(Unready::Silent(PATIENCE)),
    }
}

async fn http(url: &str) -> Result<(), Unready> {
    let response = reqwest::get(url).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let body = response.text().await.unwrap_or_default();
    Err(Unready::Status { status, body: missing_dependencies(&body).unwrap_or(body) })
}

/// Our own processes name what they wait for.
fn missing_dependencies(body: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Report {
        dependencies: Vec<Dependency>,
    }
    #[derive(Deserialize)]
    struct Dependency {
        name: String,
        reason: Option<String>,
        since: String,
    }
    let report: Report = serde_json::from_str(body).ok()?;
    let line = |Dependency { name, reason, since }| reason.map(|reason| format!("{name} ({reason}, since {since})"));
    Some(report.dependencies.into_iter().filter_map(line).collect::<Vec<_>>().join(", "))
}
