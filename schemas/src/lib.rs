//! The language of the system: ids, money, events, their envelope, topic names and the codec.
//!
//! One event is one struct, one Avro record and one `.avsc` file under `schemas/avro/`. Nothing here does I/O.

mod aggregate;
mod any;
mod envelope;
mod event;
mod ids;
mod money;
mod order;
mod product;
mod sealed;
mod stock;
mod text;
mod timestamp;
mod user;

pub mod avro;
pub mod compatibility;
pub mod frame;
pub mod rfc3339;

pub use aggregate::Aggregate;
pub use any::AnyEvent;
pub use envelope::Recorded;
pub use event::{DecodeError, EncodeError, Event};
pub use ids::{EventId, InvalidId, OrderId, SessionId, Sku, StreamId, UserId, Version};
pub use money::{Currency, InvalidCurrency, Money};
pub use order::{OrderCancelled, OrderEvent, OrderLine, OrderPlaced, OrderStatus};
pub use product::{ProductEvent, ProductPriceChanged, ProductRegistered};
pub use sealed::{ERASED, InvalidSealed, PersonalField, Sealed};
pub use stock::{StockEvent, StockReceived};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use user::{
    FIRST_SESSION_VERSION, Role, UserErased, UserEvent, UserPasswordChanged, UserProfileChanged, UserRegistered,
    UserReinstated, UserRoleGranted, UserRoleRevoked, UserSessionEnded, UserSessionsRevoked, UserSuspended,
};
