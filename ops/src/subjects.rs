//! `ops schemas`: every subject is `FULL_TRANSITIVE` and holds this release's schema. The registry itself refuses a schema
//! that is not compatible with the older ones.

use bus::KafkaConfig;
use bus::registry_admin::{COMPATIBILITY, SubjectPlan, Subjects};

use crate::Error;
use crate::plan::{Action, Item, Plan};

/// The subjects as they are.
pub(crate) async fn list(kafka: &KafkaConfig) -> Result<Plan, Error> {
    let plans = connect(kafka)?.plan().await.map_err(unread)?;
    Ok(Plan { executed: false, items: plans.iter().map(item).collect() })
}

/// Sets compatibilities and registers what is missing.
pub(crate) async fn apply(kafka: &KafkaConfig, execute: bool) -> Result<Plan, Error> {
    let subjects = connect(kafka)?;
    let before = subjects.plan().await.map_err(unread)?;
    if !execute {
        return Ok(Plan { executed: false, items: before.iter().map(item).collect() });
    }
    let after =
        subjects.apply().await.map_err(|source| Error::Schemas { what: "registered", source: Box::new(source) })?;
    let items = before.iter().zip(&after).map(|(before, after)| Item { action: item(before).action, ..item(after) });
    Ok(Plan { executed: true, items: items.collect() })
}

fn connect(kafka: &KafkaConfig) -> Result<Subjects, Error> {
    Subjects::connect(kafka).map_err(unread)
}

fn unread(source: bus::Error) -> Error {
    Error::Schemas { what: "read", source: Box::new(source) }
}

fn item(plan: &SubjectPlan) -> Item {
    let id = plan.id.map_or_else(|| "not registered".to_owned(), |id| format!("id {id}"));
    let action = match plan.id {
        Some(_) if plan.is_right() => Action::None,
        Some(_) => Action::Change,
        None => Action::Create,
    };
    let compatibility = plan.compatibility.as_deref().unwrap_or("no compatibility of its own");
    let wanted = if plan.is_right() { String::new() } else { format!(", will be {COMPATIBILITY}") };
    Item::new(&plan.subject, action, format!("{id}, {compatibility}{wanted}"))
}
