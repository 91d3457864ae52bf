//! One librdkafka producer, used until its first failure, and the thread that serves it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message as _};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext, PurgeConfig};
use tokio::sync::oneshot;

use super::Delivered;
use crate::client::Logs;
use crate::{Error, Kafka};

/// How long the thread serves deliveries before it looks whether the instance has failed or is gone. Not shorter: rdkafka
/// spins through the last millisecond of each such time.
const SERVE: Duration = Duration::from_millis(500);

/// The broker's answer to one record.
pub(super) type Outcome = Result<Delivered, KafkaError>;

/// A record, and who waits for its answer.
pub(super) type Record<'a> = BaseRecord<'a, str, [u8], Box<oneshot::Sender<Outcome>>>;

type Client = BaseProducer<Deliveries>;

/// A producer that is used until its first failure. Dropping it fails what is not answered yet.
pub(super) struct Instance {
    client: Arc<Client>,
    gone: Arc<AtomicBool>,
}

/// Passes each delivery report to the ack that waits for it.
#[derive(Debug, Default)]
struct Deliveries {
    failed: AtomicBool,
}

impl Deliveries {
    fn fail(&self) {
        self.failed.store(true, Ordering::Release);
    }

    fn have_failed(&self) -> bool {
        self.failed.load(Ordering::Acquire)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        Logs.log(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Logs.error(error, reason);
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Box<oneshot::Sender<Outcome>>;

    fn delivery(&self, result: &DeliveryResult<'_>, waiting: Self::DeliveryOpaque) {
        let outcome = match result {
            Ok(message) => Ok(Delivered { partition: message.partition(), offset: message.offset() }),
            Err((error, _)) => {
                self.fail();
                Err(error.clone())
            }
        };
        let _nobody_waits = waiting.send(outcome);
    }
}

impl Instance {
    pub(super) fn new(kafka: &Kafka) -> Result<Self, Error> {
        let mut settings = kafka.settings();
        settings
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // A record that can never be delivered ends this instance, instead of being skipped.
            .set("enable.gapless.guarantee", "true")
            // However long the cluster is away, a record waits for it.
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .set("partitioner", "murmur2_random")
            .set("linger.ms", "0");
        let client: Client = settings
            .create_with_context(Deliveries::default())
            .map_err(|source| Error::Client { purpose: "producing", source })?;
        let instance = Self { client: Arc::new(client), gone: Arc::default() };
        let (client, gone) = (Arc::clone(&instance.client), Arc::clone(&instance.gone));
        // Not one of the process's tasks: what was sent is still to be answered while the process ends.
        std::thread::Builder::new()
            .name(THREAD.to_owned())
            .spawn(move || serve(&client, &gone))
            .map_err(|source| Error::Thread { thread: THREAD, source })?;
        Ok(instance)
    }

    #[expect(clippy::result_large_err, reason = "the client hands the record back, to be sent again")]
    pub(super) fn send<'a>(&self, record: Record<'a>) -> Result<(), (KafkaError, Record<'a>)> {
        self.client.send(record)
    }

    /// Serves delivery reports for this long, so that the queue gets room.
    pub(super) fn wait(&self, time: Duration) {
        self.client.poll(time);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.client.context().have_failed()
    }

    pub(super) fn fail(&self) {
        self.client.context().fail();
    }
}

const THREAD: &str = "kafka-producer";

/// Serves deliveries until the instance is gone. After a failure everything that is not answered yet fails as well, at
/// once: librdkafka would leave it in its queues for ever.
fn serve(client: &Client, gone: &AtomicBool) {
    let deliveries = client.context();
    while !gone.load(Ordering::Acquire) {
        client.poll(SERVE);
        if !deliveries.have_failed()
            && let Some((_, reason)) = client.client().fatal_error()
        {
            tracing::error!(reason, "the producer failed and is made anew for the next round: {reason}");
            deliveries.fail();
        }
        if deliveries.have_failed() {
            client.purge(PurgeConfig::default().queue().inflight());
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Release);
    }
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance").field("failed", &self.has_failed()).finish_non_exhaustive()
    }
}
