//! The Confluent wire format: a zero byte, the schema's id (4 bytes, big endian), then the Avro datum.
//!
//! Source: Confluent Schema Registry documentation, "Wire format".

/// The bytes before the datum.
pub const HEADER_LENGTH: usize = 5;

/// The bytes are not a framed datum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value is not in the Confluent wire format: a zero byte and a 4-byte schema id are expected first")]
pub struct NotFramed;

/// Puts the frame before a datum.
#[must_use]
pub fn wrap(schema_id: u32, datum: &[u8]) -> Vec<u8> {
    let mut framed = Vec::with_capacity(HEADER_LENGTH + datum.len());
    framed.push(0);
    framed.extend_from_slice(&schema_id.to_be_bytes());
    framed.extend_from_slice(datum);
    framed
}

/// Takes the frame off: the schema's id and the datum.
pub fn split(value: &[u8]) -> Result<(u32, &[u8]), NotFramed> {
    let (header, datum) = value.split_first_chunk::<HEADER_LENGTH>().ok_or(NotFramed)?;
    match *header {
        [0, a, b, c, d] => Ok((u32::from_be_bytes([a, b, c, d]), datum)),
        _ => Err(NotFramed),
    }
}
