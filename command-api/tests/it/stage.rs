//! A command API over a database of its own.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use bson::{Document, doc};
use clap::Parser as _;
use command_api::{App, Config};
use event_store::{Appended, CommandRecord, Commit, EventStore, StoredEvent};
use runtime::Process;
use schemas::{Event, StreamId, Timestamp, Version};
use serde_json::{Value, json};
use sessions::Sessions;
use stack::testing;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::caller::{ADMIN, ISSUER, token};

/// Any will do.
const MASTER_KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// The key of the payment provider's API.
pub(crate) const PAYMENTS_KEY: &str = "payments";

/// Where nobody answers.
const NOBODY: &str = "http://127.0.0.1:1";

/// What the payment provider signs with.
pub(crate) const WEBHOOK_SECRET: &str = "webhooks";

pub(crate) struct Stage {
    process: Process,
    store: EventStore,
    router: Router,
}

/// A command: who gives it, with which headers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct By<'a> {
    pub(crate) user: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// Somebody, without any header besides the token.
pub(crate) const fn by(user: &str) -> By<'_> {
    By { user, headers: &[] }
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self, field: &str) -> &str {
        self.body[field].as_str().unwrap_or_else(|| panic!("no {field} in {self:?}"))
    }

    /// Status and code of a problem.
    pub(crate) fn problem(&self) -> (u16, &str) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.body["success"], false);
        (self.status, self.text("code"))
    }

    /// Where a request's shape is wrong, and how.
    pub(crate) fn issues(&self) -> Vec<(String, &str)> {
        assert_eq!(self.problem(), (400, "validation_failed"), "{self:?}");
        let issues = self.body["issues"].as_array().unwrap();
        issues.iter().map(|issue| (issue["path"].to_string(), issue["code"].as_str().unwrap())).collect()
    }
}

impl Stage {
    pub(crate) async fn open() -> Self {
        let database = format!("commands-{}", Uuid::new_v4().simple());
        Self::over(&testing::mongo().await.database(&database)).await
    }

    pub(crate) async fn over(mongodb_uri: &str) -> Self {
        Self::with_keys_in(mongodb_uri, mongodb_uri).await
    }

    /// The users' keys lie in another database.
    pub(crate) async fn with_keys_in(vault_uri: &str, mongodb_uri: &str) -> Self {
        Self::with(vault_uri, mongodb_uri, NOBODY).await
    }

    /// Payments are executed by whoever answers there.
    pub(crate) async fn paid_at(payments_url: &str) -> Self {
        let uri = testing::mongo().await.database(&format!("commands-{}", Uuid::new_v4().simple()));
        Self::with(&uri, &uri, payments_url).await
    }

    async fn with(vault_uri: &str, mongodb_uri: &str, payments_url: &str) -> Self {
        let (jwks, private_key) = (ISSUER.jwks(), ISSUER.private_key());
        let settings = [
            ("--environment", "dev"),
            ("--mongodb-uri", mongodb_uri),
            ("--jwks", &jwks),
            ("--jwt-private-key", &private_key),
            ("--fingerprint-key", "fingerprints"),
            ("--email-key", "e-mails"),
            ("--vault-mongodb-uri", vault_uri),
            ("--vault-master-key", MASTER_KEY),
            // Nobody asks for these.
            ("--kafka-brokers", "127.0.0.1:1"),
            ("--schema-registry-url", NOBODY),
            ("--payments-url", payments_url),
            ("--payments-secret-key", PAYMENTS_KEY),
            ("--payments-webhook-secret", WEBHOOK_SECRET),
        ];
        let arguments = settings.iter().map(|(name, value)| format!("{name}={value}"));
        let config = Config::try_parse_from(std::iter::once("command-api".to_owned()).chain(arguments)).unwrap();
        let process = Process::new("command-api", None);
        let store = EventStore::connect(event_store::Config::new(mongodb_uri), &process).await.unwrap();
        store.wait_until_up().await;
        let sessions = Sessions::without_events(&config.sessions).unwrap();
        let app = Box::pin(App::new(&config, store.clone(), sessions, &process)).await.unwrap();
        Self { process, store, router: runtime::http::layered(command_api::router(app)) }
    }

    /// Sends a command.
    pub(crate) async fn post(&self, uri: &str, by: By<'_>, body: Value) -> Reply {
        self.send(uri, by, Some(("application/json", body.to_string()))).await
    }

    /// Sends whatever this is: a content type and a body, or none.
    pub(crate) async fn send(&self, uri: &str, by: By<'_>, body: Option<(&str, String)>) -> Reply {
        let mut request = Request::post(uri);
        if !by.user.is_empty() {
            request = request.header("authorization", format!("Bearer {}", token(by.user)));
        }
        for (name, value) in by.headers {
            request = request.header(*name, *value);
        }
        let body = match body {
            None => Body::empty(),
            Some((kind, text)) => {
                request = request.header("content-type", kind);
                Body::from(text)
            }
        };
        let (parts, body) = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap().into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Reply { status: parts.status.as_u16(), headers: parts.headers, body }
    }

    /// Registers a product at this price in cents.
    pub(crate) async fn product(&self, sku: &str, cents: i64) {
        let body = json!({"sku": sku, "name": format!("Product {sku}"), "price": {"amount": cents, "currency": "EUR"}});
        assert_eq!(self.post("/commands/products", by(ADMIN), body).await.status, StatusCode::CREATED.as_u16());
    }

    /// Commits events as the first of their stream.
    pub(crate) async fn happened<E: Event>(&self, stream: &str, events: &[E]) {
        let command = CommandRecord { events: u32::try_from(events.len()).unwrap(), ..CommandRecord::default() };
        let commit = Commit {
            stream: StreamId::parse(stream).unwrap(),
            first: Version::FIRST,
            id: Uuid::now_v7(),
            at: Timestamp::from_micros(runtime::clock::now_micros()),
            owner: None,
            commands: vec![command],
            keys: Vec::new(),
            events: events.iter().map(|event| StoredEvent::of(event).unwrap()).collect(),
        };
        assert_eq!(self.store.append(&commit).await.unwrap(), Appended::Written);
    }

    /// How many commits there are.
    pub(crate) async fn commits(&self) -> u64 {
        self.store.database().collection::<Document>("commits").count_documents(doc! {}).await.unwrap()
    }

    /// The names of a stream's events, as they are committed.
    pub(crate) async fn events(&self, stream: &str) -> Vec<String> {
        let commits = self.store.tail(&StreamId::parse(stream).unwrap(), Version::FIRST).await.unwrap();
        commits.iter().flat_map(|commit| &commit.events).map(|event| event.name.to_string()).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}
