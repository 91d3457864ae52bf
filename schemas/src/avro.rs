//! Avro: the schema of every record, and the one way to write and read a datum.

use std::collections::HashSet;
use std::io::BufRead as _;
use std::sync::LazyLock;

use apache_avro::schema::{EnumSchema, Name, NamespaceRef};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_avro_fast::Schema;
use serde_avro_fast::de::read::SliceRead;
use serde_avro_fast::de::{DeserializerConfig, DeserializerState};
use serde_avro_fast::ser::SerializerConfig;

use crate::{Aggregate, DecodeError};

/// One event's schema, as this release writes it.
#[derive(Debug)]
pub struct Record {
    /// Whose event it is.
    pub aggregate: Aggregate,
    /// `OrderPlaced`.
    pub name: &'static str,
    /// The text of its `.avsc` file.
    pub avsc: &'static str,
    /// The parsed schema.
    pub schema: Schema,
}

impl Record {
    /// Namespace and name, which is also the `ce_type` of its records: `orderflow.order.OrderPlaced`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}.{}", self.aggregate.namespace(), self.name)
    }

    /// Its subject in the registry, by `TopicRecordNameStrategy`: `<topic>-<full name>`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}-{}", self.aggregate.topic(), self.full_name())
    }
}

/// Every record that this release can write, ordered by aggregate.
pub static RECORDS: LazyLock<Vec<Record>> = LazyLock::new(|| {
    vec![
        record(Aggregate::Order, "OrderPlaced", include_str!("../avro/order/OrderPlaced.avsc")),
        record(Aggregate::Order, "OrderReserved", include_str!("../avro/order/OrderReserved.avsc")),
        record(Aggregate::Order, "OrderRejected", include_str!("../avro/order/OrderRejected.avsc")),
        record(Aggregate::Order, "OrderPaid", include_str!("../avro/order/OrderPaid.avsc")),
        record(Aggregate::Order, "OrderShipped", include_str!("../avro/order/OrderShipped.avsc")),
        record(Aggregate::Order, "OrderDelivered", include_str!("../avro/order/OrderDelivered.avsc")),
        record(Aggregate::Order, "OrderCancelled", include_str!("../avro/order/OrderCancelled.avsc")),
        record(Aggregate::Product, "ProductRegistered", include_str!("../avro/product/ProductRegistered.avsc")),
        record(Aggregate::Product, "ProductPriceChanged", include_str!("../avro/product/ProductPriceChanged.avsc")),
        record(Aggregate::Product, "ProductRenamed", include_str!("../avro/product/ProductRenamed.avsc")),
        record(Aggregate::Product, "ProductDiscontinued", include_str!("../avro/product/ProductDiscontinued.avsc")),
        record(Aggregate::Stock, "StockReceived", include_str!("../avro/stock/StockReceived.avsc")),
        record(Aggregate::Stock, "StockAdjusted", include_str!("../avro/stock/StockAdjusted.avsc")),
        record(Aggregate::Stock, "StockReserved", include_str!("../avro/stock/StockReserved.avsc")),
        record(
            Aggregate::Stock,
            "StockReservationRejected",
            include_str!("../avro/stock/StockReservationRejected.avsc"),
        ),
        record(
            Aggregate::Stock,
            "StockReservationReleased",
            include_str!("../avro/stock/StockReservationReleased.avsc"),
        ),
        record(
            Aggregate::Stock,
            "StockReservationCommitted",
            include_str!("../avro/stock/StockReservationCommitted.avsc"),
        ),
        record(Aggregate::Stock, "StockReservationExpired", include_str!("../avro/stock/StockReservationExpired.avsc")),
        record(Aggregate::Payment, "PaymentRequested", include_str!("../avro/payment/PaymentRequested.avsc")),
        record(Aggregate::Payment, "PaymentAuthorized", include_str!("../avro/payment/PaymentAuthorized.avsc")),
        record(Aggregate::Payment, "PaymentDeclined", include_str!("../avro/payment/PaymentDeclined.avsc")),
        record(Aggregate::Payment, "PaymentMarkedUnknown", include_str!("../avro/payment/PaymentMarkedUnknown.avsc")),
        record(
            Aggregate::Payment,
            "PaymentCaptureRequested",
            include_str!("../avro/payment/PaymentCaptureRequested.avsc"),
        ),
        record(Aggregate::Payment, "PaymentCaptured", include_str!("../avro/payment/PaymentCaptured.avsc")),
        record(Aggregate::Payment, "PaymentVoidRequested", include_str!("../avro/payment/PaymentVoidRequested.avsc")),
        record(Aggregate::Payment, "PaymentVoided", include_str!("../avro/payment/PaymentVoided.avsc")),
        record(
            Aggregate::Payment,
            "PaymentRefundRequested",
            include_str!("../avro/payment/PaymentRefundRequested.avsc"),
        ),
        record(Aggregate::Payment, "PaymentRefunded", include_str!("../avro/payment/PaymentRefunded.avsc")),
        record(Aggregate::Payment, "PaymentRefundRejected", include_str!("../avro/payment/PaymentRefundRejected.avsc")),
        record(Aggregate::Payment, "PaymentExpired", include_str!("../avro/payment/PaymentExpired.avsc")),
        record(Aggregate::User, "UserRegistered", include_str!("../avro/user/UserRegistered.avsc")),
        record(Aggregate::User, "UserSessionEnded", include_str!("../avro/user/UserSessionEnded.avsc")),
        record(Aggregate::User, "UserSessionsRevoked", include_str!("../avro/user/UserSessionsRevoked.avsc")),
        record(Aggregate::Fulfilment, "FulfilmentStarted", include_str!("../avro/fulfilment/FulfilmentStarted.avsc")),
        record(
            Aggregate::Fulfilment,
            "FulfilmentStepRecorded",
            include_str!("../avro/fulfilment/FulfilmentStepRecorded.avsc"),
        ),
        record(Aggregate::Fulfilment, "FulfilmentStepDone", include_str!("../avro/fulfilment/FulfilmentStepDone.avsc")),
        record(Aggregate::Fulfilment, "FulfilmentHoldLost", include_str!("../avro/fulfilment/FulfilmentHoldLost.avsc")),
        record(
            Aggregate::Fulfilment,
            "FulfilmentPaymentLost",
            include_str!("../avro/fulfilment/FulfilmentPaymentLost.avsc"),
        ),
        record(
            Aggregate::Fulfilment,
            "FulfilmentCompensationStarted",
            include_str!("../avro/fulfilment/FulfilmentCompensationStarted.avsc"),
        ),
        record(
            Aggregate::Fulfilment,
            "FulfilmentCompleted",
            include_str!("../avro/fulfilment/FulfilmentCompleted.avsc"),
        ),
        record(Aggregate::Fulfilment, "FulfilmentFailed", include_str!("../avro/fulfilment/FulfilmentFailed.avsc")),
        record(Aggregate::Fulfilment, "FulfilmentResumed", include_str!("../avro/fulfilment/FulfilmentResumed.avsc")),
    ]
});

/// The record of this name, if this release can write it.
#[must_use]
pub fn record_named(name: &str) -> Option<&'static Record> {
    RECORDS.iter().find(|record| record.name == name)
}

#[expect(clippy::expect_used, reason = "a schema that is compiled in and does not parse fails every test")]
fn record(aggregate: Aggregate, name: &'static str, avsc: &'static str) -> Record {
    let schema = avsc.parse().expect("the schema file is valid Avro");
    Record { aggregate, name, avsc, schema }
}

/// The Avro enum of these symbols, the first of which is the default for readers that do not know the symbol they find.
#[expect(clippy::expect_used, reason = "a name in the source that is not an Avro name fails every test")]
pub(crate) fn enumeration<const N: usize>(
    name: &str,
    doc: &str,
    symbols: [&'static str; N],
    named: &mut HashSet<Name>,
    namespace: NamespaceRef<'_>,
) -> apache_avro::Schema {
    let name = Name::new_with_enclosing_namespace(name, namespace).expect("the name is an Avro name");
    if !named.insert(name.clone()) {
        return apache_avro::Schema::Ref { name };
    }
    let default = symbols.first().map(|symbol| String::from(*symbol));
    let symbols = symbols.map(String::from).to_vec();
    apache_avro::Schema::Enum(
        EnumSchema::builder().name(name).doc(Some(doc.to_owned())).symbols(symbols).maybe_default(default).build(),
    )
}

pub(crate) fn write<T: Serialize>(value: &T, schema: &Schema) -> Result<Vec<u8>, serde_avro_fast::ser::SerError> {
    serde_avro_fast::to_datum_vec(value, &mut SerializerConfig::new(schema))
}

pub(crate) fn read<T: DeserializeOwned>(name: &str, writer: &Schema, datum: &[u8]) -> Result<T, DecodeError> {
    let mut config = DeserializerConfig::new(writer);
    // Every element of a list takes at least one byte, so a longer list is a lie that would only cost time.
    config.max_seq_size = datum.len();
    let mut state = DeserializerState::with_config(SliceRead::new(datum), config);
    let value =
        T::deserialize(state.deserializer()).map_err(|source| DecodeError::Avro { name: name.to_owned(), source })?;
    let left = state.into_reader().fill_buf().map_or(0, <[u8]>::len);
    if left > 0 {
        return Err(DecodeError::TrailingBytes { name: name.to_owned(), left });
    }
    Ok(value)
}
