//! A WebSocket to the gateway. A task of its own takes the time of each frame as it comes.

use futures::{SinkExt as _, StreamExt as _};
use runtime::{clock, tasks};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message, http::HeaderValue};

use crate::Error;
use crate::orderflow::Session;

/// Frames that wait to be looked at.
const QUEUE: usize = 10_000;

/// An open socket.
#[derive(Debug)]
pub(crate) struct Socket {
    frames: mpsc::Receiver<Frame>,
    says: mpsc::Sender<Message>,
}

/// A frame, and when it came.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// The stream that it is about.
    pub(crate) stream: Option<String>,
    /// The event's type.
    pub(super) kind: Option<String>,
    /// Its place in the customer's feed.
    pub(super) seq: Option<u64>,
    /// When it came.
    pub(super) at: Instant,
}

#[derive(Deserialize)]
struct Text {
    frame: String,
    stream: Option<String>,
    r#type: Option<String>,
    seq: Option<u64>,
}

impl Socket {
    /// Opens a socket and waits for its greeting.
    pub(crate) async fn open(gateway: &str, session: &Session) -> Result<Self, Error> {
        let failed = |source: WebSocketError| Error::Socket { source: Box::new(source) };
        let url = format!("{}/ws", gateway.replacen("http", "ws", 1));
        let mut request = url.into_client_request().map_err(failed)?;
        let protocols = format!("orderflow.v1, bearer.{}", session.token);
        let protocols = HeaderValue::from_str(&protocols).map_err(|error| failed(error.into()))?;
        request.headers_mut().insert("sec-websocket-protocol", protocols);
        let (stream, _response) =
            tokio_tungstenite::connect_async_with_config(request, None, true).await.map_err(failed)?;
        let (mut sink, mut stream) = stream.split();
        match stream.next().await {
            Some(Ok(Message::Text(text))) if text.contains("hello") => {}
            Some(Err(error)) => return Err(failed(error)),
            Some(Ok(_)) | None => return Err(failed(WebSocketError::ConnectionClosed)),
        }
        let (frames_in, frames) = mpsc::channel(QUEUE);
        let (says, mut to_say) = mpsc::channel(4);
        drop(tasks::spawn("socket", async move {
            loop {
                tokio::select! {
                    message = stream.next() => {
                        let Some(Ok(message)) = message else { return };
                        let Some(frame) = read(&message) else { continue };
                        if frames_in.send(frame).await.is_err() { return }
                    }
                    message = to_say.recv() => {
                        let Some(message) = message else { return };
                        if sink.send(message).await.is_err() { return }
                    }
                }
            }
        }));
        Ok(Self { frames, says })
    }

    /// The next frame about a stream; none when the socket is closed.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// Goes on under a new access token.
    pub(super) async fn refresh(&self, session: &Session) {
        let frame = json!({ "frame": "refresh", "token": session.token }).to_string();
        let _closed = self.says.send(Message::text(frame)).await;
    }
}

fn read(message: &Message) -> Option<Frame> {
    let at = clock::monotonic();
    let Message::Text(text) = message else { return None };
    let text: Text = serde_json::from_str(text).ok()?;
    let about_a_stream = matches!(text.frame.as_str(), "event" | "snapshot");
    about_a_stream.then_some(Frame { stream: text.stream, kind: text.r#type, seq: text.seq, at })
}
