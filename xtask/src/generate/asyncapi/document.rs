//! The parts of an `AsyncAPI` 3 document that we fill in, in the order in which they are read.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// The whole.
#[derive(Debug, Serialize)]
pub(super) struct Document {
    asyncapi: &'static str,
    pub(super) info: Value,
    pub(super) servers: BTreeMap<String, Value>,
    pub(super) channels: BTreeMap<String, Channel>,
    pub(super) operations: BTreeMap<String, Operation>,
    pub(super) components: Components,
}

/// A place where messages go by: a topic, or a connection.
#[derive(Debug, Serialize)]
pub(super) struct Channel {
    pub(super) address: String,
    pub(super) description: String,
    pub(super) servers: Vec<Reference>,
    pub(super) messages: BTreeMap<String, Reference>,
    pub(super) bindings: Value,
    /// `AsyncAPI` has no word for how a connection ends.
    #[serde(rename = "x-close-codes", skip_serializing_if = "Vec::is_empty")]
    pub(super) close_codes: Vec<CloseCode>,
}

/// How a connection ends.
#[derive(Debug, Serialize)]
pub(super) struct CloseCode {
    pub(super) code: u16,
    pub(super) name: &'static str,
    pub(super) reason: String,
    pub(super) advice: &'static str,
}

/// What this system does at a channel.
#[derive(Debug, Serialize)]
pub(super) struct Operation {
    pub(super) action: Action,
    pub(super) channel: Reference,
    pub(super) summary: String,
    pub(super) messages: Vec<Reference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bindings: Option<Value>,
}

/// Seen from this system.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Send,
    Receive,
}

/// What others refer to.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Components {
    pub(super) messages: BTreeMap<String, Message>,
    pub(super) schemas: BTreeMap<String, Value>,
    pub(super) security_schemes: BTreeMap<String, Value>,
}

/// One kind of message.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Message {
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) content_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) headers: Option<Value>,
    pub(super) payload: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) bindings: Option<Value>,
}

/// Leads to another part, or to another file.
#[derive(Debug, Serialize)]
pub(super) struct Reference {
    #[serde(rename = "$ref")]
    to: String,
}

impl Document {
    pub(super) fn new(info: Value) -> Self {
        Self {
            asyncapi: "3.1.0",
            info,
            servers: BTreeMap::new(),
            channels: BTreeMap::new(),
            operations: BTreeMap::new(),
            components: Components::default(),
        }
    }
}

impl Reference {
    pub(super) fn to(place: impl Into<String>) -> Self {
        Self { to: place.into() }
    }

    /// The messages of these names, as a channel lists them.
    pub(super) fn messages<'a>(names: impl IntoIterator<Item = &'a str>) -> BTreeMap<String, Self> {
        names.into_iter().map(|name| (name.to_owned(), Self::to(format!("#/components/messages/{name}")))).collect()
    }
}

impl Operation {
    /// Something done with these messages of a channel.
    pub(super) fn new<'a>(
        action: Action,
        channel: &str,
        summary: impl Into<String>,
        messages: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let messages = messages.into_iter();
        let messages = messages.map(|name| Reference::to(format!("#/channels/{channel}/messages/{name}")));
        let (messages, summary) = (messages.collect(), summary.into());
        let channel = Reference::to(format!("#/channels/{channel}"));
        Self { action, channel, summary, messages, bindings: None }
    }
}
