//! What a connection to the caller's own feed is told: the dialogue, and where its words come from.

use read_model::Reader;
use runtime::clock::Instant;

use super::Next;
use super::conflation::Conflation;
use super::dialogue::{Dialogue, Resume, Step};
use crate::frames::Frame;
use crate::hub::Seat;
use crate::{App, Error, metrics};

/// How many bytes of frames are written in one go.
pub(super) const BATCH_BYTES: usize = 64 * 1024;

/// One connection's part in its user's feed.
#[derive(Debug)]
pub(crate) struct Feed {
    seat: Seat,
    dialogue: Dialogue,
    states: Reader,
    conflation: Option<Conflation>,
}

impl Feed {
    /// Follows this user's feed from here on; fails if the feed cannot be read.
    pub(super) async fn follow(app: &App, user: &schemas::UserId) -> Result<Self, Error> {
        let mut seat = app.hubs.enter(user);
        let dialogue = Dialogue::new(seat.head().await?);
        Ok(Self { seat, dialogue, states: app.states.clone(), conflation: None })
    }

    pub(super) fn greeted(&self) -> bool {
        self.dialogue.greeted()
    }

    pub(super) fn greet(&mut self) -> Result<Vec<Frame>, Error> {
        Ok(self.dialogue.greet()?)
    }

    pub(super) fn spoken(&mut self) {
        self.dialogue.spoken();
    }

    pub(super) fn stalled(&mut self) {
        self.dialogue.stalled();
    }

    pub(super) async fn grown(&mut self) {
        self.seat.grown().await;
    }

    pub(super) async fn resume(&mut self, cursor: Option<&str>) -> Result<Vec<Frame>, Error> {
        match self.dialogue.resume(cursor)? {
            Resume::Answer(frames) => Ok(frames),
            Resume::Check(cursor) if self.seat.knows(cursor).await? => Ok(self.dialogue.resumed(cursor)?),
            Resume::Check(_) => Ok(self.dialogue.refused()?),
        }
    }

    pub(super) async fn next(&mut self, now: Instant) -> Result<Next, Error> {
        loop {
            if let Some(conflation) = &mut self.conflation {
                if let Some(frame) = conflation.next(&self.states).await? {
                    return Ok(Next::Write(vec![frame]));
                }
                self.dialogue.caught_up(conflation.end);
                self.conflation = None;
            }
            let pulled = match self.seat.pull(self.dialogue.place(), BATCH_BYTES).await {
                Ok(pulled) => pulled,
                Err(error) => {
                    tracing::debug!(%error, "a connection cannot read its feed; trying again");
                    return Ok(Next::ReadAgain);
                }
            };
            match self.dialogue.pulled(pulled, now)? {
                Step::Write(frames) => return Ok(Next::Write(frames)),
                Step::Wait => return Ok(Next::Wait),
                Step::TooSlow => return Ok(Next::TooSlow),
                Step::Conflate => {
                    metrics::CONFLATIONS.add(1);
                    self.conflation = Conflation::behind(self.dialogue.place(), &self.seat).await?;
                }
            }
        }
    }
}
