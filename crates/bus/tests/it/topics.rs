//! Topics, as the operators' tool makes them.

use bus::admin::{TopicState, Topics};
use schemas::Aggregate;
use stack::servers::Kafka as Broker;
use stack::testing;

use crate::world::{config, fresh_topic};

#[tokio::test(flavor = "multi_thread")]
async fn applying_topics_creates_the_missing_ones_and_touches_no_other() {
    let broker: Broker = testing::own().await;
    let [first, ..] = Aggregate::ALL;
    fresh_topic(broker.url(), first.topic(), 3).await;
    let topics = Topics::connect(&config(broker.url(), "http://127.0.0.1:1"), -1).unwrap();
    let states =
        async || -> Vec<TopicState> { topics.plan().await.unwrap().into_iter().map(|plan| plan.state).collect() };
    let wrong = TopicState::WrongPartitions { found: 3 };
    let before = states().await;
    assert_eq!(before[0], wrong);
    assert!(before[1..].iter().all(|state| *state == TopicState::Missing));
    topics.apply().await.unwrap();
    let after = states().await;
    assert_eq!(after[0], wrong);
    assert!(after[1..].iter().all(|state| *state == TopicState::Right), "{after:?}");
    let again: Vec<_> = topics.apply().await.unwrap().into_iter().map(|plan| plan.state).collect();
    assert_eq!(again, after);
}
