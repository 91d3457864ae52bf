//! One client's connection, WebSocket or server-sent events: the one place that writes to it.
//!
//! It pulls from what its audience shares, at the pace at which the network takes frames, so nothing queues for a slow
//! client alone. It ends when the token expires, the session ends, the client is too slow or gone, or the
//! process ends.

pub(crate) mod conflation;
pub(crate) mod dialogue;
pub(crate) mod ending;
pub(crate) mod feed;
pub(crate) mod teller;
pub(crate) mod watch;
pub(crate) mod wire;

use std::time::Duration;

use futures::FutureExt as _;
use runtime::Pass;
use runtime::clock::{self, Instant};
use runtime::problem::Problem;
use runtime::trace::{Batch, Kind};
use tokio::time::{MissedTickBehavior, interval_at, sleep_until, timeout};

use crate::app::unreadable;
use crate::entry::Entrant;
use crate::frames::{Frame, Said};
use crate::screens::Screens;
use crate::{App, Error, metrics};
use ending::Ending;
use teller::Teller;
use wire::{Close, Gone, Heard, Wire};

/// How long a client gets to take the last frames and the reason of a close.
const FAREWELL: Duration = Duration::from_secs(5);
/// How long after a failed read of the feed the next one is tried.
const READ_AGAIN: Duration = Duration::from_secs(1);
/// How often the line is tried.
const PING: Duration = Duration::from_secs(25);
/// A write that takes this share of what is tolerated shows that the network is waiting for the client.
const STALL_SHARE: u32 = 20;

/// How long the client's first frame is waited for, and how slow the client may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How long the greeting waits for a `resume` from the client.
    pub(crate) greeting: Duration,
    /// How long the network may take for what is written in one go.
    pub(crate) write: Duration,
}

/// All that a connection needs besides a way to its client.
#[derive(Debug)]
pub(crate) struct Opening {
    pass: Pass,
    ending: Ending,
    teller: Teller,
    screens: Screens,
}

/// A connection and all that it works with.
#[derive(Debug)]
pub(crate) struct Connection<W> {
    wire: W,
    pass: Pass,
    ending: Ending,
    teller: Teller,
    screens: Screens,
    patience: Patience,
}

/// What to do next for the client.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Write these, then ask again.
    Write(Vec<Frame>),
    /// Everything was told.
    Wait,
    /// What is to be told cannot be read; ask again in a while.
    ReadAgain,
    /// Close the connection: it had its chance.
    TooSlow,
}

impl Opening {
    /// Lets this entrant listen from here on; `None` if they have too many connections already.
    pub(crate) async fn of(app: &App, entrant: Entrant) -> Result<Option<Self>, Problem> {
        let Some(pass) = app.passes.give(entrant.caller.user.as_str()) else { return Ok(None) };
        let ending = Ending::new(&entrant, app.sessions.clone(), app.process.shutdown.clone())?;
        let teller = Teller::of(&entrant, app).await.map_err(|error| unreadable(&error))?;
        Ok(Some(Self { pass, ending, teller, screens: app.screens.clone() }))
    }

    pub(crate) fn connect<W: Wire>(self, wire: W, patience: Patience) -> Connection<W> {
        let Self { pass, ending, teller, screens } = self;
        Connection { wire, pass, ending, teller, screens, patience }
    }
}

/// Why a conversation is over.
#[derive(Debug)]
pub(crate) enum Over {
    /// The client has gone.
    Gone,
    /// We end it.
    Closed(Close),
    /// We cannot go on; the client may try again.
    Failed(Error),
}

/// So `?` ends the conversation on any error of ours.
impl<E: Into<Error>> From<E> for Over {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Gone> for Over {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

/// What a connection wakes up for.
enum Wake {
    Heard(Heard),
    Grown,
    Greet,
    ReadAgain,
    Ping,
}

impl<W: Wire> Connection<W> {
    /// Serves the client to the end. `wish` is the cursor that came with the request, if one did.
    pub(crate) async fn run(mut self, wish: Option<String>) {
        let over = match self.converse(wish).await {
            Ok(never) => match never {},
            Err(over) => over,
        };
        // From here on the client takes no one's place, however long it takes to say goodbye.
        drop((self.teller, self.pass));
        let close = match over {
            Over::Gone => return metrics::closed("gone"),
            Over::Closed(close) => close,
            Over::Failed(error) => {
                tracing::warn!(%error, "a connection cannot go on; its client is told to come back");
                Close::restart()
            }
        };
        farewell(self.wire, close).await;
    }

    async fn converse(&mut self, wish: Option<String>) -> Result<std::convert::Infallible, Over> {
        if let Some(cursor) = wish {
            self.resume(Some(&cursor)).await?;
        }
        let mut timers = Timers::start(self.patience.greeting);
        loop {
            timers.read_again = self.tell().await?;
            match self.wake(&mut timers).await? {
                Wake::Heard(heard) => self.listen(heard).await?,
                Wake::Greet => {
                    let frames = self.teller.greet()?;
                    self.write(&frames).await?;
                }
                Wake::Ping => in_time(self.patience, &mut self.ending, self.wire.ping()).await?,
                Wake::Grown | Wake::ReadAgain => {}
            }
        }
    }

    async fn wake(&mut self, timers: &mut Timers) -> Result<Wake, Over> {
        let greeted = self.teller.greeted();
        // Where nothing is to be read again, the branch is off, and any instant will do.
        let read_again = timers.read_again.unwrap_or(timers.greet);
        Ok(tokio::select! {
            biased;
            close = self.ending.reached() => return Err(Over::Closed(close)),
            heard = self.wire.hear() => Wake::Heard(heard),
            () = self.teller.grown(), if greeted => Wake::Grown,
            () = sleep_until(timers.greet), if !greeted => Wake::Greet,
            () = sleep_until(read_again), if timers.read_again.is_some() => Wake::ReadAgain,
            _ = timers.ping.tick() => Wake::Ping,
        })
    }

    async fn listen(&mut self, heard: Heard) -> Result<(), Over> {
        match heard {
            Heard::Said(Said::Resume { cursor }) => self.resume(cursor.as_deref()).await,
            Heard::Said(Said::Refresh { token }) => {
                self.teller.spoken();
                self.ending.refresh(&token).await.map_err(Over::Closed)
            }
            Heard::Alive => Ok(()),
            Heard::Nonsense => Err(Over::Closed(Close::Nonsense)),
            Heard::Gone => Err(Over::Gone),
        }
    }

    async fn resume(&mut self, cursor: Option<&str>) -> Result<(), Over> {
        let frames = self.teller.resume(cursor).await?;
        self.write(&frames).await
    }

    /// Tells the client everything that is new. Returns when to try again if the feed cannot be read.
    async fn tell(&mut self) -> Result<Option<Instant>, Over> {
        while self.teller.greeted() {
            match self.teller.next(clock::monotonic()).await? {
                Next::Write(frames) => {
                    let began = clock::monotonic();
                    self.write(&frames).await?;
                    if began.elapsed() > self.patience.write / STALL_SHARE {
                        self.teller.stalled();
                    }
                    // News may never end, so the client is listened to between two writes as well.
                    if let Some(heard) = self.wire.hear().now_or_never() {
                        self.listen(heard).await?;
                    }
                }
                Next::Wait => break,
                Next::ReadAgain => return Ok(Some(clock::monotonic() + READ_AGAIN)),
                Next::TooSlow => return Err(Over::Closed(Close::TooSlow)),
            }
        }
        Ok(None)
    }

    /// Writes frames in one go.
    async fn write(&mut self, frames: &[Frame]) -> Result<(), Over> {
        if frames.is_empty() {
            return Ok(());
        }
        let mut trace = Batch::begin(Kind::Producer, "push");
        for origin in frames.iter().filter_map(|frame| frame.origin.as_ref()) {
            trace.add(origin.trace.as_deref(), origin.at.as_micros());
        }
        in_time(self.patience, &mut self.ending, self.wire.write(frames)).await?;
        self.screens.show(frames);
        metrics::FRAMES.add(u64::try_from(frames.len()).unwrap_or(u64::MAX));
        Ok(())
    }
}

/// Writes for as long as the client may take, unless the connection's end comes first.
async fn in_time(
    patience: Patience,
    ending: &mut Ending,
    write: impl Future<Output = Result<(), Gone>>,
) -> Result<(), Over> {
    tokio::select! {
        biased;
        close = ending.reached() => Err(Over::Closed(close)),
        written = timeout(patience.write, write) => Ok(written.map_err(|_| Over::Closed(Close::TooSlow))??),
    }
}

/// Says why a connection ends, and ends it. A client that does not take even this is cut off.
pub(crate) async fn farewell(wire: impl Wire, close: Close) {
    metrics::closed(close.name());
    // Neither a client that is gone nor one that takes too long is an error; that the reason cannot be written is a defect.
    if let Ok(Err(error)) = timeout(FAREWELL, wire.close(close)).await {
        tracing::error!(error = runtime::chain(&error), "a connection ended without a reason");
    }
}

/// What a connection does at its time.
#[derive(Debug)]
struct Timers {
    greet: Instant,
    ping: tokio::time::Interval,
    read_again: Option<Instant>,
}

impl Timers {
    fn start(greeting: Duration) -> Self {
        let now = clock::monotonic();
        let mut ping = interval_at(now + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { greet: now + greeting, ping, read_again: None }
    }
}
