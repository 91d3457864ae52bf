//! Requests for repairs: they are for a time, and end when they are done.

use std::time::Duration;

use read_model::Places;
use stack::testing::eventually;

use super::{Rig, stream};

const LONG: Duration = Duration::from_secs(7_200);
const SHORT: Duration = Duration::from_secs(3_600);
const MOMENT: Duration = Duration::from_millis(1);
const PATIENCE: Duration = Duration::from_secs(10);

/// Seen to fail when a request has no end of its own, and when the next one does not renew it.
#[tokio::test]
async fn a_request_for_repairs_ends_when_they_are_done_and_when_nobody_renews_it() {
    let rig = Rig::shared("repairs").await;
    let mut raw = rig.raw().await;
    let asked = |numbers: &[u128]| numbers.iter().map(|number| (stream(*number), [].into())).collect::<Places>();
    let request =
        async |numbers, lasts| rig.read_model.request_repairs(&rig.target, &asked(numbers), lasts).await.unwrap();
    let left = async || rig.read_model.repairs(&[rig.target]).await.unwrap().remove(0);
    let mut lasts = async || {
        let millis: u64 = redis::cmd("PTTL").arg("{repairs}:g1:repairs").query_async(&mut raw).await.unwrap();
        Duration::from_millis(millis)
    };
    request(&[1, 2], SHORT).await;
    assert!(lasts().await <= SHORT);
    request(&[3], LONG).await;
    assert!(lasts().await > SHORT, "it is renewed");
    assert_eq!(left().await, asked(&[1, 2, 3]));
    rig.read_model.end_repairs(&rig.target, &[stream(1), stream(3)]).await.unwrap();
    assert_eq!(left().await, asked(&[2]));
    request(&[2], MOMENT).await;
    eventually("it ends by itself", PATIENCE, async || left().await.is_empty().then_some(())).await;
}
