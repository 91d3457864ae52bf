//! Payments: who gives money back, and whose word is taken for the provider's.

use runtime::clock;
use schemas::{
    Currency, Money, OrderId, PaymentAuthorized, PaymentCaptureRequested, PaymentCaptured, PaymentEvent, PaymentMethod,
    PaymentRequested, ProviderId, UserId,
};
use serde_json::{Value, json};

use crate::caller::{ADA, ADMIN};
use crate::stage::{By, Reply, Stage, WEBHOOK_SECRET, by};

const REFUND: &str = "/commands/payments/pay_1/refund";

/// A payment of 15.00 that was taken.
async fn paid() -> Stage {
    let stage = Stage::open().await;
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

#[tokio::test]
async fn a_notice_of_a_refund_is_recorded_once_and_one_of_no_payment_of_ours_changes_nothing() {
    let stage = paid().await;
    assert_eq!(stage.post(REFUND, by(ADMIN), json!({"refundId": "r1", "amount": 600})).await.status, 200);
    let refunded = |payment: &str, refund: &str| {
        let metadata = json!({"payment": payment, "refund": refund});
        json!({"type": "refund.updated", "data": {"object": {"id": "re_1", "status": "succeeded", "metadata": metadata}}})
    };
    let tell = async |notice: Value| {
        let signature = payments::webhook::sign(WEBHOOK_SECRET, notice.to_string().as_bytes(), clock::now_seconds());
        assert_eq!(tell(&stage, &notice, &signature).await.status, 200, "{notice}");
    };
    for (payment, refund) in
        [("pay_1", "unasked"), ("pay_2", "r1"), ("not ours", "r1"), ("pay_1", "r1"), ("pay_1", "r1")]
    {
        tell(refunded(payment, refund)).await;
    }
    assert_eq!(stage.events("pay_1").await[4..], ["PaymentRefundRequested", "PaymentRefunded"]);
    assert_eq!(stage.events("pay_2").await, Vec::<String>::new());
}
