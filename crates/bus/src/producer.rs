//! Writes events to their topics, in the order of the calls.
//!
//! A [`Round`] is a run of sends after whose first failure nothing more is sent: so in each partition, what was sent
//! earlier lies earlier, and nothing lies behind a record that is missing. This is what keeps the prefix property.

mod instance;

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::BaseRecord;
use schemas::{Aggregate, AnyEvent, Recorded, StreamId, Version, avro, frame};
use tokio::sync::oneshot;

use crate::header::Header;
use crate::kafka::Ends;
use crate::registry::Ids;
use crate::{Error, Kafka, Registry};
use instance::{Instance, Outcome, Record};

/// How often a full queue is tried again, and how long each of these waits.
const FULL_QUEUE_TRIES: u32 = 100;
const FULL_QUEUE_WAIT: Duration = Duration::from_millis(1);

/// Writes to Kafka. Clones share one client, which is made anew after a failure.
#[derive(Debug, Clone)]
pub struct Producer {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    kafka: Kafka,
    registry: Registry,
    /// None before the first round, of a producer that may never be needed.
    current: Mutex<Option<Arc<Instance>>>,
    topics: Topics,
}

/// What is known of each aggregate's topic.
type Topics = Arc<[(Aggregate, Arc<Ends>)]>;

/// Sends after whose first failure every other send fails too. Make a new one only when every ack of the old one has
/// answered, else a later version may be written by the new round before the old one's earlier version.
#[derive(Debug)]
pub struct Round {
    instance: Arc<Instance>,
    ids: Ids,
    topics: Topics,
}

/// Where a record was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    /// Its partition.
    pub partition: i32,
    /// Its offset; -1 if the broker recognised a repetition and did not say.
    pub offset: i64,
}

/// The broker's answer to one send, which may take as long as the cluster is away. Dropping it forgets the answer, not
/// the record.
#[derive(Debug)]
pub struct Ack {
    stream: StreamId,
    version: Version,
    answer: oneshot::Receiver<Outcome>,
}

impl Producer {
    /// A producer for every aggregate's topic. Does not fail when Kafka or the registry are down; from now on the
    /// process is ready only if both have what we need.
    pub fn connect(kafka: &Kafka, registry: &Registry) -> Result<Self, Error> {
        registry.demand_own();
        let topics = Aggregate::ALL.into_iter().map(|aggregate| (aggregate, kafka.watch(aggregate.topic()))).collect();
        let current = Mutex::new(Some(Arc::new(Instance::new(kafka)?)));
        let inner = Inner { kafka: kafka.clone(), registry: registry.clone(), current, topics };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Another producer for the same topics, with rounds of its own; its client is made for the first of them.
    #[must_use]
    pub fn beside(&self) -> Self {
        let Inner { kafka, registry, topics, current: _ } = &*self.inner;
        let (kafka, registry, topics) = (kafka.clone(), registry.clone(), Arc::clone(topics));
        Self { inner: Arc::new(Inner { kafka, registry, current: Mutex::default(), topics }) }
    }

    /// Begins a round. Fails if a schema of ours is not registered, or the registry was not reached yet.
    pub fn round(&self) -> Result<Round, Error> {
        let ids = self.inner.registry.ids()?;
        let mut current = self.inner.current.lock().unwrap_or_else(PoisonError::into_inner);
        let usable = current.take_if(|instance| !instance.has_failed());
        let instance = match usable {
            Some(instance) => instance,
            None => Arc::new(Instance::new(&self.inner.kafka)?),
        };
        *current = Some(Arc::clone(&instance));
        Ok(Round { instance, ids, topics: Arc::clone(&self.inner.topics) })
    }
}

impl Round {
    /// Hands one event over. Returns at once, unless the client's queue is full: then within 100 ms, with
    /// [`Error::QueueFull`] if it stays so.
    ///
    /// After an error that [`Error::is_of_one_event`], send nothing later of the same stream in this round; after any
    /// other send nothing more at all, and await the acks.
    pub fn send(&self, recorded: &Recorded<AnyEvent>) -> Result<Ack, Error> {
        let (stream, version) = (&recorded.stream, recorded.version);
        let name = recorded.event.name();
        let (Some(record), Some(id)) = (avro::record_named(name), self.ids.get(name)) else {
            return Err(Error::SchemaMissing { subject: name.to_owned() });
        };
        let datum = recorded.event.to_avro(&record.schema);
        let datum = datum.map_err(|source| Error::Encode { stream: stream.clone(), version, source })?;
        let value = frame::wrap(*id, &datum);
        let topic = record.aggregate.topic();
        if self.topics.iter().any(|(aggregate, ends)| *aggregate == record.aggregate && ends.is_missing()) {
            return Err(Error::TopicMissing { topic });
        }
        let (tell, answer) = oneshot::channel();
        let message = BaseRecord::with_opaque_to(topic, Box::new(tell))
            .key(stream.as_str())
            .payload(value.as_slice())
            .headers(headers(recorded, record));
        self.enqueue(message, recorded)?;
        Ok(Ack { stream: stream.clone(), version, answer })
    }

    fn enqueue(&self, mut message: Record<'_>, recorded: &Recorded<AnyEvent>) -> Result<(), Error> {
        for _ in 0..FULL_QUEUE_TRIES {
            if self.instance.has_failed() {
                return Err(Error::RoundFailed);
            }
            let refused = match self.instance.send(message) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), refused)) => refused,
                Err((source, _)) => return Err(self.refused(source, recorded)),
            };
            message = refused;
            self.instance.wait(FULL_QUEUE_WAIT);
        }
        Err(Error::QueueFull)
    }

    fn refused(&self, source: KafkaError, recorded: &Recorded<AnyEvent>) -> Error {
        let (stream, version) = (recorded.stream.clone(), recorded.version);
        if matches!(source, KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge)) {
            return Error::TooLarge { stream, version };
        }
        self.instance.fail();
        Error::Undelivered { stream, version, source }
    }
}

impl Future for Ack {
    type Output = Result<Delivered, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.answer).poll(context));
        Poll::Ready(match answer {
            Ok(Ok(delivered)) => Ok(delivered),
            Ok(Err(source)) => Err(Error::Undelivered { stream: self.stream.clone(), version: self.version, source }),
            Err(_client_gone) => Err(Error::RoundFailed),
        })
    }
}

fn headers(recorded: &Recorded<AnyEvent>, record: &avro::Record) -> OwnedHeaders {
    let (id, time, sequence) = (recorded.id.to_string(), recorded.at.to_string(), recorded.version.to_string());
    let full_name = record.full_name();
    let value = |header| match header {
        Header::SpecVersion => Some("1.0"),
        Header::Id => Some(id.as_str()),
        Header::Source => Some("orderflow"),
        Header::Type => Some(full_name.as_str()),
        Header::Subject => Some(recorded.stream.as_str()),
        Header::Time => Some(time.as_str()),
        Header::Sequence => Some(sequence.as_str()),
        Header::Correlation => Some(&*recorded.correlation),
        Header::Causation => recorded.causation.as_deref(),
        Header::ContentType => Some("application/avro"),
        Header::Owner => recorded.owner.as_ref().map(schemas::UserId::as_str),
        Header::SeedType => recorded.event.seed_type(),
        Header::Traceparent => recorded.traceparent.as_deref(),
    };
    let mut headers = OwnedHeaders::new_with_capacity(Header::ALL.len());
    for header in Header::ALL {
        if let Some(value) = value(header) {
            headers = headers.insert(rdkafka::message::Header { key: header.name(), value: Some(value) });
        }
    }
    headers
}
