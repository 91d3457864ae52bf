//! Requests for repairs: they are for a time, and end when they are done.

use std::time::Duration;

use read_model::Places;
use stack::testing::eventually;

use super::{Rig, stream};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

/// Seen to fail when a request has no end of its own.
#[tokio::test]
async fn a_request_for_repairs_ends_when_they_are_done_and_when_nobody_renews_it() {
    let rig = Rig::shared("repairs").await;
    let asked = |numbers: &[u128]| numbers.iter().map(|number| (stream(*number), [].into())).collect::<Places>();
    let left = async || rig.read_model.repairs(&[rig.target]).await.unwrap().remove(0);
    rig.read_model.request_repairs(&rig.target, &asked(&[1, 2]), SHORT).await.unwrap();
    rig.read_model.request_repairs(&rig.target, &asked(&[3]), LONG).await.unwrap();
    assert_eq!(left().await, asked(&[1, 2, 3]));
    rig.read_model.end_repairs(&rig.target, &[stream(1), stream(3)]).await.unwrap();
    assert_eq!(left().await, asked(&[2]));
    rig.read_model.request_repairs(&rig.target, &asked(&[2]), SHORT).await.unwrap();
    eventually("it ends by itself", LONG / 6, async || left().await.is_empty().then_some(())).await;
}
