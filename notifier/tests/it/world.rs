//! A served notifier with a Redis of its own. Events are put into the feeds directly; sessions are told by hand.

use std::net::SocketAddr;
use std::time::Duration;

use notifier::{App, Terms};
use read_model::feeds::{self, Appended};
use read_model::generations::Shape;
use read_model::{Batch, DocumentWrite, Generation, Parking, ReadModel, RedisConfig, Source, Target};
use runtime::Process;
use runtime::http::{HttpLimits, serve_on};
use schemas::{
    EventId, OrderId, Position, Recorded, Role, StreamId, Timestamp, UserEvent, UserId, UserRoleRevoked,
    UserSessionEnded, Version,
};
use sessions::{Revocation, Sessions};
use stack::servers::Redis;
use stack::testing;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::keys::{Keys, session};

/// Long enough for two busy cores; a test that needs it has failed.
pub(crate) const SOON: Duration = Duration::from_secs(30);
/// A token's life in most tests.
pub(crate) const LONG: i64 = 900;

pub(crate) struct World {
    pub(crate) redis: Redis,
    pub(crate) read_model: ReadModel,
    pub(crate) keys: Keys,
    pub(crate) notifier: Instance,
}

/// One running notifier.
pub(crate) struct Instance {
    pub(crate) address: SocketAddr,
    pub(crate) process: Process,
    pub(crate) sessions: Sessions,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

pub(crate) fn terms() -> Terms {
    Terms {
        allowed_origins: vec!["https://shop.example".to_owned()],
        max_connections_per_user: 20,
        connection_queue_bytes: 256 * 1024,
        slow_client: Duration::from_secs(10),
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(terms()).await
    }

    pub(crate) async fn with(terms: Terms) -> Self {
        let redis: Redis = testing::own().await;
        let keys = Keys::new();
        let (notifier, read_model) = instance(&redis, &keys, terms).await;
        Self { redis, read_model, keys, notifier }
    }

    /// Another notifier over the same Redis.
    pub(crate) async fn another(&self) -> Instance {
        instance(&self.redis, &self.keys, terms()).await.0
    }

    pub(crate) fn token(&self, user: &UserId) -> String {
        self.keys.token(user, LONG)
    }

    pub(crate) fn admin_token(&self, user: &UserId) -> String {
        self.keys.token_as(Role::Admin, user, LONG)
    }

    /// Puts these events into the feeds, in one batch.
    pub(crate) async fn feed(&self, events: Vec<feeds::Event>) {
        let source = Source { topic: "orders.events.v1".into(), partition: 0 };
        let base = self.read_model.feeds_position(&source).await.unwrap();
        let next =
            Position { next: base.next + i64::try_from(events.len()).unwrap(), last: events.last().map(|e| e.id) };
        let now = Timestamp::from_micros(runtime::clock::now_micros());
        let appended = self.read_model.append_feeds(&feeds::Batch { source, base, next, now, events }).await.unwrap();
        assert!(matches!(appended, Appended::Done(_)), "{appended:?}");
    }

    /// Stores the view of an order, as the projector does.
    pub(crate) async fn project(&self, number: u128, version: u32) {
        let body = format!(r#"{{"number":{number},"version":{version}}}"#);
        self.show("orders", stream(number), (0, version), &body).await;
    }

    /// Stores the next version of a document, as the projector does.
    pub(crate) async fn show(&self, view: &'static str, stream: StreamId, (from, to): (u32, u32), body: &str) {
        let target = Target { projection: view, generation: Generation(1) };
        let source = Source { topic: "any.events.v1".into(), partition: 1 };
        self.read_model.found(&target, Shape(1), 0).await.unwrap();
        let base = self.read_model.open(&target, &source).await.unwrap();
        let write = DocumentWrite {
            stream,
            from: Version(from),
            to: Version(to),
            last_event: EventId(Uuid::from_u128(u128::from(to))),
            body: Some(body.as_bytes().to_vec()),
            list_add: vec![("all".to_owned(), 0)],
            list_remove: Vec::new(),
            text_add: Vec::new(),
            text_remove: Vec::new(),
            sightings: Vec::new(),
        };
        let next = Position { next: base.next + 1, last: None };
        let batch =
            Batch { target, source, base, next, writes: vec![write], gaps: Vec::new(), parking: Parking::default() };
        assert_eq!(self.read_model.apply(&batch).await.unwrap(), read_model::Applied::Done);
    }

    /// Cuts every subscription to Redis.
    pub(crate) async fn cut_subscriptions(&self) {
        self.redis_command(redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub")).await;
    }

    pub(crate) async fn redis_command(&self, command: &mut redis::Cmd) {
        let client = redis::Client::open(self.redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let _: redis::Value = command.query_async(&mut connection).await.unwrap();
    }
}

impl Instance {
    /// The user logs out of the log-in whose tokens live so long.
    pub(crate) fn log_out(&self, user: &UserId, seconds: i64) {
        self.happened(user, UserEvent::SessionEnded(UserSessionEnded { session: session(seconds) }));
    }

    /// The user is an admin no longer.
    pub(crate) fn demote(&self, user: &UserId) {
        let revoked = UserRoleRevoked { role: Role::Admin, revoked_by: user.clone(), session_version: 2 };
        self.happened(user, UserEvent::RoleRevoked(revoked));
    }

    fn happened(&self, user: &UserId, event: UserEvent) {
        let recorded = Recorded {
            stream: user.stream().clone(),
            version: Version(2),
            id: EventId(Uuid::from_u128(1)),
            at: Timestamp::from_micros(runtime::clock::now_micros()),
            owner: Some(user.clone()),
            correlation: "request".into(),
            causation: None,
            traceparent: None,
            event,
        };
        self.sessions.revoke(Revocation::of(&recorded).unwrap());
    }
}

async fn instance(redis: &Redis, keys: &Keys, terms: Terms) -> (Instance, ReadModel) {
    let process = Process::new("notifier", None);
    let config = RedisConfig { redis_url: redis.url().into() };
    let read_model = ReadModel::connect(&config, &process).unwrap();
    let sessions = Sessions::without_events(&keys.config).unwrap();
    let app = App::new(terms, read_model.clone(), sessions.clone(), &process);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (router, serving) = (notifier::router(app), process.clone());
    let limits = HttpLimits::default();
    process.tasks.supervise("http", async move { serve_on(listener, router, &limits, &serving).await });
    (Instance { address, process, sessions }, read_model)
}

pub(crate) fn user(number: u128) -> UserId {
    UserId::from_bits(number)
}

pub(crate) fn stream(number: u128) -> StreamId {
    OrderId::from_bits(number).stream().clone()
}

/// Version `version` of order `number`, which is this user's.
pub(crate) fn event(owner: &UserId, number: u128, version: u32) -> feeds::Event {
    sized_event(owner, number, (version, 0))
}

/// The same, with so many bytes of content.
pub(crate) fn sized_event(owner: &UserId, number: u128, (version, bytes): (u32, usize)) -> feeds::Event {
    feeds::Event {
        stream: stream(number),
        version: Version(version),
        id: EventId(Uuid::from_u128(number << 32 | u128::from(version))),
        at: Timestamp::from_micros(runtime::clock::now_micros()),
        owner: Some(owner.clone()),
        name: "OrderPlaced".to_owned(),
        seed_type: Some("order.created".to_owned()),
        offset: i64::from(version),
        data: format!(r#"{{"note":"{}"}}"#, "x".repeat(bytes)),
        trace: None,
    }
}
