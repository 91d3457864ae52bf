//! Redis dies, and comes back with everything, with less, or with nothing.

use std::path::PathBuf;
use std::time::Duration;

use read_model::Applied;
use schemas::Position;
use stack::servers::Redis;
use stack::testing::{self, eventually};

use super::{Rig, source, stream, write};

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until the client has found the restarted server.
async fn position_after_restart(rig: &Rig) -> Position {
    eventually("Redis serves again", PATIENCE, async || rig.read_model.position(&rig.target, &source(0)).await.ok())
        .await
}

#[tokio::test]
async fn an_acknowledged_batch_survives_a_kill() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "orders");
    for round in 0..3 {
        rig.write(vec![write(1, round, round + 1), write(u128::from(round) + 2, 0, 1)]).await;
        let before = rig.everything().await;
        server.restart().await.unwrap();
        let position = position_after_restart(&rig).await;
        assert_eq!(position.next, i64::from(round + 1) * 2);
        assert_eq!(rig.everything().await, before);
    }
}

#[tokio::test]
async fn a_lost_tail_takes_position_and_documents_back_together() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "orders");
    rig.open(0).await;
    let mut states = vec![rig.everything().await];
    for round in 0..12 {
        let mut changed = write(1, round, round + 1);
        changed.list_add.push(("moved".to_owned(), i64::from(round)));
        rig.write(vec![changed, write(u128::from(round) + 2, 0, 1)]).await;
        states.push(rig.everything().await);
    }
    let mut seen = Vec::new();
    for lost in [1, 7, 90, 400, 401, 650, 1_000, 300] {
        server.kill().await;
        cut(&tail_of(&server), lost);
        server.restart().await.unwrap();
        let position = position_after_restart(&rig).await;
        let round = usize::try_from(position.next / 2).unwrap();
        assert_eq!(rig.everything().await, states[round], "after losing {lost} more bytes, in round {round}");
        seen.push(round);
    }
    assert!(seen.is_sorted_by(|a, b| a >= b) && seen[0] < 12 && *seen.last().unwrap() > 0, "{seen:?}");
    // And what was lost is applied again from there.
    let round = u32::try_from(*seen.last().unwrap()).unwrap();
    rig.write(vec![write(1, round, round + 1), write(u128::from(round) + 2, 0, 1)]).await;
}

/// Redis leaves it out at its next start, and at the one after that takes its beginning with what was written behind it.
/// Seen to fail without [`read_model::ReadModel::renew_file`].
#[tokio::test]
async fn what_was_cut_in_the_middle_does_not_come_back() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "orders");
    rig.write(vec![write(1, 0, 1)]).await;
    let mut created = write(2, 0, 1);
    created.list_add.push(("created".to_owned(), 5));
    rig.write(vec![created]).await;
    server.kill().await;
    cut(&tail_of(&server), 30);
    server.restart().await.unwrap();
    assert_eq!(position_after_restart(&rig).await.next, 1, "the transaction is gone");
    assert!(rig.read_model.renew_file().await.unwrap());
    assert!(!rig.read_model.renew_file().await.unwrap(), "once is enough");
    // The same and more, at once: nobody has ever seen it created.
    rig.write(vec![write(2, 0, 2)]).await;
    let before = rig.everything().await;
    server.restart().await.unwrap();
    let _ = position_after_restart(&rig).await;
    assert_eq!(rig.everything().await, before);
}

fn tail_of(server: &Redis) -> PathBuf {
    let folder = server.folder().join("appendonlydir");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|file| file.to_string_lossy().ends_with(".incr.aof")).max().unwrap()
}

fn cut(file: &PathBuf, bytes: u64) {
    let file = std::fs::OpenOptions::new().write(true).open(file).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length - bytes).unwrap();
}

#[tokio::test]
async fn an_emptied_redis_refuses_with_the_position_to_start_from() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "orders");
    rig.write(vec![write(1, 0, 1)]).await;
    let batch = rig.batch(vec![write(1, 1, 2)]).await;
    let _: () = redis::cmd("FLUSHALL").query_async(&mut rig.raw().await).await.unwrap();
    let refused = Applied::Refused { stored: Position::default() };
    assert_eq!(rig.read_model.apply(&batch).await.unwrap(), refused);
    assert!(rig.everything().await.is_empty());
}

#[tokio::test]
async fn a_server_that_lost_our_functions_gets_them_again() {
    let server: Redis = testing::own().await;
    let rig = Rig::on(&server, "orders");
    rig.write(vec![write(1, 0, 1)]).await;
    let forget = async || {
        let _: () = redis::cmd("FUNCTION").arg("FLUSH").query_async(&mut rig.raw().await).await.unwrap();
    };
    forget().await;
    rig.write(vec![write(1, 1, 2)]).await;
    forget().await;
    let page = super::pages::page("all", 10);
    let (entries, _) = rig.read_model.reader().page("orders", &page).await.unwrap();
    assert_eq!(entries[0].at.stream, stream(1));
}
