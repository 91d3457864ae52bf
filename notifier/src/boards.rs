//! The boards of this process: states that are shown to many, the newest of each stream alone. One follower per board
//! reads for all who watch it, while there is anybody; who comes first waits until there is something to see.

mod board;
mod catalogue;
mod follower;
mod operators;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use read_model::{ReadModel, Reader};
use runtime::Process;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::frames::Frame;
use crate::{Error, metrics};
use board::{Board, Card, Place};
use follower::Follower;

pub(crate) use board::Forgotten;

/// How long a watcher waits for a board that nobody watched before.
const FIRST_READ: Duration = Duration::from_secs(2);

/// How many bytes of frames the operators' board keeps: the last changes, for those who fall behind.
const OPERATORS_BYTES: usize = 4 * 1024 * 1024;

/// What a board shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// Every product with its available pieces.
    Catalogue,
    /// The orders, payments and fulfilments that change.
    Operators,
}

/// All boards that are watched here.
#[derive(Debug)]
pub(crate) struct Boards {
    read_model: ReadModel,
    states: Reader,
    process: Process,
    watched: Mutex<HashMap<Subject, Weak<Watched>>>,
}

/// A board and its follower, which ends with it.
#[derive(Debug)]
struct Watched {
    shared: Arc<Shared>,
    _follower: DropGuard,
}

/// What the follower and the watchers of a board share.
#[derive(Debug)]
struct Shared {
    subject: Subject,
    /// None until it was read for the first time.
    board: Mutex<Option<Board>>,
    changed: watch::Sender<()>,
}

/// One connection's place before a board.
#[derive(Debug)]
pub(crate) struct Watcher {
    watched: Arc<Watched>,
    changed: watch::Receiver<()>,
    place: Place,
}

impl Boards {
    pub(crate) fn new(read_model: ReadModel, states: Reader, process: &Process) -> Self {
        Self { read_model, states, process: process.clone(), watched: Mutex::default() }
    }

    /// A place before a board; fails if the board cannot be read in due time.
    pub(crate) async fn watch(&self, subject: Subject) -> Result<Watcher, Error> {
        let watched = self.watched(subject);
        let mut changed = watched.shared.changed.subscribe();
        let known = async {
            loop {
                let place = watched.shared.board().as_ref().map(|board| subject.first_look(board));
                match place {
                    Some(place) => return place,
                    // Fails only without a sender, and `watched` has that.
                    None => drop(changed.changed().await),
                }
            }
        };
        let place = timeout(FIRST_READ, known).await.map_err(|_| Error::BoardUnread)?;
        Ok(Watcher { watched, changed, place })
    }

    fn watched(&self, subject: Subject) -> Arc<Watched> {
        let mut all = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(watched) = all.get(&subject).and_then(Weak::upgrade) {
            return watched;
        }
        let (changed, abandoned) = (watch::Sender::new(()), CancellationToken::new());
        let shared = Arc::new(Shared { subject, board: Mutex::default(), changed });
        let changes = self.read_model.changes(subject.projections());
        let follower = Follower { shared: Arc::clone(&shared), states: self.states.clone(), changes };
        let run = follower.run(abandoned.clone(), self.process.shutdown.clone());
        self.process.tasks.spawn("board-follower", run);
        let watched = Arc::new(Watched { shared, _follower: abandoned.drop_guard() });
        all.insert(subject, Arc::downgrade(&watched));
        watched
    }
}

impl Subject {
    /// Its name in metrics and logs.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Catalogue => "catalogue",
            Self::Operators => "operators",
        }
    }

    const fn projections(self) -> &'static [&'static str] {
        match self {
            Self::Catalogue => &catalogue::PROJECTIONS,
            Self::Operators => &operators::PROJECTIONS,
        }
    }

    /// How many bytes of frames its board keeps. The catalogue is as large as it is.
    const fn limit(self) -> usize {
        match self {
            Self::Catalogue => usize::MAX,
            Self::Operators => OPERATORS_BYTES,
        }
    }

    /// Where those who come begin: with all that there is, or with what comes.
    fn first_look(self, board: &Board) -> Place {
        match self {
            Self::Catalogue => Place::default(),
            Self::Operators => board.newest(),
        }
    }
}

impl Shared {
    fn board(&self) -> MutexGuard<'_, Option<Board>> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts these on the board, and makes it if there is none.
    fn put(&self, cards: Vec<Card>) {
        let put = |board: &mut Board| cards.into_iter().map(|card| board.put(card)).filter(|news| *news).count();
        let news = self.change(put);
        metrics::news(self.subject.name(), news);
    }

    /// What happened until now is unknown: tells all who watch, and makes the board if there is none.
    fn forget(&self) {
        self.change(Board::forget);
    }

    fn change<T>(&self, change: impl FnOnce(&mut Board) -> T) -> T {
        let mut board = self.board();
        let shown = board.get_or_insert_with(|| Board::new(self.subject.limit()));
        let changed = change(shown);
        metrics::shown(self.subject.name(), shown.len());
        drop(board);
        self.changed.send_replace(());
        changed
    }
}

impl Watcher {
    /// Completes when the board has changed since the last time. May be dropped and called again.
    pub(crate) async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            // Only a board that was dropped fails, and this watcher still holds on to its own.
            std::future::pending::<()>().await;
        }
    }

    /// What changed since the last take, at most so many bytes; none means that there is nothing new.
    pub(crate) fn take(&mut self, most: usize) -> Result<Vec<Frame>, Forgotten> {
        let taken = self.watched.shared.board().as_ref().map(|board| board.take(self.place, most));
        match taken {
            Some(Ok(taken)) => {
                self.place = taken.place;
                Ok(taken.frames)
            }
            Some(Err(forgotten)) => {
                self.place = forgotten.go_on;
                Err(forgotten)
            }
            None => Ok(Vec::new()),
        }
    }
}
