//! apache-avro, the reference implementation: slow, and not ours.

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;

/// The datum as the reference reads it; it must leave nothing over.
pub(crate) fn read(schema: &Schema, mut datum: &[u8]) -> Value {
    let value = GenericDatumReader::builder(schema).build().unwrap().read_value(&mut datum).unwrap();
    assert!(datum.is_empty());
    value
}

/// The datum as the reference writes it.
pub(crate) fn write(schema: &Schema, value: Value) -> Vec<u8> {
    GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
}
