//! A WebSocket client that remembers its cursor and resumes.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::client::{Gateway, LoggedIn, Request};

/// An open socket of one user's feed.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What a socket yielded.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// A frame.
    Frame(Value),
    /// The server closed, with this code.
    Closed(Option<u16>),
}

impl Socket {
    /// Opens a socket with a one-time ticket; with a cursor it resumes there. `Err` says why it could not.
    pub async fn open(gateway: &Gateway, url: &str, user: &LoggedIn, cursor: Option<&str>) -> Result<Self, String> {
        let mut socket = Self::connect(gateway, url, user, "").await?;
        if let Some(cursor) = cursor {
            socket.send(&json!({ "frame": "resume", "cursor": cursor })).await?;
        }
        Ok(socket)
    }

    /// Opens a socket for an audience. `Err` says why it could not.
    pub async fn watch(gateway: &Gateway, url: &str, user: &LoggedIn, audience: &str) -> Result<Self, String> {
        Self::connect(gateway, url, user, &format!("&audience={audience}")).await
    }

    async fn connect(gateway: &Gateway, url: &str, user: &LoggedIn, query: &str) -> Result<Self, String> {
        let ticket = gateway.post("/ws/tickets", Request::by(user)).await;
        if ticket.status.as_u16() != 201 {
            return Err(format!("no ticket: {ticket:?}"));
        }
        let url = format!("{}/ws?ticket={}{query}", url.replacen("http", "ws", 1), ticket.text("ticket"));
        let (stream, _) = tokio_tungstenite::connect_async(url).await.map_err(|error| error.to_string())?;
        Ok(Self { stream })
    }

    /// Sends a frame.
    pub async fn send(&mut self, frame: &Value) -> Result<(), String> {
        self.stream.send(Message::text(frame.to_string())).await.map_err(|error| error.to_string())
    }

    /// The next frame or the end, within the deadline.
    pub async fn next(&mut self, deadline: Duration) -> Result<Received, String> {
        tokio::time::timeout(deadline, self.received()).await.map_err(|_| format!("no frame within {deadline:?}"))
    }

    async fn received(&mut self) -> Received {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return Received::Frame(serde_json::from_str(&text).expect("a JSON frame"));
                }
                Some(Ok(Message::Close(frame))) => return Received::Closed(frame.map(|frame| frame.code.into())),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_))) => {}
                Some(Err(_)) | None => return Received::Closed(None),
            }
        }
    }
}
