//! HTTP clients of the gateway, as a shop's customers and admins would write them.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The gateway, seen from outside.
#[derive(Debug, Clone)]
pub struct Gateway {
    url: String,
    http: reqwest::Client,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body; null if it was no JSON.
    pub body: Value,
}

/// One request, to be sent.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The bearer's token.
    pub token: Option<String>,
    /// More headers.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON body.
    pub body: Option<Value>,
}

impl Request {
    /// A request of this bearer.
    #[must_use]
    pub fn by(user: &LoggedIn) -> Self {
        Self { token: Some(user.token.clone()), ..Self::default() }
    }

    /// The same with a header.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a JSON body.
    #[must_use]
    pub fn json(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

/// A user with a token.
#[derive(Debug, Clone)]
pub struct LoggedIn {
    /// The user's id.
    pub id: String,
    /// An access token.
    pub token: String,
    /// What prolongs the log-in, once.
    pub refresh: String,
}

impl LoggedIn {
    /// Who is logged in by this answer; panics if nobody is.
    #[must_use]
    pub fn by(answer: &Answer) -> Self {
        let text = |pointer: &str| {
            let text = answer.body.pointer(pointer).and_then(Value::as_str);
            text.unwrap_or_else(|| panic!("no {pointer} in {answer:?}")).to_owned()
        };
        Self { id: text("/data/user/_id"), token: text("/data/token"), refresh: text("/data/refreshToken") }
    }
}

impl Answer {
    /// A header's value as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The answer, if it has this status; else a panic that shows it.
    #[must_use]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{self:?}");
        self
    }

    /// A text field of the body.
    #[must_use]
    pub fn text(&self, field: &str) -> String {
        self.body.get(field).and_then(Value::as_str).unwrap_or_else(|| panic!("no {field} in {self:?}")).to_owned()
    }
}

impl Gateway {
    /// The gateway at this address.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("an HTTP client");
        Self { url: url.trim_end_matches('/').to_owned(), http }
    }

    /// Sends a request; `Err` if no answer came.
    pub async fn send(&self, method: Method, path: &str, request: Request) -> Result<Answer, reqwest::Error> {
        let mut sent = self.http.request(method, format!("{}{path}", self.url));
        if let Some(token) = &request.token {
            sent = sent.bearer_auth(token);
        }
        for (name, value) in request.headers {
            sent = sent.header(name, value);
        }
        if let Some(body) = &request.body {
            sent = sent.json(body);
        }
        let answer = sent.send().await?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = serde_json::from_slice(&answer.bytes().await?).unwrap_or_default();
        Ok(Answer { status, headers, body })
    }

    /// Posts, and panics if no answer comes.
    pub async fn post(&self, path: &str, request: Request) -> Answer {
        self.send(Method::POST, path, request).await.unwrap_or_else(|error| panic!("POST {path}: {error:?}"))
    }

    /// Gets, and panics if no answer comes.
    pub async fn get(&self, path: &str, request: Request) -> Answer {
        self.send(Method::GET, path, request).await.unwrap_or_else(|error| panic!("GET {path}: {error:?}"))
    }

    /// Puts, and panics if no answer comes.
    pub async fn put(&self, path: &str, request: Request) -> Answer {
        self.send(Method::PUT, path, request).await.unwrap_or_else(|error| panic!("PUT {path}: {error:?}"))
    }

    /// Deletes, and panics if no answer comes.
    pub async fn delete(&self, path: &str, request: Request) -> Answer {
        self.send(Method::DELETE, path, request).await.unwrap_or_else(|error| panic!("DELETE {path}: {error:?}"))
    }

    /// Logs in.
    pub async fn log_in(&self, email: &str, password: &str) -> LoggedIn {
        let body = json!({ "email": email, "password": password });
        let answer = self.post("/api/v1/users/login", Request::default().json(body)).await.expect(200);
        LoggedIn::by(&answer)
    }

    /// Asks for new tokens.
    pub async fn refresh(&self, token: &str) -> Answer {
        self.post("/api/v1/users/refresh", Request::default().json(json!({ "refreshToken": token }))).await
    }

    /// Registers a user of this name and logs in.
    pub async fn user(&self, name: &str) -> LoggedIn {
        let (email, password) = (format!("{name}@example.com"), "correct horse battery");
        let body = json!({ "email": email, "password": password, "firstName": name, "lastName": "Tester" });
        let _ = self.post("/api/v1/users/register", Request::default().json(body)).await.expect(201);
        self.log_in(&email, password).await
    }

    /// Registers a product.
    pub async fn product(&self, admin: &LoggedIn, sku: &str, amount: i64) -> Answer {
        let body =
            json!({ "sku": sku, "name": format!("Product {sku}"), "price": { "amount": amount, "currency": "EUR" } });
        self.post("/commands/products", Request::by(admin).json(body)).await.expect(201)
    }
}

/// The body of an order of `qty` pieces of one SKU.
#[must_use]
pub fn order_of(user: &LoggedIn, sku: &str, qty: i64) -> Value {
    json!({ "userId": user.id, "items": [{ "sku": sku, "qty": qty }] })
}
