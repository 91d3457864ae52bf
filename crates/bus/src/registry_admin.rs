//! Registering schemas, for the operators' tool. Services only look up.
//!
//! Every subject gets compatibility `FULL_TRANSITIVE` before its first schema, so that each release can read what any
//! other wrote.

use reqwest::{Client, Response};
use schema_registry_converter::async_impl::schema_registry::post_schema;
use schema_registry_converter::schema_registry_common::{SchemaType, SuppliedSchema};
use schemas::avro;
use schemas::compatibility::{Incompatible, check};
use serde::Deserialize;
use serde_json::json;

use crate::registry::Calls;
use crate::{Error, KafkaConfig};

/// The compatibility of every subject.
pub const COMPATIBILITY: &str = "FULL_TRANSITIVE";

/// One subject, compared with what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectPlan {
    /// The subject.
    pub subject: String,
    /// The id of this release's schema, if it is registered.
    pub id: Option<u32>,
    /// The subject's own compatibility, if it has one.
    pub compatibility: Option<String>,
}

impl SubjectPlan {
    /// Whether nothing is to be done.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.id.is_some() && self.compatibility.as_deref() == Some(COMPATIBILITY)
    }
}

/// One subject, and how every schema that is registered there gets on with this release's.
#[derive(Debug)]
pub struct SubjectCheck {
    /// The subject, compared with what it must be.
    pub plan: SubjectPlan,
    /// How many schemas are registered there.
    pub versions: usize,
    /// Those of which either cannot read all that the other writes, by their versions in the registry.
    pub conflicts: Vec<(u32, Incompatible)>,
}

/// The subjects of all records that this release writes.
#[derive(Debug)]
pub struct Subjects {
    url: String,
    calls: Calls,
    http: Client,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Compatibility {
    compatibility_level: Option<String>,
}

impl Subjects {
    /// A connection for operators.
    pub fn connect(config: &KafkaConfig) -> Result<Self, Error> {
        let url = config.schema_registry_url.clone();
        let http = Client::builder().timeout(Calls::TIMEOUT).build();
        let http = http.map_err(|source| Error::RegistryHttp { what: "connect".to_owned(), source })?;
        Ok(Self { calls: Calls::new(&url)?, http, url })
    }

    /// Compares every subject with what it must be.
    pub async fn plan(&self) -> Result<Vec<SubjectPlan>, Error> {
        let mut plans = Vec::new();
        for record in avro::RECORDS.iter() {
            plans.push(self.state(record).await?);
        }
        Ok(plans)
    }

    /// Holds every registered schema against this release's; the comparison is ours, so it does not rest on how the
    /// registry is set.
    pub async fn check(&self) -> Result<Vec<SubjectCheck>, Error> {
        let mut checks = Vec::new();
        for record in avro::RECORDS.iter() {
            let plan = self.state(record).await?;
            let registered = self.calls.texts(&plan.subject).await?;
            let conflict = |(version, text): &(u32, String)| Some((*version, check(text, record.avsc).err()?));
            let conflicts = registered.iter().filter_map(conflict).collect();
            checks.push(SubjectCheck { plan, versions: registered.len(), conflicts });
        }
        Ok(checks)
    }

    /// Sets compatibilities and registers the schemas that are missing. A schema that is not compatible with the
    /// registered ones is refused by the registry, and nothing after it is done.
    pub async fn apply(&self) -> Result<Vec<SubjectPlan>, Error> {
        for record in avro::RECORDS.iter() {
            let plan = self.state(record).await?;
            if plan.compatibility.as_deref() != Some(COMPATIBILITY) {
                self.set_compatibility(&plan.subject).await?;
            }
            if plan.id.is_none() {
                self.register(record, plan.subject).await?;
            }
        }
        self.plan().await
    }

    async fn state(&self, record: &avro::Record) -> Result<SubjectPlan, Error> {
        let subject = record.subject();
        let id = self.calls.id_of(&subject, record.avsc).await?;
        Ok(SubjectPlan { compatibility: self.compatibility(&subject).await?, id, subject })
    }

    async fn register(&self, record: &avro::Record, subject: String) -> Result<(), Error> {
        let schema = SuppliedSchema::new(Some(record.full_name()), SchemaType::Avro, record.avsc.to_owned());
        let settings = self.calls.settings();
        let answer = post_schema(settings, subject.clone(), schema).await;
        answer.map(drop).map_err(|source| Error::Registry { what: subject, source: Box::new(source) })
    }

    async fn compatibility(&self, subject: &str) -> Result<Option<String>, Error> {
        let what = format!("tell the compatibility of {subject}");
        let failed = |source| Error::RegistryHttp { what: what.clone(), source };
        let answer = self.http.get(self.config_of(subject)).send().await.map_err(failed)?;
        if answer.status() == reqwest::StatusCode::NOT_FOUND {
            return Ok(None);
        }
        let answer = accepted(answer, &what).await?;
        Ok(answer.json::<Compatibility>().await.map_err(failed)?.compatibility_level)
    }

    /// Sets it, and reads it back: a registry that says yes and does nothing would let streams rot.
    async fn set_compatibility(&self, subject: &str) -> Result<(), Error> {
        let what = format!("set the compatibility of {subject} to {COMPATIBILITY}");
        let failed = |source| Error::RegistryHttp { what: what.clone(), source };
        let request = self.http.put(self.config_of(subject)).json(&json!({ "compatibility": COMPATIBILITY }));
        accepted(request.send().await.map_err(failed)?, &what).await?;
        let found = self.compatibility(subject).await?;
        if found.as_deref() != Some(COMPATIBILITY) {
            return Err(Error::RegistryAdmin { what, answer: format!("afterwards it is {found:?}") });
        }
        Ok(())
    }

    fn config_of(&self, subject: &str) -> String {
        format!("{}/config/{subject}", self.url)
    }
}

async fn accepted(answer: Response, what: &str) -> Result<Response, Error> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = answer.text().await.unwrap_or_default();
    Err(Error::RegistryAdmin { what: what.to_owned(), answer: format!("{status} {body}") })
}
