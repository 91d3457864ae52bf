//! Every server starts, is killed, comes back with its data, and leaves nothing behind.

use std::path::Path;
use std::time::Duration;

use bson::{Document, doc};
use mongodb::Client;
use serde_json::{Value, json};
use stack::servers::{Kafka, Mongo, Redis, Registry};
use stack::{eventually, testing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn redis_says(redis: &Redis, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port())).await.unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    let mut answer = vec![0; 256];
    let length = stream.read(&mut answer).await.unwrap();
    String::from_utf8(answer[..length].to_vec()).unwrap()
}

#[tokio::test]
async fn redis_is_killed_and_comes_back_with_every_answered_write() {
    let redis: Redis = testing::own().await;
    assert_eq!(redis_says(&redis, "SET k v").await, "+OK\r\n");
    let first = redis.pid().unwrap();
    redis.kill().await;
    assert_eq!(redis.pid(), None);
    redis.restart().await.unwrap();
    assert_ne!(redis.pid().unwrap(), first);
    assert_eq!(redis_says(&redis, "GET k").await, "$1\r\nv\r\n");
    assert!(redis_says(&redis, "CONFIG GET maxmemory-policy").await.contains("noeviction"));
}

#[tokio::test]
async fn mongodb_is_killed_and_comes_back_as_primary_with_its_data() {
    let mongo: Mongo = testing::own().await;
    let client = Client::with_uri_str(mongo.url()).await.unwrap();
    let things = client.default_database().unwrap().collection::<Document>("things");
    assert_eq!(things.namespace().db, "orderflow");
    things.insert_one(doc! { "_id": 1 }).await.unwrap();
    mongo.restart().await.unwrap();
    let client = Client::with_uri_str(mongo.database("orderflow")).await.unwrap();
    let things = client.default_database().unwrap().collection::<Document>("things");
    let mut session = client.start_session().snapshot(true).await.unwrap();
    assert!(things.find_one(doc! { "_id": 1 }).session(&mut session).await.unwrap().is_some());
}

#[tokio::test]
async fn kafka_is_killed_and_comes_back_with_its_topics() {
    use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let kafka: Kafka = testing::own().await;
    let mut config = rdkafka::ClientConfig::new();
    config.set("bootstrap.servers", kafka.url());
    let admin: AdminClient<_> = config.create().unwrap();
    let topic = NewTopic::new("things", 3, TopicReplication::Fixed(1));
    admin.create_topics(&[topic], &AdminOptions::new()).await.unwrap();
    kafka.restart().await.unwrap();
    let consumer: BaseConsumer = config.create().unwrap();
    let metadata = consumer.fetch_metadata(Some("things"), Duration::from_secs(10)).unwrap();
    assert_eq!(metadata.topics()[0].partitions().len(), 3);
}

#[tokio::test]
async fn the_registry_keeps_its_ids_over_a_kill_and_forgets_them_only_when_told() {
    let registry: Registry = testing::own().await;
    let http = reqwest::Client::new();
    let subject = format!("{}/subjects/things/versions", registry.url());
    let register = async || -> Value {
        http.post(&subject).json(&json!({ "schema": "\"string\"" })).send().await.unwrap().json().await.unwrap()
    };
    let id = register().await["id"].clone();
    assert!(id.is_i64());
    registry.restart().await.unwrap();
    let kept: Value = http.get(format!("{subject}/1")).send().await.unwrap().json().await.unwrap();
    assert_eq!(kept["id"], id);
    registry.restart_empty().await.unwrap();
    assert_eq!(http.get(format!("{subject}/1")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn a_test_program_that_is_killed_leaves_neither_servers_nor_folders() {
    // This program again, as the victim: it starts a Redis, says where, and waits to be killed.
    let victim = testing::folder("victim");
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "servers::the_victim", "--include-ignored", "--nocapture"])
        .env("STACK_VICTIM", &victim)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let said = eventually("the victim has started its server", Duration::from_secs(60), async || {
        std::fs::read_to_string(victim.join("said")).ok().filter(|text| text.ends_with('\n'))
    })
    .await;
    let (pid, folder) = said.trim().split_once(' ').unwrap();
    let (process, folder) = (Path::new("/proc").join(pid), Path::new(folder));
    assert!(process.exists() && folder.exists());
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("server and folder are gone", Duration::from_secs(10), async || {
        (!process.exists() && !folder.exists()).then_some(())
    })
    .await;
}

/// Does nothing when it is run as a test.
#[tokio::test]
async fn the_victim() {
    #[expect(clippy::disallowed_methods, reason = "a test has no command line of its own")]
    let Some(place) = std::env::var_os("STACK_VICTIM") else { return };
    let redis: Redis = testing::own().await;
    let said = format!("{} {}\n", redis.pid().unwrap(), redis.folder().display());
    std::fs::write(Path::new(&place).join("said"), said).unwrap();
    std::future::pending().await
}

#[tokio::test]
async fn all_tests_of_a_binary_share_one_server() {
    let (one, other) = (testing::redis().await, testing::redis().await);
    assert_eq!(one.pid(), other.pid());
}
