//! What every command's headers and body must be like.

use serde_json::json;

use crate::caller::{ADA, ADMIN};
use crate::stage::{By, Stage, by};

#[tokio::test]
async fn bad_headers_are_refused_before_anything_happens() {
    let stage = Stage::open().await;
    let long = "k".repeat(256);
    let cases = [
        ("idempotency-key", long.as_str(), "bad_idempotency_key"),
        ("if-match", "*", "bad_if_match"),
        ("if-match", "\"1\", \"2\"", "bad_if_match"),
    ];
    for (name, value, code) in cases {
        let headers = [(name, value)];
        let product = json!({"sku": "TEA", "name": "Tea", "price": {"amount": 1, "currency": "EUR"}});
        let reply = stage.post("/commands/products", By { user: ADMIN, headers: &headers }, product).await;
        assert_eq!(reply.problem(), (400, code), "{name}: {value}");
    }
    assert_eq!(stage.events("prd_TEA").await, Vec::<String>::new());
}

#[tokio::test]
async fn a_body_is_a_json_object_of_a_bounded_size() {
    let stage = Stage::open().await;
    let large = format!("{{\"filler\":\"{}\"}}", "x".repeat(runtime::http::BODY_LIMIT));
    let cases = [
        (Some(("application/json", "{\"userId\":".to_owned())), (400, "malformed_json")),
        (Some(("application/json", "null".to_owned())), (400, "validation_failed")),
        (Some(("application/json", "[]".to_owned())), (400, "validation_failed")),
        (Some(("text/plain", "hello".to_owned())), (415, "unsupported_media_type")),
        (Some(("application/json", large)), (413, "body_too_large")),
        (None, (400, "body_required")),
    ];
    for (body, expected) in cases {
        let what = body.as_ref().map(|(_, text)| text.chars().take(20).collect::<String>());
        assert_eq!(stage.send("/commands/orders", by(ADA), body).await.problem(), expected, "{what:?}");
    }
}
