//! The requests to the registry, over the library's functions, which cache nothing.

use std::error::Error as _;
use std::time::Duration;

use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_all_versions, get_schema_by_id, get_schema_by_subject_and_version, perform_sr_call,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, RegisteredSchema, SrCall};
use serde_json::json;

use super::Writer;
use crate::Error;

/// How to reach the registry.
#[derive(Debug)]
pub(crate) struct Calls {
    settings: SrSettings,
}

impl Calls {
    /// A registry that has not answered by then is down.
    pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);

    pub(crate) fn new(url: &str) -> Result<Self, Error> {
        let mut builder = SrSettings::new_builder(url.to_owned());
        let settings = builder
            .set_timeout(Self::TIMEOUT)
            .build()
            .map_err(|source| Error::RegistryClient { source: Box::new(source) })?;
        Ok(Self { settings })
    }

    /// For calls of the library that are not made here.
    pub(crate) const fn settings(&self) -> &SrSettings {
        &self.settings
    }

    /// Whether it answers at all.
    pub(super) async fn probe(&self) -> Result<(), Error> {
        // Subject names are of no interest; an unknown one answers as quickly as a known one.
        self.version_numbers("orderflow").await.map(drop)
    }

    /// The id under which exactly this schema is registered for this subject.
    pub(crate) async fn id_of(&self, subject: &str, schema: &str) -> Result<Option<u32>, Error> {
        let body = json!({ "schema": schema, "schemaType": "AVRO" }).to_string();
        let answer = perform_sr_call(&self.settings, SrCall::PostForVersion(subject, &body)).await;
        found(answer, || subject.to_owned()).map(|answer| answer.and_then(|schema| schema.id))
    }

    /// The schema of this id; `None` also when it is not an Avro record that we can read.
    pub(super) async fn schema_of(&self, id: u32) -> Result<Option<Writer>, Error> {
        let answer = get_schema_by_id(id, &self.settings).await;
        Ok(found(answer, || format!("schema {id}"))?.and_then(|schema| parse(&schema)))
    }

    /// All schemas of a subject, oldest first; none if the subject does not exist.
    pub(super) async fn versions(&self, subject: &str) -> Result<Vec<Writer>, Error> {
        let texts = self.texts(subject).await?;
        Ok(texts.iter().filter_map(|(_, text)| Writer::parse(text)).collect())
    }

    /// All schemas of a subject as they were registered, each under its version, oldest first.
    pub(crate) async fn texts(&self, subject: &str) -> Result<Vec<(u32, String)>, Error> {
        let mut numbers = self.version_numbers(subject).await?;
        numbers.sort_unstable();
        let mut texts = Vec::new();
        for number in numbers {
            let answer = get_schema_by_subject_and_version(&self.settings, subject, Some(number)).await;
            let schema = found(answer, || format!("version {number} of {subject}"))?;
            texts.extend(schema.map(|schema| (number, schema.schema)));
        }
        Ok(texts)
    }

    async fn version_numbers(&self, subject: &str) -> Result<Vec<u32>, Error> {
        let answer = get_all_versions(&self.settings, subject.to_owned()).await;
        Ok(found(answer, || subject.to_owned())?.unwrap_or_default())
    }
}

/// "There is none" (error codes 404xx of the API) is an answer, not a failure.
fn found<T>(answer: Result<T, SRCError>, what: impl FnOnce() -> String) -> Result<Option<T>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if is_not_found(&error) => Ok(None),
        Err(source) => Err(Error::Registry { what: what(), source: Box::new(source) }),
    }
}

fn is_not_found(error: &SRCError) -> bool {
    let raw = error.source().and_then(|source| source.downcast_ref::<RawError>());
    raw.is_some_and(|raw| matches!(raw.error_code, 404 | 40401..=40403))
}

fn parse(schema: &RegisteredSchema) -> Option<Writer> {
    Writer::parse(&schema.schema)
}

impl Writer {
    /// Reads the text of a schema; `None` if it is not a record.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let name = json.get("name")?.as_str()?;
        let full_name = match json.get("namespace").and_then(|namespace| namespace.as_str()) {
            Some(namespace) if !name.contains('.') => format!("{namespace}.{name}"),
            _ => name.to_owned(),
        };
        Some(Self { full_name, schema: text.parse().ok()? })
    }
}
