//! Streams that are parked, held back, and let go.

use read_model::{
    Applied, Cause, Gap, MAX_PARKED, Origin, Park, Parked, Parking, ParkingEntry, ReadModel, Released, Standing, Target,
};
use schemas::{StreamId, Timestamp, Version};

use super::{Rig, event, stream, write};

/// Why a stream is parked; each test says what counts in it.
pub(crate) fn entry() -> ParkingEntry {
    ParkingEntry {
        version: None,
        cause: Cause::Undecodable,
        reason: "its value is not framed".to_owned(),
        event_type: Some("orderflow.order.OrderPaid".to_owned()),
        event_id: None,
        topic: "orders.events.v1".to_owned(),
        partition: 0,
        offset: 7,
        at: Timestamp::from_micros(1_700_000_000_000_000),
    }
}

/// The stream is parked by this version.
fn park(number: u128, from: u32, version: u32) -> Park {
    let entry = ParkingEntry { version: Some(Version(version)), event_id: Some(event(number, version)), ..entry() };
    Park { stream: stream(number), from: Version(from), entry }
}

impl Rig {
    /// Parks and holds back, behind the stored position of partition 0.
    async fn stop(&self, parks: Vec<Park>, held: Vec<Gap>) -> Applied {
        let mut batch = self.batch(Vec::new()).await;
        batch.parking = Parking { parks, held };
        self.read_model.apply(&batch).await.unwrap()
    }

    async fn only_parked(&self) -> Parked {
        let mut parked = self.read_model.parked(&self.target).await.unwrap();
        assert_eq!(parked.len(), 1);
        parked.remove(0)
    }
}

fn gap(number: u128, highest: u32) -> Gap {
    Gap { stream: stream(number), highest: Version(highest) }
}

async fn standing(model: &ReadModel, target: &Target, stream: StreamId) -> Standing {
    model.standings(target, &[stream]).await.unwrap().remove(0)
}

#[tokio::test]
async fn a_parked_stream_takes_nothing_until_it_is_released_and_its_gap_says_what_is_missing() {
    let rig = Rig::shared("parked").await;
    rig.write(vec![write(1, 0, 2)]).await;
    assert_eq!(rig.stop(vec![park(1, 2, 3)], Vec::new()).await, Applied::Done);
    assert_eq!(rig.stop(Vec::new(), vec![gap(1, 5)]).await, Applied::Done);
    assert!(standing(&rig.read_model, &rig.target, stream(1)).await.parked);
    let batch = rig.batch(vec![write(1, 2, 3)]).await;
    assert_eq!(rig.read_model.apply(&batch).await.unwrap(), Applied::StaleDocuments);

    let parked = rig.only_parked().await;
    assert_eq!((&parked.stream, &parked.entry), (&stream(1), &park(1, 2, 3).entry));
    let released = rig.read_model.redrive(&rig.target, &parked, Version(6)).await.unwrap();
    assert_eq!(released, Released::Done { stored: Version(2) });
    assert_eq!(rig.read_model.gaps(&rig.target).await.unwrap(), [gap(1, 6)]);
    assert_eq!(rig.stop(Vec::new(), vec![gap(1, 6)]).await, Applied::StaleDocuments, "it is no longer held back");
    rig.write(vec![write(1, 2, 6)]).await;
    assert_eq!(rig.read_model.gaps(&rig.target).await.unwrap(), []);
}

#[tokio::test]
async fn what_is_discarded_counts_as_applied_changes_nothing_and_is_remembered() {
    let rig = Rig::shared("discarded").await;
    rig.write(vec![write(1, 0, 2)]).await;
    let before = standing(&rig.read_model, &rig.target, stream(1)).await.document.unwrap();
    rig.stop(vec![park(1, 2, 3)], Vec::new()).await;
    let parked = rig.only_parked().await;
    let why = ("a test's", Timestamp::from_micros(1_700_000_000_000_001), Origin::Store);
    let released = rig.read_model.discard(&rig.target, &parked, Version(3), why).await.unwrap();
    assert_eq!(released, Released::Done { stored: Version(3) });
    let after = standing(&rig.read_model, &rig.target, stream(1)).await;
    let document = after.document.unwrap();
    assert_eq!((document.version, document.last_event), (Version(3), Some(event(1, 3))));
    assert_eq!((document.body, after.parked), (before.body, false));
    assert_eq!(rig.read_model.gaps(&rig.target).await.unwrap(), []);
    let remembered = rig.read_model.discarded(&rig.target).await.unwrap();
    assert_eq!(remembered.iter().map(|one| one.why.as_str()).collect::<Vec<_>>(), ["a test's"]);
    rig.write(vec![write(1, 3, 4)]).await;
}

#[tokio::test]
async fn of_two_who_release_one_entry_one_does_and_an_entry_that_came_later_is_not_touched() {
    let rig = Rig::shared("released").await;
    rig.stop(vec![park(1, 0, 1)], Vec::new()).await;
    let parked = rig.only_parked().await;
    let release = async || rig.read_model.redrive(&rig.target, &parked, Version(1)).await.unwrap();
    let (one, other) = tokio::join!(release(), release());
    assert_eq!([one, other].iter().filter(|released| **released == Released::Changed).count(), 1);

    let mut later = park(1, 0, 1);
    later.entry.offset = 8;
    rig.stop(vec![later.clone()], Vec::new()).await;
    assert_eq!(release().await, Released::Changed);
    assert_eq!(rig.only_parked().await.entry, later.entry);
}

#[tokio::test]
async fn no_more_streams_are_parked_than_somebody_can_look_at() {
    let rig = Rig::shared("full").await;
    let most = u128::try_from(MAX_PARKED).unwrap();
    assert_eq!(rig.stop((1..=most).map(|number| park(number, 0, 1)).collect(), Vec::new()).await, Applied::Done);
    let before = rig.everything().await;
    let full = Applied::Full { parked: MAX_PARKED };
    assert_eq!(rig.stop(vec![park(most + 1, 0, 1)], Vec::new()).await, full);
    assert_eq!(rig.everything().await, before);
    rig.write(vec![write(most + 2, 0, 1)]).await;
    let first = rig.read_model.parked(&rig.target).await.unwrap().remove(0);
    rig.read_model.redrive(&rig.target, &first, Version(1)).await.unwrap();
    assert_eq!(rig.stop(vec![park(most + 1, 0, 1)], Vec::new()).await, Applied::Done);
}
