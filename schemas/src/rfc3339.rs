//! Timestamps as RFC 3339 text, for JSON that people read: `#[serde(with = "schemas::rfc3339")]`.

use serde::{Deserialize as _, Deserializer, Serializer};

use crate::Timestamp;

/// Writes the instant with six decimals, in UTC: `2024-05-01T12:00:00.000000Z`.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

/// Reads what [`serialize`] wrote.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    Timestamp::parse(&text).map_err(serde::de::Error::custom)
}
