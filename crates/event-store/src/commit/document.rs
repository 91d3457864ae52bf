//! A commit as a BSON document, and back. The field names are part of the stored format.

use bson::raw::{RawArrayBuf, RawBinaryRef, RawDocument, RawDocumentBuf, cstr};
use bson::spec::BinarySubtype;
use bson::{Binary, Bson, Document, doc};
use schemas::{InvalidId, StreamId, Timestamp, UserId, Version};
use uuid::Uuid;

use super::{CommandRecord, Commit, CommitId, Fingerprint, KeyHash, MAX_COMMIT_BYTES, MAX_EVENT_BYTES, StoredEvent};
use crate::{Error, lane};

#[cfg(test)]
mod tests;

/// A stored document is not a commit as this release knows it.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// A field is missing or has another type.
    #[error("the commit's {field} is missing or has an unexpected type")]
    Field {
        /// Which.
        field: &'static str,
        /// What the decoder said.
        source: bson::error::Error,
    },
    /// A field holds something else than it must.
    #[error("the commit's {field} has an impossible value")]
    Value {
        /// Which.
        field: &'static str,
    },
    /// An id is not one.
    #[error("the commit names an impossible stream or owner")]
    Id(#[from] InvalidId),
    /// An event cannot be read by this release.
    #[error("an event of the commit cannot be read")]
    Event(#[from] schemas::DecodeError),
}

impl CommitId {
    /// The value of `_id`.
    pub(crate) fn to_document(&self) -> RawDocumentBuf {
        let mut id = RawDocumentBuf::new();
        id.append(cstr!("s"), self.stream.as_str());
        id.append(cstr!("v"), i64::from(self.first.0));
        id
    }

    /// The value of `_id`, for a filter.
    pub(crate) fn to_bson(&self) -> Document {
        doc! { "s": self.stream.as_str(), "v": i64::from(self.first.0) }
    }

    /// Reads `_id` of a commit's document.
    pub(crate) fn of_document(document: &RawDocument) -> Result<Self, Unreadable> {
        let id = document.get_document("_id").map_err(field("_id"))?;
        let stream = StreamId::parse(id.get_str("s").map_err(field("_id.s"))?)?;
        let first = version(id.get_i64("v").map_err(field("_id.v"))?).ok_or(Unreadable::Value { field: "_id.v" })?;
        Ok(Self { stream, first })
    }
}

impl KeyHash {
    /// An element of `ks`, for a filter.
    pub(crate) fn to_bson(self) -> Bson {
        Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: self.0.to_vec() })
    }
}

impl Commit {
    /// The document to insert, marked for the relay. Sizes are checked here, before anything is sent.
    pub(crate) fn to_document(&self) -> Result<RawDocumentBuf, Error> {
        let mut document = RawDocumentBuf::new();
        document.append(cstr!("_id"), self.key().to_document());
        document.append(cstr!("cid"), uuid(&self.id));
        document.append(cstr!("at"), self.at.as_micros());
        if let Some(owner) = &self.owner {
            document.append(cstr!("own"), owner.as_str());
        }
        document.append(cstr!("cmd"), self.commands.iter().map(command).collect::<RawArrayBuf>());
        if !self.keys.is_empty() {
            document.append(cstr!("ks"), self.keys.iter().map(|key| generic(&key.0)).collect::<RawArrayBuf>());
        }
        let mut events = RawArrayBuf::new();
        for event in &self.events {
            self.check_size("event", event.data.as_bytes().len(), MAX_EVENT_BYTES)?;
            let mut entry = RawDocumentBuf::new();
            entry.append(cstr!("t"), &*event.name);
            entry.append(cstr!("d"), event.data.as_ref());
            events.push(entry);
        }
        document.append(cstr!("ev"), events);
        document.append(cstr!("o"), i32::from(lane(&self.stream)));
        self.check_size("commit", document.as_bytes().len(), MAX_COMMIT_BYTES)?;
        Ok(document)
    }

    /// Reads a commit's document.
    pub(crate) fn of_document(document: &RawDocument) -> Result<Self, Unreadable> {
        let CommitId { stream, first } = CommitId::of_document(document)?;
        let owner = match document.get("own").map_err(|error| Unreadable::Field { field: "own", source: error })? {
            None => None,
            Some(_) => Some(UserId::parse(document.get_str("own").map_err(field("own"))?)?),
        };
        Ok(Self {
            stream,
            first,
            id: commit_id(document)?,
            at: Timestamp::from_micros(document.get_i64("at").map_err(field("at"))?),
            owner,
            commands: elements(document, "cmd")?.into_iter().map(read_command).collect::<Result<_, _>>()?,
            keys: commit_keys(document)?,
            events: elements(document, "ev")?.into_iter().map(read_event).collect::<Result<_, _>>()?,
        })
    }

    fn check_size(&self, what: &'static str, bytes: usize, limit: usize) -> Result<(), Error> {
        if bytes <= limit {
            return Ok(());
        }
        Err(Error::TooLarge { what, stream: self.stream.clone(), bytes, limit })
    }
}

/// Reads `cid` of a commit's document.
pub(crate) fn commit_id(document: &RawDocument) -> Result<Uuid, Unreadable> {
    let binary = document.get_binary("cid").map_err(field("cid"))?;
    Uuid::from_slice(binary.bytes).map_err(|_| Unreadable::Value { field: "cid" })
}

fn command(command: &CommandRecord) -> RawDocumentBuf {
    let mut document = RawDocumentBuf::new();
    if let Some(key) = &command.key {
        document.append(cstr!("k"), generic(&key.0));
    }
    if let Some(fingerprint) = &command.fingerprint {
        document.append(cstr!("fp"), generic(&fingerprint.0));
    }
    document.append(cstr!("n"), i64::from(command.events));
    document.append(cstr!("caller"), &*command.caller);
    document.append(cstr!("correlation"), &*command.correlation);
    if let Some(causation) = &command.causation {
        document.append(cstr!("causation"), &**causation);
    }
    if let Some(traceparent) = &command.traceparent {
        document.append(cstr!("traceparent"), &**traceparent);
    }
    document
}

fn read_command(document: &RawDocument) -> Result<CommandRecord, Unreadable> {
    let text = |name: &'static str| optional(document.get_str(name)).map_err(field(name));
    Ok(CommandRecord {
        key: optional_hash(document, "k")?.map(KeyHash),
        fingerprint: optional_hash(document, "fp")?.map(Fingerprint),
        events: u32::try_from(document.get_i64("n").map_err(field("cmd.n"))?)
            .map_err(|_| Unreadable::Value { field: "cmd.n" })?,
        caller: text("caller")?.unwrap_or_default().into(),
        correlation: text("correlation")?.unwrap_or_default().into(),
        causation: text("causation")?.map(Into::into),
        traceparent: text("traceparent")?.map(Into::into),
    })
}

fn read_event(document: &RawDocument) -> Result<StoredEvent, Unreadable> {
    let name = document.get_str("t").map_err(field("ev.t"))?;
    let data = document.get_document("d").map_err(field("ev.d"))?;
    Ok(StoredEvent { name: name.into(), data: data.to_owned() })
}

/// Reads `ks` of a commit's document.
pub(crate) fn commit_keys(document: &RawDocument) -> Result<Vec<KeyHash>, Unreadable> {
    let Some(keys) = optional(document.get_array("ks")).map_err(field("ks"))? else { return Ok(Vec::new()) };
    let hash = |value: Result<bson::RawBsonRef<'_>, bson::error::Error>| {
        let value = value.map_err(field("ks"))?;
        let binary = value.as_binary().ok_or(Unreadable::Value { field: "ks" })?;
        hash(binary).map(KeyHash).ok_or(Unreadable::Value { field: "ks" })
    };
    keys.into_iter().map(hash).collect()
}

fn optional_hash(document: &RawDocument, name: &'static str) -> Result<Option<[u8; 32]>, Unreadable> {
    let Some(binary) = optional(document.get_binary(name)).map_err(field(name))? else { return Ok(None) };
    hash(binary).map(Some).ok_or(Unreadable::Value { field: name })
}

fn elements<'a>(document: &'a RawDocument, name: &'static str) -> Result<Vec<&'a RawDocument>, Unreadable> {
    let array = document.get_array(name).map_err(field(name))?;
    let element = |value: Result<bson::RawBsonRef<'a>, bson::error::Error>| {
        value.map_err(field(name))?.as_document().ok_or(Unreadable::Value { field: name })
    };
    array.into_iter().map(element).collect()
}

/// A field that may be absent, but may not be of another type.
fn optional<T>(value: Result<T, bson::error::Error>) -> Result<Option<T>, bson::error::Error> {
    use bson::error::{ErrorKind, ValueAccessErrorKind};
    match value {
        Err(error)
            if matches!(error.kind, ErrorKind::ValueAccess { kind: ValueAccessErrorKind::NotPresent { .. }, .. }) =>
        {
            Ok(None)
        }
        value => value.map(Some),
    }
}

fn version(number: i64) -> Option<Version> {
    u32::try_from(number).ok().filter(|number| *number > 0).map(Version)
}

fn hash(binary: RawBinaryRef<'_>) -> Option<[u8; 32]> {
    binary.bytes.try_into().ok()
}

fn field(name: &'static str) -> impl Fn(bson::error::Error) -> Unreadable {
    move |source| Unreadable::Field { field: name, source }
}

fn generic(bytes: &[u8]) -> RawBinaryRef<'_> {
    RawBinaryRef { subtype: BinarySubtype::Generic, bytes }
}

fn uuid(id: &Uuid) -> RawBinaryRef<'_> {
    RawBinaryRef { subtype: BinarySubtype::Uuid, bytes: id.as_bytes() }
}
