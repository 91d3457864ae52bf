//! The one system that the tests share, and what each test may ask of it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bus::{Kafka, KafkaConfig};
use e2e::check::{self, Shown};
use e2e::client::{Gateway, LoggedIn};
use e2e::ledger::{self, Ledger};
use event_store::EventStore;
use read_model::{ReadModel, Reader, RedisConfig};
use runtime::Process;
use stack::{Orderflow, Shape, eventually_ok};
use tokio::sync::{Mutex, MutexGuard, OnceCell};
use vault::{Vault, VaultConfig};

/// The longest that anything may take to settle after everything is up again.
pub(crate) const SETTLED: Duration = Duration::from_secs(60);

/// A turn with the system; the next test waits until it is dropped.
pub(crate) struct World {
    pub(crate) system: MutexGuard<'static, Orderflow>,
    pub(crate) gateway: Gateway,
    pub(crate) admin: LoggedIn,
    process: Process,
    store: EventStore,
    reader: Reader,
    pub(crate) kafka: Kafka,
    vault: Vault,
}

impl World {
    /// Waits for a turn. The first test starts the system.
    pub(crate) async fn enter() -> Self {
        static SYSTEM: OnceCell<Mutex<Orderflow>> = OnceCell::const_new();
        let shape = Shape { command_api: 2, relay: 0, projector: 2, query_api: 2, notifier: 2 };
        let system = SYSTEM.get_or_init(async || Mutex::new(Orderflow::up(shape).await)).await.lock().await;
        let gateway = Gateway::new(system.gateway());
        let admin = system.admin();
        let admin = gateway.log_in(&admin.email, &admin.password).await;
        let process = Process::new("e2e", None);
        let at = system.addresses().clone();
        let events = KafkaConfig {
            kafka_brokers: at.kafka_brokers.clone(),
            schema_registry_url: at.schema_registry_url.clone(),
        };
        let store = EventStore::connect(event_store::Config::new(&at.mongodb_uri), &process).await.expect("a store");
        store.wait_until_up().await;
        let model = ReadModel::connect(&RedisConfig { redis_url: at.redis_url.as_str().into() }, &process);
        let reader = model.expect("a read model").reader();
        let kafka = Kafka::connect(&events, &process).expect("Kafka");
        let vault = Vault::unwatched(&vault_of(&system)).await.expect("a vault");
        Self { system, gateway, admin, process, store, reader, kafka, vault }
    }

    /// A name that no other test uses.
    pub(crate) fn name(what: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// Where events are committed.
    pub(crate) const fn store(&self) -> &EventStore {
        &self.store
    }

    /// Everything that is committed now.
    pub(crate) async fn ledger(&self) -> Ledger {
        ledger::read(&self.store).await
    }

    /// Waits until every order is carried out, nothing is marked for publication, and Redis shows exactly what the events
    /// come to; then checks the topics. Returns the events.
    pub(crate) async fn settle(&self) -> Ledger {
        self.settle_within(SETTLED).await
    }

    /// The same for more than usual.
    pub(crate) async fn settle_within(&self, patience: Duration) -> Ledger {
        let ledger = eventually_ok(patience, async || {
            let ledger = self.ledger().await;
            match ledger::unfinished(&ledger) {
                Some(order) => Err(format!("{order} is carried out")),
                None if ledger::marked(&self.store).await > 0 => Err("every commit is published".to_owned()),
                None => Ok(ledger),
            }
        })
        .await;
        let expected = Shown::by_the_ledger(&ledger, &self.vault).await;
        eventually_ok(patience, async || match expected.by_redis(&self.reader).await {
            Ok(shown) => expected.difference(&shown).map_or(Ok(()), Err),
            Err(error) => Err(stack::chain(&error)),
        })
        .await;
        check::topics(&self.kafka, &ledger).await;
        ledger
    }
}

/// The vault that the processes of this system use.
fn vault_of(system: &Orderflow) -> VaultConfig {
    let key = |name: &str| std::fs::read_to_string(system.folder().join("keys").join(name)).expect("a key file");
    VaultConfig {
        vault_mongodb_uri: key("vault.uri").as_str().into(),
        vault_master_key: key("vault.key").as_str().into(),
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}
