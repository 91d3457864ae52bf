//! What a connection before a board is told: all that is news to it, as it is by then.

use super::Next;
use super::feed::BATCH_BYTES;
use crate::boards::{Forgotten, Subject, Watcher};
use crate::frames::Frame;
use crate::{App, Error};

/// One connection's part in an audience that shares a board.
#[derive(Debug)]
pub(crate) struct Watch {
    watcher: Watcher,
    greeted: bool,
}

impl Watch {
    /// Watches this from here on; fails if it cannot be read.
    pub(super) async fn over(subject: Subject, app: &App) -> Result<Self, Error> {
        Ok(Self { watcher: app.boards.watch(subject).await?, greeted: false })
    }

    pub(super) async fn changed(&mut self) {
        self.watcher.changed().await;
    }

    pub(super) fn next(&mut self) -> Result<Next, Error> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Ok(Next::Write(vec![Frame::welcome()?]));
        }
        match self.watcher.take(BATCH_BYTES) {
            Ok(frames) if frames.is_empty() => Ok(Next::Wait),
            Ok(frames) => Ok(Next::Write(frames)),
            Err(Forgotten { .. }) => Ok(Next::Write(vec![Frame::missed()?])),
        }
    }
}
