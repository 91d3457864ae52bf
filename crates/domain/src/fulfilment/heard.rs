//! What an event of another stream says to a fulfilment.

use schemas::{
    AnyEvent, FulfilmentEvent, FulfilmentId, Money, OrderEvent, OrderId, OrderPlaced, PaymentEvent, PaymentId,
    PaymentMethod, Recorded, StockEvent, Version,
};

use super::{Ask, FulfilmentDetails, News, OrderNews, PaymentNews, StockNews};

/// What to do because of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Tell the order's fulfilment.
    Tell(FulfilmentId, Box<Ask>),
    /// The provider's answer was lost: look again later whether it is known.
    Lost(FulfilmentId),
    /// An operator has it go on, or take back what it did: what it waits for was waited for long already.
    Waits(FulfilmentId),
    /// The fulfilment itself decided on something: look whether there are steps to be given.
    Look(FulfilmentId),
    /// It concerns no fulfilment.
    Nothing,
}

impl Heard {
    /// What this event says.
    #[must_use]
    pub fn of(recorded: &Recorded<AnyEvent>) -> Self {
        let Recorded { stream, version, event, .. } = recorded;
        match event {
            AnyEvent::Order(event) => match OrderId::parse(stream.as_str()) {
                Ok(order) => Self::of_order(&order, event),
                Err(_) => Self::Nothing,
            },
            AnyEvent::Stock(event) => Self::of_stock(*version, event),
            AnyEvent::Payment(event) => match PaymentId::parse(stream.as_str()) {
                Ok(payment) => Self::of_payment(&payment, *version, event),
                Err(_) => Self::Nothing,
            },
            AnyEvent::Fulfilment(event) => match FulfilmentId::parse(stream.as_str()) {
                Ok(id) => Self::of_fulfilment(id, event),
                Err(_) => Self::Nothing,
            },
            AnyEvent::Product(_) | AnyEvent::User(_) => Self::Nothing,
        }
    }

    fn of_order(order: &OrderId, event: &OrderEvent) -> Self {
        let tell = |news| Self::Tell(order.fulfilment(), Box::new(Ask::Hear(News::Order(news))));
        match event {
            OrderEvent::Placed(placed) => Self::Tell(order.fulfilment(), Box::new(Ask::Start(details(order, placed)))),
            OrderEvent::Reserved(_) => tell(OrderNews::Reserved),
            OrderEvent::Rejected(_) => tell(OrderNews::Rejected),
            OrderEvent::Paid(_) => tell(OrderNews::Paid),
            OrderEvent::Cancelled(_) => tell(OrderNews::Cancelled),
            OrderEvent::Shipped(_) | OrderEvent::Delivered(_) => Self::Nothing,
        }
    }

    fn of_stock(version: Version, event: &StockEvent) -> Self {
        let sku = event.sku().clone();
        let (order, news) = match event {
            StockEvent::Reserved(reserved) => (&reserved.order, StockNews::Held),
            StockEvent::ReservationRejected(rejected) => (&rejected.order, StockNews::Denied),
            StockEvent::ReservationReleased(released) => (&released.order, StockNews::Gone),
            StockEvent::ReservationExpired(expired) => (&expired.order, StockNews::Gone),
            StockEvent::ReservationCommitted(committed) => (&committed.order, StockNews::Committed),
            StockEvent::Received(_) | StockEvent::Adjusted(_) => return Self::Nothing,
        };
        Self::Tell(order.fulfilment(), Box::new(Ask::Hear(News::Stock { sku, version, news })))
    }

    fn of_payment(payment: &PaymentId, version: Version, event: &PaymentEvent) -> Self {
        let id = payment.order().fulfilment();
        let news = match event {
            PaymentEvent::Authorized(_) => PaymentNews::Authorized,
            PaymentEvent::Declined(_) => PaymentNews::Declined,
            PaymentEvent::Captured(_) => PaymentNews::Captured,
            PaymentEvent::Voided(_) => PaymentNews::Voided,
            PaymentEvent::Expired(_) => PaymentNews::Expired,
            PaymentEvent::Refunded(refunded) => PaymentNews::Refunded(refunded.refund.clone()),
            PaymentEvent::RefundRejected(rejected) => PaymentNews::RefundRejected(rejected.refund.clone()),
            PaymentEvent::MarkedUnknown(_) => return Self::Lost(id),
            PaymentEvent::Requested(_)
            | PaymentEvent::CaptureRequested(_)
            | PaymentEvent::VoidRequested(_)
            | PaymentEvent::RefundRequested(_) => return Self::Nothing,
        };
        Self::Tell(id, Box::new(Ask::Hear(News::Payment { version, news })))
    }

    fn of_fulfilment(id: FulfilmentId, event: &FulfilmentEvent) -> Self {
        match event {
            FulfilmentEvent::StepRecorded(_) => Self::Look(id),
            FulfilmentEvent::Resumed(_) => Self::Waits(id),
            FulfilmentEvent::CompensationStarted(started) if started.by.is_some() => Self::Waits(id),
            FulfilmentEvent::Started(_)
            | FulfilmentEvent::CompensationStarted(_)
            | FulfilmentEvent::StepDone(_)
            | FulfilmentEvent::HoldLost(_)
            | FulfilmentEvent::PaymentLost(_)
            | FulfilmentEvent::Completed(_)
            | FulfilmentEvent::Failed(_) => Self::Nothing,
        }
    }

    /// The fulfilment that it is about; events of one fulfilment are worked on one after the other.
    #[must_use]
    pub const fn fulfilment(&self) -> Option<&FulfilmentId> {
        match self {
            Self::Tell(id, _) | Self::Lost(id) | Self::Waits(id) | Self::Look(id) => Some(id),
            Self::Nothing => None,
        }
    }
}

fn details(order: &OrderId, placed: &OrderPlaced) -> FulfilmentDetails {
    FulfilmentDetails {
        order: order.clone(),
        user: placed.user_id.clone(),
        items: placed.lines.iter().map(|line| (line.sku.clone(), line.quantity)).collect(),
        amount: Money { amount: placed.total_amount, currency: placed.currency },
        method: placed.payment_method.clone().unwrap_or_else(PaymentMethod::unnamed),
    }
}
