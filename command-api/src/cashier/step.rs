//! One payment: do what is due, record what became of it, until nothing is due.

use std::time::Duration;

use domain::payment::{Answer, Due, Hold, PaymentCommand, PaymentState};
use event_store::StoredEvent;
use payments::{Authorization, Failure, Intent, Refunding};
use runtime::{chain, clock};
use schemas::{Event as _, PaymentEvent, PaymentId, RefundId, Timestamp, Version};

use super::learned::Learned;
use super::till::is_about_the_provider;
use super::{Cashier, stream};
use crate::group::Place;
use crate::intent::Cause;
use crate::metrics;
use crate::streams::{Head, Rejected};

/// The waits between two questions about one payment.
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// The provider keeps its answer under a key for 24 hours at least. Later the same request would be another one, so what
/// is still unknown then is left to an operator.
const KEY_IS_KEPT: i64 = 23 * 60 * 60 * 1_000_000;

/// How far a payment has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Nothing is due.
    Done,
    /// Something was recorded, if it fitted, as this version.
    Advanced(Option<Version>),
    /// The provider has not settled it.
    Again,
}

impl Cashier {
    /// Works on a payment, because of this event, until nothing is due, or the partition is lost; returns whether nothing is.
    /// Dropping it at any point loses nothing.
    pub(super) async fn bring_up_to_date(&self, place: &Place, payment: &PaymentId, cause: Option<&Cause>) -> bool {
        let mut tries = place.tries(FIRST_WAIT, LONGEST_WAIT);
        let mut written = None;
        loop {
            let goes_on = match self.step(payment, written.take(), cause).await {
                Ok(Step::Done) => return true,
                Ok(Step::Advanced(version)) => {
                    written = version;
                    tries.advanced();
                    true
                }
                Ok(Step::Again) => tries.later().await,
                Err(rejected) => {
                    tracing::warn!(payment.id = %payment, error = chain(&rejected), "{payment} is tried again");
                    tries.again().await
                }
            };
            if !goes_on {
                return false;
            }
        }
    }

    /// Does what is due by the state that was just `written`, else by what a majority has: an old state could ask for
    /// what was done long ago.
    async fn step(
        &self,
        payment: &PaymentId,
        written: Option<Version>,
        cause: Option<&Cause>,
    ) -> Result<Step, Rejected> {
        let head = match written {
            Some(version) => self.payments.at_least(payment.stream(), version).await?,
            None => self.payments.load(payment.stream()).await?,
        };
        let Some(state) = head.state.as_ref() else { return Ok(Step::Done) };
        let mut step = Step::Done;
        for due in state.due() {
            if self.is_too_late(payment, &head, &due).await? {
                metrics::PAYMENTS_GIVEN_UP.add(1);
                tracing::error!(
                    payment.id = %payment,
                    "What the provider made of {payment} ({}) could not be learned in time: compare it with the \
                     provider's ledger",
                    name(&due)
                );
                continue;
            }
            step = self.ask(payment, state, &due, cause).await?;
            if step != Step::Again {
                break;
            }
        }
        Ok(step)
    }

    /// Has the provider do one thing, and records what became of it.
    async fn ask(
        &self,
        payment: &PaymentId,
        state: &PaymentState,
        due: &Due,
        cause: Option<&Cause>,
    ) -> Result<Step, Rejected> {
        let outcome = self.call(payment, state, due).await;
        if outcome.as_ref().is_err_and(is_about_the_provider) {
            self.till.doubt();
        }
        match outcome {
            Ok(Some(learned)) => Ok(Step::Advanced(self.record(payment, learned, cause).await?)),
            Ok(None) => Ok(Step::Again),
            Err(failure) => self.failed(payment, due, &failure, cause).await,
        }
    }

    /// A payment whose answer was lost is marked as such; any other failure leaves it as it is. It is tried again.
    async fn failed(
        &self,
        payment: &PaymentId,
        due: &Due,
        failure: &Failure,
        cause: Option<&Cause>,
    ) -> Result<Step, Rejected> {
        tracing::warn!(payment.id = %payment, error = chain(failure), "{payment} is not settled yet");
        if let Failure::Unknown(lost) = failure {
            metrics::PAYMENT_OUTCOMES_LOST.add(1);
            let command = PaymentCommand::MarkUnknown { reason: lost.to_string() };
            self.record(payment, Learned::new(format!("{}:unknown", name(due)), command), cause).await?;
        }
        Ok(Step::Again)
    }

    /// Does what is due, or asks what became of it; `None` while the provider is still at it.
    async fn call(&self, payment: &PaymentId, state: &PaymentState, due: &Due) -> Result<Option<Learned>, Failure> {
        let _turn = self.calls.acquire().await;
        let key = format!("{payment}:{}", name(due));
        match (due, state.hold()) {
            (Due::Authorize, _) => self.authorize(payment, state, &key).await,
            (Due::Capture, Some(hold)) => {
                let capture = self.provider.capture(&key, hold.provider_id.as_str());
                self.settle(state, hold, capture).await
            }
            (Due::Void, Some(hold)) => {
                let cancel = self.provider.cancel(&key, hold.provider_id.as_str());
                self.settle(state, hold, cancel).await
            }
            (Due::Refund { refund, amount }, Some(hold)) => {
                let wanted = Refunding {
                    payment: payment.as_str(),
                    refund: refund.as_str(),
                    intent: hold.provider_id.as_str(),
                    amount: amount.amount,
                };
                self.refund(refund, &wanted, &key).await
            }
            (Due::Capture | Due::Void | Due::Refund { .. }, None) => Ok(None),
        }
    }

    async fn authorize(
        &self,
        payment: &PaymentId,
        state: &PaymentState,
        key: &str,
    ) -> Result<Option<Learned>, Failure> {
        let details = state.details();
        let wanted = Authorization {
            payment: payment.as_str(),
            amount: details.amount.amount,
            currency: details.amount.currency.as_str(),
            method: details.method.as_str(),
        };
        match self.provider.authorize(key, &wanted).await {
            Ok(intent) => Ok(Learned::of_intent(state, &intent)),
            Err(Failure::Declined { code } | Failure::Refused { code, .. }) => Ok(Some(Learned::declined(&code))),
            Err(failure) => Err(failure),
        }
    }

    /// Takes or lets go of what was set aside. If an answer was lost, the payment itself is asked first; and when the
    /// provider refuses, because it is done already, or cannot be done any more.
    async fn settle(
        &self,
        state: &PaymentState,
        hold: &Hold,
        act: impl Future<Output = Result<Intent, Failure>>,
    ) -> Result<Option<Learned>, Failure> {
        let ask = || self.provider.retrieve(hold.provider_id.as_str());
        if let PaymentState::Capturing(_, Answer::Lost) | PaymentState::Voiding(_, Answer::Lost) = state
            && let Some(learned) = Learned::of_intent(state, &ask().await?)
        {
            return Ok(Some(learned));
        }
        let (intent, refusal) = match act.await {
            Err(refusal @ (Failure::Declined { .. } | Failure::Refused { .. })) => (ask().await?, Some(refusal)),
            outcome => (outcome?, None),
        };
        let learned = Learned::of_intent(state, &intent);
        if let (None, Some(refusal)) = (&learned, refusal) {
            let payment = state.details().order.payment();
            tracing::warn!(
                payment.id = %payment, error = chain(&refusal),
                "The payment provider refuses what is due for {payment}, and calls it {:?}: it is asked again",
                intent.status
            );
        }
        Ok(learned)
    }

    async fn refund(&self, id: &RefundId, wanted: &Refunding<'_>, key: &str) -> Result<Option<Learned>, Failure> {
        match self.provider.refund(key, wanted).await {
            Ok(refund) => Ok(Some(Learned::of_refund(id, &refund))),
            Err(Failure::Declined { code } | Failure::Refused { code, .. }) => {
                Ok(Some(Learned::refund_rejected(id, &code)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Whether the provider may have forgotten the key of what is due. Taking and letting go is asked of the payment
    /// itself, and cannot be done twice.
    async fn is_too_late(
        &self,
        payment: &PaymentId,
        head: &Head<domain::payment::Payment>,
        due: &Due,
    ) -> Result<bool, Rejected> {
        let requested = match due {
            Due::Capture | Due::Void => return Ok(false),
            // The payment's first event.
            Due::Authorize if head.version == Version::FIRST => head.at,
            Due::Authorize | Due::Refund { .. } => self.requested_at(payment, due).await?.unwrap_or(head.at),
        };
        Ok(clock::now_micros() - requested.as_micros() > KEY_IS_KEPT)
    }

    /// When what is due was requested.
    async fn requested_at(&self, payment: &PaymentId, due: &Due) -> Result<Option<Timestamp>, Rejected> {
        let commits = self.store.tail(&stream(payment), Version::FIRST).await?;
        for commit in commits {
            for StoredEvent { name, data } in &commit.events {
                if requests(&PaymentEvent::from_document(name, data)?, due) {
                    return Ok(Some(commit.at));
                }
            }
        }
        Ok(None)
    }
}

/// Whether it is this event that makes it due.
fn requests(event: &PaymentEvent, due: &Due) -> bool {
    match due {
        Due::Authorize => matches!(event, PaymentEvent::Requested(_)),
        Due::Capture => matches!(event, PaymentEvent::CaptureRequested(_)),
        Due::Void => matches!(event, PaymentEvent::VoidRequested(_)),
        Due::Refund { refund, .. } => {
            matches!(event, PaymentEvent::RefundRequested(requested) if requested.refund == *refund)
        }
    }
}

/// The step's name in keys.
fn name(due: &Due) -> String {
    match due {
        Due::Authorize => "authorize".to_owned(),
        Due::Capture => "capture".to_owned(),
        Due::Void => "void".to_owned(),
        Due::Refund { refund, .. } => format!("refund:{refund}"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::expect_used, reason = "a test fails by panicking")]

    use event_store::{Config, EventStore};
    use payments::PaymentsConfig;
    use runtime::{Process, Secret, Shutdown};
    use schemas::OrderId;

    use super::*;
    use crate::streams::Streams;

    /// Seen to fail when a payment that is given up counts as done.
    #[tokio::test]
    async fn a_payment_is_not_done_because_its_partition_was_lost() {
        let process = Process::new("cashier", None);
        let store =
            EventStore::connect(Config::new("mongodb://127.0.0.1:1/none"), &process).await.expect("it is a URI");
        let nowhere = PaymentsConfig {
            payments_url: "http://127.0.0.1:1".to_owned(),
            payments_secret_key: Secret::from("none"),
            payments_webhook_secret: Secret::from("none"),
            payments_timeout: 1,
        };
        let cashier = Cashier::new(&nowhere, &store, &Streams::new(store.clone())).expect("the settings are valid");
        let end = Shutdown::default();
        let place = Place::new("cashier", "payments.events.v1/0", end.clone());
        end.request();
        assert!(!cashier.bring_up_to_date(&place, &OrderId::from_bits(1).payment(), None).await);
    }
}
