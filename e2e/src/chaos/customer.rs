//! A customer who places orders, reads, cancels and sends again, at his or her own pace: the next request does not wait
//! for the answer to the one before.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use rand::rngs::StdRng;
use rand::{Rng as _, seq::IndexedRandom as _};
use reqwest::Method;
use runtime::clock::{self, Instant};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::diary::Diary;
use crate::client::{Answer, Gateway, LoggedIn, Request, order_of};

/// A request that gets no answer for this long is one that the system has lost.
const PATIENCE: Duration = Duration::from_secs(180);
/// The wait before a request is sent again.
const PAUSE: Duration = Duration::from_millis(200);
/// Requests of one customer that may be under way.
const UNDER_WAY: usize = 16;
const PASSWORD: &str = "correct horse battery";
const METHODS: [&str; 5] = [
    "pm_card_visa",
    "pm_card_mastercard",
    "pm_card_chargeDeclined",
    "pm_orderflow_timeoutThenApproved",
    "pm_orderflow_down",
];

pub(super) struct Customer {
    gateway: Gateway,
    email: String,
    id: String,
    session: Mutex<LoggedIn>,
    goods: Arc<[String]>,
    diary: Arc<Diary>,
}

/// One thing to do; which order it is about is a pick among those there are by then.
#[derive(Debug, Clone)]
enum Act {
    Place {
        key: String,
        sku: String,
        method: &'static str,
    },
    /// The same placement once more.
    Again {
        pick: usize,
    },
    Cancel {
        key: String,
        pick: usize,
    },
    Read {
        pick: usize,
    },
}

impl Customer {
    pub(super) fn new(gateway: &Gateway, name: &str, user: LoggedIn, goods: Arc<[String]>, diary: Arc<Diary>) -> Self {
        let (email, id) = (format!("{name}@example.com"), user.id.clone());
        Self { gateway: gateway.clone(), email, id, session: Mutex::new(user), goods, diary }
    }

    /// Does things until then, about so many per second; returns when each has its answer.
    pub(super) async fn shop(self, mut random: StdRng, until: Instant, rate: f64) {
        let mut under_way = FuturesUnordered::new();
        let mut number = 0_u32;
        while clock::monotonic() < until {
            let pause = Duration::from_secs_f64(random.random_range(0.5..1.5) / rate);
            let act = self.think(&mut random, number);
            number += 1;
            under_way.push(self.act(act));
            let next = tokio::time::sleep(pause);
            tokio::pin!(next);
            loop {
                tokio::select! {
                    Some(()) = under_way.next() => {}
                    () = &mut next, if under_way.len() < UNDER_WAY => break,
                }
            }
        }
        while under_way.next().await.is_some() {}
    }

    fn think(&self, random: &mut StdRng, number: u32) -> Act {
        let pick = random.random_range(0..usize::MAX);
        match random.random_range(0..10) {
            0..4 => {
                let sku = self.goods.choose(random).cloned().unwrap_or_default();
                let method = METHODS.choose(random).copied().unwrap_or(METHODS[0]);
                Act::Place { key: format!("{method} {sku} {number}"), sku, method }
            }
            4 => Act::Again { pick },
            5 => Act::Cancel { key: format!("cancel {number}"), pick },
            _ => Act::Read { pick },
        }
    }

    async fn act(&self, act: Act) {
        match act {
            Act::Place { key, sku, method } => self.place(&key, &sku, method).await,
            Act::Again { pick } => {
                if let Some((key, ..)) = self.diary.order_of(&self.id, pick)
                    && let [method, sku, _] = key.split(' ').collect::<Vec<_>>()[..]
                {
                    self.place(&key, sku, method).await;
                }
            }
            Act::Cancel { key, pick } => {
                if let Some((_, order, _)) = self.diary.order_of(&self.id, pick) {
                    self.cancel(&key, &order).await;
                }
            }
            Act::Read { pick } => {
                if let Some((_, order, version)) = self.diary.order_of(&self.id, pick) {
                    self.read(&order, version).await;
                }
            }
        }
    }

    async fn place(&self, key: &str, sku: &str, method: &str) {
        let session = self.session.lock().await.clone();
        let mut body = order_of(&session, sku, 1);
        body["paymentMethod"] = json!(method);
        let request = Request::default().with("idempotency-key", key).json(body);
        let Some(answer) = self.command("/commands/orders", request).await else { return };
        match answer.status.as_u16() {
            200 | 201 => {
                self.diary.count("orders acknowledged");
                self.diary.placed(&self.id, key, &answer.text("orderId"), version_of(&answer));
            }
            _ => self.diary.breach(None, format!("a placement that is in order was refused: {answer:?}")),
        }
    }

    async fn cancel(&self, key: &str, order: &str) {
        let request = Request::default().with("idempotency-key", key).json(json!({ "reason": "changed my mind" }));
        let Some(answer) = self.command(&format!("/commands/orders/{order}/cancel"), request).await else { return };
        match answer.status.as_u16() {
            200 => {
                self.diary.count("orders cancelled");
                self.diary.saw(order, version_of(&answer));
            }
            // It was rejected before, or there is no time left.
            409 => self.diary.count("cancellations refused"),
            _ => self.diary.breach(Some(order), format!("a cancellation was answered with {answer:?}")),
        }
    }

    /// Reads with the highest version that was ever seen: no answer may be older.
    async fn read(&self, order: &str, version: u32) {
        let token = format!("{order}@{version}");
        let request = Request::default().with("consistency-token", &token).with("prefer", "wait=2");
        let Some(answer) = self.try_once(Method::GET, &format!("/queries/orders/{order}"), request).await else {
            return self.diary.count("reads that got no answer");
        };
        match answer.status.as_u16() {
            200 => {
                let shown = answer.body.pointer("/order/version").and_then(Value::as_u64).unwrap_or_default();
                let shown = u32::try_from(shown).unwrap_or_default();
                if shown < version {
                    self.diary.breach(Some(order), format!("version {shown} was shown to a token of {version}"));
                }
                self.diary.count("reads with a token");
                self.diary.saw(order, shown);
            }
            401 | 429 | 500.. => self.diary.count("reads that were put off"),
            _ => self.diary.breach(Some(order), format!("a read with token {token} was answered with {answer:?}")),
        }
    }

    /// Sends a command, with its key, until it is answered; logs in again when that is asked for.
    async fn command(&self, path: &str, request: Request) -> Option<Answer> {
        let began = clock::monotonic();
        while began.elapsed() < PATIENCE {
            match self.try_once(Method::POST, path, request.clone()).await {
                Some(answer) if answer.status.as_u16() == 401 => self.log_in_again().await,
                Some(answer) if !asks_to_come_back(&answer) => return Some(answer),
                Some(_) | None => {}
            }
            self.diary.count("commands sent again");
            tokio::time::sleep(PAUSE).await;
        }
        self.diary.breach(None, format!("POST {path} was not acknowledged within {PATIENCE:?}"));
        None
    }

    async fn try_once(&self, method: Method, path: &str, mut request: Request) -> Option<Answer> {
        request.token = Some(self.session.lock().await.token.clone());
        self.gateway.send(method, path, request).await.ok()
    }

    async fn log_in_again(&self) {
        let body = json!({ "email": self.email, "password": PASSWORD });
        let answer = self.gateway.send(Method::POST, "/api/v1/users/login", Request::default().json(body)).await;
        if let Ok(answer) = answer
            && answer.status.as_u16() == 200
        {
            *self.session.lock().await = LoggedIn::by(&answer);
        }
    }
}

/// Whether the answer is none yet. A conflict may be one: the same key is still under way.
fn asks_to_come_back(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        429 | 500.. => true,
        409 => answer.body.get("retryable") == Some(&Value::Bool(true)),
        _ => false,
    }
}

/// The version that an acknowledged command brought its order to.
fn version_of(answer: &Answer) -> u32 {
    let token = answer.header("consistency-token").and_then(|token| token.rsplit_once('@'));
    token.and_then(|(_, version)| version.parse().ok()).unwrap_or_default()
}
