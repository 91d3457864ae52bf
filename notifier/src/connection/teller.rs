//! What a connection tells its client: one's own feed, or what a board shows.

use runtime::clock::Instant;

use super::Next;
use super::feed::Feed;
use super::watch::Watch;
use crate::audience::Audience;
use crate::boards::Subject;
use crate::entry::Entrant;
use crate::frames::Frame;
use crate::{App, Error};

/// The source of a connection's words.
#[derive(Debug)]
pub(crate) enum Teller {
    Feed(Box<Feed>),
    Watch(Watch),
}

impl Teller {
    /// What this entrant came for, from here on; fails if it cannot be read.
    pub(super) async fn of(entrant: &Entrant, app: &App) -> Result<Self, Error> {
        match entrant.audience {
            Audience::Owner => Feed::follow(app, &entrant.caller.user).await.map(|feed| Self::Feed(Box::new(feed))),
            Audience::Catalogue => Watch::over(Subject::Catalogue, app).await.map(Self::Watch),
            Audience::Operators => Watch::over(Subject::Operators, app).await.map(Self::Watch),
        }
    }

    /// Whether the client may be told something, since it has no wish any more that would come first.
    pub(super) fn greeted(&self) -> bool {
        match self {
            Self::Feed(feed) => feed.greeted(),
            Self::Watch(_) => true,
        }
    }

    /// The client has not said where to go on, and is not waited for any more.
    pub(super) fn greet(&mut self) -> Result<Vec<Frame>, Error> {
        match self {
            Self::Feed(feed) => feed.greet(),
            Self::Watch(_) => Ok(Vec::new()),
        }
    }

    /// The client wants to go on behind a cursor. Before a board everything is told anyway.
    pub(super) async fn resume(&mut self, cursor: Option<&str>) -> Result<Vec<Frame>, Error> {
        match self {
            Self::Feed(feed) => feed.resume(cursor).await,
            Self::Watch(_) => Ok(Vec::new()),
        }
    }

    /// The client has said something else.
    pub(super) fn spoken(&mut self) {
        match self {
            Self::Feed(feed) => feed.spoken(),
            Self::Watch(_) => {}
        }
    }

    /// The network kept what was written waiting. Before a board that changes nothing: what comes next is newest anyway.
    pub(super) fn stalled(&mut self) {
        match self {
            Self::Feed(feed) => feed.stalled(),
            Self::Watch(_) => {}
        }
    }

    /// Completes when there may be more to tell. May be dropped and called again.
    pub(super) async fn grown(&mut self) {
        match self {
            Self::Feed(feed) => feed.grown().await,
            Self::Watch(watch) => watch.changed().await,
        }
    }

    /// What to do next for the client.
    pub(super) async fn next(&mut self, now: Instant) -> Result<Next, Error> {
        match self {
            Self::Feed(feed) => feed.next(now).await,
            Self::Watch(watch) => watch.next(),
        }
    }
}
