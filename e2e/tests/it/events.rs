//! Events as consumers elsewhere read them: with a Kafka client and the schema registry, and nothing of ours.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use e2e::client::Request;
use schemas::Aggregate;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::fulfilment::{becomes, place, product};
use crate::world::World;

/// The example for consumers in another language.
const CONSUMER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/consumer.py");
/// How long it may take to read everything.
const READ_WITHIN: Duration = Duration::from_secs(120);

/// What the consumer printed of one event.
#[derive(Debug, Clone, PartialEq)]
struct Printed {
    kind: String,
    seed_kind: String,
    content: Value,
}

/// Row 1.9 of the compatible surface.
#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_in_another_language_reads_every_event_under_the_seeds_names() {
    let world = World::enter().await;
    let sku = product(&world, "ABROAD", 5).await;
    let user = world.gateway.user(&World::name("abroad")).await;
    let profile = Request::by(&user).json(json!({ "firstName": "Anne" }));
    let _ = world.gateway.put("/api/v1/users/profile", profile).await.expect(200);
    let delivered = place(&world, &user, &sku, "pm_card_visa").await;
    let cancelled = place(&world, &user, &sku, "pm_card_chargeDeclined").await;
    becomes(&world, &cancelled, "CANCELLED").await;
    becomes(&world, &delivered, "PAID").await;
    for (step, body) in [("ship", json!({ "carrier": "DHL", "tracking": "JJD 1" })), ("deliver", json!({}))] {
        let path = format!("/commands/orders/{delivered}/{step}");
        let _ = world.gateway.post(&path, Request::by(&world.admin).json(body)).await.expect(200);
    }
    let _ = world.gateway.delete(&format!("/api/v1/users/{}", user.id), Request::by(&world.admin)).await.expect(200);
    let ledger = world.settle().await;

    let printed = read_everything(&world).await;
    for (stream, event) in ledger.iter().flat_map(|(stream, events)| events.iter().map(move |event| (stream, event))) {
        let seen = printed.get(&(stream.to_string(), event.version.0));
        let seen = seen.unwrap_or_else(|| panic!("{stream}@{} is not read", event.version.0));
        let record = format!("{}.{}", stream.aggregate().namespace(), event.event.name());
        assert_eq!((&seen.kind, seen.seed_kind.as_str()), (&record, event.event.seed_type().unwrap_or("-")));
    }
    let placed = &printed[&(delivered.to_string(), 1)].content;
    assert_eq!((&placed["user_id"], &placed["total_amount"]), (&json!(user.id), &json!(500)), "{placed}");
    let names = printed.values().map(|event| event.seed_kind.as_str()).collect::<BTreeSet<_>>();
    for name in [
        "user.created",
        "user.updated",
        "user.deleted",
        "order.created",
        "order.paid",
        "order.shipped",
        "order.delivered",
        "order.canceled",
    ] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
}

/// What the example prints of all topics, by stream and version.
async fn read_everything(world: &World) -> BTreeMap<(String, u32), Printed> {
    let packages =
        stack::install::consumer_packages().unwrap_or_else(|error| panic!("{}", runtime::chain_in_lines(&error)));
    let at = world.system.addresses();
    let mut consumer = Command::new("python3");
    consumer.arg(Path::new(CONSUMER)).args(Aggregate::ALL.map(Aggregate::topic)).env("PYTHONPATH", packages);
    consumer.env("KAFKA_BROKERS", &at.kafka_brokers).env("SCHEMA_REGISTRY_URL", &at.schema_registry_url);
    let output = consumer.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(READ_WITHIN, output).await.expect("an end in time").expect("an output");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(printed).collect()
}

fn printed(line: &str) -> ((String, u32), Printed) {
    let words: Vec<_> = line.splitn(5, ' ').collect();
    let [kind, seed_kind, stream, version, content] = words.as_slice() else { panic!("five words in {line}") };
    let content = serde_json::from_str(content).expect("JSON");
    let event = Printed { kind: (*kind).to_owned(), seed_kind: (*seed_kind).to_owned(), content };
    (((*stream).to_owned(), version.parse().expect("a version")), event)
}
