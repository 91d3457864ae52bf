//! Servers for tests: one of each kind per test binary, started when first asked for, gone when the binary ends.
//!
//! Tests share them, so each uses names of its own (database, topics, key prefix); a test that kills a server starts one
//! of its own in a [`folder`].

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::OnceCell;

use crate::servers::{Kafka, Kind, Mongo, Redis, Registry, Server};

pub use crate::wait::eventually;

/// The shared Redis.
///
/// # Panics
/// When it cannot be installed or started: the message says why.
pub async fn redis() -> &'static Redis {
    static SHARED: OnceCell<Redis> = OnceCell::const_new();
    SHARED.get_or_init(own).await
}

/// The shared MongoDB; use [`Mongo::database`] for a database of your own.
///
/// # Panics
/// When it cannot be installed or started: the message says why.
pub async fn mongo() -> &'static Mongo {
    static SHARED: OnceCell<Mongo> = OnceCell::const_new();
    SHARED.get_or_init(own).await
}

/// The shared Kafka.
///
/// # Panics
/// When it cannot be installed or started: the message says why.
pub async fn kafka() -> &'static Kafka {
    static SHARED: OnceCell<Kafka> = OnceCell::const_new();
    SHARED.get_or_init(own).await
}

/// The shared schema registry.
///
/// # Panics
/// When it cannot be installed or started: the message says why.
pub async fn registry() -> &'static Registry {
    static SHARED: OnceCell<Registry> = OnceCell::const_new();
    SHARED.get_or_init(own).await
}

/// A server for one test alone, which may kill and restart it; killed when dropped. `own::<RedisKind>()`, or let the type
/// be inferred: `let redis: Redis = testing::own().await`.
///
/// # Panics
/// When it cannot be installed or started: the message says why.
#[expect(clippy::panic, reason = "a test fails by panicking")]
pub async fn own<K: Kind>() -> Server<K> {
    match Server::start(&folder(K::NAME)).await {
        Ok(server) => server,
        Err(error) => panic!("{}", runtime::chain_in_lines(&error)),
    }
}

/// A fresh, empty folder of this name; removed when the test binary ends, however it ends.
///
/// # Panics
/// When it cannot be created.
#[expect(clippy::expect_used, reason = "a test fails by panicking")]
#[must_use]
pub fn folder(name: &str) -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(1);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let folder = ROOT.0.join(format!("{name}-{number}"));
    std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
    folder
}

/// The root of this binary's folders, and the janitor that removes it.
static ROOT: LazyLock<(PathBuf, Option<Child>)> = LazyLock::new(|| {
    let root = std::env::temp_dir().join(format!("orderflow-test-{}", std::process::id()));
    let janitor = janitor(&root);
    (root, janitor)
});

/// A shell that waits for the end of its input, which comes with our end, and then removes the folder; some tries,
/// because the servers end at the same moment. Its own process group, so that an interrupt from the terminal spares it.
fn janitor(root: &Path) -> Option<Child> {
    use std::os::unix::process::CommandExt;
    let script = r#"cat >/dev/null; for i in 1 2 3 4 5 6 7 8 9 10; do rm -rf -- "$1" && exit; sleep 0.3; done"#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "janitor"]).arg(root).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().ok()
}

/// Whether the longer runs were asked for: `./dev test --full`.
#[must_use]
pub fn full() -> bool {
    #[expect(clippy::disallowed_methods, reason = "tests have no command line of their own")]
    let asked = std::env::var_os("ORDERFLOW_FULL");
    asked.is_some_and(|value| value == "1")
}
