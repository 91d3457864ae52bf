//! The fulfilment's events: what the process manager decided to do for an order, and what became of it.

use apache_avro::AvroSchema;
use serde::{Deserialize, Serialize};

use crate::event::events;
use crate::words::words;
use crate::{Money, OrderId, PaymentMethod, Sku, Timestamp, UserId};

events! {
    /// What can happen to the fulfilment of an order.
    FulfilmentEvent of Fulfilment {
        /// It began.
        Started(FulfilmentStarted),
        /// It decided on a step; the step's command is given after this is recorded, never before.
        StepRecorded(FulfilmentStepRecorded),
        /// A step came to something.
        StepDone(FulfilmentStepDone),
        /// Pieces that were held for it are so no longer.
        HoldLost(FulfilmentHoldLost),
        /// Money that was set aside for it is so no longer.
        PaymentLost(FulfilmentPaymentLost),
        /// It takes back what it did.
        CompensationStarted(FulfilmentCompensationStarted),
        /// It ended.
        Completed(FulfilmentCompleted),
        /// It does not know how to go on, and waits for an operator.
        Failed(FulfilmentFailed),
        /// An operator told it to go on.
        Resumed(FulfilmentResumed),
    }
}

/// The fulfilment of an order began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentStarted {
    /// The order.
    pub order: OrderId,
    /// Whose order it is.
    pub user: UserId,
    /// What is to be held, one entry per SKU, sorted by SKU.
    pub items: Vec<FulfilmentItem>,
    /// What is to be paid.
    pub amount: Money,
    /// What it is paid with.
    pub method: PaymentMethod,
}

/// Pieces of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
pub struct FulfilmentItem {
    /// Of what.
    pub sku: Sku,
    /// How many, above zero.
    pub quantity: i64,
}

/// The fulfilment decided on a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentStepRecorded {
    /// Its number within this fulfilment, from 1; the key of its command is made of it.
    pub number: i64,
    /// What is to be done.
    pub step: FulfilmentStep,
    /// With the stock of which SKU, if it is about stock.
    pub sku: Option<Sku>,
    /// Until when pieces are to be held, if they are.
    pub until: Option<Timestamp>,
}

/// A step of the fulfilment came to something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentStepDone {
    /// What was to be done.
    pub step: FulfilmentStep,
    /// With the stock of which SKU, if it was about stock.
    pub sku: Option<Sku>,
    /// What it came to.
    pub outcome: FulfilmentOutcome,
    /// The version of the order's, stock's or payment's stream that shows it; 0 if the command's own answer did.
    pub version: i64,
}

/// Pieces that were held for the order can be promised to others again: it took too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentHoldLost {
    /// Of what.
    pub sku: Sku,
    /// The version of the stock's stream that shows it.
    pub version: i64,
}

/// The provider let go of the money by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentPaymentLost {
    /// The version of the payment's stream that shows it.
    pub version: i64,
}

/// The fulfilment takes back what it did: money is let go or given back, pieces are released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentCompensationStarted {
    /// Why.
    pub cause: CompensationCause,
    /// In the words of the operator who asked for it.
    pub reason: Option<String>,
    /// The operator who asked for it.
    pub by: Option<UserId>,
}

/// The fulfilment ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentCompleted {
    /// How.
    pub result: FulfilmentResult,
    /// In the words of the operator who ended it.
    pub reason: Option<String>,
    /// The operator who ended it.
    pub by: Option<UserId>,
}

/// The fulfilment does not know how to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentFailed {
    /// Why, in a sentence for the operator.
    pub reason: String,
}

/// An operator told the fulfilment to go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
#[avro(namespace = "orderflow.fulfilment")]
pub struct FulfilmentResumed {
    /// In the operator's words.
    pub reason: String,
    /// The operator.
    pub by: UserId,
}

words! {
    /// What the fulfilment does.
    FulfilmentStep, "What the fulfilment does." {
        /// Something that a later release does.
        Unknown = "unknown",
        /// Sets pieces aside.
        Reserve = "reserve",
        /// Gives them back.
        Release = "release",
        /// Hands them out.
        CommitStock = "commit_stock",
        /// Books pieces in again that were handed out.
        Restock = "restock",
        /// Tells the order that its pieces are held.
        ConfirmReservation = "confirm_reservation",
        /// Turns the order down.
        Reject = "reject",
        /// Tells the order that it is paid.
        MarkPaid = "mark_paid",
        /// Calls the order off.
        Cancel = "cancel",
        /// Asks for the order's total.
        RequestPayment = "request_payment",
        /// Takes what was set aside.
        Capture = "capture",
        /// Lets go of what was, or will be, set aside.
        Void = "void",
        /// Gives back what was taken.
        Refund = "refund",
    }
}

words! {
    /// What a step came to.
    FulfilmentOutcome, "What a step came to." {
        /// Something that a later release knows.
        Unknown = "unknown",
        /// What it was to do is done.
        Done = "done",
        /// It cannot be: too few pieces, a declined card, a refund that the provider refuses.
        Denied = "denied",
        /// The rules of its stream did not allow it.
        Refused = "refused",
    }
}

words! {
    /// Why the fulfilment takes back what it did.
    CompensationCause, "Why the fulfilment takes back what it did." {
        /// Something that a later release knows.
        Unknown = "unknown",
        /// The house does not hold enough pieces.
        OutOfStock = "out_of_stock",
        /// The money cannot be had.
        PaymentFailed = "payment_failed",
        /// The money was not there in time.
        PaymentOverdue = "payment_overdue",
        /// The order was called off.
        OrderCancelled = "order_cancelled",
        /// An operator asked for it.
        Operator = "operator",
    }
}

words! {
    /// How a fulfilment ended.
    FulfilmentResult, "How a fulfilment ended." {
        /// In a way that a later release knows.
        Unknown = "unknown",
        /// The order is paid, and its pieces are handed out.
        Fulfilled = "fulfilled",
        /// Everything was taken back.
        Compensated = "compensated",
        /// An operator ended it as it stood.
        Aborted = "aborted",
    }
}

words! {
    /// How far a fulfilment is: what its state is called in answers, lists and filters.
    FulfilmentStatus, "How far a fulfilment is." {
        /// Pieces are being set aside.
        Reserving = "RESERVING",
        /// The money is being set aside.
        AwaitingPayment = "AWAITING_PAYMENT",
        /// The money is being taken.
        Capturing = "CAPTURING",
        /// The pieces are being handed out.
        Committing = "COMMITTING",
        /// It ended.
        Completed = "COMPLETED",
        /// What was done is being taken back.
        Compensating = "COMPENSATING",
        /// It waits for an operator.
        Failed = "FAILED",
    }
}
