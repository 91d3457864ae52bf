//! `ops topics`: the topics exist with the right number of partitions, or are created; nothing else is touched.

use bus::KafkaConfig;
use bus::admin::{PARTITIONS, TopicPlan, TopicState, Topics};

use crate::Error;
use crate::plan::{Action, Item, Plan};

/// The topics as they are.
pub(crate) async fn list(kafka: &KafkaConfig) -> Result<Plan, Error> {
    let plans = connect(kafka, -1)?.plan().await.map_err(unread)?;
    Ok(Plan { executed: false, items: plans.iter().map(item).collect() })
}

/// Creates what is missing, unless one topic cannot be put right.
pub(crate) async fn apply(kafka: &KafkaConfig, copies: i32, execute: bool) -> Result<Plan, Error> {
    let topics = connect(kafka, copies)?;
    let plans = topics.plan().await.map_err(unread)?;
    let plan = Plan { executed: execute, items: plans.iter().map(item).collect() };
    if plan.is_refused() || !execute {
        return Ok(Plan { executed: false, ..plan });
    }
    topics.apply().await.map_err(|source| Error::Topics { what: "created", source: Box::new(source) })?;
    Ok(plan)
}

fn connect(kafka: &KafkaConfig, copies: i32) -> Result<Topics, Error> {
    Topics::connect(kafka, copies).map_err(unread)
}

fn unread(source: bus::Error) -> Error {
    Error::Topics { what: "read", source: Box::new(source) }
}

fn item(plan: &TopicPlan) -> Item {
    let (action, state) = match &plan.state {
        TopicState::Right => (Action::None, format!("{PARTITIONS} partitions")),
        TopicState::Missing => (Action::Create, format!("{PARTITIONS} partitions, kept for ever")),
        TopicState::WrongPartitions { found } => {
            (Action::Refuse, format!("has {found} partitions, not {PARTITIONS}: streams would change their partition"))
        }
        TopicState::WrongSettings { found } => {
            let settings = found.iter().map(|(name, value)| format!("{name}={}", value.as_deref().unwrap_or("unset")));
            (Action::Look, format!("has other settings: {}", settings.collect::<Vec<_>>().join(", ")))
        }
    };
    Item::new(plan.topic, action, state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_with_another_number_of_partitions_is_refused_and_other_settings_are_left_alone() {
        let of = |state| item(&TopicPlan { topic: "orders.events.v1", state }).action;
        assert_eq!(of(TopicState::Right), Action::None);
        assert_eq!(of(TopicState::Missing), Action::Create);
        assert_eq!(of(TopicState::WrongPartitions { found: 3 }), Action::Refuse);
        assert_eq!(of(TopicState::WrongSettings { found: vec![("retention.ms", None)] }), Action::Look);
    }
}
