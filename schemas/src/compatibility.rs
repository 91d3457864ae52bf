//! Whether two releases of a record can be on one topic: `FULL` compatibility, as the registry understands it, offline.
//!
//! The registry demands it between every two versions of a subject (`FULL_TRANSITIVE`): whoever knows one of them reads
//! what was written with the other.

use apache_avro::Schema;
use apache_avro::error::CompatibilityError;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};

/// Why two schemas cannot be versions of one subject.
#[derive(Debug, thiserror::Error)]
pub enum Incompatible {
    /// A text is not an Avro schema.
    #[error("the {which} schema is not valid Avro")]
    Invalid {
        /// `old` or `new`.
        which: &'static str,
        /// What the parser said.
        source: Box<apache_avro::Error>,
    },
    /// They describe different records.
    #[error("the record {old} cannot become {new}: a new name is a new record")]
    Renamed {
        /// The old full name.
        old: String,
        /// The new full name.
        new: String,
    },
    /// Whoever knows one of them cannot read the other's data.
    #[error("who knows the {reader} schema cannot read what the {writer} one wrote")]
    Unreadable {
        /// `old` or `new`.
        reader: &'static str,
        /// The other one.
        writer: &'static str,
        /// Where they disagree.
        source: Box<CompatibilityError>,
    },
    /// Whoever knows one of them can read only some of the other's data.
    #[error("who knows the {reader} schema cannot read all that the {writer} one can write: an enum or a union grew")]
    Partial {
        /// `old` or `new`.
        reader: &'static str,
        /// The other one.
        writer: &'static str,
    },
}

/// Whether readers of either schema read all data of the other.
pub fn check(old: &str, new: &str) -> Result<(), Incompatible> {
    let old = parse("old", old)?;
    let new = parse("new", new)?;
    let (old_name, new_name) = (full_name(&old), full_name(&new));
    if old_name != new_name {
        return Err(Incompatible::Renamed { old: old_name, new: new_name });
    }
    reads(("new", &new), ("old", &old))?;
    reads(("old", &old), ("new", &new))
}

fn parse(which: &'static str, text: &str) -> Result<Schema, Incompatible> {
    Schema::parse_str(text).map_err(|source| Incompatible::Invalid { which, source: Box::new(source) })
}

fn full_name(schema: &Schema) -> String {
    schema.name().map(|name| name.fullname(None)).unwrap_or_default()
}

type Named<'a> = (&'static str, &'a Schema);

fn reads((reader, known): Named<'_>, (writer, written): Named<'_>) -> Result<(), Incompatible> {
    match SchemaCompatibility::can_read(written, known) {
        Ok(Compatibility::Full) => Ok(()),
        Ok(Compatibility::Partial) => Err(Incompatible::Partial { reader, writer }),
        Err(source) => Err(Incompatible::Unreadable { reader, writer, source: Box::new(source) }),
    }
}
