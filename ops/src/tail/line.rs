//! One record as a line: for people, and as a JSON object whose fields are a promise.

use std::fmt;

use bus::log::Logged;
use bus::{DecodeFailure, Header};
use schemas::{AnyEvent, Recorded};
use serde::Serialize;
use serde_json::Value;

/// What is shown of a record. What is not known of it is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Line {
    topic: String,
    partition: i32,
    offset: i64,
    /// When it was written to the log, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    written: Option<String>,
    /// The record's key, which is the stream's id.
    stream: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<u32>,
    /// The name of the event, without its namespace.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// When it was decided, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correlation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    causation: Option<String>,
    /// The record that this is a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_of: Option<String>,
    /// What happened; absent if the record cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    /// Why it cannot be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Line {
    pub(super) fn of(logged: &Logged, decoded: Result<&Recorded<AnyEvent>, &DecodeFailure>) -> Self {
        let record = &logged.record;
        let header = |header| record.headers.text(header).map(str::to_owned);
        let (data, error) = match decoded {
            Ok(recorded) => match recorded.event.to_json() {
                Ok(data) => (Some(data), None),
                Err(error) => (None, Some(runtime::chain_in_lines(&error))),
            },
            Err(failure) => (None, Some(runtime::chain_in_lines(failure))),
        };
        Self {
            topic: record.topic.to_string(),
            partition: record.partition,
            offset: record.offset,
            written: record.written.map(|at| at.to_string()),
            stream: String::from_utf8_lossy(&record.key).into_owned(),
            version: record.version().map(|version| version.0),
            name: record.event_type().and_then(|full| full.rsplit('.').next()).map(str::to_owned),
            id: header(Header::Id),
            at: header(Header::Time),
            owner: header(Header::Owner),
            correlation: header(Header::Correlation),
            causation: header(Header::Causation),
            replay_of: logged.replay_of.clone(),
            data,
            error,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at.as_deref().or(self.written.as_deref()).unwrap_or("-");
        let version = self.version.map_or_else(|| "v?".to_owned(), |version| format!("v{version}"));
        let name = self.name.as_deref().unwrap_or("?");
        // A key may be anything, and must not break the line.
        let stream = self.stream.escape_debug();
        write!(f, "{at}  {}/{}@{}  {stream} {version} {name}  ", self.topic, self.partition, self.offset)?;
        match (&self.data, &self.error) {
            (Some(data), _) => write!(f, "{data}"),
            (None, Some(error)) => write!(f, "[{}]", error.replace("\n  because", "")),
            (None, None) => Ok(()),
        }
    }
}
