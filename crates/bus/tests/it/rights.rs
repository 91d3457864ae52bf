//! The users of `deploy/kafka-acls.txt`: each can do its process's work, and no other's.

use std::time::Duration;

use bus::admin::Topics;
use bus::inventory::Inventory;
use bus::log::Log;
use bus::{
    CommittedOffsets, Consumer, GroupConfig, Kafka, KafkaConfig, KafkaSecurity, Mechanism, PositionSource, Producer,
    Protocol, Registry, StartFrom, Tail,
};
use futures::future::join_all;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::util::Timeout;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use runtime::{Secret, clock};
use schemas::Aggregate;
use stack::servers::GuardedKafka;
use stack::{eventually, testing};

use crate::producing::ready_round;
use crate::tail::until_caught_up;
use crate::world::{Member, Positions, SOON, fresh_order, placed, servers, take};

const TOPIC: RDKafkaErrorCode = RDKafkaErrorCode::TopicAuthorizationFailed;
const GROUP: RDKafkaErrorCode = RDKafkaErrorCode::GroupAuthorizationFailed;
const CLUSTER: RDKafkaErrorCode = RDKafkaErrorCode::ClusterAuthorizationFailed;
const ORDERS: &str = "orders.events.v1";
const USERS_TOPIC: &str = "users.events.v1";
const USERS: [&str; 9] =
    ["relay", "http", "fulfilment", "command-api", "projector", "notifier", "query-api", "steward", "operator"];

/// A broker with these users.
pub(crate) struct Rig {
    pub(crate) broker: GuardedKafka,
    registry: String,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        // The registry is shared, with every schema in it.
        let registry = servers().await.schema_registry_url;
        let broker: GuardedKafka = testing::own().await;
        broker.grant().unwrap();
        Self { broker, registry }
    }

    fn config(&self, user: &str) -> KafkaConfig {
        let security = KafkaSecurity {
            kafka_security_protocol: Protocol::SaslPlaintext,
            kafka_sasl_mechanism: Mechanism::Plain,
            kafka_sasl_username: Some(user.to_owned()),
            kafka_sasl_password: Some(Secret::from("secret")),
            kafka_ca: None,
        };
        self.reached(self.broker.brokers_for_users(), security)
    }

    /// What a process needs that comes this way.
    pub(crate) fn reached(&self, brokers: String, security: KafkaSecurity) -> KafkaConfig {
        KafkaConfig { security, ..KafkaConfig::in_clear(brokers, &self.registry) }
    }

    /// A client of Kafka's own kind, under this user's name.
    fn client(&self, user: &str) -> ClientConfig {
        let mut client = ClientConfig::new();
        client.set("bootstrap.servers", self.broker.brokers_for_users());
        client.set("security.protocol", "sasl_plaintext").set("sasl.mechanism", "PLAIN");
        client.set("sasl.username", user).set("sasl.password", "secret");
        client
    }

    pub(crate) async fn work_of_the_operator(&self) {
        let config = self.config("operator");
        Topics::connect(&config, 1).unwrap().apply().await.unwrap();
        Inventory::connect(&config).unwrap().groups().await.unwrap();
        assert!(Log::open(&config, ORDERS).await.unwrap().is_some());
    }

    async fn work_of_a_relay(&self, user: &str) -> i32 {
        publishes(&self.config(user)).await
    }

    async fn follows(&self, user: &str, topics: &[&str]) {
        follows(&self.config(user), topics).await;
    }

    /// Joins a group and reads the one record of this partition of the orders.
    async fn joins<P: PositionSource>(&self, user: &str, name: &str, partition: i32, positions: impl Fn(&Kafka) -> P) {
        let (config, member) = (self.config(user), Member::new());
        let kafka = Kafka::connect(&config, &member.0).unwrap();
        let topics = Aggregate::ALL.map(|aggregate| aggregate.topic().to_owned()).to_vec();
        let group = GroupConfig { group: name.to_owned(), instance: "a".to_owned(), topics };
        let mut consumer = Consumer::start(&kafka, group, positions(&kafka)).unwrap();
        let mut others = Vec::new();
        let mut feed = loop {
            let feed = tokio::time::timeout(SOON, consumer.next_partition()).await.expect("a partition comes").unwrap();
            if &*feed.topic == ORDERS && feed.partition == partition {
                break feed;
            }
            others.push(feed);
        };
        let records = take(&mut feed, 1).await;
        feed.stored(records[0].behind());
        drop((consumer, feed, others));
        member.end().await;
    }

    /// Tries what is some users' work and not others'.
    async fn is_held_to_its_work(&self, user: &str) {
        let reads_both = ["command-api", "projector", "notifier", "operator"];
        let reads_orders = [&reads_both[..], &["fulfilment"]].concat();
        let reads_users = [&reads_both[..], &["http", "query-api", "steward"]].concat();
        check(user, "write", &self.may_write(user).await, &["relay", "command-api", "operator"]);
        check(user, "create a topic", &self.may_create_a_topic(user).await, &["operator"]);
        check(user, "read orders", &self.may_read(user, ORDERS).await, &reads_orders);
        check(user, "read users", &self.may_read(user, USERS_TOPIC).await, &reads_users);
        // Those who may have joined already.
        for (group, allowed) in [
            ("fulfilment", &["fulfilment", "command-api", "operator"][..]),
            ("projector.orders.g1", &["projector", "operator"]),
            ("notifier", &["notifier", "operator"]),
        ] {
            if !allowed.contains(&user) {
                check(user, group, &self.may_join(user, group).await, &[]);
            }
        }
    }

    async fn may_write(&self, user: &str) -> Result<(), KafkaError> {
        let producer: FutureProducer = self.client(user).set("message.timeout.ms", "20000").create().unwrap();
        let record = FutureRecord::<str, str>::to(USERS_TOPIC).key("key").payload("value");
        producer.send(record, Timeout::Never).await.map(drop).map_err(|(error, _)| error)
    }

    async fn may_create_a_topic(&self, user: &str) -> Result<(), KafkaError> {
        let admin: AdminClient<DefaultClientContext> = self.client(user).create().unwrap();
        let name = format!("topic-of-{user}");
        let topic = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
        let created = admin.create_topics([&topic], &AdminOptions::new()).await?;
        created.into_iter().try_for_each(|created| created.map(drop).map_err(|(_, code)| KafkaError::Global(code)))
    }

    async fn may_read(&self, user: &str, topic: &'static str) -> Result<(), KafkaError> {
        self.first_answer(user, "orderflow.tail", TOPIC, move |consumer| {
            // Whoever may not even see a topic is not told so by reading it.
            let seen = consumer.fetch_metadata(Some(topic), SOON)?;
            if let Some(error) = seen.topics()[0].error() {
                return Err(KafkaError::MetadataFetch(error.into()));
            }
            let mut partitions = TopicPartitionList::new();
            partitions.add_partition_offset(topic, 0, Offset::Beginning)?;
            consumer.assign(&partitions)
        })
        .await
    }

    async fn may_join(&self, user: &str, group: &'static str) -> Result<(), KafkaError> {
        self.first_answer(user, group, GROUP, |consumer| consumer.subscribe(&[USERS_TOPIC])).await
    }

    /// What the broker first says to a consumer: a record or that there is none, or this refusal.
    async fn first_answer(
        &self,
        user: &str,
        group: &str,
        refusal: RDKafkaErrorCode,
        begin: impl FnOnce(&BaseConsumer) -> Result<(), KafkaError> + Send + 'static,
    ) -> Result<(), KafkaError> {
        let mut client = self.client(user);
        client.set("group.id", group).set("enable.auto.commit", "false").set("enable.partition.eof", "true");
        let asked = tokio::task::spawn_blocking(move || {
            let consumer: BaseConsumer = client.create().unwrap();
            begin(&consumer)?;
            let started = clock::monotonic();
            while started.elapsed() < SOON {
                match consumer.poll(Duration::from_millis(100)) {
                    Some(Ok(_) | Err(KafkaError::PartitionEOF(_))) => return Ok(()),
                    Some(Err(error)) if error.rdkafka_error_code() == Some(refusal) => return Err(error),
                    Some(Err(_)) | None => {}
                }
            }
            panic!("no answer")
        });
        asked.await.unwrap()
    }
}

/// Publishes an event; the partition in which it is.
pub(crate) async fn publishes(config: &KafkaConfig) -> i32 {
    let member = Member::new();
    let kafka = Kafka::connect(config, &member.0).unwrap();
    let registry = Registry::connect(config, &member.0).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    let ack = ready_round(&producer).await.send(&placed(&fresh_order(), 1)).unwrap();
    let delivered = tokio::time::timeout(SOON, ack).await.unwrap().unwrap();
    member.end().await;
    delivered.partition
}

/// Follows these topics without a group.
pub(crate) async fn follows(config: &KafkaConfig, topics: &[&str]) {
    let member = Member::new();
    let kafka = Kafka::connect(config, &member.0).unwrap();
    for topic in topics {
        until_caught_up(&mut Tail::start(&kafka, topic, StartFrom::Beginning).unwrap()).await;
    }
    eventually("the process is ready", SOON, async || member.0.health.is_ready().then_some(())).await;
    member.end().await;
}

fn is_refusal(error: &KafkaError) -> bool {
    error.rdkafka_error_code().is_some_and(|code| [TOPIC, GROUP, CLUSTER].contains(&code))
}

fn check(user: &str, what: &str, outcome: &Result<(), KafkaError>, allowed: &[&str]) {
    match outcome {
        Ok(()) => assert!(allowed.contains(&user), "{user} may {what}"),
        Err(error) => assert!(is_refusal(error) && !allowed.contains(&user), "{user} may not {what}: {error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_process_has_the_rights_in_kafka_that_its_work_needs_and_no_others() {
    let rig = Rig::start().await;
    rig.work_of_the_operator().await;
    let partition = rig.work_of_a_relay("relay").await;
    rig.follows("http", &["products.events.v1", USERS_TOPIC]).await;
    rig.follows("query-api", &[USERS_TOPIC]).await;
    rig.follows("notifier", &[USERS_TOPIC]).await;
    rig.follows("steward", &[USERS_TOPIC]).await;
    let committed = |group: &'static str| move |kafka: &Kafka| CommittedOffsets::of(kafka, group).unwrap();
    rig.joins("fulfilment", "fulfilment", partition, committed("fulfilment")).await;
    rig.joins("fulfilment", "cashier", partition, committed("cashier")).await;
    rig.joins("projector", "projector.orders.g1", partition, |_| Positions::default()).await;
    rig.joins("notifier", "notifier", partition, |_| Positions::default()).await;
    rig.follows("command-api", &["products.events.v1", USERS_TOPIC]).await;
    let partition = rig.work_of_a_relay("command-api").await;
    rig.joins("command-api", "cashier", partition, committed("cashier")).await;
    let held = Inventory::connect(&rig.config("steward")).unwrap().topics().await.unwrap();
    assert_eq!(held.len(), Aggregate::ALL.len(), "the steward sees every topic");

    join_all(USERS.map(|user| rig.is_held_to_its_work(user))).await;
    let nobody = Member::new();
    let stranger = rig.config("stranger");
    let _kafka = Kafka::connect(&stranger, &nobody.0).unwrap();
    eventually("whoever has no name is not let in", SOON, async || {
        nobody.is_down("kafka", "Authentication failed").then_some(())
    })
    .await;
}
