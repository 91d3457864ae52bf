//! Copies of records in another topic: the same key, value and headers, and one header more.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use rdkafka::message::{Header, Message as _, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::{Logged, REPLAY_OF};
use crate::client::{self, Logs};
use crate::{Error, KafkaConfig};

/// How long a record waits for the cluster.
const PATIENCE: Duration = Duration::from_secs(60);

/// Writes copies into one topic.
pub struct Copies {
    producer: FutureProducer<Logs>,
    topic: Arc<str>,
}

impl Copies {
    /// A writer for this topic, which must exist: none is created.
    pub fn connect(config: &KafkaConfig, topic: &str) -> Result<Self, Error> {
        let producer = client::settings(config, "replay")
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", PATIENCE.as_millis().to_string())
            .set("compression.type", "lz4")
            .set("partitioner", "murmur2_random")
            .create_with_context(Logs)
            .map_err(|source| Error::Client { purpose: "writing copies", source })?;
        Ok(Self { producer, topic: topic.into() })
    }

    /// Writes a copy of each, in this order for each key, and returns when the brokers have them all. Of those that were
    /// under way at a failure some may be written; repeating writes them again.
    pub async fn write(&self, records: &[Logged]) -> Result<(), Error> {
        let failed = |source| Error::Copy { topic: self.topic.to_string(), source };
        let mut under_way = Vec::with_capacity(records.len());
        for logged in records {
            let (whole, place) = (&logged.whole, logged.place());
            let mark = Header { key: REPLAY_OF, value: Some(place.as_str()) };
            let headers = whole.headers().cloned().unwrap_or_else(OwnedHeaders::new).insert(mark);
            let mut copy = FutureRecord::<[u8], [u8]>::to(&self.topic).headers(headers);
            (copy.key, copy.payload) = (whole.key(), whole.payload());
            under_way.push(self.producer.send_result(copy).map_err(|(error, _)| failed(error))?);
        }
        for delivery in join_all(under_way).await {
            delivery.map_err(|_gone| Error::ThreadDied { thread: "replay" })?.map_err(|(error, _)| failed(error))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Copies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Copies").field("topic", &self.topic).finish_non_exhaustive()
    }
}
