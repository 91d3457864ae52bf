//! Each outcome that a payment method scripts, as the client tells it.

use payments::{Failure, IntentStatus, Lost, RefundStatus};

use crate::world::{KEY, World, authorize, provider, refunding};

#[tokio::test]
async fn an_approved_payment_is_set_aside_taken_and_given_back() {
    let world = World::open().await;
    let provider = world.provider();
    let intent = authorize(&provider, "k1", "pm_card_visa").await.unwrap();
    assert_eq!(
        (intent.status, intent.last4(), intent.payment()),
        (IntentStatus::RequiresCapture, Some("4242"), Some("pay_1"))
    );
    assert_eq!(provider.retrieve(&intent.id).await.unwrap(), intent);
    assert_eq!(provider.capture("k2", &intent.id).await.unwrap().status, IntentStatus::Succeeded);
    let refund = provider.refund("k3", &refunding(&intent, "r1", 600)).await.unwrap();
    assert_eq!((refund.status, refund.ours()), (RefundStatus::Succeeded, Some(("pay_1", "r1"))));
    assert_eq!(provider.retrieve_refund(&refund.id).await.unwrap(), refund);
    assert!(matches!(provider.retrieve_refund("re_none").await, Err(Failure::Refused { .. })));
    let too_much = provider.refund("k4", &refunding(&intent, "r2", 901)).await;
    assert!(
        matches!(&too_much, Err(Failure::Refused { code, .. }) if code == "charge_already_refunded"),
        "{too_much:?}"
    );
    let ledger = world.ledger().await;
    assert_eq!((&ledger["charges"][0]["captured"], &ledger["charges"][0]["refunded"]), (&1_500.into(), &600.into()));
}

#[tokio::test]
async fn what_was_let_go_cannot_be_taken_and_what_was_taken_cannot_be_let_go() {
    let world = World::open().await;
    let provider = world.provider();
    let unexpected = |outcome: Result<payments::Intent, Failure>| {
        assert!(matches!(&outcome, Err(Failure::Refused { code, .. }) if code == "payment_intent_unexpected_state"));
    };
    let let_go = authorize(&provider, "k1", "pm_card_visa").await.unwrap();
    assert_eq!(provider.cancel("k2", &let_go.id).await.unwrap().status, IntentStatus::Canceled);
    unexpected(provider.capture("k3", &let_go.id).await);
    let taken = authorize(&provider, "k4", "pm_card_visa").await.unwrap();
    provider.capture("k5", &taken.id).await.unwrap();
    unexpected(provider.cancel("k6", &taken.id).await);
    assert_eq!(provider.retrieve(&taken.id).await.unwrap().status, IntentStatus::Succeeded);
}

#[tokio::test]
async fn a_declined_payment_says_why_and_a_method_that_does_not_exist_is_refused() {
    let world = World::open().await;
    for (method, reason) in [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ] {
        let outcome = authorize(&world.provider(), method, method).await;
        assert!(matches!(&outcome, Err(Failure::Declined { code }) if code == reason), "{outcome:?}");
    }
    let outcome = authorize(&world.provider(), "k", "pm_nothing").await;
    assert!(matches!(&outcome, Err(Failure::Refused { code, .. }) if code == "resource_missing"), "{outcome:?}");
    assert!(world.ledger().await["charges"].as_array().unwrap().iter().all(|charge| charge["captured"] == 0));
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_an_unknown_outcome_and_the_same_key_asks_for_it() {
    let world = World::open().await;
    let lost = authorize(&world.provider(), "k1", "pm_orderflow_timeoutThenApproved").await;
    assert!(matches!(lost, Err(Failure::Unknown(Lost::TimedOut))), "{lost:?}");
    let asked = authorize(&world.provider(), "k1", "pm_orderflow_timeoutThenApproved").await.unwrap();
    assert_eq!(asked.status, IntentStatus::RequiresCapture);
    assert_eq!(world.ledger().await["charges"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_slow_payment_is_approved_in_the_end() {
    let world = World::open().await;
    let lost = authorize(&world.provider(), "k1", "pm_orderflow_slow").await;
    assert!(matches!(lost, Err(Failure::Unknown(Lost::TimedOut))), "{lost:?}");
    assert!(authorize(&world.provider(), "k1", "pm_orderflow_slow").await.is_ok());
}

#[tokio::test]
async fn a_provider_that_is_down_has_done_nothing_and_comes_back() {
    let world = World::open().await;
    let down = authorize(&world.provider(), "k1", "pm_orderflow_down").await;
    assert!(matches!(down, Err(Failure::Unavailable(Lost::Status(503)))), "{down:?}");
    assert_eq!(world.ledger().await["charges"].as_array().unwrap().len(), 0);
    let back = async || authorize(&world.provider(), "k1", "pm_orderflow_down").await.ok();
    stack::eventually("it comes back", std::time::Duration::from_secs(10), back).await;

    let nobody = provider("http://127.0.0.1:1", KEY);
    assert!(matches!(authorize(&nobody, "k2", "pm_card_visa").await, Err(Failure::Unavailable(Lost::Connection(_)))));
    assert!(matches!(nobody.ping().await, Err(Failure::Unavailable(_))));
}

#[tokio::test]
async fn only_who_shows_the_secret_key_is_served() {
    let world = World::open().await;
    world.provider().ping().await.unwrap();
    let stranger = provider(&world.url, "sk_test_another");
    assert!(matches!(stranger.ping().await, Err(Failure::Unauthorized)));
    assert!(matches!(authorize(&stranger, "k1", "pm_card_visa").await, Err(Failure::Unauthorized)));
    assert_eq!(world.ledger().await["charges"].as_array().unwrap().len(), 0);
}
