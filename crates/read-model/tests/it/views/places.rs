//! Where documents are found, held against where they should be.

use read_model::{Place, Placed, Placing};
use schemas::Version;

use super::{Rig, stream, write};

#[tokio::test]
async fn of_what_moved_on_while_its_places_were_read_it_is_not_said_that_it_is_right() {
    let rig = Rig::shared("placings").await;
    rig.write(vec![write(1, 0, 2)]).await;
    let place = || Place { list: "all".to_owned(), text: None };
    let look = async |number, version, score| {
        let placed = Placed { stream: stream(number), version: Version(version), places: [(place(), score)].into() };
        rig.read_model.placings(&rig.target, &[placed]).await.unwrap().remove(0)
    };
    assert_eq!(look(1, 2, 1).await, Placing::Right);
    assert_eq!(look(1, 2, 7).await, Placing::Wrong(place()));
    assert_eq!(look(1, 1, 7).await, Placing::Moved, "its version is another one by now");
    assert_eq!(look(2, 1, 7).await, Placing::Moved, "it is gone by now");
}
