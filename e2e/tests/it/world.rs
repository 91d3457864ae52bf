//! The one system that the tests share, and what each test may ask of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bus::Kafka;
use e2e::chaos::{self, Lines};
use e2e::client::{Gateway, LoggedIn};
use e2e::ledger::Ledger;
use e2e::observer::Observer;
use event_store::EventStore;
use read_model::ReadModel;
use stack::{Orderflow, Shape};
use tokio::sync::{Mutex, MutexGuard, OnceCell, OwnedMutexGuard};

use crate::receiver::Receiver;

/// The longest that anything may take to settle after everything is up again.
pub(crate) const SETTLED: Duration = Duration::from_secs(60);

/// The turn of those that have a system of their own.
static APART: Mutex<()> = Mutex::const_new(());

const SHAPE: Shape = Shape { command_api: 2, relay: 0, projector: 2, query_api: 2, notifier: 2 };

/// A turn with the system; the next test waits until it is dropped.
pub(crate) struct World {
    pub(crate) system: OwnedMutexGuard<Orderflow>,
    pub(crate) gateway: Gateway,
    pub(crate) admin: LoggedIn,
    observer: Observer,
    /// Held by a test that has a system of its own.
    _apart: Option<MutexGuard<'static, ()>>,
}

impl World {
    /// Waits for a turn. The first test starts the system.
    pub(crate) async fn enter() -> Self {
        Self::of(shared().await, None).await
    }

    /// Starts a system of its own beside the shared one: for who reads or publishes everything again, of which that has
    /// ever more. There is one such system at a time, so that the machine has two to bear.
    pub(crate) async fn alone() -> Self {
        let apart = APART.lock().await;
        Self::of(started().await.lock_owned().await, Some(apart)).await
    }

    /// The same with a system of which the lines to the servers can be disturbed, and the clocks set.
    pub(crate) async fn exposed(lines: &Lines) -> Self {
        let apart = APART.lock().await;
        let system = Arc::new(Mutex::new(chaos::system(lines).await));
        Self::of(system.lock_owned().await, Some(apart)).await
    }

    async fn of(system: OwnedMutexGuard<Orderflow>, apart: Option<MutexGuard<'static, ()>>) -> Self {
        mend(&system).await;
        let gateway = Gateway::new(system.gateway());
        let admin = system.admin();
        let admin = gateway.log_in(&admin.email, &admin.password).await;
        let observer = Observer::of(&system).await;
        Self { system, gateway, admin, observer, _apart: apart }
    }

    /// A name that no other test uses.
    pub(crate) fn name(what: &str) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
    }

    /// Where events are committed.
    pub(crate) const fn store(&self) -> &EventStore {
        self.observer.store()
    }

    /// Where views are.
    pub(crate) const fn read_model(&self) -> &ReadModel {
        self.observer.read_model()
    }

    /// Where events are published.
    pub(crate) const fn kafka(&self) -> &Kafka {
        self.observer.kafka()
    }

    /// Everything that is committed now.
    pub(crate) async fn ledger(&self) -> Ledger {
        self.observer.ledger().await
    }

    /// Waits until everything has settled and compares it; see [`Observer::settle`].
    pub(crate) async fn settle(&self) -> Ledger {
        self.settle_within(SETTLED).await
    }

    /// The same for more than usual.
    pub(crate) async fn settle_within(&self, patience: Duration) -> Ledger {
        self.observer.settle(patience).await.unwrap_or_else(|obstacle| panic!("the system does not settle: {obstacle}"))
    }
}

impl Drop for World {
    /// A test that fails leaves nothing else to read: what each process last complained of.
    #[expect(clippy::print_stdout, reason = "what a failed test says is read on its output")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in self.system.names() {
                let log = self.system.log(name).ok().and_then(|log| std::fs::read(log).ok()).unwrap_or_default();
                let log = String::from_utf8_lossy(&log);
                let complaints: Vec<_> = log.lines().rev().filter(|line| is_complaint(line)).take(COMPLAINTS).collect();
                println!("{name}:\n{}", complaints.into_iter().rev().collect::<Vec<_>>().join("\n"));
            }
        }
    }
}

/// So many lines of each process's log.
const COMPLAINTS: usize = 8;

fn is_complaint(line: &str) -> bool {
    ["\"level\":\"WARN\"", "\"level\":\"ERROR\""].iter().any(|level| line.contains(level))
}

/// Starts what a test that failed has left dead, so that it is the only one that fails.
#[expect(clippy::print_stdout, reason = "a process that died unasked is worth reading of")]
async fn mend(system: &Orderflow) {
    for name in system.names() {
        if system.pid(name).expect("a process of the system").is_none() {
            println!("{name} does not run; it is started again");
            system.start(name).await.expect("a process that is ready again");
        }
    }
}

/// A turn with the system that the tests share.
async fn shared() -> OwnedMutexGuard<Orderflow> {
    static SYSTEM: OnceCell<Arc<Mutex<Orderflow>>> = OnceCell::const_new();
    Arc::clone(SYSTEM.get_or_init(started).await).lock_owned().await
}

async fn started() -> Arc<Mutex<Orderflow>> {
    Arc::new(Mutex::new(Orderflow::up_traced(SHAPE, Receiver::shared().settings()).await))
}
