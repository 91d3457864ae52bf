//! Carries orders out: a process manager that hears what happened to an order, its pieces and its money, lets the
//! order's fulfilment decide what to do next, and gives the commands of the steps that it decided on.
//!
//! A step is recorded in the fulfilment's own stream before its command is given, and the command carries a key made of
//! the step's number. So after a crash, or on a record that comes again, whatever is recorded and not known to be done is
//! given again, and its key finds what was done already: nothing is lost and nothing is done twice.

mod deadline;
mod desk;
mod give;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use bus::{ConsumerGroup, Decoder, Kafka};
use domain::fulfilment::{Ask, Fulfilment, FulfilmentCommand};
use domain::order::Order;
use domain::payment::Payment;
use domain::stock::Stock;
use event_store::EventStore;
use runtime::{Process, clock};
use schemas::{FulfilmentId, StreamId, Timestamp};

use crate::config::FulfilmentConfig;
use crate::group;
use crate::intent::{Cause, Intent};
use crate::streams::{Creates, Rejected, Streams};
use desk::{Clerk, Desk};
use tokio::sync::Mutex;

/// Whose commands they are.
const CALLER: &str = "fulfilment";
/// How many steps are remembered as given, so that they are not given again while their outcome is awaited.
const REMEMBERED: usize = 100_000;

/// Steps of one fulfilment are given one after the other; turns are shared by hash, more of them save needless waits.
const TURNS: usize = 1_024;

/// The streams that a fulfilment is about. Clones share what is cached.
#[derive(Debug, Clone)]
pub(crate) struct Participants {
    /// Every fulfilment.
    pub(crate) fulfilments: Streams<Fulfilment>,
    /// Every order.
    pub(crate) orders: Streams<Order>,
    /// Every stock.
    pub(crate) stock: Streams<Stock>,
    /// Every payment.
    pub(crate) payments: Streams<Payment>,
}

impl Participants {
    /// The streams that lie in this store; this many commands on one of them are decided together at most.
    pub(crate) fn new(store: &EventStore, together: u16) -> Self {
        Self {
            fulfilments: Streams::new(store.clone()).with_batches_of(together),
            orders: Streams::new(store.clone()).with_batches_of(together),
            stock: Streams::new(store.clone()).with_batches_of(together),
            payments: Streams::new(store.clone()).with_batches_of(together),
        }
    }
}

/// Whoever carries orders out. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Fulfilments {
    /// The streams of everybody who takes part.
    pub(crate) streams: Participants,
    store: EventStore,
    times: Times,
    given: Arc<quick_cache::sync::Cache<(StreamId, i64), ()>>,
    turns: Arc<[Mutex<()>]>,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
struct Times {
    hold: Duration,
    payment: Duration,
    unknown: Duration,
}

impl Fulfilments {
    /// Carries out the orders of these streams.
    pub(crate) fn new(config: &FulfilmentConfig, store: &EventStore, streams: &Participants) -> Self {
        let seconds = Duration::from_secs;
        Self {
            streams: streams.clone(),
            store: store.clone(),
            times: Times {
                hold: seconds(config.fulfilment_hold_seconds),
                payment: seconds(config.fulfilment_payment_seconds),
                unknown: seconds(config.fulfilment_unknown_seconds),
            },
            given: Arc::new(quick_cache::sync::Cache::new(REMEMBERED)),
            turns: (0..TURNS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Joins the group, looks after deadlines, and works until the process ends.
    pub(crate) fn start(&self, kafka: &Kafka, decoder: &Decoder, process: &Process) -> Result<(), bus::Error> {
        process.tasks.supervise("deadlines", self.clone().look_after_deadlines(process.clone()));
        let (fulfilments, decoder) = (self.clone(), decoder.clone());
        group::join(ConsumerGroup::FULFILMENT, kafka, process, move |feed, place| {
            let clerk = Clerk::new(decoder.clone(), fulfilments.clone(), place);
            Desk::new(feed, clerk).run()
        })
    }

    /// Tells a fulfilment something, and gives the commands of whatever it decides on.
    async fn tell(&self, id: &FulfilmentId, ask: Ask, cause: Cause) -> Result<(), Rejected> {
        let command = self.command(ask);
        let intent = Intent::caused(CALLER, cause.clone());
        match self.streams.fulfilments.execute(id.stream().clone(), Creates::No, command, intent).await {
            Ok(done) => self.give_steps(id, done.version, &cause).await,
            Err(rejected) => Err(rejected),
        }
    }

    /// What a fulfilment is told, now.
    pub(crate) fn command(&self, ask: Ask) -> FulfilmentCommand {
        FulfilmentCommand { hold_until: after(self.times.hold), ask }
    }
}

/// So long from now.
fn after(time: Duration) -> Timestamp {
    let time = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(clock::now_micros().saturating_add(time))
}
