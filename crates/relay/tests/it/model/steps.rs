//! What can happen next, and making it happen.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use event_store::Lanes;
use relay::{Limits, Rounds};
use tokio_util::sync::CancellationToken;

use super::fakes::{FakeOutbox, Shared};
use super::setting::Case;
use super::world::{CallKind, CallState, Fate, Mark, Violation, World};

/// More than this without coming to rest is never.
const MOST_STEPS: usize = 5_000;

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    BeginInsert {
        stream: usize,
    },
    FinishInsert {
        stream: usize,
    },
    StartRound {
        relay: usize,
    },
    /// The store does what it was asked, and answers.
    Answer {
        call: usize,
    },
    /// The store removes one of the marks that it was asked to remove.
    RemoveMark {
        call: usize,
    },
    Write {
        round: usize,
        record: usize,
    },
    Acknowledge {
        round: usize,
        record: usize,
    },
    /// The client reports a failure that follows from an earlier one.
    ReportFailure {
        round: usize,
        record: usize,
    },
    /// Somebody wants a commit to be published again.
    MarkAgain {
        stream: usize,
        first: u32,
        mark: Mark,
    },
    // Faults.
    FailCall {
        call: usize,
    },
    Drop {
        round: usize,
        record: usize,
    },
    LoseAnswer {
        round: usize,
        record: usize,
    },
    Crash {
        relay: usize,
    },
    Stop {
        relay: usize,
    },
}

/// Everything that happened in a case.
pub(super) type Trace = Vec<Step>;

/// Runs a case to its end; on a violation says which, and everything that happened.
pub(super) fn run(case: &Case) -> Result<(), (Violation, Trace)> {
    let mut model = Model::new(case);
    for choice in &case.choices {
        let mut steps = model.progress();
        steps.extend(model.faults());
        let chosen = usize::from(*choice) % steps.len().max(1);
        let Some(step) = steps.get(chosen) else { break };
        model.take(*step, *choice)?;
    }
    // From here on nothing fails, and everything must come to rest.
    for _ in 0..MOST_STEPS {
        let Some(step) = model.progress().first().copied() else { break };
        model.take(step, 0)?;
    }
    model.at_rest()
}

struct Model {
    shared: Shared,
    /// Each relay has rounds over either kind of mark.
    relays: Vec<(Mark, Option<Running>)>,
    limits: Limits,
    trace: Trace,
}

/// The rounds of one relay over one kind of mark.
struct Running {
    rounds: Pin<Box<dyn Future<Output = ()>>>,
    stop: CancellationToken,
    between: Between,
}

/// Whether a round is over and the next one may begin; marks may still be being removed.
#[derive(Debug, Clone, Default)]
struct Between(Arc<AtomicBool>);

impl Between {
    fn is_now(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, now: bool) {
        self.0.store(now, Ordering::Relaxed);
    }

    /// Completes when the next round is to begin.
    async fn end(&self) {
        std::future::poll_fn(|_| if self.is_now() { Poll::Pending } else { Poll::Ready(()) }).await;
    }
}

impl Model {
    fn new(case: &Case) -> Self {
        let limits = Limits { page: case.page, pages_in_flight: case.pages_in_flight, commits: case.limit };
        let relays = (0..case.relays).flat_map(|_| [(Mark::Live, None), (Mark::Again, None)]).collect();
        let shared = Shared(Arc::new(Mutex::new(World::new(case))));
        Self { shared, relays, limits, trace: Vec::new() }
    }

    /// Everything that may happen without a fault. The order makes the end of a case come to rest.
    fn progress(&self) -> Vec<Step> {
        let world = self.shared.world();
        let mut steps = Vec::new();
        for (round, sent) in world.rounds.iter().enumerate() {
            steps.extend(world.writable(round).into_iter().map(|record| Step::Write { round, record }));
            if sent.relay_gone {
                continue;
            }
            for (record, state) in sent.records.iter().enumerate().filter(|(_, record)| record.answer.is_none()) {
                if state.fate == Fate::Written {
                    steps.push(Step::Acknowledge { round, record });
                }
                if sent.failed || state.fate == Fate::Dropped {
                    steps.push(Step::ReportFailure { round, record });
                }
            }
        }
        for (call, state) in world.calls.iter().enumerate() {
            let removing = matches!(&state.kind, CallKind::Unmark(_, marks) if !marks.is_empty());
            if removing {
                steps.push(Step::RemoveMark { call });
            } else if state.state == CallState::Open {
                steps.push(Step::Answer { call });
            }
        }
        for (stream, state) in world.streams.iter().enumerate().filter(|(_, state)| !state.coming.is_empty()) {
            let inserting = state.inserting.is_some();
            steps.push(if inserting { Step::FinishInsert { stream } } else { Step::BeginInsert { stream } });
        }
        for mark in [Mark::Live, Mark::Again].into_iter().filter(|mark| !world.marked(*mark).is_empty()) {
            let may_begin = |running: &Option<Running>| running.as_ref().is_none_or(|it| it.between.is_now());
            let relays = self.relays.iter().enumerate();
            let idle = relays.filter(|(_, (own, running))| *own == mark && may_begin(running));
            steps.extend(idle.map(|(relay, _)| Step::StartRound { relay }));
        }
        steps
    }

    fn faults(&self) -> Vec<Step> {
        let world = self.shared.world();
        let mut steps = Vec::new();
        if world.faults.failed_records > 0 {
            for (round, sent) in world.rounds.iter().enumerate().filter(|(_, sent)| !sent.relay_gone) {
                let open = sent.records.iter().enumerate().filter(|(_, record)| record.answer.is_none());
                steps.extend(open.clone().map(|(record, _)| Step::LoseAnswer { round, record }));
                let droppable = open.filter(|(_, record)| record.fate == Fate::UnderWay);
                steps.extend(droppable.map(|(record, _)| Step::Drop { round, record }));
            }
        }
        if world.faults.failed_calls > 0 {
            let open = world.calls.iter().enumerate().filter(|(_, call)| call.state == CallState::Open);
            steps.extend(open.map(|(call, _)| Step::FailCall { call }));
        }
        if world.faults.marked_again > 0 {
            for mark in [Mark::Live, Mark::Again] {
                let markable = world.markable(mark).into_iter();
                steps.extend(markable.map(|(stream, first)| Step::MarkAgain { stream, first, mark }));
            }
        }
        let running = || self.relays.iter().enumerate().filter(|(_, (_, running))| running.is_some());
        if world.faults.crashes > 0 {
            steps.extend(running().map(|(relay, _)| Step::Crash { relay }));
        }
        if world.faults.stops > 0 {
            steps.extend(running().map(|(relay, _)| Step::Stop { relay }));
        }
        steps
    }

    fn take(&mut self, step: Step, choice: u16) -> Result<(), (Violation, Trace)> {
        self.trace.push(step);
        match step {
            Step::StartRound { relay } => self.start(relay),
            Step::Crash { relay } => {
                self.shared.world().faults.crashes -= 1;
                self.relays[relay].1 = None;
            }
            Step::Stop { relay } => {
                self.shared.world().faults.stops -= 1;
                self.relays[relay].1.as_ref().inspect(|running| running.stop.cancel());
            }
            Step::BeginInsert { .. }
            | Step::FinishInsert { .. }
            | Step::Answer { .. }
            | Step::RemoveMark { .. }
            | Step::MarkAgain { .. }
            | Step::Write { .. }
            | Step::Acknowledge { .. }
            | Step::ReportFailure { .. }
            | Step::FailCall { .. }
            | Step::Drop { .. }
            | Step::LoseAnswer { .. } => self.shared.world().take(step, choice),
        }
        self.wake_relays();
        match self.shared.world().violation.clone() {
            None => Ok(()),
            Some(violation) => Err((violation, std::mem::take(&mut self.trace))),
        }
    }

    fn start(&mut self, relay: usize) {
        let (mark, running) = &self.relays[relay];
        if let Some(running) = running {
            return running.between.set(false);
        }
        let (log, stop, between) = (self.shared.clone(), CancellationToken::new(), Between::default());
        let mut rounds = Rounds::new(FakeOutbox { shared: log.clone(), mark: *mark }, self.limits);
        let (token, pause) = (stop.clone(), between.clone());
        let rounds = Box::pin(async move {
            loop {
                let _ = rounds.next(&log, Lanes::ALL, &token).await;
                pause.set(true);
                tokio::select! {
                    biased;
                    () = pause.end() => continue,
                    _ = rounds.settle() => {}
                }
                if token.is_cancelled() {
                    return;
                }
                pause.end().await;
            }
        });
        self.relays[relay].1 = Some(Running { rounds, stop, between });
    }

    fn wake_relays(&mut self) {
        for (_, relay) in &mut self.relays {
            let Some(running) = relay else { continue };
            if running.rounds.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                *relay = None;
            }
        }
    }

    fn at_rest(mut self) -> Result<(), (Violation, Trace)> {
        let world = self.shared.world();
        let marked = world.marked(Mark::Live).len() + world.marked(Mark::Again).len();
        let heads = [world.streams[0].head, world.streams[1].head];
        let complete = world.streams.iter().all(|stream| {
            let last = stream.stored.last().map_or(0, |commit| commit.first + commit.events - 1);
            stream.coming.is_empty() && stream.head == last
        });
        drop(world);
        if marked == 0 && complete {
            return Ok(());
        }
        Err((Violation::Stuck { marked, heads }, std::mem::take(&mut self.trace)))
    }
}

impl World {
    fn take(&mut self, step: Step, choice: u16) {
        match step {
            Step::BeginInsert { stream } => {
                self.clock += i64::from(choice / 64 % 3);
                self.begin_insert(stream, i64::from(choice / 256));
            }
            Step::FinishInsert { stream } => self.finish_insert(stream),
            Step::Answer { call } => self.calls[call].state = CallState::Done,
            Step::RemoveMark { call } => {
                let CallKind::Unmark(mark, commits) = &mut self.calls[call].kind else { return };
                let (mark, commit) = (*mark, commits.swap_remove(usize::from(choice / 64) % commits.len()));
                self.remove_mark(mark, &commit);
            }
            Step::MarkAgain { stream, first, mark } => {
                self.faults.marked_again -= 1;
                self.mark_again(stream, first, mark);
            }
            Step::Write { round, record } => self.write(round, record),
            Step::Acknowledge { round, record } => {
                self.rounds[round].records[record].answer = Some(true);
                self.remove_marks_too_early(round);
            }
            Step::ReportFailure { round, record } => self.rounds[round].records[record].answer = Some(false),
            Step::FailCall { call } => {
                self.faults.failed_calls -= 1;
                self.calls[call].state = CallState::Failed;
            }
            Step::Drop { round, record } => {
                self.faults.failed_records -= 1;
                self.fail(round, record, true);
            }
            Step::LoseAnswer { round, record } => {
                self.faults.failed_records -= 1;
                self.fail(round, record, false);
            }
            Step::StartRound { .. } | Step::Crash { .. } | Step::Stop { .. } => {}
        }
    }
}
