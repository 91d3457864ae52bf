//! Records that cannot be read as they come.

use bus::{Header, Headers, KafkaConfig, RawRecord, Registry};
use metrics_exporter_prometheus::PrometheusBuilder;
use runtime::Shutdown;

use super::*;
use crate::group::Place;

/// A record of this order that says this version, and gives no event.
fn record(order: &OrderId, version: &str) -> RawRecord {
    RawRecord {
        topic: "orders.events.v1".into(),
        partition: 0,
        offset: 0,
        key: order.stream().as_str().as_bytes().to_vec(),
        value: b"of no schema".to_vec(),
        headers: Headers::collect([(Header::Sequence.name(), Some(version.as_bytes()))]),
        written: None,
    }
}

/// Whoever works on a partition until its end. Without its other headers a record is poison before anybody asks the registry.
fn clerk(world: &World, end: &Shutdown) -> Clerk {
    let nowhere = KafkaConfig::in_clear("127.0.0.1:1", "http://127.0.0.1:1");
    let decoder = Decoder::new(&Registry::connect(&nowhere, &world.process).unwrap());
    Clerk::new(
        decoder,
        world.process(patient()),
        Place::new(ConsumerGroup::FULFILMENT.name, "orders.events.v1/0", end.clone()),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_heard_as_it_was_committed() {
    let world = World::open().await;
    let clerk = clerk(&world, &Shutdown::default());
    clerk.work(&[record(&world.order, "7"), record(&world.order, "no version")]).await;
    assert_eq!(world.names(world.order.fulfilment().stream()).await, Vec::<&str>::new(), "nothing was committed there");
    clerk.work(&[record(&world.order, "1")]).await;
    assert_eq!(world.names(&world.sku.stock()).await, ["StockReceived", "StockReserved"]);
}

/// On one thread, which has metrics of its own.
#[tokio::test]
async fn a_partition_that_stands_still_is_told_and_given_up_once_it_is_lost() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _here = ::metrics::set_default_local_recorder(&recorder);
    let stopped = |partitions| format!("{}{{group=\"fulfilment\"}} {partitions}\n", crate::metrics::STOPPED.name);
    let world = World::open().await;
    world.append_unreadable(world.order.stream(), Version(2)).await;
    let end = Shutdown::default();
    let (clerk, records) = (clerk(&world, &end), [record(&world.order, "2"), record(&world.order, "1")]);
    let lose = async {
        let told = async || metrics.render().contains(&stopped(1)).then_some(());
        eventually("operators are told that it stands still", PATIENCE, told).await;
        end.request();
    };
    tokio::time::timeout(PATIENCE, futures::future::join(clerk.work(&records), lose)).await.expect("it is given up");
    assert!(metrics.render().contains(&stopped(0)), "whoever has it now tells of it: {}", metrics.render());
    assert_eq!(world.names(&world.sku.stock()).await, ["StockReceived"], "what comes behind is left as well");
}
