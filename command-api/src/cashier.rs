//! The cashier: does at the payment provider what payments have decided, and records what became of it. Nobody else
//! speaks to the provider.
//!
//! What is to be done follows from a payment's state alone ([`domain::payment::Due`]), so it is found again after any
//! crash: the payments' topic only says which payment to look at, and a record counts as read when nothing is due any
//! more. Each call carries a key made of the payment's id and the step, and each outcome is recorded under such a key,
//! so doing it twice charges nobody twice. An outcome that is not known is asked for, with the same key, until it is.

mod desk;
mod hear;
mod learned;
mod open;
mod step;
mod till;

use std::sync::Arc;

use bus::{ConsumerGroup, Decoder, Kafka};
use domain::payment::Payment;
use event_store::EventStore;
use payments::{PaymentsConfig, Provider};
use runtime::Process;
use schemas::{PaymentId, StreamId, Version};
use tokio::sync::Semaphore;

use crate::group;
use crate::intent::{Cause, Intent};
use crate::metrics;
use crate::streams::{Creates, Rejected, Streams};
use desk::Desk;
use learned::Learned;
use till::Till;

/// Whose commands they are.
const CALLER: &str = "cashier";
/// How many calls to the provider are under way at once.
const CALLS: usize = 64;

/// Whoever executes payments. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Cashier {
    payments: Streams<Payment>,
    store: EventStore,
    provider: Provider,
    calls: Arc<Semaphore>,
    till: Till,
}

impl Cashier {
    /// A cashier for these payments.
    pub(crate) fn new(
        config: &PaymentsConfig,
        store: &EventStore,
        payments: &Streams<Payment>,
    ) -> Result<Self, payments::Error> {
        Ok(Self {
            payments: payments.clone(),
            store: store.clone(),
            provider: Provider::new(config)?,
            calls: Arc::new(Semaphore::new(CALLS)),
            till: Till::default(),
        })
    }

    /// Joins the group and works until the process ends.
    pub(crate) fn start(&self, kafka: &Kafka, decoder: &Decoder, process: &Process) -> Result<(), bus::Error> {
        let dependency = process.health.dependency("payment-provider");
        let watch = self.till.clone().watch(self.provider.clone(), dependency, process.shutdown.clone());
        process.tasks.spawn("payment-provider", watch);
        let (cashier, decoder) = (self.clone(), decoder.clone());
        group::join(ConsumerGroup::CASHIER, kafka, process, move |feed, place| {
            Desk::new(feed, place, decoder.clone(), cashier.clone()).run()
        })
    }

    /// Records what the provider made of a payment, once, whoever heard of it first, and the event that it was asked
    /// because of, if it was asked; as which version. What does not fit the payment's state is said aloud, counted, and
    /// changes nothing.
    async fn record(
        &self,
        payment: &PaymentId,
        learned: Learned,
        cause: Option<&Cause>,
    ) -> Result<Option<Version>, Rejected> {
        let Learned { name, command } = learned;
        let intent = Intent::internal(CALLER, &format!("{payment}:{name}"));
        let intent = match cause {
            Some(cause) => intent.because(cause.clone()),
            None => intent,
        };
        match self.payments.execute(stream(payment), Creates::No, command, intent).await {
            Ok(done) => Ok(Some(done.version)),
            Err(Rejected::Refused(refusal)) => {
                metrics::PAYMENTS_CONTRADICTED.add(1);
                tracing::error!(
                    payment.id = %payment,
                    "The payment provider reports that {payment} is {name}, which does not fit: {refusal}"
                );
                Ok(None)
            }
            Err(rejected) => Err(rejected),
        }
    }
}

fn stream(payment: &PaymentId) -> StreamId {
    payment.stream().clone()
}
