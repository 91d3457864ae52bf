//! Pauses: each projection has its own, and it ends by itself or when somebody ends it.

use std::time::Duration;

use stack::testing::eventually;

use super::Rig;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_pause_is_over_when_its_time_has_passed_or_when_it_is_ended() {
    let rig = Rig::shared("pauses").await;
    let left = async || rig.read_model.pauses(&["pauses", "pauses-of-another"]).await.unwrap();
    assert_eq!(left().await, [Duration::ZERO; 2]);
    rig.read_model.pause("pauses", LONG).await.unwrap();
    let [mine, others] = left().await[..] else { panic!("two projections") };
    assert!(mine > LONG / 2 && mine <= LONG && others.is_zero(), "{mine:?} {others:?}");
    rig.read_model.pause("pauses", Duration::ZERO).await.unwrap();
    assert_eq!(left().await, [Duration::ZERO; 2]);
    rig.read_model.pause("pauses", SHORT).await.unwrap();
    eventually("it ends by itself", LONG / 6, async || left().await[0].is_zero().then_some(())).await;
}
