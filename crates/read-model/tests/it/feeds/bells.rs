//! Bells: nobody who waits for a feed misses that it grew.

use std::time::Duration;

use futures::FutureExt as _;
use read_model::feeds::{Bell, Cursor, Growth, Read};
use schemas::UserId;
use stack::testing::eventually;
use tokio::time::timeout;

use super::{NOW, Rig, event, user};

const DEADLINE: Duration = Duration::from_secs(20);

/// Waits, as a reader does, until the feed has this many entries.
async fn wait_for(rig: &Rig, bell: &mut Bell, owner: &UserId, entries: usize) {
    let grown = async {
        loop {
            let _ = bell.rung().await;
            match rig.read(owner, Cursor::START, 1_000).await {
                Read::Known(found) if found.len() >= entries => return,
                Read::Known(_) | Read::Unknown { .. } => {}
            }
        }
    };
    timeout(DEADLINE, grown).await.expect("the bell rings");
}

/// Waits for the ring with which its subscription, and every earlier one, stands.
async fn stands(bell: &mut Bell) {
    let told = timeout(DEADLINE, bell.rung()).await.expect("it rings once the subscription stands");
    assert_eq!(told, None, "nothing has grown yet");
}

/// Takes what it rang so far, for nothing.
fn silence(bell: &mut Bell) {
    while bell.rung().now_or_never().is_some() {}
}

#[tokio::test]
async fn a_bell_rings_when_its_own_feed_grows() {
    let rig = Rig::start().await;
    let bells = rig.read_model.bells(&rig.process);
    let (mut mine, mut theirs) = (bells.listen(&user(1)), bells.listen(&user(2)));
    for bell in [&mut mine, &mut theirs] {
        stands(bell).await;
    }
    let mut last = bells.listen(&user(3));
    stands(&mut last).await;
    silence(&mut mine);
    silence(&mut theirs);
    rig.append(NOW, vec![event(7, 1, Some(user(1)), NOW)]).await;
    wait_for(&rig, &mut mine, &user(1), 1).await;
    assert_eq!(theirs.rung().now_or_never(), None, "only the owner's bell rings");
}

#[tokio::test]
async fn a_bell_tells_by_what_the_feed_grew_last_unless_it_is_much() {
    let rig = Rig::start().await;
    let mut bell = rig.read_model.bells(&rig.process).listen(&user(1));
    stands(&mut bell).await;
    let mut behind = Cursor::START;
    for count in [1, 3, 16, 17] {
        let events = (1..=count).map(|version| event(u128::from(count), version, Some(user(1)), NOW));
        rig.append(NOW, events.collect()).await;
        let told = timeout(DEADLINE, bell.rung()).await.expect("it rings");
        let Read::Known(entries) = rig.read(&user(1), behind, 100).await else { panic!("the feed knows {behind}") };
        let head = entries.last().map_or(behind, |entry| entry.cursor);
        assert_eq!(told, (count <= 16).then_some(Growth { behind, entries }), "{count} entries");
        behind = head;
    }
}

#[tokio::test]
async fn bells_ring_after_the_connection_was_lost_and_go_on_ringing() {
    let rig = Rig::start().await;
    let bells = rig.read_model.bells(&rig.process);
    let mut bell = bells.listen(&user(1));
    stands(&mut bell).await;
    let mut raw = rig.raw().await;
    let killed: u32 = redis::cmd("CLIENT").arg(&["KILL", "TYPE", "pubsub"]).query_async(&mut raw).await.unwrap();
    assert_eq!(killed, 1);
    rig.append(NOW, vec![event(7, 1, Some(user(1)), NOW)]).await;
    wait_for(&rig, &mut bell, &user(1), 1).await;
    silence(&mut bell);
    rig.append(NOW, vec![event(7, 2, Some(user(1)), NOW)]).await;
    wait_for(&rig, &mut bell, &user(1), 2).await;
}

#[tokio::test]
async fn the_last_listener_to_leave_ends_the_subscription_and_a_new_one_begins_it_again() {
    let rig = Rig::start().await;
    let bells = rig.read_model.bells(&rig.process);
    let (first, mut second) = (bells.listen(&user(1)), bells.listen(&user(1)));
    stands(&mut second).await;
    drop(first);
    rig.append(NOW, vec![event(7, 1, Some(user(1)), NOW)]).await;
    wait_for(&rig, &mut second, &user(1), 1).await;
    drop(second);
    eventually("nobody subscribes", DEADLINE, async || (subscribers(&rig).await == 0).then_some(())).await;
    let mut third = bells.listen(&user(1));
    stands(&mut third).await;
    assert_eq!(subscribers(&rig).await, 1);
}

async fn subscribers(rig: &Rig) -> usize {
    let channel = format!("{{feeds}}:bell:{}", user(1));
    let (_, count): (String, usize) =
        redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query_async(&mut rig.raw().await).await.unwrap();
    count
}
