//! Traces of the whole.

use std::time::Duration;

use e2e::client::{Request, order_of};
use e2e::socket::Socket;
use stack::testing::eventually;

use crate::journey::frame;
use crate::receiver::{Receiver, Span};
use crate::world::World;

const SOON: Duration = Duration::from_secs(60);
const CALLER: &str = "b7ad6b7169203331";

/// The span of this work on the first event of this stream.
fn of<'a>(spans: &'a [Span], name: &str, stream: &str) -> Option<&'a Span> {
    let first = |span: &&Span| {
        span.attribute("orderflow.stream") == Some(stream) && span.attribute("orderflow.version") == Some("1")
    };
    spans.iter().filter(|span| span.name == name).find(first)
}

/// What came of the order's first event, as `(work, process)`, each below the one before; once all of it has come in.
fn way(spans: &[Span], order: &str) -> Option<Vec<Span>> {
    let (commit, publish, feed) =
        (of(spans, "commit", order)?, of(spans, "publish", order)?, of(spans, "feed", order)?);
    let request = spans.iter().find(|span| span.id == commit.parent)?;
    let push = spans.iter().find(|span| span.parent == feed.id)?;
    Some([request, commit, publish, feed, push].map(Clone::clone).into())
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_a_command_to_its_view_and_to_the_screen() {
    let world = World::enter().await;
    let receiver = Receiver::shared();
    let sku = World::name("TRACED");
    let _ = world.gateway.product(&world.admin, &sku, 100).await;
    let user = world.gateway.user(&World::name("traced")).await;
    let mut socket = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let _ = frame(&mut socket, "hello").await;

    let trace = Receiver::recorded(1);
    let place =
        Request::by(&user).with("traceparent", format!("00-{trace}-{CALLER}-01")).json(order_of(&user, &sku, 1));
    let order = world.gateway.post("/commands/orders", place).await.expect(201).text("orderId");
    let _ = frame(&mut socket, "event").await;
    let (spans, way) = eventually("the order's trace is whole", SOON, async || {
        let spans = receiver.spans(&trace);
        let way = way(&spans, &order)?;
        of(&spans, "project", &order).map(|_| (spans.clone(), way))
    })
    .await;
    let names: Vec<_> = way.iter().map(|span| (span.name.as_str(), span.process.as_str())).collect();
    let expected = [
        ("POST /commands/orders", "command-api"),
        ("commit", "command-api"),
        ("publish", "command-api"),
        ("feed", "notifier"),
        ("push", "notifier"),
    ];
    assert_eq!(names, expected);
    let mut parent = CALLER;
    for span in &way {
        assert_eq!(span.parent, parent, "{} is below what it follows from: {spans:#?}", span.name);
        parent = &span.id;
    }
    let begun: Vec<_> = way.iter().map(|span| span.time.0).collect();
    assert!(begun.is_sorted() && way.iter().all(|span| span.time.0 <= span.time.1), "{way:#?}");
    let projections = spans.iter().filter(|span| span.name == "project" && span.parent == way[2].id);
    assert!(projections.clone().count() > 0, "{spans:#?}");
    assert!(projections.clone().all(|span| span.process == "projector"), "{spans:#?}");
    assert_eq!(receiver.traces(), 1, "no other request is recorded, however its caller asks");
}
