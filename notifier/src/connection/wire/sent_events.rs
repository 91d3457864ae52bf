//! Server-sent events: the body of an answer that does not end by itself.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use futures::stream;
use tokio::sync::mpsc;

use super::{Close, Gone, Heard, Wire};
use crate::frames::{Error, Frame};

/// Chunks that wait for the network, beside the one that it is busy with.
const WAITING: usize = 1;

/// The writing end of a body.
#[derive(Debug)]
pub(crate) struct SentEvents(mpsc::Sender<Bytes>);

impl SentEvents {
    /// Both ends.
    pub(crate) fn new() -> (Self, Body) {
        let (sender, mut receiver) = mpsc::channel(WAITING);
        let chunks = stream::poll_fn(move |context: &mut Context<'_>| -> Poll<Option<Result<Bytes, Infallible>>> {
            receiver.poll_recv(context).map(|chunk| chunk.map(Ok))
        });
        (Self(sender), Body::from_stream(chunks))
    }

    async fn send(&self, chunk: Vec<u8>) -> Result<(), Gone> {
        self.0.send(chunk.into()).await.map_err(|_| Gone)
    }
}

impl Wire for SentEvents {
    async fn hear(&mut self) -> Heard {
        self.0.closed().await;
        Heard::Gone
    }

    async fn write(&mut self, frames: &[Frame]) -> Result<(), Gone> {
        let mut chunk = Vec::new();
        frames.iter().for_each(|frame| frame.sent_event(&mut chunk));
        self.send(chunk).await
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        self.send(b":\n\n".to_vec()).await
    }

    async fn close(self, close: Close) -> Result<(), Error> {
        let mut chunk = Vec::new();
        if let Close::Restart { retry } = close {
            chunk.extend_from_slice(format!("retry: {}\n", retry.as_millis()).as_bytes());
        }
        Frame::close(close.code(), &close.reason())?.sent_event(&mut chunk);
        // A client that has gone needs no reason.
        let _ = self.send(chunk).await;
        Ok(())
    }
}
