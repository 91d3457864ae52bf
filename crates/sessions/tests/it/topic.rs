//! Revocations travel by the users' topic: a real Kafka and a real registry.

use std::time::Duration;

use bus::admin::Topics;
use bus::registry_admin::Subjects;
use bus::{Kafka, KafkaConfig, Producer, Registry};
use runtime::Process;
use schemas::{Event, Recorded, Role, SessionId, UserEvent, UserSessionEnded};
use sessions::{Claims, Rejection, Sessions};
use stack::{eventually, testing};

use crate::world::{Key, ended, fresh_claims, recorded};

/// Long enough for two busy cores; a test that needs it has failed.
const SOON: Duration = Duration::from_secs(60);

async fn servers() -> KafkaConfig {
    let config = KafkaConfig::in_clear(testing::kafka().await.url(), testing::registry().await.url());
    Topics::connect(&config, 1).unwrap().apply().await.unwrap();
    Subjects::connect(&config).unwrap().apply().await.unwrap();
    config
}

async fn publish(producer: &Producer, session: &str) {
    let event = UserEvent::SessionEnded(UserSessionEnded { session: SessionId::parse(session).unwrap() });
    let event: Recorded<_> = recorded(event).map(Event::into_any);
    let round = eventually("the schemas are known", SOON, async || producer.round().ok()).await;
    let ack = round.send(&event).unwrap();
    ack.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ended_before_the_start_or_after_it_is_refused() {
    let config = servers().await;
    let process = Process::new("sessions-test", None);
    let kafka = Kafka::connect(&config, &process).unwrap();
    let registry = Registry::connect(&config, &process).unwrap();
    let producer = Producer::connect(&kafka, &registry).unwrap();
    publish(&producer, "before").await;

    let key = Key::new();
    let token = |session| {
        let sid = SessionId::parse(session).unwrap();
        key.sign(&Claims { sid, ..fresh_claims(Role::User) })
    };
    let sessions = Sessions::start(&key.config(), &kafka, &registry, &process).unwrap();
    let verified = async |session, wanted| {
        let token = token(session);
        eventually("the token is judged", SOON, async || (sessions.verify(&token) == wanted).then_some(())).await;
    };
    verified("before", Err(Rejection::Revoked)).await;
    assert!(process.health.dependency("sessions").is_up());

    let after = token("after");
    assert!(sessions.verify(&after).is_ok());
    let mut heard = sessions.revocations();
    publish(&producer, "after").await;
    let revocation = tokio::time::timeout(Duration::from_secs(1), heard.recv()).await;
    assert_eq!(revocation.unwrap().unwrap(), ended("after"));
    assert_eq!(sessions.verify(&after), Err(Rejection::Revoked));

    process.shutdown.request();
    assert!(process.tasks.finish(SOON).await && !process.tasks.failed());
}
