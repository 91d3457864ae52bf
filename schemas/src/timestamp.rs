//! Instants, as the hybrid clock counts them.

use std::collections::HashSet;
use std::fmt;

use apache_avro::schema::{Name, NamespaceRef};
use apache_avro::{AvroSchemaComponent, Schema};
use serde::{Deserialize, Serialize};

/// Microseconds since 1970-01-01T00:00:00Z. Shown as RFC 3339, stored and sent as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The text is not an RFC 3339 instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an RFC 3339 instant such as 2024-05-01T12:00:00Z")]
pub struct InvalidTimestamp;

impl Timestamp {
    /// The instant this many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Reads RFC 3339 text; what is finer than a microsecond is cut off.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        let instant: jiff::Timestamp = text.parse().map_err(|_| InvalidTimestamp)?;
        Ok(Self(instant.as_microsecond()))
    }

    /// One microsecond later; saturates.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl AvroSchemaComponent for Timestamp {
    fn get_schema_in_ctxt(_: &mut HashSet<Name>, _: NamespaceRef<'_>) -> Schema {
        Schema::TimestampMicros
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}
