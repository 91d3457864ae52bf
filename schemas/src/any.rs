//! An event of any aggregate, for those who carry events without reading them.

use bson::{RawDocument, RawDocumentBuf};
use serde_avro_fast::Schema;

use crate::{
    Aggregate, DecodeError, EncodeError, Event as _, FulfilmentEvent, OrderEvent, PaymentEvent, PersonalField,
    ProductEvent, Sealed, StockEvent, UserEvent,
};

/// Declares [`AnyEvent`] and whatever goes through all aggregates; the list below is the only one of its kind.
macro_rules! any_event {
    ($($(#[$doc:meta])* $aggregate:ident($event:ident),)+) => {
        /// An event of any aggregate.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum AnyEvent {
            $($(#[$doc])* $aggregate($event),)+
        }

        $(
            impl From<$event> for AnyEvent {
                fn from(event: $event) -> Self {
                    Self::$aggregate(event)
                }
            }

            /// Gives the event back if it is of another aggregate.
            impl TryFrom<AnyEvent> for $event {
                type Error = AnyEvent;

                fn try_from(any: AnyEvent) -> Result<Self, AnyEvent> {
                    if let AnyEvent::$aggregate(event) = any { Ok(event) } else { Err(any) }
                }
            }
        )+

        impl AnyEvent {
            /// The aggregate that it happened to.
            #[must_use]
            pub fn aggregate(&self) -> Aggregate {
                match self {
                    $(Self::$aggregate(_) => Aggregate::$aggregate,)+
                }
            }

            /// The record names of this aggregate's events.
            #[must_use]
            pub fn names(aggregate: Aggregate) -> &'static [&'static str] {
                match aggregate {
                    $(Aggregate::$aggregate => $event::NAMES,)+
                }
            }

            /// The names of this aggregate's records that are only read any more.
            #[must_use]
            pub fn retired(aggregate: Aggregate) -> &'static [&'static str] {
                match aggregate {
                    $(Aggregate::$aggregate => $event::RETIRED,)+
                }
            }

            /// See [`crate::Event::structs`].
            #[must_use]
            pub fn structs(aggregate: Aggregate) -> Vec<apache_avro::Schema> {
                match aggregate {
                    $(Aggregate::$aggregate => $event::structs(),)+
                }
            }

            /// See [`crate::Event::name`].
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$aggregate(event) => event.name(),)+
                }
            }

            /// See [`crate::Event::seed_type`].
            #[must_use]
            pub fn seed_type(&self) -> Option<&'static str> {
                match self {
                    $(Self::$aggregate(event) => event.seed_type(),)+
                }
            }

            /// See [`crate::Event::to_json`].
            pub fn to_json(&self) -> Result<serde_json::Value, EncodeError> {
                match self {
                    $(Self::$aggregate(event) => event.to_json(),)+
                }
            }

            /// See [`crate::Event::to_document`].
            pub fn to_document(&self) -> Result<RawDocumentBuf, EncodeError> {
                match self {
                    $(Self::$aggregate(event) => event.to_document(),)+
                }
            }

            /// See [`crate::Event::from_document`].
            pub fn from_document(aggregate: Aggregate, name: &str, data: &RawDocument) -> Result<Self, DecodeError> {
                match aggregate {
                    $(Aggregate::$aggregate => $event::from_document(name, data).map(Self::$aggregate),)+
                }
            }

            /// See [`crate::Event::to_avro`].
            pub fn to_avro(&self, schema: &Schema) -> Result<Vec<u8>, EncodeError> {
                match self {
                    $(Self::$aggregate(event) => event.to_avro(schema),)+
                }
            }

            /// See [`crate::Event::from_avro`].
            pub fn from_avro(
                aggregate: Aggregate,
                name: &str,
                writer: &Schema,
                datum: &[u8],
            ) -> Result<Self, DecodeError> {
                match aggregate {
                    $(Aggregate::$aggregate => $event::from_avro(name, writer, datum).map(Self::$aggregate),)+
                }
            }
        }
    };
}

any_event! {
    /// Of an order.
    Order(OrderEvent),
    /// Of a product.
    Product(ProductEvent),
    /// Of a stock.
    Stock(StockEvent),
    /// Of a payment.
    Payment(PaymentEvent),
    /// Of a user.
    User(UserEvent),
    /// Of a fulfilment.
    Fulfilment(FulfilmentEvent),
}

impl AnyEvent {
    /// The personal data that the event carries, to be opened where it stands. Only users' events carry any.
    pub fn sealed_mut(&mut self) -> Vec<(PersonalField, &mut Sealed)> {
        if let Self::User(event) = self { event.sealed_mut() } else { Vec::new() }
    }
}
