//! Keys that change while the process runs.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use futures::future::join_all;
use runtime::{Process, clock, tasks};
use schemas::Role;
use serde_json::{Value, json};
use sessions::{Rejection, Sessions, SessionsConfig};
use stack::eventually;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::world::{Key, NOW, claims, fresh_claims, nothing, set};

const SOON: Duration = Duration::from_secs(30);

fn signed(key: &Key, kid: &str) -> String {
    key.sign_as(Some(kid), &serde_json::to_value(fresh_claims(Role::User)).unwrap())
}

fn until(mut jwk: Value, seconds: i64) -> Value {
    jwk["exp"] = json!(seconds);
    jwk
}

/// Sessions that follow these settings' keys.
fn following(config: &SessionsConfig) -> (Sessions, Process) {
    let (sessions, process) = (Sessions::without_events(config).unwrap(), Process::new("test", None));
    sessions.follow_keys(&process);
    (sessions, process)
}

async fn end(process: Process) {
    process.shutdown.request();
    assert!(process.tasks.finish(SOON).await && !process.tasks.failed());
}

#[tokio::test]
async fn a_new_key_in_the_file_is_known_at_once_and_one_that_is_taken_away_no_longer() {
    let (old, new) = (Key::new(), Key::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, set(&[old.jwk("old")])).unwrap();
    let jwks = std::fs::read_to_string(&path).unwrap();
    let (sessions, process) =
        following(&SessionsConfig { jwks: Some(jwks), jwks_file: Some(path.clone()), ..nothing() });
    let (of_old, of_new) = (signed(&old, "old"), signed(&new, "new"));
    assert!(sessions.verify(&of_old).is_ok() && process.health.is_ready());
    assert_eq!(sessions.admit(&of_new).await, Err(Rejection::UnknownKey));

    std::fs::write(&path, set(&[new.jwk("new"), old.jwk("old")])).unwrap();
    assert!(sessions.admit(&of_new).await.is_ok());
    assert!(sessions.verify(&of_old).is_ok(), "its tokens go on");

    for unusable in ["", "{\"keys\":[]}", "nonsense"] {
        std::fs::write(&path, unusable).unwrap();
        assert_eq!(sessions.admit(&signed(&new, "unknown")).await, Err(Rejection::UnknownKey));
        assert!(
            sessions.verify(&of_old).is_ok() && sessions.verify(&of_new).is_ok(),
            "what is unusable changes nothing"
        );
    }
    std::fs::write(&path, set(&[new.jwk("new")])).unwrap();
    let gone = async || (sessions.verify(&of_old) == Err(Rejection::UnknownKey)).then_some(());
    eventually("its tokens are refused, though they were verified before", SOON, gone).await;
    assert!(sessions.verify(&of_new).is_ok());
    end(process).await;
}

#[tokio::test]
async fn published_keys_are_waited_for_and_read_again_when_a_token_names_a_new_one() {
    let (old, new) = (Key::new(), Key::new());
    let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let (sessions, process) =
        following(&SessionsConfig { jwks_url: Some(format!("http://{address}/keys")), ..nothing() });
    let (of_old, of_new) = (signed(&old, "old"), signed(&new, "new"));
    assert_eq!(sessions.verify(&of_old), Err(Rejection::NotReady), "nobody can be judged yet");
    assert!(!process.health.is_ready() && sessions.published_keys().is_none());

    let published = Arc::new(Mutex::new(set(&[old.jwk("old")])));
    let answers = Arc::clone(&published);
    let router = Router::new().route("/keys", get(async move || answers.lock().unwrap().clone()));
    let listener = TcpListener::bind(address).await.unwrap();
    drop(tasks::spawn("publisher", async move { axum::serve(listener, router).await }));
    let ready = async || process.health.is_ready().then_some(());
    eventually("the keys are there", SOON, ready).await;
    assert!(sessions.verify(&of_old).is_ok());
    assert_eq!(sessions.admit(&of_new).await, Err(Rejection::UnknownKey));

    *published.lock().unwrap() = set(&[new.jwk("new"), old.jwk("old")]);
    assert!(sessions.admit(&of_new).await.is_ok());
    assert!(sessions.verify(&of_old).is_ok());
    end(process).await;
}

#[tokio::test]
async fn a_reading_that_had_begun_before_a_token_came_says_nothing_about_its_key() {
    let (old, new) = (Key::new(), Key::new());
    let published = Arc::new(Mutex::new(set(&[old.jwk("old")])));
    let (asked, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Semaphore::new(1)));
    let (answers, askings, gate) = (Arc::clone(&published), Arc::clone(&asked), Arc::clone(&go));
    let router = Router::new().route(
        "/keys",
        get(async move || {
            let text = answers.lock().unwrap().clone();
            askings.fetch_add(1, Ordering::SeqCst);
            gate.acquire().await.unwrap().forget();
            text
        }),
    );
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(tasks::spawn("publisher", async move { axum::serve(listener, router).await }));
    let (sessions, process) =
        following(&SessionsConfig { jwks_url: Some(format!("http://{address}/keys")), ..nothing() });
    eventually("the keys are there", SOON, async || process.health.is_ready().then_some(())).await;

    let (of_new, too_early) = (signed(&new, "new"), sessions.clone());
    let token = of_new.clone();
    let first = tasks::spawn("too-early", async move { too_early.admit(&token).await });
    let begun = async || (asked.load(Ordering::SeqCst) == 2).then_some(());
    eventually("the old keys are being read again", SOON, begun).await;
    *published.lock().unwrap() = set(&[new.jwk("new"), old.jwk("old")]);
    let (second, ()) = tokio::join!(sessions.admit(&of_new), async { go.add_permits(2) });
    assert_eq!(first.await.unwrap(), Err(Rejection::UnknownKey), "it came before its key");
    assert!(second.is_ok(), "{second:?}");
    end(process).await;
}

/// Anybody can name a key that is not there.
#[tokio::test]
async fn only_so_many_wait_for_a_key_that_is_not_known_and_the_others_are_told_to_come_back() {
    let (known, other) = (Key::new(), Key::new());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, set(&[known.jwk("known")])).unwrap();
    let jwks = std::fs::read_to_string(&path).unwrap();
    let (sessions, process) = following(&SessionsConfig { jwks: Some(jwks), jwks_file: Some(path), ..nothing() });
    let forged: Vec<_> = (0..100).map(|number| signed(&other, &format!("forged-{number}"))).collect();
    let judged = join_all(forged.iter().map(|token| sessions.admit(token))).await;
    let count = |rejection: Rejection| judged.iter().filter(|judged| **judged == Err(rejection)).count();
    assert_eq!((count(Rejection::UnknownKey), count(Rejection::NotReady)), (64, 36));
    assert!(sessions.admit(&signed(&known, "known")).await.is_ok());
    end(process).await;
}

#[test]
fn a_key_that_has_a_successor_is_used_and_published_until_its_end() {
    let (old, new) = (Key::new(), Key::new());
    let keys = |end| set(&[new.jwk("new"), until(old.jwk("old"), end)]);
    let with = |jwks| Sessions::without_events(&SessionsConfig { jwks: Some(jwks), ..nothing() }).unwrap();
    let token = old.sign_as(Some("old"), &serde_json::to_value(claims(Role::User)).unwrap());
    assert!(with(keys(NOW + 2)).verify_at(&token, NOW + 1).is_ok());
    assert_eq!(with(keys(NOW + 1)).verify_at(&token, NOW + 1), Err(Rejection::UnknownKey));

    let now = clock::now_seconds();
    let published = |end| serde_json::from_str::<Value>(&with(keys(end)).published_keys().unwrap()).unwrap();
    assert_eq!(published(now + 60), json!({ "keys": [new.jwk("new"), until(old.jwk("old"), now + 60)] }));
    assert_eq!(published(now), json!({ "keys": [new.jwk("new")] }));
}
