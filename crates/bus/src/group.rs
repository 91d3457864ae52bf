//! The consumer groups of our processes, and what each hears. Those of projectors follow from what they fill
//! (`read_model::Target::group`).

use schemas::Aggregate;

use crate::GroupConfig;

/// A consumer group, and the aggregates whose topics it hears.
#[derive(Debug, Clone, Copy)]
pub struct ConsumerGroup {
    /// What Kafka calls it.
    pub name: &'static str,
    /// Whose topics it hears.
    pub hears: &'static [Aggregate],
}

impl ConsumerGroup {
    /// Carries orders out: hears of orders, pieces, money, and of what operators and deadlines asked for.
    pub const FULFILMENT: Self = Self {
        name: "fulfilment",
        hears: &[Aggregate::Order, Aggregate::Stock, Aggregate::Payment, Aggregate::Fulfilment],
    };
    /// Does at the payment provider what payments ask for.
    pub const CASHIER: Self = Self { name: "cashier", hears: &[Aggregate::Payment] };
    /// Fills the feeds of owners.
    pub const NOTIFIER: Self = Self { name: "notifier", hears: &[Aggregate::Order, Aggregate::Payment] };

    /// Those that act on what they hear, and keep their positions in Kafka. Both are of one role of the command API,
    /// `fulfilment`.
    pub const ACTING: [Self; 2] = [Self::CASHIER, Self::FULFILMENT];

    /// How to join it, as the instance of this name.
    #[must_use]
    pub fn joined_as(self, instance: &str) -> GroupConfig {
        GroupConfig {
            group: self.name.to_owned(),
            instance: instance.to_owned(),
            topics: self.hears.iter().map(|aggregate| aggregate.topic().to_owned()).collect(),
        }
    }
}
