//! Health: this process's, and that of the others.

use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use query_api::Peer;
use serde_json::{Value, json};
use stack::eventually;
use tokio::net::TcpListener;

use crate::stage::Stage;

/// Another service's admin port, which says this when it is asked how it is.
async fn peer(name: &str, status: StatusCode, says: Value) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/readyz", get(move || async move { (status, Json(says)) }));
    runtime::tasks::spawn("peer", async { axum::serve(listener, router).await.unwrap() });
    Peer { name: name.to_owned(), url }
}

/// A port at which nobody listens.
async fn nobody(name: &str) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    Peer { name: name.to_owned(), url: format!("http://{}", listener.local_addr().unwrap()) }
}

fn ready(stage_says: &Value, service: &str) -> bool {
    let services = stage_says["services"].as_array().unwrap();
    services.iter().find(|each| each["name"] == service).unwrap()["ready"] == true
}

#[tokio::test]
async fn the_services_are_ready_when_each_of_them_is() {
    let up = json!({"name": "mongodb", "up": true, "reason": null, "since": "2025-01-01T00:00:00.000000Z"});
    let fine = json!({"ready": true, "shuttingDown": false, "dependencies": [up]});
    let stage = Stage::with_peers(vec![peer("command-api", StatusCode::OK, fine).await]).await;
    let reply = stage.get("/health/ready", "", &[]).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let says = reply.json();
    assert!(ready(&says, "query-api") && ready(&says, "command-api"));
    assert_eq!(says["services"][1]["dependencies"][0]["name"], "mongodb");
    let seeds = stage.get("/health", "", &[]).await.json();
    assert_eq!((&seeds["ok"], &seeds["status"], &seeds["service"]), (&json!(true), &json!("ok"), &json!("orderflow")));
    assert_eq!(seeds["cacheStatus"], "connected");
    assert!(seeds["time"].is_string(), "{seeds}");
}

#[tokio::test]
async fn a_service_that_is_red_or_silent_is_named_but_never_why() {
    let down =
        json!({"name": "kafka", "up": false, "reason": "10.0.0.7 refused", "since": "2025-01-01T00:00:00.000000Z"});
    let red = json!({"ready": false, "shuttingDown": false, "dependencies": [down]});
    let red = peer("projector", StatusCode::SERVICE_UNAVAILABLE, red).await;
    let stage = Stage::with_peers(vec![red, nobody("notifier").await]).await;
    let reply = stage.get("/health/ready", "", &[]).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    let says = reply.json();
    assert!(ready(&says, "query-api") && !ready(&says, "projector") && !ready(&says, "notifier"));
    assert_eq!(says["services"][1]["dependencies"][0]["up"], false);
    assert!(!reply.text.contains("10.0.0.7"), "reasons are for the admin port: {}", reply.text);
    let seeds = stage.get("/health", "", &[]).await;
    assert_eq!((seeds.status, &seeds.json()["ok"]), (StatusCode::OK, &json!(false)));
}

#[tokio::test]
async fn the_process_is_alive_and_not_ready_while_redis_is_away() {
    let stage = Stage::open().await;
    stage.redis.kill().await;
    eventually("red", Duration::from_secs(10), async || {
        // A query notices that the connection is gone.
        stage.get("/queries/orders", &crate::caller::admin(), &[]).await;
        let reply = stage.get("/health/ready", "", &[]).await;
        (reply.status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    })
    .await;
    assert_eq!(stage.get("/health/live", "", &[]).await.status, StatusCode::OK);
    let seeds = stage.get("/health", "", &[]).await.json();
    assert_eq!((&seeds["status"], &seeds["cacheStatus"]), (&json!("degraded"), &json!("disconnected")));
}
