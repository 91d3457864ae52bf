//! The doorbell: rings for the lanes that were written, in this process and, when asked, in others.

use event_store::{Config, Lanes, lane};
use stack::testing;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::given::{self, PATIENCE, commit, stream};

#[tokio::test(flavor = "multi_thread")]
async fn it_rings_for_the_lanes_that_were_written_and_for_no_others() {
    let (store, _process) = given::store().await;
    let stream = stream();
    let written = Lanes::from_iter([lane(&stream)]);
    let others = Lanes::ALL.iter().filter(|lane| !written.contains(*lane)).collect::<Lanes>();
    let doorbell = store.outbox().doorbell();
    store.append(&commit(&stream, 1, 1)).await.unwrap();
    timeout(PATIENCE, doorbell.rung(written)).await.unwrap();
    store.append(&commit(&stream, 2, 1)).await.unwrap();
    tokio::select! {
        biased;
        () = doorbell.rung(others) => panic!("nothing was written there"),
        () = std::future::ready(()) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_hears_of_the_commits_of_another_process() {
    let uri = testing::mongo().await.database(&format!("t{}", given::unique()));
    let (relay, _process) = given::store_at(Config::new(&uri)).await;
    let (writer, _process) = given::store_at(Config::new(&uri)).await;
    let stop = CancellationToken::new();
    let outbox = relay.outbox();
    let listener = {
        let (outbox, stop) = (outbox.clone(), stop.clone());
        runtime::tasks::spawn("listener", async move { outbox.listen(&stop).await })
    };
    // The first ring says that the stream is open.
    timeout(PATIENCE, outbox.doorbell().rung(Lanes::ALL)).await.unwrap();
    for version in 1..=3 {
        let stream = stream();
        writer.append(&commit(&stream, version, 1)).await.unwrap();
        timeout(PATIENCE, outbox.doorbell().rung(Lanes::from_iter([lane(&stream)]))).await.unwrap();
    }
    stop.cancel();
    timeout(PATIENCE, listener).await.unwrap().unwrap();
}
