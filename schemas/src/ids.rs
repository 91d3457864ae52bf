//! Identifiers. Each is its own type; parsing is the only way in from text, and keeps the proof.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Aggregate;
use crate::text::text_form;

/// The longest stream id, in bytes: a prefix and a SKU of 64 characters.
const MAX_STREAM_ID: usize = 4 + Sku::MAX_LENGTH;

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {expected}")]
pub struct InvalidId {
    /// What was expected, in words: `order id`.
    pub expected: &'static str,
}

/// The name of one stream of events, and the key of its records: a known prefix and 1 to 64 of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId {
    aggregate: Aggregate,
    text: Arc<str>,
}

impl StreamId {
    /// Reads a stream id; the prefix must be one of [`Aggregate::prefix`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId { expected: "stream id" };
        let aggregate = Aggregate::ALL.into_iter().find(|aggregate| text.starts_with(aggregate.prefix()));
        let Some(aggregate) = aggregate else { return Err(invalid) };
        let rest = text.strip_prefix(aggregate.prefix()).unwrap_or_default();
        if text.len() > MAX_STREAM_ID || !is_token(rest) {
            return Err(invalid);
        }
        Ok(Self { aggregate, text: text.into() })
    }

    /// The aggregate that this stream is of.
    #[must_use]
    pub fn aggregate(&self) -> Aggregate {
        self.aggregate
    }

    /// The whole id, prefix included.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    fn of(aggregate: Aggregate, rest: &str) -> Self {
        Self { aggregate, text: format!("{}{rest}", aggregate.prefix()).into() }
    }

    /// The stream of another aggregate whose id has the same token.
    fn renamed(&self, aggregate: Aggregate) -> Self {
        Self::of(aggregate, self.text.strip_prefix(self.aggregate.prefix()).unwrap_or_default())
    }
}

pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

/// Ids that are a stream's id, made from 128 bits: `ord_` and 32 hexadecimal digits.
macro_rules! stream_ids {
    ($($(#[$doc:meta])* $name:ident = $aggregate:ident, $expected:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(StreamId);

        impl $name {
            /// The id made from these 128 bits.
            #[must_use]
            pub fn from_bits(bits: u128) -> Self {
                Self(StreamId::of(Aggregate::$aggregate, &format!("{bits:032x}")))
            }

            /// Reads an id of exactly this kind.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let id = StreamId::parse(text).ok().filter(|id| id.aggregate() == Aggregate::$aggregate);
                id.map(Self).ok_or(InvalidId { expected: $expected })
            }

            /// The stream that this id names.
            #[must_use]
            pub fn stream(&self) -> &StreamId {
                &self.0
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }
        text_form!($name, $expected);
    )+};
}

stream_ids! {
    /// An order's id.
    OrderId = Order, "order id";
    /// A fulfilment's id.
    FulfilmentId = Fulfilment, "fulfilment id";
    /// A payment's id.
    PaymentId = Payment, "payment id";
    /// A user's id.
    UserId = User, "user id";
}
text_form!(StreamId, "stream id");

impl OrderId {
    /// The id of this order's payment: the same token under another prefix, so an order has one payment at most.
    #[must_use]
    pub fn payment(&self) -> PaymentId {
        PaymentId(self.0.renamed(Aggregate::Payment))
    }

    /// The id of this order's fulfilment: the same token under another prefix, so an order has one fulfilment.
    #[must_use]
    pub fn fulfilment(&self) -> FulfilmentId {
        FulfilmentId(self.0.renamed(Aggregate::Fulfilment))
    }
}

impl FulfilmentId {
    /// The id of the order that is carried out.
    #[must_use]
    pub fn order(&self) -> OrderId {
        OrderId(self.0.renamed(Aggregate::Order))
    }
}

impl PaymentId {
    /// The id of the order that is paid.
    #[must_use]
    pub fn order(&self) -> OrderId {
        OrderId(self.0.renamed(Aggregate::Order))
    }
}

/// A stock keeping unit: 1 to 64 of `[A-Za-z0-9_-]`, chosen by the shop, immutable.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sku(Arc<str>);

impl Sku {
    /// The longest SKU, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// Reads a SKU.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() <= Self::MAX_LENGTH && is_token(text);
        valid.then(|| Self(text.into())).ok_or(InvalidId { expected: "SKU" })
    }

    /// The SKU as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The product's stream, `prd_<sku>`.
    #[must_use]
    pub fn product(&self) -> StreamId {
        StreamId::of(Aggregate::Product, &self.0)
    }

    /// The stock's stream, `stk_<sku>`.
    #[must_use]
    pub fn stock(&self) -> StreamId {
        StreamId::of(Aggregate::Stock, &self.0)
    }
}
text_form!(Sku, "SKU");

/// One log-in of a user; its tokens carry it as `sid`. 1 to 64 of `[A-Za-z0-9_-]`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// The session id made from these 128 bits.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}").into())
    }

    /// Reads a session id.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() <= 64 && is_token(text);
        valid.then(|| Self(text.into())).ok_or(InvalidId { expected: "session id" })
    }

    /// The session id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_form!(SessionId, "session id");

/// One refund of a payment, named by whoever asks for it: 1 to 64 of `[A-Za-z0-9_-]`, unique within the payment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RefundId(Arc<str>);

impl RefundId {
    /// Reads a refund id.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let valid = text.len() <= 64 && is_token(text);
        valid.then(|| Self(text.into())).ok_or(InvalidId { expected: "refund id" })
    }

    /// The refund id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
text_form!(RefundId, "refund id");

/// A position in a stream: its first event has version 1; 0 stands for a stream without events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Version(pub u32);

impl Version {
    /// Before the first event.
    pub const NONE: Self = Self(0);
    /// The first event's version.
    pub const FIRST: Self = Self(1);

    /// The version after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// The version this many events later; saturates.
    #[must_use]
    pub const fn plus(self, events: u32) -> Self {
        Self(self.0.saturating_add(events))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The identity of one event: its commit's random id plus its place within that commit.
///
/// Two histories that diverged share versions but never event ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub Uuid);

impl EventId {
    /// The id of the event at `index` (from 0) of the commit with this id.
    #[must_use]
    pub fn of_commit(commit: Uuid, index: u32) -> Self {
        Self(Uuid::from_u128(commit.as_u128().wrapping_add(u128::from(index))))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
