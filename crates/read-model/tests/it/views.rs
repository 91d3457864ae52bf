//! Views: one atomic call per batch, refused rather than half done, and readers that never see anything between.

mod apply;
mod changes;
mod comparing;
mod connection;
mod crash;
mod generations;
mod model;
mod notices;
pub(crate) mod pages;
pub(crate) mod parking;
mod pauses;
mod places;
mod property;
mod purge;
mod reader;
mod repairs;
mod trails;

use std::collections::BTreeMap;

use read_model::{Applied, Batch, DocumentWrite, Generation, Parking, ReadModel, RedisConfig, Source, Target};
use redis::aio::MultiplexedConnection;
use runtime::Process;
use schemas::{EventId, OrderId, Position, StreamId, Version};
use stack::servers::Redis;
use stack::testing;
use uuid::Uuid;

use generations::SHAPE;

/// A client of one Redis, and a projection of the test's own in it.
pub(crate) struct Rig {
    pub(crate) read_model: ReadModel,
    pub(crate) process: Process,
    pub(crate) target: Target,
    url: String,
}

impl Rig {
    /// On the Redis that all tests share; the projection's name keeps them apart.
    pub(crate) async fn shared(projection: &'static str) -> Self {
        Self::on(testing::redis().await, projection)
    }

    pub(crate) fn on(server: &Redis, projection: &'static str) -> Self {
        let process = Process::new("views-test", None);
        let config = RedisConfig { redis_url: server.url().into() };
        let read_model = ReadModel::connect(&config, &process).unwrap();
        let target = Target { projection, generation: Generation(1) };
        Self { read_model, process, target, url: server.url().to_owned() }
    }

    /// A connection beside the crate's own, to look and to break things.
    pub(crate) async fn raw(&self) -> MultiplexedConnection {
        redis::Client::open(self.url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap()
    }

    /// A generation beside the first one, of any number.
    pub(crate) async fn beside(&self, number: u32) -> Target {
        let entry = r#"{"state":"filling","shape":1,"rate":null,"started_ms":0}"#;
        let key = format!("{{{}}}:generations", self.target.projection);
        let list = redis::cmd("HSET").arg(key).arg(number).arg(entry).to_owned();
        let _: () = list.query_async(&mut self.raw().await).await.unwrap();
        Target { generation: Generation(number), ..self.target }
    }

    /// Begins or resumes the work on a partition of the first generation, which a projector of the test's shape has found.
    pub(crate) async fn open(&self, partition: i32) -> Position {
        self.read_model.found(&self.target, SHAPE, 5).await.unwrap();
        self.read_model.open(&self.target, &source(partition)).await.unwrap()
    }

    /// A batch behind the stored position of partition 0.
    pub(crate) async fn batch(&self, writes: Vec<DocumentWrite>) -> Batch {
        let base = self.open(0).await;
        let count = i64::try_from(writes.len().max(1)).unwrap();
        let next = Position { next: base.next + count, last: writes.last().map(|write| write.last_event) };
        Batch {
            target: self.target,
            source: source(0),
            base,
            next,
            writes,
            gaps: Vec::new(),
            parking: Parking::default(),
        }
    }

    /// Applies writes behind the stored position of partition 0.
    pub(crate) async fn write(&self, writes: Vec<DocumentWrite>) {
        let batch = self.batch(writes).await;
        assert_eq!(self.read_model.apply(&batch).await.unwrap(), Applied::Done);
    }

    /// Everything that Redis holds of this projection, in its own serialisation.
    pub(crate) async fn everything(&self) -> BTreeMap<String, Vec<u8>> {
        let mut raw = self.raw().await;
        let pattern = format!("{{{}}}:*", self.target.projection);
        let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut raw).await.unwrap();
        let mut everything = BTreeMap::new();
        for key in keys {
            let dump = redis::cmd("DUMP").arg(&key).query_async(&mut raw).await.unwrap();
            everything.insert(key, dump);
        }
        everything
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

pub(crate) fn source(partition: i32) -> Source {
    Source { topic: "orders.events.v1".into(), partition }
}

pub(crate) fn stream(number: u128) -> StreamId {
    OrderId::from_bits(number).stream().clone()
}

/// The event of this version of this stream.
pub(crate) fn event(number: u128, version: u32) -> EventId {
    EventId(Uuid::from_u128(number << 32 | u128::from(version)))
}

/// The change of one document that stands in the list `all`.
pub(crate) fn write(number: u128, from: u32, to: u32) -> DocumentWrite {
    DocumentWrite {
        stream: stream(number),
        from: Version(from),
        to: Version(to),
        last_event: event(number, to),
        body: Some(format!(r#"{{"number":{number},"version":{to}}}"#).into_bytes()),
        list_add: if from == 0 { vec![("all".to_owned(), i64::try_from(number).unwrap())] } else { Vec::new() },
        list_remove: Vec::new(),
        text_add: Vec::new(),
        text_remove: Vec::new(),
        sightings: Vec::new(),
    }
}
