//! Server-sent events.

use futures::{Stream, StreamExt};
use reqwest::{RequestBuilder, StatusCode};
use schemas::Sku;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::world::{LONG, SOON, World, event, terms, user};

/// One server-sent event.
#[derive(Debug, PartialEq)]
struct Sent {
    name: String,
    id: Option<String>,
    data: Value,
}

/// Reads events from a body.
struct Reader<S> {
    body: S,
    text: String,
}

fn get(world: &World) -> RequestBuilder {
    get_behind(world, "")
}

fn get_behind(world: &World, query: &str) -> RequestBuilder {
    reqwest::Client::new().get(format!("http://{}/events{query}", world.notifier.address))
}

async fn open(request: RequestBuilder) -> Reader<impl Stream<Item = String> + Unpin> {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let body = answer.bytes_stream().map(|chunk| String::from_utf8(chunk.unwrap().to_vec()).unwrap());
    Reader { body: Box::pin(body), text: String::new() }
}

impl<S: Stream<Item = String> + Unpin> Reader<S> {
    /// The next event; `None` at the end of the body.
    async fn next(&mut self) -> Option<Sent> {
        timeout(SOON, self.read()).await.expect("something comes")
    }

    async fn read(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let sent = field("event: ").map(|name| Sent {
                    name,
                    id: field("id: "),
                    data: serde_json::from_str(&field("data: ").unwrap()).unwrap(),
                });
                self.text = rest.to_owned();
                match sent {
                    Some(sent) => return Some(sent),
                    None => continue,
                }
            }
            let chunk = self.body.next().await?;
            self.text.push_str(&chunk);
        }
    }

    async fn event(&mut self) -> (u64, String) {
        let sent = self.next().await.unwrap();
        assert_eq!((sent.name.as_str(), &sent.data["frame"]), ("event", &json!("event")));
        assert_eq!(sent.id.as_deref(), sent.data["cursor"].as_str());
        (sent.data["seq"].as_u64().unwrap(), sent.id.unwrap())
    }
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_that_was_seen() {
    let world = World::start().await;
    let me = user(1);
    let mut reader = open(get(&world).bearer_auth(world.token(&me))).await;
    let hello = reader.next().await.unwrap();
    assert_eq!((hello.name.as_str(), &hello.data["recovered"]), ("hello", &json!(false)));
    world.feed((1..=3).map(|version| event(&me, 7, version)).collect()).await;
    let (first, seen) = reader.event().await;
    assert_eq!(first, 1);
    drop(reader);

    let mut reader = open(get(&world).bearer_auth(world.token(&me)).header("last-event-id", &seen)).await;
    assert_eq!(reader.next().await.unwrap().data["recovered"], true);
    assert_eq!([reader.event().await.0, reader.event().await.0], [2, 3]);
    drop(reader);

    let mut reader = open(get_behind(&world, &format!("?cursor={seen}")).bearer_auth(world.token(&me))).await;
    assert_eq!(reader.next().await.unwrap().data["recovered"], true);
    assert_eq!(reader.event().await.0, 2);
}

#[tokio::test]
async fn an_unknown_last_event_makes_the_client_reload() {
    let world = World::start().await;
    let unknown = "9-0000000000000000000000000000000000000000";
    let mut reader = open(get(&world).bearer_auth(world.token(&user(1))).header("last-event-id", unknown)).await;
    assert_eq!(reader.next().await.unwrap().data["recovered"], false);
    assert_eq!(reader.next().await.unwrap().name, "reload");
}

#[tokio::test]
async fn a_stream_ends_with_its_session_and_says_so() {
    let world = World::start().await;
    let me = user(1);
    let mut reader = open(get(&world).bearer_auth(world.token(&me))).await;
    reader.next().await.unwrap();
    world.notifier.log_out(&me, LONG);
    let last = reader.next().await.unwrap();
    assert_eq!((last.name.as_str(), &last.data["code"]), ("close", &json!(4003)));
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn a_user_has_so_many_streams_and_not_one_more() {
    let mut terms = terms();
    terms.max_connections_per_user = 1;
    let world = World::with(terms).await;
    let _reader = open(get(&world).bearer_auth(world.token(&user(1)))).await;
    let answer = get(&world).bearer_auth(world.token(&user(1))).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], "too_many_connections");
}

#[tokio::test]
async fn a_shutdown_ends_every_stream_so_that_the_process_can_end() {
    let world = World::start().await;
    let mut reader = open(get(&world).bearer_auth(world.token(&user(1)))).await;
    reader.next().await.unwrap();
    world.notifier.process.shutdown.request();
    let last = reader.next().await.unwrap();
    assert_eq!((last.name.as_str(), &last.data["code"]), ("close", &json!(1012)));
    assert_eq!(reader.next().await, None);
    assert!(world.notifier.process.tasks.finish(SOON).await);
}

#[tokio::test]
async fn the_catalogue_comes_without_ids_that_could_be_resumed() {
    let world = World::start().await;
    let product = Sku::parse("lamp").unwrap().product();
    world.show("products", product.clone(), (0, 1), r#"{"sku":"lamp"}"#).await;
    world.show("stock", Sku::parse("lamp").unwrap().stock(), (0, 2), r#"{"available":5}"#).await;
    let mut reader = open(get_behind(&world, "?audience=catalogue").bearer_auth(world.token(&user(1)))).await;
    let hello = reader.next().await.unwrap();
    assert_eq!((hello.name.as_str(), hello.id), ("hello", None));
    let state = reader.next().await.unwrap();
    assert_eq!((state.name.as_str(), state.id), ("snapshot", None));
    assert_eq!((&state.data["stream"], &state.data["data"]["available"]), (&json!(product), &json!(5)));
    world.notifier.log_out(&user(1), LONG);
    assert_eq!(reader.next().await.unwrap().data["code"], 4003);
}
