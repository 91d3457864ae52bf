//! The surface of events, as `AsyncAPI` 3.1: the topics of Kafka and the realtime protocol, from what the code says of
//! them.

mod document;
mod realtime;
mod topics;

use serde_json::json;

use crate::Error;
use document::Document;

/// Said at the top of the file.
const NOTICE: &str = "# Written by `cargo xtask gen`. Change the code instead.\n";

/// The document as it is served at `/asyncapi.yaml`.
pub(super) fn page() -> Result<String, Error> {
    let document = document().map_err(|source| Error::Derive { page: "asyncapi.yaml", source })?;
    let text = serde_yaml_ng::to_string(&document).map_err(Error::Yaml)?;
    Ok(format!("{NOTICE}{text}"))
}

fn document() -> Result<Document, serde_json::Error> {
    let info = json!({
        "title": "orderflow",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "What happened, on Kafka for programs of the house, and on WebSocket and server-sent events for \
            the owner of what it happened to, for everybody who looks at the catalogue, and for operators. Schemas are named relative to this file in the repository; the schema \
            registry has them too, as the subjects `<topic>-<name of the message>`.",
        "license": {"name": "MIT"},
    });
    let mut document = Document::new(info);
    topics::describe(&mut document)?;
    realtime::describe(&mut document)?;
    Ok(document)
}

#[cfg(test)]
mod tests;
