//! What all our librdkafka clients have in common: their settings, and where their log lines go.

use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientConfig;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use crate::KafkaConfig;

/// The settings of every client.
pub(crate) fn settings(kafka: &KafkaConfig, instance: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    kafka.security.apply(&mut config);
    config
        .set("bootstrap.servers", &kafka.kafka_brokers)
        .set("client.id", format!("orderflow.{instance}"))
        // A broker that comes back is found again within a second.
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        // A broker that starts may answer that there are no brokers. A client forgets all it knows then, and goes back to
        // `bootstrap.servers` only after this time, by default five minutes.
        .set("metadata.recovery.rebootstrap.trigger.ms", "5000")
        .set("socket.nagle.disable", "true")
        .set("socket.keepalive.enable", "true")
        .set("allow.auto.create.topics", "false")
        .set_log_level(RDKafkaLogLevel::Info);
    config
}

/// Receives what librdkafka has to say and passes it to our logs. The dependency `kafka` tells operators that the
/// cluster is away; librdkafka's own lines about it are for debugging.
#[derive(Debug, Default)]
pub(crate) struct Logs;

impl ClientContext for Logs {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                tracing::warn!(target: "librdkafka", facility, "{line}");
            }
            RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning
            | RDKafkaLogLevel::Notice
            | RDKafkaLogLevel::Info
            | RDKafkaLogLevel::Debug => tracing::debug!(target: "librdkafka", facility, "{line}"),
        }
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(target: "librdkafka", %error, "{reason}");
    }
}

impl ConsumerContext for Logs {}

/// The same for the client that watches the cluster, which also remembers why it could not connect: the answer to a request
/// says no more than that there was none.
#[derive(Debug, Default)]
pub(crate) struct LastFailure(Mutex<Option<Arc<str>>>);

impl LastFailure {
    /// How librdkafka marks what it says of a connection that failed.
    const FACILITY: &str = "FAIL";

    /// What was last said of a connection, as "SASL authentication error: …".
    pub(crate) fn get(&self) -> Option<Arc<str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// To be called once the cluster answers again.
    pub(crate) fn forget(&self) {
        self.set(None);
    }

    fn set(&self, said: Option<Arc<str>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = said;
    }
}

impl ClientContext for LastFailure {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        if facility == Self::FACILITY {
            // The line begins with the thread's name in brackets.
            let said = line.split_once("]: ").map_or(line, |(_, said)| said);
            self.set(Some(said.into()));
        }
        Logs.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Logs.error(error, reason);
    }
}

impl ConsumerContext for LastFailure {}
