//! Payments: who gives money back, and whose word is taken for the provider's.

use clap::Parser as _;
use metrics_exporter_prometheus::PrometheusBuilder;
use payments::sandbox::{self, Sandbox};
use payments::{Authorization, PaymentsConfig, Provider, Refunding};
use runtime::http::{HttpLimits, serve_on};
use runtime::{Process, Secret, clock};
use schemas::{
    Currency, Money, OrderId, PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured, PaymentEvent, PaymentMethod,
    PaymentRequested, ProviderId, UserId,
};
use serde_json::{Value, json};
use stack::testing;
use tokio::net::TcpListener;

use crate::caller::{ADA, ADMIN};
use crate::stage::{By, PAYMENTS_KEY, Reply, Stage, WEBHOOK_SECRET, by};

const REFUND: &str = "/commands/payments/pay_1/refund";

/// A payment of 15.00 that was taken; nobody can be asked about it.
async fn paid() -> Stage {
    taken(Stage::open().await).await
}

async fn taken(stage: Stage) -> Stage {
    let (order, user) = (OrderId::parse("ord_1").unwrap(), UserId::parse(ADA).unwrap());
    let amount = Money { amount: 1_500, currency: Currency::parse("EUR").unwrap() };
    let (method, provider_id) = (PaymentMethod::parse("pm_card_visa").unwrap(), ProviderId::parse("pi_1").unwrap());
    let events = [
        PaymentEvent::Requested(PaymentRequested { order, user, amount, method }),
        PaymentEvent::Authorized(PaymentAuthorized { provider_id, last4: None }),
        PaymentEvent::CaptureRequested(PaymentCaptureRequested { amount }),
        PaymentEvent::Captured(PaymentCaptured { amount }),
    ];
    stage.happened("pay_1", &events).await;
    stage
}

#[tokio::test]
async fn an_admin_gives_money_back_once_per_refund_id() {
    let stage = paid().await;
    let refund = json!({"refundId": "r1", "amount": 600});
    assert_eq!(stage.post(REFUND, by(ADA), refund.clone()).await.problem(), (403, "forbidden"));
    let reply = stage.post(REFUND, by(ADMIN), refund.clone()).await;
    assert_eq!((reply.status, reply.text("paymentId"), &reply.body["version"]), (200, "pay_1", &json!(5)), "{reply:?}");
    assert_eq!(reply.header("consistency-token"), Some("pay_1@5"));
    assert_eq!(reply.header("location"), Some("/queries/payments/pay_1"));
    assert_eq!(stage.post(REFUND, by(ADMIN), refund).await.body["version"], 5);
    let other = stage.post(REFUND, by(ADMIN), json!({"refundId": "r1", "amount": 601})).await;
    assert_eq!(other.problem(), (409, "refund_id_reused"));
    let too_much = stage.post(REFUND, by(ADMIN), json!({"refundId": "r2", "amount": 901})).await;
    assert_eq!(too_much.problem(), (409, "refund_too_large"));
    assert_eq!(stage.post(REFUND, by(ADMIN), json!({"refundId": "r2"})).await.status, 200, "all that is left");
    assert_eq!(stage.post(REFUND, by(ADMIN), json!({"refundId": "r3"})).await.problem(), (409, "nothing_to_refund"));
    assert_eq!(stage.events("pay_1").await.len(), 6);
}

#[tokio::test]
async fn a_refund_sent_again_with_its_key_is_answered_as_before() {
    let stage = paid().await;
    let keyed = By { user: ADMIN, headers: &[("idempotency-key", "k1")] };
    let first = stage.post(REFUND, keyed, json!({"refundId": "r1", "amount": 1})).await;
    assert_eq!(stage.post(REFUND, by(ADMIN), json!({"refundId": "r2", "amount": 1})).await.body["version"], 6);
    let retry = stage.post(REFUND, keyed, json!({"refundId": "r1", "amount": 1})).await;
    assert_eq!((&first.body["version"], &retry.body["version"]), (&json!(5), &json!(5)));
    assert_eq!(retry.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn a_refund_that_makes_no_sense_is_refused() {
    let stage = paid().await;
    for (body, path) in [
        (json!({"refundId": ""}), r#"["refundId"]"#),
        (json!({"refundId": "a b"}), r#"["refundId"]"#),
        (json!({"refundId": "fulfilment-7"}), r#"["refundId"]"#),
        (json!({"amount": 1}), r#"["refundId"]"#),
        (json!({"refundId": "r1", "amount": 1.5}), r#"["amount"]"#),
        (json!({"refundId": "r1", "amount": 0}), r#"["amount"]"#),
        (json!({"refundId": "r1", "amount": -1}), r#"["amount"]"#),
        (json!({"refundId": "r1", "amount": i64::MIN}), r#"["amount"]"#),
    ] {
        assert_eq!(stage.post(REFUND, by(ADMIN), body.clone()).await.issues()[0].0, path, "{body}");
    }
    let unknown = stage.post(REFUND, by(ADMIN), json!({"refundId": "r1", "to": "me"})).await;
    assert_eq!(unknown.problem(), (400, "validation_failed"));
    for path in ["/commands/payments/pay_2/refund", "/commands/payments/ord_1/refund"] {
        assert_eq!(stage.post(path, by(ADMIN), json!({"refundId": "r1"})).await.status, 404, "{path}");
    }
    assert_eq!(stage.events("pay_1").await.len(), 4);
}

/// Tells the process something in the provider's name.
async fn tell(stage: &Stage, notice: &Value, signature: &str) -> Reply {
    let headers = [("stripe-signature", signature)];
    stage.post("/webhooks/payments", By { user: "", headers: &headers }, notice.clone()).await
}

#[tokio::test]
async fn only_the_providers_signature_of_this_time_is_taken_and_what_does_not_concern_us_is_answered_alike() {
    let (stage, now) = (paid().await, clock::now_seconds());
    let notice = json!({"type": "payout.paid", "data": {"object": {}}});
    let signed = |secret, at| payments::webhook::sign(secret, notice.to_string().as_bytes(), at);
    for forged in ["", "t=1,v1=00", &signed("whsec_other", now), &signed(WEBHOOK_SECRET, now - 301)] {
        assert_eq!(tell(&stage, &notice, forged).await.problem(), (401, "invalid_signature"), "{forged}");
    }
    assert_eq!(tell(&stage, &notice, &signed(WEBHOOK_SECRET, now)).await.status, 200);
    let nonsense = json!({"hello": "world"});
    let signature = payments::webhook::sign(WEBHOOK_SECRET, nonsense.to_string().as_bytes(), now);
    assert_eq!(tell(&stage, &nonsense, &signature).await.problem(), (400, "unreadable_notice"));
}

/// The notice says that it failed.
fn of_a_refund(id: &str, payment: &str, refund: &str) -> Value {
    let metadata = json!({"payment": payment, "refund": refund});
    json!({"type": "refund.updated", "data": {"object": {"id": id, "status": "failed", "metadata": metadata}}})
}

async fn told(stage: &Stage, notice: &Value) -> u16 {
    let signature = payments::webhook::sign(WEBHOOK_SECRET, notice.to_string().as_bytes(), clock::now_seconds());
    tell(stage, notice, &signature).await.status
}

/// The provider's sandbox, and a client of it.
async fn provider(process: &Process) -> (String, Provider) {
    let ledger = testing::folder("sandbox").join("ledger.jsonl").display().to_string();
    let arguments = ["", "--payments-secret-key", PAYMENTS_KEY, "--sandbox-ledger", &ledger];
    let sandbox =
        Sandbox::open(&sandbox::Config::try_parse_from(arguments).unwrap(), process.shutdown.clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (serving, router) = (process.clone(), sandbox::router(sandbox));
    let limits = HttpLimits::default();
    process.tasks.spawn("serve", async move { serve_on(listener, router, &limits, &serving).await });
    let config = PaymentsConfig {
        payments_url: url.clone(),
        payments_secret_key: Secret::from(PAYMENTS_KEY),
        payments_webhook_secret: Secret::from(WEBHOOK_SECRET),
        payments_timeout: 10,
    };
    (url, Provider::new(&config).unwrap())
}

#[tokio::test]
async fn a_notice_of_a_refund_is_a_reason_to_ask_and_the_provider_is_believed_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    let process = Process::new("payment-sandbox", None);
    let (url, provider) = provider(&process).await;
    let stage = taken(Stage::paid_at(&url).await).await;
    assert_eq!(stage.post(REFUND, by(ADMIN), json!({"refundId": "r1", "amount": 600})).await.status, 200);
    let wanted = Authorization { payment: "pay_1", amount: 1_500, currency: "EUR", method: "pm_card_visa" };
    let intent = provider.authorize("k1", &wanted).await.unwrap().id;
    provider.capture("k2", &intent).await.unwrap();
    let refund = async |payment, refund| {
        let wanted = Refunding { payment, refund, intent: &intent, amount: 100 };
        provider.refund(&format!("{payment}:{refund}"), &wanted).await.unwrap().id
    };
    for (payment, unasked) in [("pay_1", "unasked"), ("pay_2", "r1"), ("not ours", "r1")] {
        assert_eq!(told(&stage, &of_a_refund(&refund(payment, unasked).await, payment, unasked)).await, 200);
    }
    assert_eq!(told(&stage, &of_a_refund("re_none", "pay_1", "r1")).await, 200);
    assert_eq!(stage.events("pay_1").await[4..], ["PaymentRefundRequested"]);
    let contradicted = || recorder.handle().render().contains("payments_contradicted_total 2\n");
    assert!(contradicted(), "operators are told of a refund that nobody asked for, and of one of no payment");
    let given = refund("pay_1", "r1").await;
    for _ in 0..2 {
        assert_eq!(told(&stage, &of_a_refund(&given, "pay_1", "r1")).await, 200);
    }
    assert_eq!(stage.events("pay_1").await[4..], ["PaymentRefundRequested", "PaymentRefunded"]);
    assert_eq!(stage.events("pay_2").await, Vec::<String>::new());
    assert!(contradicted(), "what fits is none");
    process.shutdown.request();
}

#[tokio::test]
async fn a_notice_that_cannot_be_followed_up_is_asked_for_again() {
    let stage = paid().await;
    assert_eq!(stage.post(REFUND, by(ADMIN), json!({"refundId": "r1", "amount": 600})).await.status, 200);
    assert_eq!(told(&stage, &of_a_refund("re_1", "pay_1", "r1")).await, 503);
    assert_eq!(stage.events("pay_1").await[4..], ["PaymentRefundRequested"]);
}
