//! Payments, from what is requested to what the provider's ledger holds. The requests are committed here, as a process
//! manager would; the rest is the cashier's.

use std::time::Duration;

use domain::payment::{Payment, PaymentCommand};
use domain::{Aggregate as _, fold};
use e2e::client::Request;
use e2e::provider;
use e2e::socket::Socket;
use event_store::{Appended, CommandRecord, Commit, StoredEvent};
use futures::future::join_all;
use runtime::clock;
use schemas::{
    Currency, Event as _, Money, OrderId, PaymentEvent, PaymentId, PaymentMethod, Timestamp, UserId, Version,
};
use serde_json::{Value, json};
use stack::eventually;
use uuid::Uuid;

use crate::journey::frame;
use crate::outages::readiness;
use crate::world::{SETTLED, World};

const TOTAL: i64 = 1_198;

/// A payment of a new order of this user.
async fn request(world: &World, user: &str, method: &str) -> PaymentId {
    request_at(world, user, method, Timestamp::from_micros(clock::now_micros())).await
}

async fn request_at(world: &World, user: &str, method: &str, at: Timestamp) -> PaymentId {
    let order = OrderId::from_bits(Uuid::now_v7().as_u128());
    let amount = Money { amount: TOTAL, currency: Currency::parse("EUR").expect("a currency") };
    let (user, method) = (UserId::parse(user).expect("a user"), PaymentMethod::parse(method).expect("a method"));
    let payment = order.payment();
    command_at(world, &payment, PaymentCommand::Request { order, user, amount, method }, at).await;
    payment
}

async fn events(world: &World, payment: &PaymentId) -> (Vec<PaymentEvent>, Timestamp) {
    let commits = world.store().tail(payment.stream(), Version::FIRST).await.expect("the stream");
    let at = commits.last().map_or(Timestamp::from_micros(0), |commit| commit.at);
    let recorded = commits.iter().flat_map(|commit| commit.recorded().expect("readable events"));
    (recorded.map(|recorded| PaymentEvent::from_any(recorded.event).expect("a payment's event")).collect(), at)
}

/// Commits what a command brings about.
async fn command(world: &World, payment: &PaymentId, command: PaymentCommand) {
    command_at(world, payment, command, Timestamp::from_micros(clock::now_micros())).await;
}

async fn command_at(world: &World, payment: &PaymentId, command: PaymentCommand, now: Timestamp) {
    loop {
        let (before, at) = events(world, payment).await;
        let state = fold::<Payment>(&before);
        let decided = Payment::decide(state.as_ref(), &command).expect("an accepted command");
        let Some(after) = decided.iter().fold(state, Payment::evolve) else { return };
        let commit = Commit {
            stream: payment.stream().clone(),
            first: Version(u32::try_from(before.len() + 1).expect("a short stream")),
            id: Uuid::now_v7(),
            at: now.max(at.next()),
            owner: Some(after.details().user.clone()),
            commands: vec![CommandRecord { events: 1, correlation: "e2e".into(), ..CommandRecord::default() }],
            keys: Vec::new(),
            events: decided.iter().map(|event| StoredEvent::of(event).expect("an event")).collect(),
        };
        if decided.is_empty() || world.store().append(&commit).await.expect("an append") == Appended::Written {
            return;
        }
    }
}

/// The names of a payment's events so far.
async fn names(world: &World, payment: &PaymentId) -> Vec<&'static str> {
    events(world, payment).await.0.iter().map(PaymentEvent::name).collect()
}

/// Waits until this is among a payment's events.
async fn happened(world: &World, payment: &PaymentId, name: &str) {
    let what = format!("{name} happens to {payment}");
    eventually(&what, SETTLED, async || names(world, payment).await.contains(&name).then_some(())).await;
}

/// What the provider charged for a payment.
async fn charges(world: &World, payment: &PaymentId) -> Vec<Value> {
    provider::charges(&world.system).await.remove(payment.as_str()).unwrap_or_default()
}

/// The one charge for a payment: minor units taken, and of these given back.
async fn charged(world: &World, payment: &PaymentId) -> (i64, i64) {
    let charges = charges(world, payment).await;
    assert_eq!(charges.len(), 1, "{payment} is charged once: {charges:?}");
    provider::taken_and_given_back(&charges[0])
}

#[tokio::test(flavor = "multi_thread")]
async fn money_is_set_aside_taken_and_given_back_as_requested_and_told_to_its_owner() {
    let world = World::enter().await;
    let user = world.gateway.user(&World::name("payer")).await;
    let mut socket = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let _ = frame(&mut socket, "hello").await;
    let payment = request(&world, &user.id, "pm_card_visa").await;
    happened(&world, &payment, "PaymentAuthorized").await;
    assert_eq!(charged(&world, &payment).await, (0, 0));
    command(&world, &payment, PaymentCommand::RequestCapture).await;
    happened(&world, &payment, "PaymentCaptured").await;
    assert_eq!(charged(&world, &payment).await, (TOTAL, 0));
    for version in 1..=4 {
        let told = frame(&mut socket, "event").await;
        let (stream, version) = (json!(payment.as_str()), json!(version));
        assert_eq!((told.get("stream"), told.get("version")), (Some(&stream), Some(&version)), "{told}");
    }

    let (refund, query) = (format!("/commands/payments/{payment}/refund"), format!("/queries/payments/{payment}"));
    let body = json!({ "refundId": "r1", "amount": 198 });
    let _ = world.gateway.post(&refund, Request::by(&user).json(body.clone())).await.expect(403);
    for _ in 0..2 {
        let _ = world.gateway.post(&refund, Request::by(&world.admin).json(body.clone())).await.expect(200);
    }
    let too_much = Request::by(&world.admin).json(json!({ "refundId": "r2", "amount": 1_001 }));
    assert_eq!(world.gateway.post(&refund, too_much).await.expect(409).text("code"), "refund_too_large");
    happened(&world, &payment, "PaymentRefunded").await;
    assert_eq!(charged(&world, &payment).await, (TOTAL, 198));
    let rest = Request::by(&world.admin).json(json!({ "refundId": "rest" }));
    let token = world.gateway.post(&refund, rest).await.expect(200).text("consistencyToken");

    let read = Request::by(&user).with("consistency-token", token);
    let shown = world.gateway.get(&query, read).await.expect(200).body;
    assert_eq!(shown.pointer("/payment/last4"), Some(&json!("4242")), "{shown}");
    assert_eq!(shown.pointer("/payment/refunds/1/amount"), Some(&json!(1_000)), "{shown}");
    eventually("all of it is given back", SETTLED, async || {
        let shown = world.gateway.get(&query, Request::by(&user)).await.expect(200).body;
        (shown.pointer("/payment/status") == Some(&json!("REFUNDED"))).then_some(())
    })
    .await;
    assert_eq!(charged(&world, &payment).await, (TOTAL, TOTAL));
    let stranger = world.gateway.user(&World::name("stranger")).await;
    let _ = world.gateway.get(&query, Request::by(&stranger)).await.expect(404);
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_wanted_any_more_is_let_go_even_before_it_is_set_aside() {
    let world = World::enter().await;
    let user = world.admin.id.clone();
    let held = request(&world, &user, "pm_card_visa").await;
    happened(&world, &held, "PaymentAuthorized").await;
    let early = request(&world, &user, "pm_orderflow_slow").await;
    let declined = request(&world, &user, "pm_card_chargeDeclined").await;
    for payment in [&held, &early, &declined] {
        command(&world, payment, PaymentCommand::RequestVoid).await;
    }
    for payment in [&held, &early] {
        happened(&world, payment, "PaymentVoided").await;
        let status = charges(&world, payment).await[0].get("status").cloned();
        assert_eq!(status, Some(json!("canceled")));
    }
    happened(&world, &declined, "PaymentDeclined").await;
    assert_eq!(charged(&world, &declined).await, (0, 0));
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_asked_for_until_it_is_known_and_charged_once() {
    let world = World::enter().await;
    let payment = request(&world, &world.admin.id, "pm_orderflow_timeoutThenApproved").await;
    happened(&world, &payment, "PaymentAuthorized").await;
    let told = ["PaymentRequested", "PaymentMarkedUnknown", "PaymentAuthorized"];
    assert_eq!(names(&world, &payment).await, told);
    assert_eq!(charged(&world, &payment).await, (0, 0));
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_whose_key_the_provider_may_have_forgotten_is_left_to_an_operator() {
    let world = World::enter().await;
    let given_up = async || {
        let counts = ["command-api", "command-api-2"].map(|name| counted(&world, name, "payments_given_up_total"));
        join_all(counts).await.into_iter().sum::<f64>()
    };
    let (before, a_day) = (given_up().await, 24 * 60 * 60 * 1_000_000);
    let at = Timestamp::from_micros(clock::now_micros() - a_day);
    let payment = request_at(&world, &world.admin.id, "pm_card_visa", at).await;
    eventually("it is given up", SETTLED, async || (given_up().await > before).then_some(())).await;
    assert_eq!(names(&world, &payment).await, ["PaymentRequested"]);
    assert_eq!(charges(&world, &payment).await, Vec::<Value>::new());
    let _ = world.settle().await;
}

/// A metric of a process.
pub(crate) async fn counted(world: &World, process: &str, metric: &str) -> f64 {
    let url = format!("{}/metrics", world.system.admin_url(process).expect("an admin port"));
    let text = reqwest::get(url).await.expect("metrics").text().await.expect("metrics as text");
    let line = text.lines().find_map(|line| line.strip_prefix(metric));
    line.map_or(0.0, |value| value.trim().parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_down_shows_in_readiness_and_nothing_that_was_requested_is_lost() {
    let world = World::enter().await;
    world.system.kill("payment-sandbox").await.expect("a killed provider");
    let payments = join_all((0..12).map(|_| request(&world, &world.admin.id, "pm_card_visa"))).await;
    let reason = eventually("readiness is red", SETTLED, async || {
        let [one, other] = ["command-api", "command-api-2"].map(|name| readiness(&world, name, "payment-provider"));
        let found = [one.await, other.await].into_iter().flatten();
        found.filter(|(ready, _)| !ready).find_map(|(_, reason)| reason)
    })
    .await;
    assert!(reason.contains("payment provider is not available"), "{reason}");
    world.system.start("payment-sandbox").await.expect("the provider again");
    for payment in &payments {
        happened(&world, payment, "PaymentAuthorized").await;
        assert_eq!(charged(&world, payment).await, (0, 0));
    }
    for name in ["command-api", "command-api-2"] {
        world.system.ready(name).await.expect("readiness is green again");
    }
    let _ = world.settle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_waits_for_the_provider_blocks_no_other() {
    let world = World::enter().await;
    let waiting = request(&world, &world.admin.id, "pm_orderflow_down").await;
    let others = join_all((0..12).map(|_| request(&world, &world.admin.id, "pm_card_visa"))).await;
    for payment in &others {
        happened(&world, payment, "PaymentAuthorized").await;
    }
    happened(&world, &waiting, "PaymentAuthorized").await;
    let known_at = async |payment| events(&world, payment).await.1;
    let last = known_at(&waiting).await;
    for payment in &others {
        assert!(known_at(payment).await < last, "{payment} waited for {waiting}");
    }
    let _ = world.settle().await;
}

/// Seen to fail when the provider is asked again under another key (`payments-ask-under-another-key`): then payments do not
/// come to an end.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_charged_at_most_once_whatever_is_killed_when() {
    let world = World::enter().await;
    let methods = [
        "pm_card_visa",
        "pm_orderflow_timeoutThenApproved",
        "pm_card_chargeDeclined",
        "pm_orderflow_slow",
        "pm_orderflow_down",
    ];
    let wanted = methods.iter().cycle().take(60);
    let payments = join_all(wanted.map(|method| request(&world, &world.admin.id, method))).await;
    let blows = async {
        for victim in ["command-api", "payment-sandbox", "command-api-2", "command-api", "payment-sandbox"] {
            world.system.kill(victim).await.expect("a killed process");
            world.system.start_only(victim).expect("a process that starts again");
            happened(&world, &payments[0], "PaymentAuthorized").await;
        }
    };
    let paid = join_all(payments.iter().map(|payment| take(&world, payment)));
    let (outcomes, ()) = tokio::join!(paid, blows);
    for (payment, taken) in payments.iter().zip(&outcomes) {
        assert_eq!(charged(&world, payment).await, (if *taken { TOTAL } else { 0 }, 0), "{payment}");
    }
    assert_eq!(outcomes.iter().filter(|taken| !**taken).count(), 12, "only the declined ones are not paid");
    for name in ["command-api", "command-api-2", "payment-sandbox"] {
        world.system.ready(name).await.expect("everything is up again");
    }
    let _ = world.settle().await;
}

/// Has the money of a payment taken as soon as it is set aside; whether it was.
async fn take(world: &World, payment: &PaymentId) -> bool {
    let what = format!("{payment} comes to an end");
    eventually(&what, Duration::from_secs(180), async || {
        let happened = names(world, payment).await;
        if happened.contains(&"PaymentAuthorized") && !happened.contains(&"PaymentCaptureRequested") {
            command(world, payment, PaymentCommand::RequestCapture).await;
        }
        let declined = happened.contains(&"PaymentDeclined").then_some(false);
        happened.contains(&"PaymentCaptured").then_some(true).or(declined)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_webhook_is_refused_and_a_true_one_is_heard_before_it_is_answered() {
    let world = World::enter().await;
    let secret = std::fs::read_to_string(world.system.folder().join("keys/payments-webhook.secret")).expect("a secret");
    let payment = request(&world, &world.admin.id, "pm_orderflow_timeoutThenApproved").await;
    let charge = eventually("the provider has charged", SETTLED, async || charges(&world, &payment).await.pop()).await;
    let intent = charge.get("id").and_then(Value::as_str).expect("an id");
    let notice = json!({ "type": "payment_intent.amount_capturable_updated", "data": { "object": {
        "id": intent, "status": "requires_capture", "metadata": { "payment": payment.as_str() } } } });
    let now = clock::now_seconds();
    let other = json!({ "type": "payout.paid", "data": { "object": {} } });

    let send = async |body: &Value, secret: &str, at: i64| {
        let signature = payments::webhook::sign(secret, body.to_string().as_bytes(), at);
        let request = Request::default().with("stripe-signature", signature).json(body.clone());
        world.gateway.post("/webhooks/payments", request).await
    };
    for refused in [send(&notice, "whsec_forged", now).await, send(&notice, &secret, now - 301).await] {
        assert_eq!(refused.expect(401).text("code"), "invalid_signature");
    }
    let unsigned = world.gateway.post("/webhooks/payments", Request::default().json(notice.clone())).await;
    assert_eq!(unsigned.expect(401).text("code"), "invalid_signature");
    let _ = send(&other, &secret, now).await.expect(200);
    for _ in 0..2 {
        let _ = send(&notice, &secret, now).await.expect(200);
        let authorized = names(&world, &payment).await.into_iter().filter(|name| *name == "PaymentAuthorized");
        assert_eq!(authorized.count(), 1, "known as soon as the notice is answered, and once");
    }
    assert_eq!(charged(&world, &payment).await, (0, 0));
    let _ = world.settle().await;
}
