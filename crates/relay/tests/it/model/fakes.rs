//! An outbox and a log that do nothing by themselves: every call stays open until a step of the model answers it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use bus::Delivered;
use event_store::{CommitId, Lanes, Marked, PassedOver};
use relay::{Log, LogRound, Outbox, Pages, Refused};
use schemas::{AnyEvent, Recorded};

use super::world::{Call, CallKind, CallState, Fate, Mark, Record, SentRound, World, delivered};

/// The world, shared by all fakes; as a log it serves any relay.
#[derive(Debug, Clone)]
pub(super) struct Shared(pub(super) Arc<Mutex<World>>);

impl Shared {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn call(&self, kind: CallKind) -> Open {
        let mut world = self.world();
        world.calls.push(Call { kind, state: CallState::Open });
        Open { shared: self.clone(), call: world.calls.len() - 1 }
    }
}

/// A call to the store, until it is answered.
struct Open {
    shared: Shared,
    call: usize,
}

impl Future for Open {
    type Output = Result<(), event_store::Error>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut world = self.shared.world();
        let call = &mut world.calls[self.call];
        match call.state {
            CallState::Open | CallState::Taken => Poll::Pending,
            CallState::Done => Poll::Ready(Ok(())),
            CallState::Failed => Poll::Ready(Err(event_store::Error::Busy)),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut world = self.shared.world();
        // Marks that are being removed may still go when nobody waits for it any more.
        world.calls[self.call].state = CallState::Taken;
    }
}

/// The commits with one kind of mark.
#[derive(Clone)]
pub(super) struct FakeOutbox {
    pub(super) shared: Shared,
    pub(super) mark: Mark,
}

impl Outbox for FakeOutbox {
    type Snapshot = FakeSnapshot;

    async fn snapshot(&self, _lanes: Lanes, limit: u32) -> Result<FakeSnapshot, event_store::Error> {
        let Self { shared, mark } = self;
        shared.call(CallKind::Snapshot).await?;
        let world = shared.world();
        let mut shown = world.marked(*mark);
        shown.truncate(limit.try_into().unwrap());
        let one_moment = world.rules.one_snapshot.then(|| shown.into_iter());
        Ok(FakeSnapshot { shared: shared.clone(), mark: *mark, one_moment, last: (i64::MIN, 0, 0) })
    }

    async fn unmark(&self, commits: &[CommitId]) -> Result<(), event_store::Error> {
        if commits.is_empty() {
            return Ok(());
        }
        self.shared.call(CallKind::Unmark(self.mark, commits.to_vec())).await
    }
}

/// Either all of one moment, or what a query for what is later than the last page shows now.
pub(super) struct FakeSnapshot {
    shared: Shared,
    mark: Mark,
    one_moment: Option<std::vec::IntoIter<(i64, usize, u32)>>,
    last: (i64, usize, u32),
}

impl Pages for FakeSnapshot {
    async fn page(&mut self, max: usize) -> Result<Vec<Marked>, event_store::Error> {
        self.shared.call(CallKind::Page).await?;
        let world = self.shared.world();
        let page: Vec<_> = match &mut self.one_moment {
            Some(shown) => shown.by_ref().take(max).collect(),
            None => world.marked(self.mark).into_iter().filter(|commit| *commit > self.last).take(max).collect(),
        };
        self.last = page.last().copied().unwrap_or(self.last);
        Ok(page.into_iter().map(|(_, stream, first)| world.read(stream, first)).collect())
    }

    fn passed_over(&self) -> PassedOver {
        PassedOver::default()
    }
}

impl Log for Shared {
    type Round = FakeRound;

    fn round(&self) -> Result<FakeRound, bus::Error> {
        let mut world = self.world();
        world.rounds.push(SentRound { relay_gone: false, failed: false, records: Vec::new() });
        Ok(FakeRound { shared: self.clone(), round: world.rounds.len() - 1 })
    }
}

pub(super) struct FakeRound {
    shared: Shared,
    round: usize,
}

impl LogRound for FakeRound {
    type Ack = FakeAck;

    fn send(&self, event: &Recorded<AnyEvent>) -> Result<FakeAck, Refused> {
        let mut world = self.shared.world();
        let stream = world.index(&event.stream);
        let (version, refusals) = &mut world.faults.refused[stream];
        if *version == event.version.0 && *refusals > 0 {
            *refusals -= 1;
            return Err(Refused::Event(bus::Error::QueueFull));
        }
        let sent = &mut world.rounds[self.round];
        if sent.failed {
            return Err(Refused::Round(bus::Error::RoundFailed));
        }
        sent.records.push(Record { stream, version: event.version.0, fate: Fate::UnderWay, answer: None });
        Ok(FakeAck { shared: self.shared.clone(), round: self.round, record: sent.records.len() - 1 })
    }
}

impl Drop for FakeRound {
    fn drop(&mut self) {
        self.shared.world().rounds[self.round].relay_gone = true;
    }
}

pub(super) struct FakeAck {
    shared: Shared,
    round: usize,
    record: usize,
}

impl Future for FakeAck {
    type Output = Result<Delivered, bus::Error>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.shared.world().rounds[self.round].records[self.record].answer {
            None => Poll::Pending,
            Some(true) => Poll::Ready(Ok(delivered())),
            Some(false) => Poll::Ready(Err(bus::Error::RoundFailed)),
        }
    }
}
