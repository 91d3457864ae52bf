//! A query API over a Redis of its own, and the projector's part as far as queries see it.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use query_api::{App, Peer, Peers};
use read_model::generations::Shape;
use read_model::{
    Applied, Batch, DocumentWrite, Freshness, Generation, Park, Parking, ReadModel, RedisConfig, Sighting, Source,
    Target, feeds,
};
use runtime::http::HttpLimits;
use runtime::{Process, Secret, clock};
use schemas::{Event, Position, Recorded, StreamId, Timestamp, UserId, Version};
use serde_json::Value;
use stack::servers::Redis;
use stack::testing;
use tower::ServiceExt as _;
use views::{
    FulfilmentView, HistoryView, Listing, OrderView, PaymentView, ProductView, Projection, StockView, Text, UserView,
    View,
};

use crate::caller;

pub(crate) struct Stage {
    pub(crate) redis: Redis,
    pub(crate) process: Process,
    model: ReadModel,
    router: Router,
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| Value::String(self.text.clone()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// Status and problem code.
    pub(crate) fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        (self.status.as_u16(), self.json()["code"].as_str().unwrap().to_owned())
    }

    /// The versions in the entity tag, with the quote before them: what stands before the digest.
    pub(crate) fn versions(&self) -> &str {
        self.header("etag").unwrap().split('.').next().unwrap()
    }

    /// One field of every entry of a page.
    pub(crate) fn each(&self, list: &str, field: &str) -> Vec<String> {
        assert_eq!(self.status, StatusCode::OK, "{self:?}");
        let json = self.json();
        let entries = json[list].as_array().unwrap();
        assert_eq!(json["count"], entries.len());
        entries.iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect()
    }
}

impl Stage {
    pub(crate) async fn open() -> Self {
        Self::with_peers(Vec::new()).await
    }

    /// Projectors have begun everywhere, and are at the end of their logs.
    pub(crate) async fn with_peers(peers: Vec<Peer>) -> Self {
        let stage = Self::unprojected(peers).await;
        for projection in Projection::ALL {
            let (target, source) = place(projection);
            stage.model.found(&target, Shape(projection.shape()), 0).await.unwrap();
            stage.model.open(&target, &source).await.unwrap();
            let at_ms = clock::now_micros() / 1000;
            stage.model.stamp(&[Freshness { target, source, at_ms }]).await.unwrap();
        }
        stage
    }

    /// No projector was ever here.
    pub(crate) async fn unprojected(peers: Vec<Peer>) -> Self {
        let redis: Redis = testing::own().await;
        let process = Process::new("query-api", None);
        let config = RedisConfig { redis_url: Secret::from(redis.url()) };
        let model = ReadModel::connect(&config, &process).unwrap();
        let peers = Peers::new(peers, process.clone()).unwrap();
        let app = App::new(&model, caller::sessions(), peers, &HttpLimits::default(), &process);
        Self { redis, process, model, router: runtime::http::layered(query_api::router(app)) }
    }

    /// Asks as the bearer of a token; headers are `name: value`.
    pub(crate) async fn get(&self, uri: &str, token: &str, headers: &[(&str, &str)]) -> Reply {
        let authorization = [("authorization", format!("Bearer {token}"))];
        let own = authorization.iter().filter(|_| !token.is_empty()).map(|(name, value)| (*name, value.as_str()));
        let request = headers
            .iter()
            .copied()
            .chain(own)
            .fold(Request::get(uri), |request, (name, value)| request.header(name, value));
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Reply { status: parts.status, headers: parts.headers, text }
    }

    /// Both views of an order's event.
    pub(crate) async fn order(&self, event: &Recorded<schemas::OrderEvent>) {
        self.apply::<OrderView>(event).await;
        self.apply::<HistoryView>(event).await;
    }

    pub(crate) async fn order_view(&self, event: &Recorded<schemas::OrderEvent>) {
        self.apply::<OrderView>(event).await;
    }

    /// Its history alone.
    pub(crate) async fn history(&self, event: &Recorded<schemas::OrderEvent>) {
        self.apply::<HistoryView>(event).await;
    }

    pub(crate) async fn product(&self, event: &Recorded<schemas::ProductEvent>) {
        self.apply::<ProductView>(event).await;
    }

    pub(crate) async fn stock(&self, event: &Recorded<schemas::StockEvent>) {
        self.apply::<StockView>(event).await;
    }

    pub(crate) async fn user(&self, event: &Recorded<schemas::UserEvent>) {
        self.apply::<UserView>(event).await;
    }

    pub(crate) async fn payment(&self, event: &Recorded<schemas::PaymentEvent>) {
        self.apply::<PaymentView>(event).await;
    }

    pub(crate) async fn fulfilment(&self, event: &Recorded<schemas::FulfilmentEvent>) {
        self.apply::<FulfilmentView>(event).await;
    }

    /// An event enters its owner's feed, as the notifier lets it.
    pub(crate) async fn feed<E: Event>(&self, event: &Recorded<E>) {
        let source = Source { topic: E::AGGREGATE.topic().into(), partition: 0 };
        let base = self.model.feeds_position(&source).await.unwrap();
        let next = Position { next: base.next + 1, last: Some(event.id) };
        let entry = feeds::Event {
            stream: event.stream.clone(),
            version: event.version,
            id: event.id,
            at: event.at,
            owner: event.owner.clone(),
            name: event.event.name().to_owned(),
            seed_type: None,
            trace: None,
            offset: base.next,
            data: "{}".to_owned(),
        };
        let batch = feeds::Batch { source, base, next, now: event.at, events: vec![entry] };
        let appended = self.model.append_feeds(&batch).await.unwrap();
        assert!(matches!(appended, feeds::Appended::Done(_)), "{appended:?}");
    }

    /// A screen shows an event five milliseconds after it happened.
    pub(crate) async fn screen<E: Event>(&self, event: &Recorded<E>) {
        let at = Timestamp::from_micros(event.at.as_micros() + 5_000);
        self.model.shown_on_screens(&[(event.stream.clone(), event.version, at)]).await.unwrap();
    }

    /// A stream cannot go on.
    pub(crate) async fn park(&self, projection: Projection, park: Park) {
        let (target, source) = place(projection);
        let base = self.model.open(&target, &source).await.unwrap();
        let next = Position { next: base.next + 1, last: park.entry.event_id };
        let parking = Parking { parks: vec![park], held: Vec::new() };
        let batch = Batch { target, source, base, next, writes: Vec::new(), gaps: Vec::new(), parking };
        assert_eq!(self.model.apply(&batch).await.unwrap(), Applied::Done);
    }

    /// Somebody has a projection filled anew, beside the generation that readers see.
    pub(crate) async fn begin(&self, projection: Projection, shape: Shape, rate: Option<u32>) {
        let at_ms = clock::now_micros() / 1000;
        self.model.begin(projection.name(), shape, rate, at_ms).await.unwrap();
    }

    /// The place behind everything that a user's feed holds, as clients see it.
    pub(crate) async fn feed_head(&self, user: &str) -> String {
        self.model.feed_head(&UserId::parse(user).unwrap()).await.unwrap().to_string()
    }

    /// Somebody sets a field of a stored document behind everybody's back.
    pub(crate) async fn tamper(&self, projection: Projection, stream: &StreamId, field: &str, value: &str) {
        let client = redis::Client::open(self.redis.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let Target { projection, generation } = place(projection).0;
        let key = format!("{{{projection}}}:g{generation}:d:{stream}");
        let fields_added: u32 = redis::Cmd::hset(key, field, value).query_async(&mut connection).await.unwrap();
        assert_eq!(fields_added, 0, "there is such a field");
    }

    /// The bytes that are stored for a stream.
    pub(crate) async fn stored(&self, projection: Projection, stream: &StreamId) -> String {
        let found = self.model.documents(&place(projection).0, std::slice::from_ref(stream)).await.unwrap();
        String::from_utf8(found.into_iter().next().flatten().unwrap().body.unwrap()).unwrap()
    }

    /// Folds one event into what is stored, as a projector does.
    async fn apply<V: View>(&self, event: &Recorded<V::Event>) {
        let (target, source) = place(V::PROJECTION);
        let base = self.model.open(&target, &source).await.unwrap();
        let found = self.model.documents(&target, std::slice::from_ref(&event.stream)).await.unwrap();
        let document = found.into_iter().next().flatten();
        let from = document.as_ref().map_or(Version::NONE, |document| document.version);
        let before: Option<V> =
            document.and_then(|document| document.body).map(|body| serde_json::from_slice(&body).unwrap());
        let left = before.as_ref().map(View::lists).unwrap_or_default();
        let texts_left = before.as_ref().map(View::texts).unwrap_or_default();
        let after = V::apply(before, event).unwrap();
        let entered = after.as_ref().map(View::lists).unwrap_or_default();
        let texts_entered = after.as_ref().map(View::texts).unwrap_or_default();
        let texts = |texts: Vec<Text>| texts.into_iter().map(|text| (text.index, text.text)).collect();
        let stays = |left: &Listing| entered.iter().any(|entered| entered.list == left.list);
        let list_remove = left.into_iter().filter(|left| !stays(left)).map(|left| left.list).collect();
        let note = V::PROJECTION.noted().note(event, Some(event.at));
        let write = DocumentWrite {
            stream: event.stream.clone(),
            from,
            to: event.version,
            last_event: event.id,
            body: after.map(|after| serde_json::to_vec(&after).unwrap()),
            list_add: entered.into_iter().map(|listing| (listing.list, listing.score)).collect(),
            list_remove,
            text_add: texts(texts_entered),
            text_remove: texts(texts_left),
            sightings: note.into_iter().map(|note| Sighting { version: event.version, note }).collect(),
        };
        let next = Position { next: base.next + 1, last: Some(event.id) };
        let batch =
            Batch { target, source, base, next, writes: vec![write], gaps: Vec::new(), parking: Parking::default() };
        assert_eq!(self.model.apply(&batch).await.unwrap(), Applied::Done, "{}", event.event.name());
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.process.shutdown.request();
    }
}

fn place(projection: Projection) -> (Target, Source) {
    let topic = projection.aggregate().topic().into();
    (Target { projection: projection.name(), generation: Generation(1) }, Source { topic, partition: 0 })
}
