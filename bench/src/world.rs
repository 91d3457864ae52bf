//! The system that is measured: real servers, and those of our processes that a benchmark needs.

use std::time::Duration;

use bus::{Kafka, KafkaConfig, Registry};
use e2e::client::{Gateway, LoggedIn, Request, order_of};
use e2e::plain_redis;
use event_store::EventStore;
use futures::future::join_all;
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use redis::aio::MultiplexedConnection;
use runtime::Process;
use serde_json::json;
use stack::{Orderflow, Shape, within};

/// The longest that anything may take to get ready.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Nobody is turned away for asking too often: that is what benchmarks do.
const UNLIMITED: [(&str, &str); 3] =
    [("REQUESTS_PER_USER", "0"), ("REQUESTS_PER_ADDRESS", "0"), ("MAX_REQUESTS", "100000")];

/// What everybody buys.
pub const SKUS: [&str; 3] = ["BENCH-TEA", "BENCH-CUP", "BENCH-POT"];

/// Our processes; the servers go on always.
const OURS: [&str; 6] = ["command-api", "projector", "query-api", "notifier", "steward", "payment-sandbox"];

/// The system, and somebody to use it.
#[derive(Debug)]
pub struct World {
    /// The system.
    pub system: Orderflow,
    process: Process,
}

/// A process, and the settings that it is started with besides its own.
pub type Wanted<'a> = (&'a str, &'a [(&'a str, &'a str)]);

impl World {
    /// Starts everything, and fills the shop.
    pub async fn up() -> Self {
        let system = Orderflow::up(Shape::default()).await;
        let world = Self { system, process: Process::new("bench", None) };
        let (gateway, admin) = (world.commands(), world.admin().await);
        for sku in SKUS {
            let _ = gateway.product(&admin, sku, 490).await;
            let path = format!("/commands/products/{sku}/stock");
            let stock = Request::by(&admin).json(json!({ "quantity": 1_000_000 }));
            let _ = gateway.post(&path, stock).await;
        }
        world.published().await;
        world
    }

    /// Waits until every commit is published: who runs without a relay may need what others know by then.
    async fn published(&self) {
        let outbox = self.store("orderflow").await.outbox();
        let empty = async || match outbox.backlog(1).await {
            Ok(0) => Ok(()),
            Ok(_some) => Err("some commits are not published".to_owned()),
            Err(error) => Err(runtime::chain_in_lines(&error)),
        };
        within(PATIENCE, empty).await.unwrap_or_else(|missing| panic!("{missing}"));
    }

    /// Ends every process of ours, and starts these; returns when they are ready.
    pub async fn only(&self, wanted: &[Wanted<'_>]) {
        join_all(OURS.map(|name| self.system.kill(name))).await;
        let _started = join_all(wanted.iter().map(|wanted| self.start(*wanted))).await;
    }

    /// Kills a process and starts it again; returns when it is ready.
    pub async fn restart(&self, wanted: Wanted<'_>) {
        self.system.kill(wanted.0).await.unwrap_or_else(|error| panic!("{}", runtime::chain_in_lines(&error)));
        self.start(wanted).await;
    }

    async fn start(&self, (name, settings): Wanted<'_>) {
        let settings: Vec<_> = UNLIMITED.iter().chain(settings).copied().collect();
        let started = self.system.start_with(name, &settings).await;
        started.unwrap_or_else(|error| panic!("{}", runtime::chain_in_lines(&error)));
    }

    /// Somebody new who is logged in, for a quarter of an hour; the command API must be running.
    pub async fn customer(&self) -> LoggedIn {
        self.commands().user(&format!("bench-{}", uuid::Uuid::now_v7().simple())).await
    }

    /// The admin, logged in for a quarter of an hour; the command API must be running.
    pub async fn admin(&self) -> LoggedIn {
        let admin = self.system.admin();
        self.commands().log_in(&admin.email, &admin.password).await
    }

    /// The command API, past the gateway.
    #[must_use]
    pub fn commands(&self) -> Gateway {
        Gateway::new(self.url("command-api"))
    }

    /// Where a process serves, past the gateway.
    #[must_use]
    pub fn url(&self, name: &str) -> &str {
        self.system.url(name).unwrap_or_else(|error| panic!("{error}"))
    }

    /// A process, as a meter wants it.
    #[must_use]
    pub fn pid<'a>(&self, name: &'a str) -> (&'a str, Option<u32>) {
        (name, self.system.pid(name).unwrap_or_else(|error| panic!("{error}")))
    }

    /// This process, as a meter wants it.
    #[must_use]
    pub fn me() -> (&'static str, Option<u32>) {
        ("bench", Some(std::process::id()))
    }

    /// MongoDB's URI with another database.
    #[must_use]
    pub fn mongodb_uri(&self, database: &str) -> String {
        self.system.addresses().mongodb_uri.replace("/orderflow?", &format!("/{database}?"))
    }

    /// A file that holds that URI, for the settings of a process.
    #[must_use]
    pub fn mongodb_uri_file(&self, database: &str) -> String {
        let path = self.system.folder().join(format!("{database}.uri"));
        std::fs::write(&path, self.mongodb_uri(database)).expect("a file in our folder");
        path.display().to_string()
    }

    /// The plain driver on a database of its own, writing as durably as we do.
    pub async fn database(&self, database: &str, pool: u32) -> mongodb::Database {
        let mut options = ClientOptions::parse(self.mongodb_uri(database)).await.expect("MongoDB's address");
        options.max_pool_size = Some(pool);
        let durable = WriteConcern::builder().w(Acknowledgment::Majority).journal(true).build();
        options.write_concern = Some(durable);
        mongodb::Client::with_options(options).expect("a client of MongoDB").database(database)
    }

    /// Our event store on a database of its own.
    pub async fn store(&self, database: &str) -> EventStore {
        let config = event_store::Config::new(self.mongodb_uri(database));
        let store = EventStore::connect(config, &self.process).await.expect("an event store");
        store.wait_until_up().await;
        store
    }

    /// The plain client of Redis.
    pub async fn redis(&self) -> MultiplexedConnection {
        plain_redis::connect(&self.system.addresses().redis_url).await.expect("a connection to Redis")
    }

    /// Our producer, once it knows the schemas.
    pub async fn producer(&self) -> bus::Producer {
        let at = self.system.addresses();
        let config = KafkaConfig::in_clear(&at.kafka_brokers, &at.schema_registry_url);
        let kafka = Kafka::connect(&config, &self.process).expect("Kafka");
        let registry = Registry::connect(&config, &self.process).expect("the registry");
        let producer = bus::Producer::connect(&kafka, &registry).expect("a producer");
        let known = async || producer.round().map(drop).map_err(|error| runtime::chain_in_lines(&error));
        within(PATIENCE, known).await.unwrap_or_else(|missing| panic!("{missing}"));
        producer
    }
}

/// The body of an order of one piece of each.
#[must_use]
pub fn basket(user: &LoggedIn) -> String {
    let items: Vec<_> = SKUS.iter().map(|sku| json!({ "sku": sku, "qty": 1 })).collect();
    let mut order = order_of(user, SKUS[0], 1);
    if let Some(fields) = order.as_object_mut() {
        let _ = fields.insert("items".to_owned(), json!(items));
    }
    order.to_string()
}

impl Drop for World {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}
