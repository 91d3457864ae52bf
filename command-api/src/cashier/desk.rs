//! The work on one partition of the payments' topic: many payments at once, each by itself.

use bus::{Decoder, FeedError, PartitionFeed, Poison, RawRecord};
use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt as _};
use runtime::chain;
use schemas::{AnyEvent, PaymentEvent, PaymentId, Position, Recorded};

use super::Cashier;
use super::open::Open;
use crate::group::Place;
use crate::intent::Cause;

/// How many payments of a partition are worked on at once; most of them wait for the provider.
const AT_ONCE: usize = 1_000;
/// How many records are taken at once.
const BATCH: usize = 100;

/// One partition. Dropping it gives its payments up at any point: whoever gets the partition next begins with them anew.
pub(super) struct Desk {
    feed: PartitionFeed,
    place: Place,
    decoder: Decoder,
    cashier: Cashier,
    open: Open,
    /// Each ends with its payment once nothing is due for it, and with nothing if the partition was lost before.
    work: FuturesUnordered<BoxFuture<'static, Option<PaymentId>>>,
}

impl Desk {
    pub(super) fn new(feed: PartitionFeed, place: Place, decoder: Decoder, cashier: Cashier) -> Self {
        let open = Open::at(feed.position());
        Self { feed, place, decoder, cashier, open, work: FuturesUnordered::new() }
    }

    /// Works until the partition is taken away.
    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                // A desk that has enough to do asks its feed for nothing, and would not hear that it ended.
                () = self.place.lost() => return,
                Some(Some(payment)) = self.work.next() => self.settled(&payment),
                batch = self.feed.batch(BATCH), if self.open.len() < AT_ONCE => match batch {
                    Some(Ok(records)) => self.take(&records).await,
                    Some(Err(FeedError::LogChanged(changed))) => {
                        tracing::error!("{changed}; the cashier reads it again from its start");
                        self.feed.seek(Position { next: changed.start, last: None });
                        self.open.start_over(changed.start);
                    }
                    Some(Err(FeedError::Hole { found, .. })) => self.feed.seek(Position { next: found, last: None }),
                    None => return,
                },
            }
            self.feed.stored(self.open.settled_before());
        }
    }

    /// Begins with the payments of these records, as far as they ask for something, and the partition is ours.
    async fn take(&mut self, records: &[RawRecord]) {
        for record in records {
            let Some(decoded) = self.place.decode(&self.decoder, record).await else { return };
            let Some((payment, cause)) = asks_for(record, decoded) else {
                self.open.pass(record.behind());
                continue;
            };
            if self.open.take(record.behind(), &payment, cause) {
                self.begin(payment);
            }
        }
    }

    fn begin(&mut self, payment: PaymentId) {
        let (cashier, place, cause) = (self.cashier.clone(), self.place.clone(), self.open.cause(&payment).cloned());
        self.work.push(Box::pin(async move {
            cashier.bring_up_to_date(&place, &payment, cause.as_ref()).await.then_some(payment)
        }));
    }

    fn settled(&mut self, payment: &PaymentId) {
        if self.open.settled(payment) {
            self.begin(payment.clone());
        }
    }
}

/// The payment that a record asks to look at, and the event that does. A record that cannot be read is passed over with
/// an alarm: what is due is decided by the payment's state, and every later record of it says to look there.
fn asks_for(record: &RawRecord, decoded: Result<Recorded<AnyEvent>, Poison>) -> Option<(PaymentId, Option<Cause>)> {
    match decoded {
        Ok(recorded) => {
            let AnyEvent::Payment(event) = &recorded.event else { return None };
            let payment = PaymentId::parse(recorded.stream.as_str()).ok()?;
            is_a_request(event).then(|| (payment, Some(Cause::of(&recorded))))
        }
        Err(poison) => {
            let RawRecord { topic, partition, offset, .. } = record;
            tracing::error!(error = chain(&poison), "{topic}/{partition}@{offset} cannot be read by the cashier");
            let payment = PaymentId::parse(record.stream().ok()?.as_str()).ok()?;
            Some((payment, None))
        }
    }
}

/// Whether something may be due after this event. What is due for other reasons is found by whoever looks already.
const fn is_a_request(event: &PaymentEvent) -> bool {
    match event {
        PaymentEvent::Requested(_)
        | PaymentEvent::CaptureRequested(_)
        | PaymentEvent::VoidRequested(_)
        | PaymentEvent::RefundRequested(_) => true,
        PaymentEvent::Authorized(_)
        | PaymentEvent::Declined(_)
        | PaymentEvent::MarkedUnknown(_)
        | PaymentEvent::Captured(_)
        | PaymentEvent::Voided(_)
        | PaymentEvent::Refunded(_)
        | PaymentEvent::RefundRejected(_)
        | PaymentEvent::Expired(_) => false,
    }
}
