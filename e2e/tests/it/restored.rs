//! A MongoDB that was set back: the runbook `docs/runbooks/mongodb-restored.md`, step by step.

use std::collections::BTreeSet;

use bson::{Document, doc};
use e2e::client::{Request, order_of};
use e2e::ledger::Ledger;
use e2e::remains;
use futures::future::join_all;
use rdkafka::admin::AdminOptions;
use schemas::{Aggregate, StreamId};
use stack::eventually;

use crate::fulfilment::product;
use crate::graceful::{instances, stop};
use crate::healing::{HEALED, administrator, delete, operate, status};
use crate::outages::readiness;
use crate::world::{SETTLED, World};

/// Seen to fail when Redis is not emptied: the views still show what MongoDB has lost, and the steward is not ready.
#[tokio::test(flavor = "multi_thread")]
async fn the_runbook_for_a_mongodb_that_was_set_back_leads_to_a_system_in_order() {
    let world = World::alone().await;
    let sku = product(&world, "RESTORED", 100).await;
    let user = world.gateway.user(&World::name("restored")).await;
    let place = async || {
        let order = Request::by(&user).json(order_of(&user, &sku, 1));
        world.gateway.post("/commands/orders", order).await.expect(201).text("orderId")
    };
    let kept = place().await;
    let backup = world.settle().await;
    let lost = place().await;
    let _ = world.settle().await;

    let ours = instances();
    let (commands, others) = ours.split_at(2);
    stop_all(&world, commands).await;
    set_back(&world, &backup).await;
    eventually("the steward raises the alarm", HEALED, async || {
        let (ready, reason) = readiness(&world, "steward", "history").await?;
        (!ready && reason?.contains("diverged")).then_some(())
    })
    .await;

    stop_all(&world, others).await;
    for aggregate in Aggregate::ALL {
        delete(&world, aggregate.topic()).await;
    }
    delete_groups(&world).await;
    remains::empty_redis(&world.system.addresses().redis_url).await;
    let applied = operate(&world, &["topics", "apply", "--execute"]).await;
    assert!(applied.status.success(), "{applied:?}");
    for name in &ours {
        world.system.start_only(name).expect("a process that starts");
    }
    for name in &ours {
        world.system.ready(name).await.expect("a process that is ready");
    }
    // A command that is given before the topics are filled again would be published before what its stream had before it.
    let _ = world.settle_within(HEALED).await;
    eventually("nothing needs attention", HEALED, async || (status(&world).await.0 == Some(0)).then_some(())).await;

    let next = place().await;
    let ledger = world.settle_within(HEALED).await;
    let orders = ledger.keys().filter(|stream| stream.aggregate() == Aggregate::Order).map(StreamId::as_str);
    assert_eq!(orders.collect::<BTreeSet<_>>(), BTreeSet::from([kept.as_str(), next.as_str()]));
    for (order, code) in [(&kept, 200), (&next, 200), (&lost, 404)] {
        let _ = world.gateway.get(&format!("/queries/orders/{order}"), Request::by(&user)).await.expect(code);
    }
}

async fn stop_all(world: &World, names: &[String]) {
    let _how_long = join_all(names.iter().map(|name| stop(world, name))).await;
}

/// MongoDB holds what it held then.
async fn set_back(world: &World, backup: &Ledger) {
    let commits = world.store().database().collection::<Document>("commits");
    for (stream, events) in world.ledger().await {
        let kept = backup.get(&stream).map_or(0, Vec::len);
        if kept < events.len() {
            let first = i64::try_from(kept).expect("a short stream") + 1;
            let after = doc! { "_id.s": stream.as_str(), "_id.v": { "$gte": first } };
            let _ = commits.delete_many(after).await.expect("commits that are gone");
        }
    }
}

/// A group whose members have just ended is refused for as long as their sessions last.
async fn delete_groups(world: &World) {
    let admin = administrator(world);
    eventually("the consumer groups are gone", SETTLED, async || {
        let known = admin.inner().fetch_group_list(None, SETTLED).ok()?;
        let names: Vec<_> = known.groups().iter().map(|group| group.name()).collect();
        if names.is_empty() {
            return Some(());
        }
        let _some_are_refused = admin.delete_groups(&names, &AdminOptions::new()).await.ok()?;
        None
    })
    .await;
}
