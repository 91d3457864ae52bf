//! What every event can do: name itself, and travel as BSON (in commits) and as Avro (on topics).

use bson::{RawDocument, RawDocumentBuf};
use serde_avro_fast::Schema;

use crate::{Aggregate, AnyEvent};

/// One aggregate's events: an enum of structs, each of which is one Avro record.
pub trait Event:
    Clone + std::fmt::Debug + PartialEq + Into<AnyEvent> + TryFrom<AnyEvent> + Send + Sync + 'static
{
    /// The aggregate that these events happen to.
    const AGGREGATE: Aggregate;
    /// The record names of all events, in the order of the enum.
    const NAMES: &'static [&'static str];
    /// The names of records that are no longer written, and are read as what replaced them.
    const RETIRED: &'static [&'static str];

    /// The Avro schema of each event's struct, as its fields stand in the source, in the order of the enum. The
    /// `.avsc` files say the same; it is they that are registered.
    fn structs() -> Vec<apache_avro::Schema>;
    /// The record's name without its namespace: `OrderPlaced`.
    fn name(&self) -> &'static str;
    /// The name that the seed applications gave this event, if they named it: `order.created`.
    fn seed_type(&self) -> Option<&'static str>;
    /// The content as it lies in a commit.
    fn to_document(&self) -> Result<RawDocumentBuf, EncodeError>;
    /// Reads what [`Self::to_document`] wrote, in this or an earlier release.
    fn from_document(name: &str, data: &RawDocument) -> Result<Self, DecodeError>;
    /// The content as an Avro datum of the record `name()`, without frame; `schema` is that record's.
    fn to_avro(&self, schema: &Schema) -> Result<Vec<u8>, EncodeError>;
    /// Reads a datum that was written with `writer`, the schema of record `name` in this or another release.
    fn from_avro(name: &str, writer: &Schema, datum: &[u8]) -> Result<Self, DecodeError>;
    /// The content as JSON, under the record's field names, for people and browsers.
    fn to_json(&self) -> Result<serde_json::Value, EncodeError>;
    /// Reads what [`Self::to_json`] wrote, in this or an earlier release.
    fn from_json(name: &str, data: &serde_json::Value) -> Result<Self, DecodeError>;
    /// This event among those of all aggregates.
    fn into_any(self) -> AnyEvent {
        self.into()
    }
    /// The event, if it is of this aggregate.
    fn from_any(any: AnyEvent) -> Option<Self> {
        Self::try_from(any).ok()
    }
}

/// An event could not be written. A defect of ours, not of the input.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// As a commit's document.
    #[error("{name} does not encode as BSON")]
    Bson {
        /// The record's name.
        name: &'static str,
        /// What the encoder said.
        source: Box<bson::error::Error>,
    },
    /// As a topic's record.
    #[error("{name} does not encode as Avro")]
    Avro {
        /// The record's name.
        name: &'static str,
        /// What the encoder said.
        source: serde_avro_fast::ser::SerError,
    },
    /// For people and browsers.
    #[error("{name} does not encode as JSON")]
    Json {
        /// The record's name.
        name: &'static str,
        /// What the encoder said.
        source: serde_json::Error,
    },
}

/// Bytes that claim to be an event could not be read.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// No event of this aggregate has that name: it comes from a newer release, or from elsewhere.
    #[error("{aggregate:?} has no event named {name}")]
    UnknownName {
        /// Whose events were asked.
        aggregate: Aggregate,
        /// The name that was found.
        name: String,
    },
    /// A commit's document is not that event.
    #[error("the document is not a {name}")]
    Bson {
        /// The event's name.
        name: String,
        /// What the decoder said.
        source: Box<bson::error::Error>,
    },
    /// A topic's datum is not that event.
    #[error("the Avro datum is not a {name}")]
    Avro {
        /// The event's name.
        name: String,
        /// What the decoder said.
        source: serde_avro_fast::de::DeError,
    },
    /// A shown event's content is not that event.
    #[error("the JSON is not a {name}")]
    Json {
        /// The event's name.
        name: String,
        /// What the decoder said.
        source: serde_json::Error,
    },
    /// Bytes were left over behind the datum.
    #[error("{left} bytes are left over behind the Avro datum of {name}")]
    TrailingBytes {
        /// The event's name.
        name: String,
        /// How many.
        left: usize,
    },
}

/// Declares one aggregate's event enum and implements [`Event`] for it. The record name is aggregate + variant.
///
/// `retired { Old => Variant, }` keeps the record `Old` readable after a change that no default can carry: it becomes
/// the variant's record by `From` at the moment it is read, so nothing else ever sees it.
macro_rules! events {
    (
        $(#[$doc:meta])*
        $enum:ident of $aggregate:ident {
            $($(#[$variant_doc:meta])* $variant:ident($record:ident) $(as $seed:literal)?,)+
        }
        $(retired { $($old:ident => $heir:ident,)+ })?
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$variant_doc])* $variant($record),)+
        }

        impl $crate::Event for $enum {
            const AGGREGATE: $crate::Aggregate = $crate::Aggregate::$aggregate;
            const NAMES: &'static [&'static str] = &[$(stringify!($record)),+];
            const RETIRED: &'static [&'static str] = &[$($(stringify!($old)),+)?];

            fn structs() -> Vec<apache_avro::Schema> {
                vec![$(<$record as apache_avro::AvroSchema>::get_schema()),+]
            }

            fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($record),)+
                }
            }

            fn seed_type(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(_) => $crate::event::seed_name!($($seed)?),)+
                }
            }

            fn to_document(&self) -> Result<bson::RawDocumentBuf, $crate::EncodeError> {
                match self {
                    $(Self::$variant(event) => bson::serialize_to_raw_document_buf(event),)+
                }
                .map_err(|source| $crate::EncodeError::Bson { name: self.name(), source: Box::new(source) })
            }

            fn from_document(name: &str, data: &bson::RawDocument) -> Result<Self, $crate::DecodeError> {
                let data = data.as_bytes();
                match name {
                    $(stringify!($record) => bson::deserialize_from_slice(data).map(Self::$variant),)+
                    $($(stringify!($old) => {
                        bson::deserialize_from_slice::<$old>(data).map(|old| Self::$heir(old.into()))
                    })+)?
                    _ => return Err($crate::event::unknown_name::<Self>(name)),
                }
                .map_err(|source| $crate::DecodeError::Bson { name: name.to_owned(), source: Box::new(source) })
            }

            fn to_avro(&self, schema: &serde_avro_fast::Schema) -> Result<Vec<u8>, $crate::EncodeError> {
                match self {
                    $(Self::$variant(event) => $crate::avro::write(event, schema),)+
                }
                .map_err(|source| $crate::EncodeError::Avro { name: self.name(), source })
            }

            fn from_avro(
                name: &str,
                writer: &serde_avro_fast::Schema,
                datum: &[u8],
            ) -> Result<Self, $crate::DecodeError> {
                match name {
                    $(stringify!($record) => $crate::avro::read(name, writer, datum).map(Self::$variant),)+
                    $($(stringify!($old) => {
                        $crate::avro::read::<$old>(name, writer, datum).map(|old| Self::$heir(old.into()))
                    })+)?
                    _ => Err($crate::event::unknown_name::<Self>(name)),
                }
            }

            fn to_json(&self) -> Result<serde_json::Value, $crate::EncodeError> {
                match self {
                    $(Self::$variant(event) => serde_json::to_value(event),)+
                }
                .map_err(|source| $crate::EncodeError::Json { name: self.name(), source })
            }

            fn from_json(name: &str, data: &serde_json::Value) -> Result<Self, $crate::DecodeError> {
                match name {
                    $(stringify!($record) => <$record as serde::Deserialize>::deserialize(data).map(Self::$variant),)+
                    $($(stringify!($old) => {
                        <$old as serde::Deserialize>::deserialize(data).map(|old| Self::$heir(old.into()))
                    })+)?
                    _ => return Err($crate::event::unknown_name::<Self>(name)),
                }
                .map_err(|source| $crate::DecodeError::Json { name: name.to_owned(), source })
            }
        }
    };
}

macro_rules! seed_name {
    () => {
        None
    };
    ($seed:literal) => {
        Some($seed)
    };
}

pub(crate) use {events, seed_name};

pub(crate) fn unknown_name<E: Event>(name: &str) -> DecodeError {
    DecodeError::UnknownName { aggregate: E::AGGREGATE, name: name.to_owned() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use apache_avro::AvroSchema;
    use serde::{Deserialize, Serialize};

    use super::Event as _;
    use crate::AnyEvent;

    events! {
        /// What can happen to a parcel. The first release weighed it in whole kilograms; no default can turn those into
        /// grams, so the second release writes a record of another name and reads the first one's by [`From`].
        ParcelEvent of Stock {
            /// It was weighed.
            Weighed(ParcelWeighedInGrams),
        }
        retired {
            ParcelWeighed => Weighed,
        }
    }

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
    pub struct ParcelWeighed {
        kilograms: i64,
    }

    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, AvroSchema)]
    pub struct ParcelWeighedInGrams {
        grams: i64,
        /// Came with a later release, which a default can carry: it needs no new record.
        #[serde(default = "one")]
        #[avro(default = "1")]
        pieces: i64,
    }

    fn one() -> i64 {
        1
    }

    impl From<ParcelWeighed> for ParcelWeighedInGrams {
        fn from(old: ParcelWeighed) -> Self {
            Self { grams: old.kilograms * 1_000, pieces: one() }
        }
    }

    // A parcel is on no topic, so its events are among nobody else's.
    impl From<ParcelEvent> for AnyEvent {
        fn from(_: ParcelEvent) -> Self {
            unreachable!("a parcel is on no topic")
        }
    }

    impl TryFrom<AnyEvent> for ParcelEvent {
        type Error = AnyEvent;

        fn try_from(any: AnyEvent) -> Result<Self, AnyEvent> {
            Err(any)
        }
    }

    fn weighed(grams: i64) -> ParcelEvent {
        ParcelEvent::Weighed(ParcelWeighedInGrams { grams, pieces: 1 })
    }

    /// One datum, and the schema that it was written with.
    fn written<T: Serialize + AvroSchema>(record: &T) -> (serde_avro_fast::Schema, Vec<u8>) {
        let schema = T::get_schema().canonical_form().parse().unwrap();
        let datum = crate::avro::write(record, &schema).unwrap();
        (schema, datum)
    }

    #[test]
    fn a_retired_record_is_read_as_what_replaced_it() {
        let old = ParcelWeighed { kilograms: 2 };
        let document = bson::serialize_to_raw_document_buf(&old).unwrap();
        assert_eq!(ParcelEvent::from_document("ParcelWeighed", &document).unwrap(), weighed(2_000));
        let (writer, datum) = written(&old);
        assert_eq!(ParcelEvent::from_avro("ParcelWeighed", &writer, &datum).unwrap(), weighed(2_000));
        let shown = serde_json::to_value(&old).unwrap();
        assert_eq!(ParcelEvent::from_json("ParcelWeighed", &shown).unwrap(), weighed(2_000));
        assert_eq!(ParcelEvent::RETIRED, ["ParcelWeighed"]);
    }

    #[test]
    fn a_retired_record_is_not_written_any_more() {
        assert_eq!(weighed(2_000).name(), "ParcelWeighedInGrams");
        assert_eq!(ParcelEvent::NAMES, ["ParcelWeighedInGrams"]);
    }

    #[test]
    fn a_field_that_came_later_takes_its_default_in_older_data() {
        #[derive(Serialize, AvroSchema)]
        #[serde(rename = "ParcelWeighedInGrams")]
        struct FirstRelease {
            grams: i64,
        }
        let old = FirstRelease { grams: 7 };
        let document = bson::serialize_to_raw_document_buf(&old).unwrap();
        assert_eq!(ParcelEvent::from_document("ParcelWeighedInGrams", &document).unwrap(), weighed(7));
        let (writer, datum) = written(&old);
        assert_eq!(ParcelEvent::from_avro("ParcelWeighedInGrams", &writer, &datum).unwrap(), weighed(7));
    }
}
