//! What the provider tells by itself: a reason to look earlier, never to believe otherwise.

use payments::webhook::Notice;
use payments::{Failure, Intent, Refund};
use runtime::problem::Problem;
use schemas::{PaymentId, RefundId};

use super::Cashier;
use super::learned::Learned;
use crate::streams::Rejected;

/// A notice could not be followed up; the provider sends it again.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unheard {
    /// As for every command.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The provider could not be asked.
    #[error("the payment provider could not be asked")]
    Provider(#[from] Failure),
}

impl Cashier {
    /// Follows up a notice whose signature was checked.
    pub(crate) async fn hear(&self, notice: &Notice) -> Result<(), Unheard> {
        match notice {
            Notice::Intent(intent) => self.hear_of_payment(intent).await,
            Notice::Refund(refund) => self.hear_of_refund(refund).await,
            Notice::Other => Ok(()),
        }
    }

    /// Asks the provider how the payment is now: notices may come late and in any order, and leave out the card.
    async fn hear_of_payment(&self, told: &Intent) -> Result<(), Unheard> {
        let Some(payment) = told.payment().and_then(|id| PaymentId::parse(id).ok()) else { return Ok(()) };
        let head = self.payments.load(payment.stream()).await?;
        let Some(state) = head.state.as_ref() else { return Ok(()) };
        let intent = match self.provider.retrieve(&told.id).await {
            Err(Failure::Refused { .. }) => return Ok(()),
            outcome => outcome?,
        };
        // The notice may name a payment that the provider does not.
        let is_this = intent.payment() == Some(payment.as_str());
        if let Some(learned) = Learned::of_intent(state, &intent).filter(|_| is_this) {
            self.record(&payment, learned, None).await?;
        }
        Ok(())
    }

    async fn hear_of_refund(&self, told: &Refund) -> Result<(), Unheard> {
        if told.ours().is_none() {
            return Ok(());
        }
        let refund = match self.provider.retrieve_refund(&told.id).await {
            Err(Failure::Refused { .. }) => return Ok(()),
            outcome => outcome?,
        };
        let Some((payment, id)) = refund.ours() else { return Ok(()) };
        let (Ok(payment), Ok(id)) = (PaymentId::parse(payment), RefundId::parse(id)) else { return Ok(()) };
        self.record(&payment, Learned::of_refund(&id, &refund), None).await?;
        Ok(())
    }
}

impl From<Unheard> for Problem {
    fn from(unheard: Unheard) -> Self {
        match unheard {
            Unheard::Rejected(rejected) => rejected.into(),
            Unheard::Provider(_) => Self::unavailable("the payment provider", 5),
        }
    }
}
