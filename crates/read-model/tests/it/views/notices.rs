//! Waiting for a version: woken by the call that applied it, bounded, and never answered with less.

use std::cell::Cell;
use std::time::Duration;

use futures::FutureExt;
use futures::future::join_all;
use read_model::{Awaited, Error, Notices, Waited};
use schemas::{StreamId, Version};
use stack::testing::eventually;

use super::{Rig, stream, write};

const LONG: Duration = Duration::from_secs(20);

async fn wait(rig: &Rig, notices: &Notices, stream: &StreamId, version: u32, within: Duration) -> Waited<()> {
    let reader = rig.read_model.reader();
    let awaited = Awaited { projection: rig.target.projection, stream, version: Version(version) };
    let read = || async {
        let found = reader.document(rig.target.projection, stream).await?;
        Ok((found.map_or(Version::NONE, |document| document.version), ()))
    };
    notices.wait_for(awaited, within, read).await.unwrap()
}

async fn subscribed(rig: &Rig) {
    eventually("the subscription is there", LONG, async || {
        let mut raw = rig.raw().await;
        let patterns: u32 = redis::cmd("PUBSUB").arg("NUMPAT").query_async(&mut raw).await.unwrap();
        (patterns > 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_is_answered_when_the_version_is_applied() {
    let rig = Rig::shared("wait").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let notices = rig.read_model.notices(&rig.process);
    let (one, two) = (stream(1), stream(2));
    let waits = async { tokio::join!(wait(&rig, &notices, &one, 3, LONG), wait(&rig, &notices, &two, 1, LONG)) };
    let applies = async {
        rig.write(vec![write(1, 1, 2)]).await;
        rig.write(vec![write(1, 2, 3), write(2, 0, 1)]).await;
    };
    let (waited, ()) = tokio::join!(waits, applies);
    assert_eq!(waited, (Waited::Reached(()), Waited::Reached(())));
}

#[tokio::test]
async fn a_notice_wakes_at_once_those_who_wait_for_its_document() {
    let rig = Rig::shared("notice").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let notices = rig.read_model.notices(&rig.process);
    subscribed(&rig).await;
    let (one, reads) = (stream(1), Cell::new(0_u32));
    let awaited = Awaited { projection: "notice", stream: &one, version: Version(9) };
    // Without notices the reads would be 50 ms apart: 600 within the time.
    let read = || {
        reads.set(reads.get() + 1);
        let version = if reads.get() > 1_000 { Version(9) } else { Version(1) };
        async move { Ok((version, ())) }
    };
    let ring = async {
        let mut raw = rig.raw().await;
        loop {
            let notice = format!("{}@2 {one}@2 {}@7", stream(5), stream(6));
            let command =
                redis::cmd("PUBLISH").arg("{notice}:g1:applied").arg(notice).query_async::<u32>(&mut raw).await;
            command.unwrap();
        }
    };
    let waited = tokio::select! {
        waited = notices.wait_for(awaited, Duration::from_secs(30), read) => waited.unwrap(),
        () = ring => unreachable!(),
    };
    assert_eq!(waited, Waited::Reached(()));
}

#[tokio::test]
async fn the_call_publishes_every_version_that_it_wrote() {
    let rig = Rig::shared("publish").await;
    let mut pubsub =
        redis::Client::open(stack::testing::redis().await.url()).unwrap().get_async_pubsub().await.unwrap();
    pubsub.subscribe("{publish}:g1:applied").await.unwrap();
    rig.write(vec![write(1, 0, 1), write(2, 0, 4)]).await;
    let heard = tokio::time::timeout(LONG, futures::StreamExt::next(&mut pubsub.on_message())).await.unwrap().unwrap();
    assert_eq!(heard.get_payload::<String>().unwrap(), format!("{}@1 {}@4", stream(1), stream(2)));
}

#[tokio::test]
async fn when_the_time_is_up_the_last_read_is_returned_as_behind() {
    let rig = Rig::shared("behind").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let notices = rig.read_model.notices(&rig.process);
    for within in [Duration::ZERO, Duration::from_millis(120)] {
        assert_eq!(wait(&rig, &notices, &stream(1), 2, within).await, Waited::Behind(()));
    }
}

#[tokio::test]
async fn a_lost_subscription_is_made_again_and_no_wait_fails() {
    let server: stack::servers::Redis = stack::testing::own().await;
    let rig = Rig::on(&server, "orders");
    rig.write(vec![write(1, 0, 1)]).await;
    let notices = rig.read_model.notices(&rig.process);
    subscribed(&rig).await;
    let mut raw = rig.raw().await;
    let killed: u32 = redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut raw).await.unwrap();
    assert_eq!(killed, 1);
    let one = stream(1);
    let (waited, ()) = tokio::join!(wait(&rig, &notices, &one, 2, LONG), rig.write(vec![write(1, 1, 2)]));
    assert_eq!(waited, Waited::Reached(()));
    subscribed(&rig).await;
}

#[tokio::test]
async fn only_so_many_may_wait_for_one_document_and_leaving_makes_room() {
    let rig = Rig::shared("crowd").await;
    rig.write(vec![write(1, 0, 1)]).await;
    let notices = rig.read_model.notices(&rig.process);
    let one = stream(1);
    let awaited = Awaited { projection: "crowd", stream: &one, version: Version(2) };
    let read = || async { Ok((Version(1), ())) };
    {
        let mut crowd: Vec<_> = (0..256).map(|_| Box::pin(notices.wait_for(awaited, LONG, read))).collect();
        assert!(join_all(crowd.iter_mut()).now_or_never().is_none(), "all of them wait");
        let refused = notices.wait_for(awaited, LONG, read).await.unwrap_err();
        assert!(matches!(refused, Error::TooManyWaiters { waiting: 256 }), "{refused:?}");
        let (two, three) = (stream(2), stream(3));
        let other = notices.wait_for(Awaited { stream: &two, ..awaited }, Duration::from_millis(1), read).await;
        assert_eq!(other.unwrap(), Waited::Behind(()));
        let of_two = Awaited { stream: &two, ..awaited };
        let mut more: Vec<_> = (0..256).map(|_| Box::pin(notices.wait_for(of_two, LONG, read))).collect();
        assert!(join_all(more.iter_mut()).now_or_never().is_none(), "and so do these");
        let refused = notices.wait_for(Awaited { stream: &three, ..awaited }, LONG, read).await.unwrap_err();
        assert!(matches!(refused, Error::TooManyWaiters { waiting: 512 }), "{refused:?}");
    }
    let after = notices.wait_for(awaited, Duration::from_millis(1), read).await.unwrap();
    assert_eq!(after, Waited::Behind(()));
}

#[tokio::test]
async fn half_of_the_requests_that_are_worked_on_may_wait_however_many_those_are() {
    let rig = Rig::shared("few").await;
    let streams: Vec<_> = (1..=4).map(stream).collect();
    let read = || async { Ok((Version(1), ())) };
    for (requests, may) in [(1, 1), (3, 1), (6, 3)] {
        let notices = rig.read_model.notices(&rig.process).among(requests);
        let wait = |stream| notices.wait_for(Awaited { projection: "few", stream, version: Version(2) }, LONG, read);
        let mut waits: Vec<_> = streams.iter().map(|stream| Box::pin(wait(stream))).collect();
        let refused = waits.iter_mut().filter_map(FutureExt::now_or_never);
        let refused = refused.filter(|refused| matches!(refused, Err(Error::TooManyWaiters { .. }))).count();
        assert_eq!(refused, streams.len() - may, "of {requests}");
    }
}
