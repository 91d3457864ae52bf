//! `ops schemas`: every subject is `FULL_TRANSITIVE` and holds this release's schema. The registry itself refuses a schema
//! that is not compatible with the older ones.

use bus::KafkaConfig;
use bus::registry_admin::{COMPATIBILITY, SubjectCheck, SubjectPlan, Subjects};
use schemas::compatibility::Incompatible;

use crate::answer::Answer;
use crate::plan::{Action, Item, Plan};
use crate::{Error, FAILED};

/// The subjects as they are.
pub(crate) async fn list(kafka: &KafkaConfig) -> Result<Plan, Error> {
    let plans = connect(kafka)?.plan().await.map_err(unread)?;
    Ok(Plan { executed: false, items: plans.iter().map(item).collect() })
}

/// Holds what is registered against this release; it fails on a difference.
pub(crate) async fn check(kafka: &KafkaConfig) -> Result<Answer, Error> {
    let checks = connect(kafka)?.check().await.map_err(unread)?;
    let items: Vec<_> = checks.iter().flat_map(compared).collect();
    let code = if items.iter().all(|item| item.action == Action::None) { 0 } else { FAILED };
    Ok(Answer { code, ..Answer::from(Plan { executed: false, items }) })
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

/// What there is to say of a subject: one item if all is well, else one per difference.
fn compared(check: &SubjectCheck) -> Vec<Item> {
    let subject = &check.plan.subject;
    let conflict = |(version, reason): &(u32, Incompatible)| {
        Item::new(
            subject,
            Action::Look,
            format!("version {version} and this release: {}", runtime::chain_in_lines(reason)),
        )
    };
    let mut items: Vec<_> = check.conflicts.iter().map(conflict).collect();
    if !check.plan.is_right() {
        items.push(Item { action: Action::Look, ..item(&check.plan) });
    }
    if items.is_empty() {
        let versions = match check.versions {
            1 => "the only version".to_owned(),
            versions => format!("this release and each of the {versions} versions read each other"),
        };
        items.push(Item::new(subject, Action::None, format!("{}, {versions}", item(&check.plan).state)));
    }
    items
}
