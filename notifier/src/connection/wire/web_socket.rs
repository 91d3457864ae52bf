//! The WebSocket: text frames each way.

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::SinkExt as _;

use super::{Close, Gone, Heard, Wire};
use crate::frames::{Error, Frame};

/// Pings that may stay unanswered before the client counts as gone.
const UNANSWERED: u32 = 2;

/// A WebSocket after its handshake.
#[derive(Debug)]
pub(crate) struct WebSocketWire {
    socket: WebSocket,
    unanswered: u32,
}

impl WebSocketWire {
    pub(crate) fn new(socket: WebSocket) -> Self {
        Self { socket, unanswered: 0 }
    }
}

impl Wire for WebSocketWire {
    async fn hear(&mut self) -> Heard {
        let message = self.socket.recv().await;
        self.unanswered = 0;
        match message {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text).map_or(Heard::Nonsense, Heard::Said),
            Some(Ok(Message::Binary(_))) => Heard::Nonsense,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Heard::Alive,
            Some(Ok(Message::Close(_)) | Err(_)) | None => Heard::Gone,
        }
    }

    async fn write(&mut self, frames: &[Frame]) -> Result<(), Gone> {
        for frame in frames {
            self.socket.feed(Message::Text(frame.text.clone())).await.map_err(|_| Gone)?;
        }
        self.socket.flush().await.map_err(|_| Gone)
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        if self.unanswered >= UNANSWERED {
            return Err(Gone);
        }
        self.unanswered += 1;
        self.socket.send(Message::Ping(Vec::new().into())).await.map_err(|_| Gone)
    }

    async fn close(mut self, close: Close) -> Result<(), Error> {
        let frame = CloseFrame { code: close.code(), reason: close.reason().into() };
        if self.socket.send(Message::Close(Some(frame))).await.is_ok() {
            // The client's own close frame ends the handshake; whatever else it still sends is not for us any more.
            while let Some(Ok(_)) = self.socket.recv().await {}
        }
        Ok(())
    }
}
