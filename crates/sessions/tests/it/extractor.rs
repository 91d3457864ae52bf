//! The caller as a handler's argument: no caller, no entry.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, header};
use http_body_util::BodyExt;
use runtime::Process;
use runtime::http::layered;
use schemas::Role;
use serde_json::Value;
use sessions::{AdminCaller, Caller, KafkaConfig, Sessions};
use tower::ServiceExt;

use crate::world::{Key, claims, fresh_claims};

fn router(sessions: Sessions) -> Router {
    layered(
        Router::new()
            .route("/me", get(async |caller: Caller| caller.user.to_string()))
            .route("/admin", get(async |AdminCaller(caller): AdminCaller| caller.user.to_string()))
            .with_state(sessions),
    )
}

async fn check(sessions: Sessions, path: &str, authorization: Option<&str>, then: (u16, Option<(&str, &str)>)) {
    let mut request = Request::get(path);
    if let Some(value) = authorization {
        request = request.header(header::AUTHORIZATION, value);
    }
    let response = router(sessions).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let challenged = response.headers().contains_key(header::WWW_AUTHENTICATE);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!((status, challenged), (then.0, then.0 == 401), "{authorization:?}");
    if let Some((code, message)) = then.1 {
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((body["code"].as_str(), body["message"].as_str()), (Some(code), Some(message)));
        assert_eq!(body["success"], false);
    }
}

#[tokio::test]
async fn a_good_token_enters() {
    let key = Key::new();
    let token = key.sign(&fresh_claims(Role::User));
    for scheme in ["Bearer", "bearer", "BEARER"] {
        check(key.sessions(), "/me", Some(&format!("{scheme} {token}")), (200, None)).await;
    }
}

#[tokio::test]
async fn no_token_is_401_in_the_seeds_words() {
    let refused = (401, Some(("token_required", "Authentication token is required")));
    for authorization in [None, Some(""), Some("Bearer"), Some("Bearer "), Some("Basic YTpi"), Some("Token abc")] {
        check(Key::new().sessions(), "/me", authorization, refused).await;
    }
}

#[tokio::test]
async fn a_bad_token_is_401_with_the_reason() {
    let key = Key::new();
    let malformed = (401, Some(("invalid_token", "Invalid token: jwt malformed")));
    check(key.sessions(), "/me", Some("Bearer nonsense"), malformed).await;
    let foreign = Key::new().sign(&fresh_claims(Role::User));
    let wrong = (401, Some(("invalid_token", "Invalid token: invalid signature")));
    check(key.sessions(), "/me", Some(&format!("Bearer {foreign}")), wrong).await;
    let mut old = claims(Role::User);
    (old.iat, old.exp) = (1_000_000_000, 1_000_000_900);
    let expired = (401, Some(("token_expired", "Invalid token: jwt expired")));
    check(key.sessions(), "/me", Some(&format!("Bearer {}", key.sign(&old))), expired).await;
}

#[tokio::test]
async fn a_user_is_no_admin() {
    let key = Key::new();
    let bearer = |role| format!("Bearer {}", key.sign(&fresh_claims(role)));
    let refused = (403, Some(("forbidden", "Admin access required")));
    check(key.sessions(), "/admin", Some(&bearer(Role::User)), refused).await;
    check(key.sessions(), "/admin", Some(&bearer(Role::Admin)), (200, None)).await;
    check(key.sessions(), "/admin", None, (401, None)).await;
}

#[tokio::test]
async fn before_the_revocations_are_known_nobody_is_let_in() {
    let key = Key::new();
    let process = Process::new("test", None);
    let nowhere = KafkaConfig::in_clear("127.0.0.1:1", "http://127.0.0.1:1");
    let sessions = Sessions::connect(&key.config(), &nowhere, &process).unwrap();
    let token = format!("Bearer {}", key.sign(&fresh_claims(Role::User)));
    let refused = (503, Some(("unavailable", "The check of sessions is unavailable; try again in 1 s")));
    check(sessions.clone(), "/me", Some(&token), refused).await;
    check(sessions, "/me", Some("Bearer nonsense"), (401, None)).await;
    assert!(!process.health.is_ready() && !process.health.dependency("sessions").is_up());
    process.shutdown.request();
    assert!(process.tasks.finish(Duration::from_secs(30)).await);
}
