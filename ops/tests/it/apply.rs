//! Topics and schemas are made once, by `--execute` only; what stands in the way is refused.

use std::process::Output;
use std::time::Duration;

use bus::KafkaConfig;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use reqwest::Method;
use serde_json::{Value, json};
use stack::servers::Kafka;
use stack::{eventually, testing};
use tokio::process::Command;
use tokio::sync::OnceCell;

/// Servers whose addresses the command line gets by its environment.
struct World<'a> {
    kafka: &'a Kafka,
    registry: &'a str,
}

impl World<'_> {
    async fn ops(&self, line: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
        command.args(line.split(' ')).env("KAFKA_BROKERS", self.kafka.url());
        command.env("SCHEMA_REGISTRY_URL", self.registry).output().await.unwrap()
    }

    /// The actions of the answer, which must have ended with this code.
    async fn actions(&self, line: &str, code: i32) -> Vec<String> {
        let output = self.ops(&format!("{line} --output json")).await;
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        let items = answer["items"].as_array().unwrap();
        items.iter().map(|item| item["action"].as_str().unwrap().to_owned()).collect()
    }
}

fn all(actions: &[String], expected: &str) -> bool {
    !actions.is_empty() && actions.iter().all(|action| action == expected)
}

/// The shared servers, once everything was made there; that it is made by `--execute` only, and once, is checked on the
/// way, because it can be seen only once.
pub(crate) async fn applied() -> KafkaConfig {
    static READY: OnceCell<KafkaConfig> = OnceCell::const_new();
    let apply = async || {
        let (kafka, registry) = tokio::join!(testing::kafka(), testing::registry());
        let world = World { kafka, registry: registry.url() };
        for what in ["topics", "schemas"] {
            let (plan, list) = (format!("{what} apply"), format!("{what} ls"));
            let execute = format!("{plan} --execute");
            assert!(all(&world.actions(&plan, 0).await, "create"), "{what}: a plan");
            assert!(all(&world.actions(&list, 0).await, "create"), "{what}: a plan does nothing");
            assert!(all(&world.actions(&execute, 0).await, "create"), "{what}: made");
            assert!(all(&world.actions(&execute, 0).await, "none"), "{what}: nothing is left to do");
            assert!(all(&world.actions(&list, 0).await, "none"), "{what}: as they must be");
        }
        KafkaConfig::in_clear(kafka.url(), registry.url())
    };
    READY.get_or_init(apply).await.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_and_schemas_are_made_by_execute_only_and_once() {
    let _made = applied().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registered_schema_that_this_release_does_not_get_on_with_is_a_difference() {
    let (kafka, http) = (applied().await, reqwest::Client::new());
    let (kafka_server, registry) = (testing::kafka().await, kafka.schema_registry_url.as_str());
    let world = World { kafka: kafka_server, registry };
    assert!(all(&world.actions("schemas check", 0).await, "none"), "as it was registered");

    let subject = "fulfilment.events.v1-orderflow.fulfilment.FulfilmentResumed";
    let record = r#"{"type":"record","namespace":"orderflow.fulfilment","name":"FulfilmentResumed","fields":[{"name":"stranger","type":"long"}]}"#;
    for (method, path, body) in [
        (Method::PUT, format!("config/{subject}"), json!({ "compatibility": "NONE" })),
        (Method::POST, format!("subjects/{subject}/versions"), json!({ "schema": record })),
    ] {
        let answer = http.request(method, format!("{registry}/{path}")).json(&body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {answer:?}");
    }
    let output = world.ops("schemas check --output json").await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    let items = answer["items"].as_array().unwrap().iter();
    let differing: Vec<_> = items.filter(|item| item["action"] == "look").collect();
    assert!(differing.iter().all(|item| item["name"] == subject), "{differing:?}");
    let said = |text: &str| differing.iter().any(|item| item["state"].as_str().unwrap().contains(text));
    assert!(said("version 2 and this release") && said("NONE"), "{differing:?}");
}

#[tokio::test]
async fn a_topic_with_another_number_of_partitions_is_refused_and_nothing_is_made() {
    let kafka: Kafka = testing::own().await;
    let world = World { kafka: &kafka, registry: "http://127.0.0.1:1" };
    let mut config = ClientConfig::new();
    let admin: AdminClient<_> = config.set("bootstrap.servers", world.kafka.url()).create().unwrap();
    let topic = NewTopic::new("orders.events.v1", 3, TopicReplication::Fixed(1));
    admin.create_topics(&[topic], &AdminOptions::new()).await.unwrap().remove(0).unwrap();
    let wait = Duration::from_secs(1);
    eventually("the topic is there", Duration::from_secs(30), async || {
        let known = admin.inner().fetch_metadata(Some("orders.events.v1"), wait).ok()?;
        known.topics().iter().any(|topic| topic.partitions().len() == 3).then_some(())
    })
    .await;
    let actions = world.actions("topics apply --execute", 2).await;
    assert_eq!(actions.iter().filter(|action| *action == "refuse").count(), 1);
    assert_eq!(actions.iter().filter(|action| *action == "create").count(), actions.len() - 1);
    assert_eq!(world.actions("topics ls", 2).await, actions, "nothing was made");
}

#[tokio::test]
async fn servers_that_are_away_end_the_command_in_time_and_say_so() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(["schemas", "ls"]).env("KAFKA_BROKERS", "127.0.0.1:1");
    let output = command.env("SCHEMA_REGISTRY_URL", "http://127.0.0.1:1").output().await.unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("schemas could not be read"), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");

    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ops"));
    command.args(["schemas", "ls", "--timeout", "1", "--output", "json"]).env("KAFKA_BROKERS", "127.0.0.1:1");
    let output = command.env("SCHEMA_REGISTRY_URL", url).output().await.unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&answer["code"], answer["error"].is_string()), (&json!(3), true), "{answer}");
}

#[tokio::test]
async fn wrong_usage_ends_with_its_own_code() {
    let output = Command::new(env!("CARGO_BIN_EXE_ops")).args(["topics", "destroy"]).output().await.unwrap();
    assert_eq!(output.status.code(), Some(64));
}
