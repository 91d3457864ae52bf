//! A client of the gateway, as a shop's own software would be.

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::Error;
use crate::orderflow::Session;

/// The gateway, seen by a client.
#[derive(Debug, Clone)]
pub(crate) struct Shop {
    http: Client,
    gateway: String,
}

/// What came back for an order.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// Whether an earlier answer was given again.
    pub(crate) replayed: bool,
    /// The JSON body.
    pub(crate) body: Value,
}

/// An accepted order.
#[derive(Debug, Clone)]
pub(crate) struct Placed {
    /// Its id.
    pub(crate) order: String,
    /// Its version.
    pub(crate) version: i64,
    /// What makes a query wait until the order is readable.
    pub(crate) token: String,
}

impl Reply {
    /// The accepted order, if it is one.
    pub(crate) fn accepted(self, what: &'static str) -> Result<Placed, Error> {
        let text = |field: &str| self.body.get(field).and_then(Value::as_str).map(str::to_owned);
        let version = self.body.get("version").and_then(Value::as_i64);
        match (text("orderId"), version, text("consistencyToken")) {
            (Some(order), Some(version), Some(token)) if self.status < 300 => Ok(Placed { order, version, token }),
            _ => Err(Error::Answer { what, status: self.status, body: self.body.to_string() }),
        }
    }

    /// The problem's code, if it is one.
    pub(crate) fn code(&self) -> &str {
        self.body.get("code").and_then(Value::as_str).unwrap_or_default()
    }
}

impl Shop {
    /// A client of this gateway.
    pub(crate) fn new(gateway: &str) -> Self {
        Self { http: Client::new(), gateway: gateway.to_owned() }
    }

    /// Registers a user.
    pub(super) async fn register(&self, email: &str, password: &str) -> Result<(), Error> {
        let body = json!({ "email": email, "password": password, "firstName": "Ada", "lastName": "Example" });
        let request = self.http.post(format!("{}/api/v1/users/register", self.gateway)).json(&body);
        expect("register a customer", request, &[201]).await.map(drop)
    }

    /// Ends this session.
    pub(super) async fn log_out(&self, session: &Session) -> Result<(), Error> {
        let request = self.request(Method::POST, "/api/v1/users/logout", session);
        expect("log out", request, &[204]).await.map(drop)
    }

    /// Whether this session's token is no longer good for a query.
    pub(super) async fn refuses(&self, session: &Session) -> Result<bool, Error> {
        let request = self.request(Method::GET, "/queries/orders?limit=1", session);
        Ok(expect("query after the log-out", request, &[200, 401]).await?.status() == 401)
    }

    /// Adds a product to the catalogue, unless it is there.
    pub(crate) async fn offer(&self, admin: &Session, sku: &str, name: &str, cents: i64) -> Result<(), Error> {
        let body = json!({ "sku": sku, "name": name, "price": { "amount": cents, "currency": "EUR" } });
        let request = self.request(Method::POST, "/commands/products", admin).json(&body);
        expect("register a product", request, &[201, 409]).await.map(drop)
    }

    /// Puts stock on the shelf.
    pub(super) async fn receive(&self, admin: &Session, sku: &str, quantity: u32) -> Result<(), Error> {
        let path = format!("/commands/products/{sku}/stock");
        let request = self.request(Method::POST, &path, admin).json(&json!({ "quantity": quantity }));
        expect("receive stock", request, &[200, 201]).await.map(drop)
    }

    /// Places an order and says what came back, whatever it was.
    pub(crate) async fn place(
        &self,
        customer: &Session,
        key: Option<&str>,
        lines: &[(&str, u32)],
    ) -> Result<Reply, Error> {
        let what = "place an order";
        let items: Vec<_> = lines.iter().map(|(sku, quantity)| json!({ "sku": sku, "qty": quantity })).collect();
        let body = json!({ "userId": customer.user, "items": items });
        let mut request = self.request(Method::POST, "/commands/orders", customer).json(&body);
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let response = sent(what, request).await?;
        let status = response.status().as_u16();
        let replayed = response.headers().get("idempotency-replayed").is_some_and(|value| value == "true");
        let body = response.json().await.map_err(|source| Error::Http { what, source })?;
        Ok(Reply { status, replayed, body })
    }

    /// Reads an order that is at least as new as the command's answer.
    pub(crate) async fn read(&self, customer: &Session, placed: &Placed) -> Result<Value, Error> {
        let path = format!("/queries/orders/{}", placed.order);
        let request = self.request(Method::GET, &path, customer);
        let request = request.header("Consistency-Token", &placed.token).header("Prefer", "wait=10");
        let what = "read the order";
        let response = expect(what, request, &[200]).await?;
        response.json().await.map_err(|source| Error::Http { what, source })
    }

    /// How many orders the customer has, this one included.
    pub(super) async fn count(&self, customer: &Session, placed: &Placed) -> Result<u64, Error> {
        let request = self.request(Method::GET, "/queries/orders?limit=100", customer);
        let what = "count the orders";
        let response = expect(what, request.header("Consistency-Token", &placed.token), &[200]).await?;
        let body: Value = response.json().await.map_err(|source| Error::Http { what, source })?;
        Ok(body.get("count").and_then(Value::as_u64).unwrap_or_default())
    }

    /// How far the views are behind the log, in milliseconds.
    pub(super) async fn lag(&self, customer: &Session) -> Option<u64> {
        let request = self.request(Method::GET, "/queries/orders?limit=1", customer);
        let response = sent("ask for the lag", request).await.ok()?;
        response.headers().get("projection-lag-ms")?.to_str().ok()?.parse().ok()
    }

    fn request(&self, method: Method, path: &str, session: &Session) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.gateway)).bearer_auth(&session.token)
    }
}

async fn sent(what: &'static str, request: RequestBuilder) -> Result<Response, Error> {
    request.send().await.map_err(|source| Error::Http { what, source })
}

async fn expect(what: &'static str, request: RequestBuilder, statuses: &[u16]) -> Result<Response, Error> {
    let response = sent(what, request).await?;
    let status = response.status().as_u16();
    if statuses.contains(&status) {
        return Ok(response);
    }
    Err(Error::Answer { what, status, body: response.text().await.unwrap_or_default() })
}
