//! One key has one effect, also over a kill of the sandbox.

use std::fs::OpenOptions;
use std::io::Write as _;

use payments::{Failure, Lost};

use crate::world::{World, authorize, refunding};

#[tokio::test]
async fn the_same_key_again_charges_nothing_more_and_gets_the_same_answer() {
    let world = World::open().await;
    let provider = world.provider();
    let first = authorize(&provider, "k1", "pm_card_visa").await.unwrap();
    let together = (0..8).map(|_| async { authorize(&world.provider(), "k1", "pm_card_visa").await.unwrap() });
    for again in futures::future::join_all(together).await {
        assert_eq!(again, first);
    }
    for _ in 0..3 {
        provider.capture("k2", &first.id).await.unwrap();
        provider.refund("k3", &refunding(&first, "r1", 100)).await.unwrap();
    }
    let declined = async || authorize(&provider, "k4", "pm_card_chargeDeclined").await.unwrap_err().to_string();
    assert_eq!(declined().await, declined().await);
    let ledger = world.ledger().await;
    assert_eq!(ledger["charges"].as_array().unwrap().len(), 2);
    assert_eq!((&ledger["charges"][0]["captured"], &ledger["charges"][0]["refunded"]), (&1_500.into(), &100.into()));
    assert_eq!(ledger["refunds"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let world = World::open().await;
    authorize(&world.provider(), "k1", "pm_card_visa").await.unwrap();
    let other = authorize(&world.provider(), "k1", "pm_card_mastercard").await;
    assert!(matches!(other, Err(Failure::Unknown(Lost::OtherRequest))), "{other:?}");
    assert_eq!(world.ledger().await["charges"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_sandbox_goes_on_where_its_file_ends_whatever_was_left_unfinished() {
    let world = World::open().await;
    let intent = authorize(&world.provider(), "k1", "pm_card_visa").await.unwrap();
    world.provider().capture("k2", &intent.id).await.unwrap();
    let (before, file) = (world.ledger().await, world.file.clone());
    drop(world);
    OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"key\":\"k3\",\"requ").unwrap();
    for _ in 0..2 {
        let world = World::on(file.clone()).await;
        assert_eq!(world.ledger().await, before);
        assert_eq!(authorize(&world.provider(), "k1", "pm_card_visa").await.unwrap().id, intent.id);
        world.provider().capture("k2", &intent.id).await.unwrap();
        assert_eq!(world.ledger().await, before);
    }
    let world = World::on(file).await;
    let next = authorize(&world.provider(), "k3", "pm_card_visa").await.unwrap();
    assert_ne!(next.id, intent.id);
    assert_eq!(world.ledger().await["charges"].as_array().unwrap().len(), 2);
}
