//! Hearing which documents change: none is missed, or everything is to be read again.

use std::collections::BTreeSet;
use std::time::Duration;

use read_model::{Change, Changes};
use schemas::Position;
use tokio::time::timeout;

use super::{Rig, stream, write};

const SOON: Duration = Duration::from_secs(20);

async fn next(changes: &mut Changes) -> Change {
    timeout(SOON, changes.next()).await.unwrap()
}

fn streams<const N: usize>(numbers: [u128; N]) -> Change {
    Change::Streams(numbers.map(stream).into_iter().collect::<BTreeSet<_>>())
}

#[tokio::test]
async fn everything_is_read_once_and_then_what_changes() {
    let rig = Rig::shared("heard").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let mut changes = rig.read_model.changes(&["heard"]);
    assert_eq!(next(&mut changes).await, Change::Everything);
    rig.write(vec![write(1, 1, 2), write(2, 0, 1)]).await;
    rig.write(vec![write(1, 2, 3)]).await;
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        let Change::Streams(streams) = next(&mut changes).await else { panic!("nothing was missed") };
        seen.extend(streams);
    }
    assert_eq!(Change::Streams(seen), streams([1, 2]));
    assert_eq!(rig.read_model.reader().document("heard", &stream(1)).await.unwrap().unwrap().version.0, 3);
}

#[tokio::test]
async fn what_fills_another_generation_changes_nothing_until_that_is_served() {
    let rig = Rig::shared("shadow").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let mut changes = rig.read_model.changes(&["shadow"]);
    assert_eq!(next(&mut changes).await, Change::Everything);
    let mut batch = rig.batch(vec![write(9, 0, 1)]).await;
    (batch.target, batch.base) = (rig.beside(2).await, Position::default());
    rig.read_model.apply(&batch).await.unwrap();
    rig.write(vec![write(1, 1, 2)]).await;
    assert_eq!(next(&mut changes).await, streams([1]), "the other generation's notice came first");
    let _: () = redis::cmd("SET").arg("{shadow}:live").arg(2).query_async(&mut rig.raw().await).await.unwrap();
    assert_eq!(next(&mut changes).await, Change::Everything, "other documents are served from here on");
}

#[tokio::test]
async fn after_a_lost_connection_everything_is_read_again() {
    let server: stack::servers::Redis = stack::testing::own().await;
    let rig = Rig::on(&server, "orders");
    rig.write(vec![write(1, 0, 1)]).await;
    let mut changes = rig.read_model.changes(&["orders"]);
    assert_eq!(next(&mut changes).await, Change::Everything);
    let mut raw = rig.raw().await;
    let killed: u32 = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut raw).await.unwrap();
    assert_eq!(killed, 1);
    assert_eq!(next(&mut changes).await, Change::Everything);
    rig.write(vec![write(1, 1, 2)]).await;
    assert_eq!(next(&mut changes).await, streams([1]));
}

#[tokio::test]
async fn the_first_documents_of_a_projection_are_told_as_any_others() {
    let rig = Rig::shared("newborn").await;
    let mut changes = rig.read_model.changes(&["newborn"]);
    assert_eq!(next(&mut changes).await, Change::Everything);
    rig.write(vec![write(1, 0, 1)]).await;
    assert_eq!(next(&mut changes).await, streams([1]));
}
