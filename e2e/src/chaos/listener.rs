//! A socket that is opened again at its cursor whenever it dies. Its sequence must have no gap and no repetition, unless
//! the server declares that it must be read anew.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::Value;

use super::diary::Diary;
use crate::client::{Gateway, LoggedIn};
use crate::socket::{Received, Socket};

/// Longer than the time between two pings of the server.
const SILENCE: Duration = Duration::from_secs(40);
const PAUSE: Duration = Duration::from_millis(200);
/// The share of the frames after which the owner closes the socket.
const CLOSED: f64 = 0.002;

pub(super) struct Listener {
    gateway: Gateway,
    url: String,
    user: LoggedIn,
    diary: Arc<Diary>,
    cursor: Option<String>,
    /// The number of the next event; unknown at the start, and after the feed began anew.
    next: Option<u64>,
    /// Now and then its owner closes the socket, and opens another one.
    moods: StdRng,
}

impl Listener {
    pub(super) fn new(gateway: &Gateway, url: &str, user: LoggedIn, diary: Arc<Diary>, moods: StdRng) -> Self {
        // Nothing happens to this user before he or she listens: the feed's first event is the first that there is.
        let next = Some(1);
        Self { gateway: gateway.clone(), url: url.to_owned(), user, diary, cursor: None, next, moods }
    }

    /// Listens until it is aborted.
    pub(super) async fn listen(mut self) {
        loop {
            if let Ok(mut socket) = Socket::open(&self.gateway, &self.url, &self.user, self.cursor.as_deref()).await {
                self.diary.count("sockets opened");
                while let Ok(Received::Frame(frame)) = socket.next(SILENCE).await {
                    self.note(&frame);
                    if self.moods.random_bool(CLOSED) {
                        self.diary.count("sockets that their owners closed");
                        break;
                    }
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn note(&mut self, frame: &Value) {
        let text = |field: &str| frame.get(field).and_then(Value::as_str).map(str::to_owned);
        let had_cursor = self.cursor.is_some();
        self.cursor = text("cursor").or(self.cursor.take());
        let kind = text("frame").unwrap_or_default();
        if kind == "hello" {
            self.diary.greeted(&self.user.id);
        }
        match kind.as_str() {
            "hello" if had_cursor && frame.get("recovered") != Some(&Value::Bool(true)) => self.begin_anew(),
            "snapshot" | "reload" => self.begin_anew(),
            "event" => {
                self.diary.count("frames");
                let number = frame.get("seq").and_then(Value::as_u64).unwrap_or_default();
                if let Some(next) = self.next.filter(|next| *next != number) {
                    let user = &self.user.id;
                    self.diary.breach(None, format!("the feed of {user} went from {} to {number}", next - 1));
                }
                self.next = Some(number + 1);
                let version = frame.get("version").and_then(Value::as_u64).and_then(|version| version.try_into().ok());
                if let Some((stream, version)) = text("stream").zip(version) {
                    self.diary.told(&self.user.id, &stream, version);
                }
            }
            _ => {}
        }
    }

    fn begin_anew(&mut self) {
        self.next = None;
        self.diary.reloaded(&self.user.id);
    }
}
