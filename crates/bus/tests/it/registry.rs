//! The registry goes away, lacks schemas, or numbers anew.

use std::time::Duration;

use bus::registry_admin::{COMPATIBILITY, Subjects};
use bus::{Decoder, Error, Kafka, KafkaConfig, Producer, RawRecord, Registry, StartFrom, Tail, TailEvent};
use schema_registry_converter::async_impl::schema_registry::{SrSettings, post_schema};
use schema_registry_converter::schema_registry_common::{SchemaType, SuppliedSchema};
use schemas::avro;
use stack::servers::Registry as Server;
use stack::{eventually, testing};

use crate::producing::ready_round;
use crate::world::{Member, SOON, config, fresh_order, placed, servers};

#[tokio::test(flavor = "multi_thread")]
async fn applying_schemas_sets_the_compatibility_of_every_subject_and_can_be_repeated() {
    let server: Server = testing::own().await;
    let subjects = Subjects::connect(&config("127.0.0.1:1", server.url())).unwrap();
    let before = subjects.plan().await.unwrap();
    assert_eq!(before.len(), avro::RECORDS.len());
    assert!(before.iter().all(|plan| plan.id.is_none() && plan.compatibility.is_none()));
    let after = subjects.apply().await.unwrap();
    assert!(after.iter().all(|plan| plan.is_right() && plan.compatibility.as_deref() == Some(COMPATIBILITY)));
    assert_eq!(subjects.apply().await.unwrap(), after);
    let incompatible = avro::RECORDS[0].avsc.replacen("\"fields\": [", r#""fields": [{"name":"x","type":"long"},"#, 1);
    let settings = SrSettings::new(server.url().to_owned());
    let schema = SuppliedSchema::new(None, SchemaType::Avro, incompatible);
    assert!(post_schema(&settings, avro::RECORDS[0].subject(), schema).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_schemas_a_producer_starts_no_round_and_the_process_names_the_subject() {
    let shared = servers().await;
    let server: Server = testing::own().await;
    let config = config(&shared.kafka_brokers, server.url());
    let member = Member::new();
    let kafka = Kafka::connect(&config, &member.0).unwrap();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let subject = avro::RECORDS[0].subject();
    eventually("it is named", SOON, async || member.is_down("schema-registry", &subject).then_some(())).await;
    assert!(matches!(producer.round(), Err(Error::SchemaMissing { subject: missing }) if missing == subject));
    Subjects::connect(&config).unwrap().apply().await.unwrap();
    let ack = ready_round(&producer).await.send(&placed(&fresh_order(), 1)).unwrap();
    tokio::time::timeout(SOON, ack).await.unwrap().unwrap();
    eventually("all is well", SOON, async || member.0.health.is_ready().then_some(())).await;
    server.kill().await;
    eventually("it is noticed", SOON, async || member.is_down("schema-registry", "did not answer").then_some(())).await;
    server.restart().await.unwrap();
    eventually("all is well again", SOON, async || member.0.health.is_ready().then_some(())).await;
    member.end().await;
}

/// One event written and read back raw, over this registry.
async fn written(config: &KafkaConfig, member: &Member, registry: &Registry) -> RawRecord {
    let kafka = Kafka::connect(config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, registry).unwrap();
    let order = fresh_order();
    let ack = ready_round(&producer).await.send(&placed(&order, 1)).unwrap();
    tokio::time::timeout(SOON, ack).await.unwrap().unwrap();
    let mut tail = Tail::start(&kafka, "orders.events.v1", StartFrom::Beginning).unwrap();
    loop {
        let event = tokio::time::timeout(SOON, tail.next()).await.unwrap().unwrap();
        if let TailEvent::Record(record) = event
            && record.stream().unwrap() == *order.stream()
        {
            return record;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_whose_id_names_another_version_of_its_schema_is_read_with_the_one_that_fits() {
    let shared = servers().await;
    let server: Server = testing::own().await;
    let config = config(&shared.kafka_brokers, server.url());
    Subjects::connect(&config).unwrap().apply().await.unwrap();
    let member = Member::new();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let old = written(&config, &member, &registry).await;
    let event = Decoder::new(&registry).decode(&old).await.unwrap();

    // A later version with one field more, of which the record has the default, a zero, and the earlier one's id.
    let placed = avro::record_named("OrderPlaced").unwrap();
    let (fields, end) = placed.avsc.rsplit_once(']').unwrap();
    let later = format!(r#"{fields},{{"name":"gifts","type":"long","default":0}}]{end}"#);
    let schema = SuppliedSchema::new(None, SchemaType::Avro, later);
    post_schema(&SrSettings::new(server.url().to_owned()), placed.subject(), schema).await.unwrap();
    let new = RawRecord { value: [&old.value[..], &[0]].concat(), ..old.clone() };
    let decoder = Decoder::new(&registry);
    for record in [&old, &new, &new, &old] {
        assert_eq!(decoder.decode(record).await.unwrap(), event);
    }
    let neither = RawRecord { value: [&old.value[..], &[0, 0]].concat(), ..old };
    let failure = decoder.decode(&neither).await.unwrap_err();
    assert!(matches!(failure, bus::DecodeFailure::Poison { reason: bus::Poison::Value { .. } }), "{failure:?}");
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_lost_its_data_and_numbers_anew_makes_no_record_unreadable() {
    let shared = servers().await;
    let server: Server = testing::own().await;
    let config = config(&shared.kafka_brokers, server.url());
    let subjects = Subjects::connect(&config).unwrap();
    subjects.apply().await.unwrap();
    let member = Member::new();
    let registry = Registry::connect(&config, &member.0).unwrap();
    let old = written(&config, &member, &registry).await;
    let event = Decoder::new(&registry).decode(&old).await.unwrap();

    server.restart_empty().await.unwrap();
    // Nothing is registered: a reader that has seen the schema goes on, one that starts now says what is missing.
    assert_eq!(Decoder::new(&registry).decode(&old).await.unwrap(), event);
    let newcomer = Member::new();
    let fresh = Registry::connect(&config, &newcomer.0).unwrap();
    let subject = avro::record_named("OrderPlaced").unwrap().subject();
    let failure = Decoder::new(&fresh).decode(&old).await.unwrap_err();
    assert!(matches!(failure, bus::DecodeFailure::Unavailable { .. }), "{failure:?}");
    eventually("it is named", SOON, async || newcomer.is_down("schema-registry", &subject).then_some(())).await;
    let patient = Decoder::new(&fresh);
    let mut waits = std::pin::pin!(patient.decode_in_time(&old));
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut waits).await.is_err(), "it is not given up");

    // Another schema takes the first number, so that every one of ours moves.
    let schema = SuppliedSchema::new(None, SchemaType::Avro, r#"{"type":"record","name":"X","fields":[]}"#.to_owned());
    post_schema(&SrSettings::new(server.url().to_owned()), "x".to_owned(), schema).await.unwrap();
    subjects.apply().await.unwrap();
    eventually("it is well", SOON, async || (!newcomer.is_down("schema-registry", "")).then_some(())).await;
    assert_eq!(tokio::time::timeout(SOON, waits).await.unwrap().unwrap(), event);
    let new = eventually("the producer writes with the new id", SOON, async || {
        let record = written(&config, &member, &registry).await;
        (record.value[..5] != old.value[..5]).then_some(record)
    })
    .await;
    for registry in [&registry, &fresh] {
        let decoder = Decoder::new(registry);
        assert_eq!(decoder.decode(&old).await.unwrap(), event);
        assert_eq!(decoder.decode(&new).await.unwrap().event, event.event);
        assert_eq!(decoder.decode(&old).await.unwrap(), event);
    }
    member.end().await;
    newcomer.end().await;
}
