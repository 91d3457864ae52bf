//! Bodies as nobody should send them: whatever comes, the answer is no defect of ours, and what is refused leaves no
//! trace.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Value, json};
use stack::testing;

use crate::caller::{ADA, ADMIN};
use crate::stage::{By, Stage, by};

/// Routes, who asks, and a body that makes sense there.
fn routes() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "/commands/orders",
            ADA,
            json!({"userId": ADA, "items": [{"sku": "TEA", "qty": 1, "price": 250}], "paymentMethod": "pm_card_visa"}),
        ),
        ("/commands/orders/ord_1/cancel", ADA, json!({"reason": "changed my mind"})),
        ("/commands/orders/ord_1/ship", ADMIN, json!({"carrier": "DHL", "tracking": "42"})),
        (
            "/commands/products",
            ADMIN,
            json!({"sku": "MUG", "name": "Mug", "price": {"amount": 900, "currency": "EUR"}}),
        ),
        ("/commands/products/TEA/price", ADMIN, json!({"amount": 300, "currency": "EUR"})),
        ("/commands/products/TEA/rename", ADMIN, json!({"name": "Tea"})),
        ("/commands/products/TEA/stock", ADMIN, json!({"quantity": 5, "reason": "count"})),
        ("/commands/payments/pay_1/refund", ADMIN, json!({"amount": 5, "refundId": "r1"})),
        ("/ops/fulfilment/ord_1/retry", ADMIN, json!({"reason": "again"})),
        (
            "/api/v1/users/register",
            "",
            json!({"email": "a@example.com", "password": "short", "firstName": "A", "lastName": "B"}),
        ),
        ("/api/v1/users/login", "", json!({"email": "a@example.com", "password": "let me in please"})),
        ("/api/v1/users/refresh", "", json!({"refreshToken": "r"})),
        ("/api/v1/users/logout", ADA, json!({"everywhere": true})),
        ("/api/v1/users/usr_bob/roles", ADMIN, json!({"role": "admin", "grant": true})),
        ("/webhooks/payments", "", json!({"type": "payment_intent.succeeded"})),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        Just(json!({"$gt": ""})),
        Just(Value::from("x".repeat(5_000))),
    ];
    leaf.prop_recursive(3, 24, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z$._]{0,8}", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// What is sent instead of the body that makes sense.
#[derive(Debug, Clone)]
enum Body {
    Anything(Value),
    /// One of its values is another, or is missing.
    Changed(prop::sample::Index, Option<Value>),
    /// It has a field too many.
    With(String, Value),
    Text(String),
    /// It ends early.
    Cut(prop::sample::Index),
}

fn any_body() -> impl Strategy<Value = Body> {
    prop_oneof![
        2 => any_json().prop_map(Body::Anything),
        6 => (any::<prop::sample::Index>(), prop::option::of(any_json())).prop_map(|(at, value)| Body::Changed(at, value)),
        1 => ("[a-zA-Z$_]{0,8}", any_json()).prop_map(|(name, value)| Body::With(name, value)),
        1 => any::<String>().prop_map(Body::Text),
        1 => any::<prop::sample::Index>().prop_map(Body::Cut),
    ]
}

impl Body {
    fn instead_of(self, whole: &Value) -> String {
        let mut changed = whole.clone();
        match self {
            Self::Anything(value) => value.to_string(),
            Self::Text(text) => text,
            Self::Cut(at) => {
                let text = whole.to_string();
                text[..at.index(text.len())].to_owned()
            }
            Self::With(name, value) => {
                changed[name] = value;
                changed.to_string()
            }
            Self::Changed(at, value) => {
                let places = places(whole, "");
                change(&mut changed, &places[at.index(places.len())], value);
                changed.to_string()
            }
        }
    }
}

/// The JSON pointers of everything in a value.
fn places(value: &Value, at: &str) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, field)| (format!("{at}/{name}"), field)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(index, item)| (format!("{at}/{index}"), item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    children.into_iter().flat_map(|(place, child)| [places(child, &place), vec![place]].concat()).collect()
}

fn change(whole: &mut Value, place: &str, value: Option<Value>) {
    match value {
        Some(value) => *whole.pointer_mut(place).unwrap() = value,
        None => {
            let (parent, name) = place.rsplit_once('/').unwrap();
            match whole.pointer_mut(parent).unwrap() {
                Value::Object(fields) => drop(fields.remove(name)),
                Value::Array(items) => drop(items.remove(name.parse().unwrap())),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
    }
}

#[test]
fn no_body_makes_a_route_fail_and_a_refused_one_leaves_no_trace() {
    let seed = u64::try_from(runtime::clock::now_micros()).unwrap();
    let cases = if testing::full() { 5_000 } else { 250 };
    let config = Config { cases, failure_persistence: None, rng_seed: RngSeed::Fixed(seed), ..Config::default() };
    let threads = tokio::runtime::Runtime::new().unwrap();
    let stage = threads.block_on(async {
        let stage = Stage::open().await;
        stage.product("TEA", 250).await;
        stage
    });
    let routes = routes();
    let question = (0..routes.len(), any_body(), prop::option::of("[ -~]{0,40}"));
    let outcome = TestRunner::new(config).run(&question, |(route, body, key)| {
        let (path, user, whole) = &routes[route];
        let text = body.instead_of(whole);
        let headers: Vec<_> = key.iter().map(|key| ("idempotency-key", key.as_str())).collect();
        threads.block_on(async {
            let before = stage.commits().await;
            let asked = By { user, headers: &headers };
            let answer = stage.send(path, asked, Some(("application/json", text.clone()))).await;
            prop_assert!(answer.status < 500, "{path} {text}: {answer:?}");
            if answer.status >= 400 {
                let _code = answer.problem();
                prop_assert_eq!(stage.commits().await, before, "{} {} was refused and stored", path, text);
            }
            Ok(())
        })
    });
    if let Err(error) = outcome {
        panic!("seed {seed}: {error}");
    }
    let tea = json!({"userId": ADA, "items": [{"sku": "TEA", "qty": 1}]});
    assert_eq!(threads.block_on(stage.post("/commands/orders", by(ADA), tea)).status, 201, "it still takes orders");
}
