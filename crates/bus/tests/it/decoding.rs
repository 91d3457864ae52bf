//! Records that nobody of ours wrote.

use bus::{DecodeFailure, Decoder, Header, Poison, Registry};
use rdkafka::message::{Header as KafkaHeader, OwnedHeaders};
use schemas::Position;

use crate::world::{Member, RawWriter, SOON, fresh_order, fresh_topic, read_from, servers, take};

fn headers(pairs: &[(&str, &str)]) -> OwnedHeaders {
    let new = OwnedHeaders::new();
    pairs.iter().fold(new, |headers, (key, value)| headers.insert(KafkaHeader { key, value: Some(*value) }))
}

/// A key, a value and headers, and how what is wrong with them is called.
type Case<'a> = (&'a str, Vec<u8>, Vec<(String, String)>, fn(&Poison) -> bool);

#[tokio::test(flavor = "multi_thread")]
async fn records_of_strangers_are_refused_with_the_reason_and_harm_nobody() {
    let (config, member, topic) = (servers().await, Member::new(), "strange");
    fresh_topic(&config.kafka_brokers, topic, 1).await;
    let (order, id) = (fresh_order(), uuid::Uuid::new_v4().to_string());
    let whole = [
        (Header::Id.name(), id.as_str()),
        (Header::Type.name(), "orderflow.order.OrderPlaced"),
        (Header::Time.name(), "2023-11-14T22:13:20.123457Z"),
        (Header::Sequence.name(), "1"),
    ];
    let with = |name: &str, value: &'static str| -> Vec<(String, String)> {
        let changed = whole.iter().map(|(key, old)| if *key == name { (*key, value) } else { (*key, *old) });
        changed.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    };
    let framed = [&[0, 0, 0, 0, 1][..], b"garbage"].concat();
    let unknown_id = [&[0, 0x7f, 0xff, 0xff, 0xff][..], b"garbage"].concat();
    let ours = order.as_str();
    let cases: Vec<Case<'_>> = vec![
        ("not-ours", framed.clone(), with("", ""), |p| matches!(p, Poison::Key { .. })),
        (ours, framed.clone(), vec![], |p| matches!(p, Poison::Header { .. })),
        (ours, framed.clone(), with("ce_id", "x"), |p| matches!(p, Poison::Header { name: "ce_id" })),
        (ours, framed.clone(), with("ce_sequence", "0"), |p| matches!(p, Poison::Header { name: "ce_sequence" })),
        (ours, framed.clone(), with("ce_time", "now"), |p| matches!(p, Poison::Header { name: "ce_time" })),
        (ours, framed.clone(), with("ce_type", "orderflow.user.UserRegistered"), |p| {
            matches!(p, Poison::ForeignType { .. })
        }),
        (ours, unknown_id.clone(), with("ce_type", "orderflow.order.OrderTeleported"), |p| {
            matches!(p, Poison::UnknownType { .. })
        }),
        (ours, b"no frame".to_vec(), with("", ""), |p| matches!(p, Poison::Frame { .. })),
        (ours, vec![], with("", ""), |p| matches!(p, Poison::Frame { .. })),
        (ours, unknown_id, with("", ""), |p| matches!(p, Poison::Schema { readable: 0, .. })),
        (ours, vec![0; 800_000], with("", ""), |p| matches!(p, Poison::Schema { .. } | Poison::Value { .. })),
    ];
    let writer = RawWriter::new(&config.kafka_brokers, topic);
    for (key, value, pairs, _) in &cases {
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        writer.write_bytes(key, value, headers(&pairs)).await;
    }
    let registry = Registry::connect(&config, &member.0).unwrap();
    let (_consumer, mut feed) = read_from(&config, &member, topic, Position::default()).await;
    let decoder = Decoder::new(&registry);
    for (record, (_, _, pairs, expected)) in take(&mut feed, cases.len()).await.iter().zip(&cases) {
        let failure = decoder.decode(record).await.unwrap_err();
        let DecodeFailure::Poison { reason } = failure else { panic!("{pairs:?}: {failure:?}") };
        assert!(expected(&reason), "{pairs:?}: {reason:?}");
    }
    stack::eventually("all is well", SOON, async || member.0.health.is_ready().then_some(())).await;
    member.end().await;
}
