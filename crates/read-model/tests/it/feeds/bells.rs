//! Bells: nobody who waits for a feed misses that it grew.

use std::time::Duration;

use futures::FutureExt as _;
use read_model::feeds::{Bell, Cursor, Read};
use schemas::UserId;
use stack::testing::eventually;
use tokio::time::timeout;

use super::{NOW, Rig, event, user};

const DEADLINE: Duration = Duration::from_secs(20);

/// Waits, as a reader does, until the feed has this many entries.
async fn wait_for(rig: &Rig, bell: &mut Bell, owner: &UserId, entries: usize) {
    let grown = async {
        loop {
            bell.rung().await;
            match rig.read(owner, Cursor::START, 1_000).await {
                Read::Known(found) if found.len() >= entries => return,
                Read::Known(_) | Read::Unknown { .. } => {}
            }
        }
    };
    timeout(DEADLINE, grown).await.expect("the bell rings");
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
        timeout(DEADLINE, bell.rung()).await.expect("it rings once the subscription stands");
    }
    let mut last = bells.listen(&user(3));
    timeout(DEADLINE, last.rung()).await.expect("every earlier subscription stands now");
    silence(&mut mine);
    silence(&mut theirs);
    rig.append(NOW, vec![event(7, 1, Some(user(1)), NOW)]).await;
    wait_for(&rig, &mut mine, &user(1), 1).await;
    assert_eq!(theirs.rung().now_or_never(), None, "only the owner's bell rings");
}

#[tokio::test]
async fn bells_ring_after_the_connection_was_lost_and_go_on_ringing() {
    let rig = Rig::start().await;
    let bells = rig.read_model.bells(&rig.process);
    let mut bell = bells.listen(&user(1));
    timeout(DEADLINE, bell.rung()).await.expect("it rings once the subscription stands");
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
    timeout(DEADLINE, second.rung()).await.expect("it rings once the subscription stands");
    drop(first);
    rig.append(NOW, vec![event(7, 1, Some(user(1)), NOW)]).await;
    wait_for(&rig, &mut second, &user(1), 1).await;
    drop(second);
    eventually("nobody subscribes", DEADLINE, async || (subscribers(&rig).await == 0).then_some(())).await;
    let mut third = bells.listen(&user(1));
    timeout(DEADLINE, third.rung()).await.expect("it rings once the subscription stands");
    assert_eq!(subscribers(&rig).await, 1);
}

async fn subscribers(rig: &Rig) -> usize {
    let channel = format!("{{feeds}}:bell:{}", user(1));
    let (_, count): (String, usize) =
        redis::cmd("PUBSUB").arg("NUMSUB").arg(channel).query_async(&mut rig.raw().await).await.unwrap();
    count
}
