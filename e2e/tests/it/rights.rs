//! The users of `deploy/mongodb-users.json`: each can do its process's work, and no other's. The system that the other
//! tests share runs under them, too.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use accounts::{Account, Accounts, Created, Dismissed, Email, LogIn, Password, RefreshTokens, Removed};
use bson::{Document, doc};
use e2e::client::{Request, order_of};
use event_store::{Appended, CommandRecord, Commit, Deadline, EventStore, Lanes, Presence, StoredEvent};
use mongodb::Client;
use mongodb::error::{Error, ErrorKind};
use runtime::{Process, Secret};
use schemas::{PersonalField, SessionId, Sku, StockEvent, StockReceived, Timestamp, UserId, Version};
use serde_json::Value;
use stack::servers::{GuardedMongo, MongoUsers};
use stack::testing;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;
use vault::{Vault, VaultConfig};

use crate::world::World;

const PASSWORD: &str = "correct horse battery";
const MASTER_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
const SOON: Duration = Duration::from_secs(60);
/// Everybody whom the file knows, as `user@database`.
const USERS: &[&str] = &[
    "command-api@orderflow",
    "http@orderflow",
    "fulfilment@orderflow",
    "relay@orderflow",
    "steward@orderflow",
    "operator@orderflow",
    "command-api@vault",
    "projector@vault",
    "operator@vault",
];

/// A server with these users.
struct Rig {
    server: GuardedMongo,
    users: MongoUsers,
    process: Process,
}

impl Rig {
    async fn start() -> Self {
        let server: GuardedMongo = testing::own().await;
        let users = MongoUsers::make(server.port(), "secret").await.expect("the users");
        Self { server, users, process: Process::new("rights-test", None) }
    }

    async fn store(&self, user: &str) -> EventStore {
        let config = event_store::Config::new(self.users.uri(user, "orderflow"));
        let store = EventStore::connect(config, &self.process).await.expect("a store");
        tokio::time::timeout(SOON, store.wait_until_up()).await.unwrap_or_else(|_| panic!("{:?}", self.refused()));
        store
    }

    async fn vault(&self, user: &str) -> Vault {
        let config = VaultConfig {
            vault_mongodb_uri: self.users.uri(user, "vault").as_str().into(),
            vault_master_key: MASTER_KEY.into(),
        };
        Vault::unwatched(&config).await.expect("a vault")
    }

    /// What the server has refused so far.
    fn refused(&self) -> Vec<String> {
        refusals(&self.server.log())
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

/// Whom a server refused what, as its log tells: each connection's user, and then its refusals.
fn refusals(log: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(log).expect("the server's log");
    let (mut users, mut refusals) = (BTreeMap::new(), Vec::new());
    for line in text.lines().filter(|line| line.contains("\"c\":\"ACCESS\"")) {
        let entry: Value = serde_json::from_str(line).unwrap_or_default();
        let (connection, attributes) = (entry["ctx"].to_string(), &entry["attr"]);
        match entry["msg"].as_str() {
            Some("Authentication succeeded") => drop(users.insert(connection, attributes["principalName"].to_string())),
            Some("Checking authorization failed") => {
                // Whoever has not said who he is, is none of them.
                let user = users.get(&connection);
                refusals.extend(user.map(|user| format!("{user}: {}", attributes["error"]["errmsg"])));
            }
            Some(_) | None => {}
        }
    }
    refusals
}

/// Some pieces of a new SKU.
fn commit() -> Commit {
    let sku = Sku::parse(&Uuid::new_v4().simple().to_string()).expect("a SKU");
    let received = StockReceived { sku: sku.clone(), quantity: 1, reason: None };
    Commit {
        stream: sku.stock(),
        first: Version::FIRST,
        id: Uuid::now_v7(),
        at: NOW,
        owner: None,
        commands: vec![CommandRecord { events: 1, ..CommandRecord::default() }],
        keys: Vec::new(),
        events: vec![StoredEvent::of(&StockEvent::Received(received)).expect("an event")],
    }
}

fn user() -> UserId {
    UserId::from_bits(Uuid::now_v7().as_u128())
}

fn accounts(store: &EventStore) -> Accounts {
    Accounts::new(store.database(), &Secret::from("a key for e-mail addresses")).expect("accounts")
}

/// Registers an admin, as the command API and `ops user create-admin` do.
async fn registers(store: &EventStore, email: &str) -> UserId {
    let (accounts, user) = (accounts(store), user());
    let hash = accounts.hash(&Password::parse(PASSWORD).expect("a password")).await.expect("a hash");
    let account = Account { id: user.clone(), created_at: NOW, updated_at: NOW, one_time_until: None };
    let email = Email::parse(email).expect("an address");
    assert_eq!(accounts.owner(&email).await.expect("an answer"), None);
    let mut transaction = store.begin().await.expect("a transaction");
    let created = accounts.create(transaction.session(), &account, &email, &hash).await;
    assert_eq!(created.expect("an account"), Created::Yes);
    accounts.appoint(transaction.session(), &user).await.expect("an admin");
    accounts.give_one_time_password(transaction.session(), &user, &hash, NOW).await.expect("a password");
    assert_eq!(transaction.append(&commit()).await.expect("a commit"), Appended::Written);
    transaction.commit().await.expect("all of it");
    user
}

/// Adds to streams, and says that it is there.
async fn commits(store: &EventStore) {
    let commit = commit();
    assert_eq!(store.append(&commit).await.expect("a commit"), Appended::Written);
    assert_eq!(store.tail(&commit.stream, Version::FIRST).await.expect("a stream").len(), 1);
    store.find_keys(&[event_store::KeyHash([1; 32])]).await.expect("keys");
    store.outbox().heartbeat("writer", Presence::Writer).await.expect("a heartbeat");
    store.outbox().leave("writer").await.expect("its end");
}

/// All that the role `http` does besides: accounts from their beginning to their end, and log-ins.
async fn work_of_http(store: &EventStore) {
    commits(store).await;
    let (ada, grace) = (registers(store, "ada@example.org").await, registers(store, "grace@example.org").await);
    let accounts = accounts(store);
    let (email, password) = (Email::parse("countess@example.org").expect("an address"), Secret::from(PASSWORD));
    let proven = accounts.prove(&ada, &password).await.expect("an answer").expect("her password");
    let hash = accounts.hash(&Password::parse(PASSWORD).expect("a password")).await.expect("a hash");
    let mut transaction = store.begin().await.expect("a transaction");
    let session = transaction.session();
    accounts.change(session, &ada, Some(&email), NOW).await.expect("another address");
    accounts.replace_password(session, &proven, &hash).await.expect("another password");
    transaction.commit().await.expect("both");
    assert!(accounts.log_in(&email, &password).await.expect("an answer").is_some());
    let mut transaction = store.begin().await.expect("a transaction");
    assert_eq!(accounts.remove(transaction.session(), &grace).await.expect("an end"), Removed::Yes);
    assert_eq!(accounts.dismiss(transaction.session(), &ada).await.expect("an answer"), Dismissed::LastAdmin);
    transaction.commit().await.expect("the end");
    let (tokens, session) = (RefreshTokens::new(store.database()), SessionId::from_bits(1));
    let log_in = LogIn { user: ada, session: session.clone(), session_version: 1 };
    let now = Timestamp::from_micros(runtime::clock::now_micros());
    let token = tokens.begin(&log_in, now).await.expect("a token");
    assert!(tokens.spend(&token, &log_in, now).await.expect("an answer").is_some());
    tokens.end(&session).await.expect("a log-out");
}

/// All that the role `fulfilment` does besides commits: deadlines, and the lease on them.
async fn work_of_the_fulfilment(store: &EventStore) {
    commits(store).await;
    let deadlines = store.deadlines();
    let deadline = Deadline { id: "a:1".to_owned(), due: NOW, stream: commit().stream };
    deadlines.set(std::slice::from_ref(&deadline)).await.expect("a deadline");
    assert!(deadlines.lease("fulfilment", SOON).await.expect("a lease"));
    assert_eq!(deadlines.due(NOW, 9).await.expect("deadlines"), [deadline]);
    deadlines.postpone(&["a:1".to_owned()], NOW).await.expect("another time");
    deadlines.drop(&["a:1".to_owned()]).await.expect("its end");
    deadlines.drop_all("a:").await.expect("the end of all");
    deadlines.give_up_lease("fulfilment").await.expect("no lease");
}

/// All that a relay does: it reads what is marked, takes marks off, and listens; `others` add commits.
async fn work_of_the_relay(store: &EventStore, others: &EventStore) {
    let outbox = store.outbox();
    outbox.heartbeat("relay", Presence::Relay).await.expect("a heartbeat");
    let present = outbox.present().await.expect("who is there");
    assert!(present.contains(&("relay".to_owned(), Presence::Relay)), "{present:?}");
    assert!(outbox.oldest_mark_age().await.expect("an age").is_some());
    let mut snapshot = outbox.snapshot(Lanes::ALL, 100).await.expect("a snapshot");
    let marked: Vec<_> = snapshot.page(100).await.expect("a page").into_iter().map(|marked| marked.id).collect();
    outbox.unmark(&marked).await.expect("no marks");
    assert_eq!(outbox.backlog(100).await.expect("a number"), 0);
    let (listener, stop) = (outbox.clone(), CancellationToken::new());
    let stopped = stop.clone();
    let listening = runtime::tasks::spawn("listener", async move { listener.listen(&stopped).await });
    let bell = outbox.doorbell();
    // That it has begun to listen, and then a commit of somebody else.
    tokio::time::timeout(SOON, bell.rung(Lanes::ALL)).await.expect("a first ring");
    commits(others).await;
    tokio::time::timeout(SOON, bell.rung(Lanes::ALL)).await.expect("a ring");
    stop.cancel();
    listening.await.expect("its end");
    outbox.leave("relay").await.expect("its end");
}

/// All that the steward and `ops` do with commits: they look through them, and put marks back.
async fn work_of_the_steward(store: &EventStore) {
    let republisher = store.republisher();
    let mut walk = republisher.walk(event_store::Selection::default());
    let page = walk.next().await.expect("an answer").expect("a page");
    republisher.again(&page).await.expect("marks");
    let stream = page.ids().next().expect("a commit").stream.clone();
    assert!(republisher.stream(&stream, Version::FIRST).await.expect("marks").commits > 0);
    republisher.heads(&[stream]).await.expect("heads");
    republisher.recent(5).await.expect("commits");
    store.outbox().again().backlog(100).await.expect("a number");
}

/// All that is done with users' keys: made, used, wrapped again, destroyed.
async fn work_of_a_vault(vault: &Vault) {
    let user = user();
    let mut sealed = vault.seal(&user, PersonalField::Email, "ada@example.org").await.expect("a sealed value");
    vault.open(&user, PersonalField::Email, &mut sealed).await.expect("an open one");
    vault.wrapped().await.expect("numbers");
    vault.rewrap().await.expect("a number");
    vault.ensure_destroyed(&user).await.expect("no key");
}

/// Something that can be asked of MongoDB, and who may.
struct Attempt {
    database: &'static str,
    command: Document,
    allowed: &'static [&'static str],
}

fn attempts() -> Vec<Attempt> {
    const COMMITTING: &[&str] =
        &["command-api@orderflow", "http@orderflow", "fulfilment@orderflow", "operator@orderflow"];
    const MARKING: &[&str] = &["command-api@orderflow", "relay@orderflow", "steward@orderflow", "operator@orderflow"];
    const LETTING_IN: &[&str] = &["command-api@orderflow", "http@orderflow"];
    const FULFILLING: &[&str] = &["command-api@orderflow", "fulfilment@orderflow"];
    const EVENTS: &[&str] = USERS.split_at(6).0;
    const KEYS: &[&str] = USERS.split_at(6).1;
    let find = |collection: &str| doc! { "find": collection, "limit": 1 };
    let insert = |collection: &str| doc! { "insert": collection, "documents": [{ "of": "this test" }] };
    let nothing = doc! { "_id": "nothing" };
    let update =
        |collection: &str| doc! { "update": collection, "updates": [{ "q": &nothing, "u": { "$set": { "a": 1 } } }] };
    let delete = |collection: &str| doc! { "delete": collection, "deletes": [{ "q": &nothing, "limit": 1 }] };
    let attempt = |database, command, allowed| Attempt { database, command, allowed };
    vec![
        attempt("orderflow", find("commits"), EVENTS),
        attempt("orderflow", insert("commits"), COMMITTING),
        attempt("orderflow", update("commits"), MARKING),
        attempt("orderflow", delete("commits"), &[]),
        attempt("orderflow", doc! { "drop": "commits" }, &[]),
        attempt("orderflow", doc! { "dropDatabase": 1 }, &[]),
        attempt("orderflow", find("accounts"), LETTING_IN),
        attempt("orderflow", delete("accounts"), LETTING_IN),
        attempt("orderflow", find("refresh_tokens"), LETTING_IN),
        attempt("orderflow", delete("admins"), &[]),
        attempt("orderflow", find("deadlines"), FULFILLING),
        attempt("orderflow", update("deadlines"), FULFILLING),
        attempt("orderflow", delete("deadlines"), FULFILLING),
        attempt("orderflow", insert("others"), &[]),
        attempt("vault", find("keys"), KEYS),
        attempt("vault", update("keys"), KEYS),
        attempt("vault", delete("keys"), &[]),
        attempt("vault", doc! { "drop": "keys" }, &[]),
        attempt("local", find("oplog.rs"), &[]),
        attempt("admin", doc! { "usersInfo": { "forAllDBs": true } }, &[]),
        attempt("admin", doc! { "createUser": "me", "pwd": "secret", "roles": ["root"] }, &[]),
        attempt("admin", doc! { "shutdown": 1 }, &[]),
    ]
}

fn is_refusal(error: &Error) -> bool {
    const UNAUTHORIZED: i32 = 13;
    matches!(&*error.kind, ErrorKind::Command(failed) if failed.code == UNAUTHORIZED)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_has_the_rights_in_mongodb_that_its_work_needs_and_no_others() {
    let rig = Rig::start().await;
    let http = rig.store("http").await;
    work_of_http(&http).await;
    work_of_the_fulfilment(&rig.store("fulfilment").await).await;
    work_of_the_relay(&rig.store("relay").await, &http).await;
    work_of_the_steward(&rig.store("steward").await).await;
    let operator = rig.store("operator").await;
    work_of_the_steward(&operator).await;
    registers(&operator, "new@example.org").await;
    for user in ["command-api", "projector", "operator"] {
        work_of_a_vault(&rig.vault(user).await).await;
    }
    let destroyed = rig.vault("command-api").await.destroy(&user()).await.expect("no key");
    assert!(destroyed.in_operation_log_until.is_some(), "the receipt of an erasure says until when");
    assert_eq!(rig.refused(), Vec::<String>::new(), "what belongs to their work");

    for name in USERS {
        let (user, home) = name.split_once('@').expect("user@database");
        let client = Client::with_uri_str(rig.users.uri(user, home)).await.expect("a client");
        for Attempt { database, command, allowed } in attempts() {
            let outcome = client.database(database).run_command(command.clone()).await;
            match outcome {
                Ok(_) => assert!(allowed.contains(name), "{name} may {command} in {database}"),
                Err(error) if is_refusal(&error) => {
                    assert!(!allowed.contains(name), "{name} may not {command} in {database}");
                }
                Err(error) => panic!("{name}: {command}: {error}"),
            }
        }
    }
    let nobody = Client::with_uri_str(rig.server.url()).await.expect("a client");
    let asked = nobody.database("orderflow").run_command(doc! { "find": "commits" }).await;
    assert!(asked.is_err_and(|error| is_refusal(&error)), "nobody without a name");
}

#[tokio::test]
async fn nothing_that_the_processes_do_is_refused_by_mongodb() {
    let world = World::enter().await;
    let sku = World::name("RIGHTS");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&World::name("rights")).await;
    let _ = world.gateway.post("/commands/orders", Request::by(&user).json(order_of(&user, &sku, 1))).await.expect(201);
    let _ = world.gateway.delete(&format!("/api/v1/users/{}", user.id), Request::by(&world.admin)).await.expect(200);
    let _ = world.settle().await;
    let log = world.system.log("mongodb").expect("its log");
    // Other tests look everywhere, as whoever may do everything.
    let refused = refusals(log).into_iter().filter(|refusal| !refusal.starts_with("\"root\""));
    assert_eq!(refused.collect::<Vec<_>>(), Vec::<String>::new());
}
