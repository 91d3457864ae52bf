//! TLS and SCRAM, by a build that can: `cargo test -p bus --features kafka-tls tls::`.

use bus::{Kafka, KafkaConfig, KafkaSecurity, Mechanism, Protocol};
use runtime::Secret;
use stack::eventually;

use crate::rights::{Rig, follows, publishes};
use crate::world::{Member, SOON};

/// A user of the listener that speaks TLS, with the broker's own certificate.
fn by_tls(rig: &Rig, user: &str) -> KafkaConfig {
    let security = KafkaSecurity {
        kafka_security_protocol: Protocol::SaslSsl,
        kafka_sasl_mechanism: Mechanism::ScramSha512,
        kafka_sasl_username: Some(user.to_owned()),
        kafka_sasl_password: Some(Secret::from("secret")),
        kafka_ca: Some(rig.broker.certificate().unwrap()),
    };
    rig.reached(rig.broker.brokers_for_users_by_tls(), security)
}

/// A process with this configuration is told that Kafka is down, for this reason.
async fn is_refused(config: &KafkaConfig, reason: &str) {
    let member = Member::new();
    let _kafka = Kafka::connect(config, &member.0).unwrap();
    eventually(reason, SOON, async || member.is_down("kafka", reason).then_some(())).await;
    member.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_its_password_let_in_by_tls_and_nobody_else_gets_in_or_is_trusted() {
    let rig = Rig::start().await;
    rig.work_of_the_operator().await;
    let config = by_tls(&rig, "relay");
    publishes(&config).await;
    follows(&by_tls(&rig, "http"), &["products.events.v1"]).await;

    let mut wrong_password = config.clone();
    wrong_password.security.kafka_sasl_password = Some(Secret::from("another"));
    is_refused(&wrong_password, "Authentication failed").await;
    // Those whom the machine trusts do not vouch for this broker.
    let mut without_certificate = config.clone();
    without_certificate.security.kafka_ca = None;
    is_refused(&without_certificate, "certificate").await;
    let mut in_clear = config;
    in_clear.security.kafka_security_protocol = Protocol::SaslPlaintext;
    is_refused(&in_clear, "do not answer").await;
}
