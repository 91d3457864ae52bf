//! Trails: the first time counts, and nothing depends on them.

use read_model::{Applied, DocumentWrite, Sighting, Trail};
use schemas::{Position, Version};

use super::{Rig, source, stream, write};
use crate::feeds;

fn noting(note: &str, write: DocumentWrite) -> DocumentWrite {
    let noted = |version| Sighting { version: Version(version), note: note.to_owned() };
    let sightings = (write.from.0 + 1..=write.to.0).map(noted).collect();
    DocumentWrite { sightings, ..write }
}

#[tokio::test]
async fn an_event_is_noted_when_it_is_first_shown_and_never_again_whatever_generation_shows_it() {
    let rig = Rig::shared("trails-first").await;
    let trail = [Trail::Views(rig.target.projection)];
    rig.write(vec![noting("an envelope", write(1, 0, 2)), noting("", write(2, 0, 1))]).await;
    let first = rig.read_model.trails(&stream(1), &trail).await.unwrap();
    let told: Vec<_> = first[0].iter().map(|(_, sighting)| (sighting.version.0, sighting.note.as_str())).collect();
    assert_eq!(told, [(1, "an envelope"), (2, "an envelope")]);
    assert_eq!(rig.read_model.trails(&stream(2), &trail).await.unwrap()[0][0].1.note, "");

    let target = rig.beside(2).await;
    let base = rig.read_model.open(&target, &source(0)).await.unwrap();
    let filled = rig.batch(vec![noting("another", write(1, 0, 3))]).await;
    let filled = read_model::Batch { target, base, next: Position { next: 1, last: None }, ..filled };
    assert_eq!(rig.read_model.apply(&filled).await.unwrap(), Applied::Done);
    let again = rig.read_model.trails(&stream(1), &trail).await.unwrap();
    assert_eq!(again[0][..2], first[0][..], "what was shown before");
    assert_eq!((again[0].len(), again[0][2].1.note.as_str()), (3, "another"));
}

#[tokio::test]
async fn what_is_not_applied_is_not_noted_and_a_broken_trail_keeps_nothing_from_being_applied() {
    let rig = Rig::shared("trails-broken").await;
    let trail = [Trail::Views(rig.target.projection)];
    let stale = rig.batch(vec![noting("", write(1, 1, 2))]).await;
    assert_eq!(rig.read_model.apply(&stale).await.unwrap(), Applied::StaleDocuments);
    assert_eq!(rig.read_model.trails(&stream(1), &trail).await.unwrap(), [Vec::new()]);

    let key = format!("{{{}}}:trail:{}", rig.target.projection, stream(1));
    let _: () = redis::cmd("SET").arg(key).arg("no trail").query_async(&mut rig.raw().await).await.unwrap();
    rig.write(vec![noting("", write(1, 0, 1))]).await;
    let found = rig.read_model.documents(&rig.target, &[stream(1)]).await.unwrap();
    assert_eq!(found[0].as_ref().map(|document| document.version), Some(Version(1)));
}

#[tokio::test]
async fn what_enters_a_feed_and_what_a_screen_shows_first_is_noted_with_its_time() {
    let rig = feeds::Rig::start().await;
    let (me, now) = (feeds::user(1), feeds::NOW);
    let event = |version| feeds::event(7, version, Some(me.clone()), now);
    rig.append(now, vec![event(1), event(2), feeds::event(8, 1, None, now)]).await;
    let later = schemas::Timestamp::from_micros(now.as_micros() + 5);
    rig.append(later, vec![event(2), event(3)]).await;
    let shown = |at| (feeds::stream(7), Version(2), at);
    rig.read_model.shown_on_screens(&[shown(now), shown(later)]).await.unwrap();

    let found = rig.read_model.trails(&feeds::stream(7), &[Trail::Feeds, Trail::Screens]).await.unwrap();
    let times = |trail: usize| found[trail].iter().map(|(at, sighting)| (sighting.version.0, *at)).collect::<Vec<_>>();
    assert_eq!(times(0), [(1, now), (2, now), (3, later)]);
    assert_eq!(times(1), [(2, now)]);
    assert_eq!(rig.read_model.trails(&feeds::stream(8), &[Trail::Feeds]).await.unwrap(), [Vec::new()], "nobody's");
}
