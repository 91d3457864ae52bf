//! The language of the system: ids, money, events, their envelope, topic names, positions in topics and the codec.
//!
//! One event is one struct, one Avro record and one `.avsc` file under `schemas/avro/`. Nothing here does I/O.

mod aggregate;
mod any;
mod envelope;
mod event;
mod fulfilment;
mod ids;
mod money;
mod order;
mod payment;
mod position;
mod product;
mod sealed;
mod stock;
mod text;
mod timestamp;
mod user;
mod words;

pub mod avro;
pub mod compatibility;
pub mod frame;
pub mod rfc3339;

pub use aggregate::Aggregate;
pub use any::AnyEvent;
pub use envelope::Recorded;
pub use event::{DecodeError, EncodeError, Event};
pub use fulfilment::{
    CompensationCause, FulfilmentCompensationStarted, FulfilmentCompleted, FulfilmentEvent, FulfilmentFailed,
    FulfilmentHoldLost, FulfilmentItem, FulfilmentOutcome, FulfilmentPaymentLost, FulfilmentResult, FulfilmentResumed,
    FulfilmentStarted, FulfilmentStatus, FulfilmentStep, FulfilmentStepDone, FulfilmentStepRecorded,
};
pub use ids::{
    EventId, FulfilmentId, InvalidId, OrderId, PaymentId, RefundId, SessionId, Sku, StreamId, UserId, Version,
};
pub use money::{Currency, InvalidCurrency, Money};
pub use order::{
    CancellationCause, OrderCancelled, OrderDelivered, OrderEvent, OrderLine, OrderPaid, OrderPlaced, OrderRejected,
    OrderReserved, OrderShipped, OrderStatus, RejectionReason,
};
pub use payment::{
    LastFour, PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured, PaymentDeclined, PaymentEvent,
    PaymentExpired, PaymentMarkedUnknown, PaymentMethod, PaymentRefundRejected, PaymentRefundRequested,
    PaymentRefunded, PaymentRequested, PaymentStatus, PaymentVoidRequested, PaymentVoided, ProviderId,
};
pub use position::Position;
pub use product::{
    ProductDiscontinued, ProductEvent, ProductPriceChanged, ProductRegistered, ProductRenamed, ProductStatus,
};
pub use sealed::{ERASED, InvalidSealed, PersonalField, Sealed};
pub use stock::{
    StockAdjusted, StockEvent, StockReceived, StockReservationCommitted, StockReservationExpired,
    StockReservationRejected, StockReservationReleased, StockReserved,
};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use user::{
    FIRST_SESSION_VERSION, Role, UserErased, UserEvent, UserPasswordChanged, UserProfileChanged, UserRegistered,
    UserReinstated, UserRoleGranted, UserRoleRevoked, UserSessionEnded, UserSessionsRevoked, UserSuspended,
};
