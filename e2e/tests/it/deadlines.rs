//! What happens when something takes too long, with settings under which a second is long.

use e2e::client::{LoggedIn, Request};
use schemas::OrderId;
use serde_json::{Value, json};
use stack::eventually;

use crate::flash_sale::restart;
use crate::fulfilment::{becomes, check_conservation, place, product};
use crate::payments::counted;
use crate::world::{SETTLED, World};

const ALARMS: &str = "fulfilments_failed_total";

#[tokio::test(flavor = "multi_thread")]
async fn pieces_and_money_are_waited_for_no_longer_than_the_settings_say() {
    let world = World::enter().await;
    let user = world.gateway.user(&World::name("late")).await;
    restart(&world, &[("FULFILMENT_PAYMENT_SECONDS", "1")]).await;
    money_that_comes_too_late_is_let_go(&world, &user).await;
    restart(&world, &[("FULFILMENT_HOLD_SECONDS", "1"), ("FULFILMENT_UNKNOWN_SECONDS", "5")]).await;
    pieces_whose_hold_ran_out_are_held_again_when_the_money_comes(&world, &user).await;
    an_operator_helps_when_nobody_knows_what_the_provider_did(&world, &user).await;
    an_operator_hears_of_money_that_nobody_knows_to_be_given_back(&world, &user).await;
    restart(&world, &[]).await;
}

async fn money_that_comes_too_late_is_let_go(world: &World, user: &LoggedIn) {
    let sku = product(world, "OVERDUE", 5).await;
    world.system.signal("payment-sandbox", "STOP").expect("a provider that says nothing");
    let order = place(world, user, &sku, "pm_card_visa").await;
    becomes(world, &order, "CANCELLED").await;
    world.system.signal("payment-sandbox", "CONT").expect("a provider that speaks again");
    assert_eq!(check_conservation(world, &sku, (5, std::slice::from_ref(&order))).await, 0);
    assert_eq!(fulfilment(world, &order).await["compensation"], json!("payment_overdue"));
}

async fn pieces_whose_hold_ran_out_are_held_again_when_the_money_comes(world: &World, user: &LoggedIn) {
    let sku = product(world, "EXPIRED", 5).await;
    let order = place(world, user, &sku, "pm_orderflow_slow").await;
    becomes(world, &order, "PAID").await;
    assert_eq!(check_conservation(world, &sku, (5, std::slice::from_ref(&order))).await, 1);
    let steps = fulfilment(world, &order).await["steps"].as_array().expect("steps").clone();
    assert!(steps.iter().filter(|step| step["step"] == json!("reserve")).count() > 1, "held again: {steps:?}");
}

async fn an_operator_helps_when_nobody_knows_what_the_provider_did(world: &World, user: &LoggedIn) {
    let sku = product(world, "SILENT", 5).await;
    let alarms = async || counted(world, "command-api", ALARMS).await + counted(world, "command-api-2", ALARMS).await;
    world.system.signal("payment-sandbox", "STOP").expect("a provider that says nothing");
    let order = place(world, user, &sku, "pm_card_visa").await;
    waits_for_an_operator(world, &order).await;
    let shown = world.gateway.get("/ops/fulfilment?state=FAILED", Request::by(&world.admin)).await.expect(200).body;
    assert_eq!(shown["fulfilments"][0]["orderId"], json!(order), "{shown}");
    assert!(shown["fulfilments"][0]["failure"].is_string(), "{shown}");
    eventually("it is counted", SETTLED, async || (alarms().await >= 1.0).then_some(())).await;
    the_provider_speaks_again(world, &order).await;
    becomes(world, &order, "PAID").await;
    assert_eq!(check_conservation(world, &sku, (5, std::slice::from_ref(&order))).await, 1);
}

async fn an_operator_hears_of_money_that_nobody_knows_to_be_given_back(world: &World, user: &LoggedIn) {
    let sku = product(world, "RETURNED", 5).await;
    let order = place(world, user, &sku, "pm_card_visa").await;
    becomes(world, &order, "PAID").await;
    world.system.signal("payment-sandbox", "STOP").expect("a provider that says nothing");
    let cancel = Request::by(user).json(json!({ "reason": "changed my mind" }));
    let _ = world.gateway.post(&format!("/commands/orders/{order}/cancel"), cancel).await.expect(200);
    waits_for_an_operator(world, &order).await;
    the_provider_speaks_again(world, &order).await;
    assert_eq!(check_conservation(world, &sku, (5, std::slice::from_ref(&order))).await, 0);
}

async fn waits_for_an_operator(world: &World, order: &OrderId) {
    let failed = async || (fulfilment(world, order).await["state"] == json!("FAILED")).then_some(());
    eventually("the fulfilment waits for an operator", SETTLED, failed).await;
}

async fn the_provider_speaks_again(world: &World, order: &OrderId) {
    world.system.signal("payment-sandbox", "CONT").expect("a provider that speaks again");
    // It is FAILED once more if what the provider says is not known in a few seconds.
    eventually("the fulfilment ends", SETTLED, async || {
        let state = fulfilment(world, order).await["state"].clone();
        if state == json!("FAILED") {
            let reason = Request::by(&world.admin).json(json!({ "reason": "the provider speaks again" }));
            let _goes_on = world.gateway.post(&format!("/ops/fulfilment/{order}/retry"), reason).await;
        }
        (state == json!("COMPLETED")).then_some(())
    })
    .await;
}

/// An order's fulfilment, as operators see it; null as long as they do not.
async fn fulfilment(world: &World, order: &OrderId) -> Value {
    let page = world.gateway.get("/ops/fulfilment?limit=100", Request::by(&world.admin)).await.expect(200).body;
    let fulfilments = page["fulfilments"].as_array().expect("fulfilments");
    fulfilments.iter().find(|shown| shown["orderId"] == json!(order)).cloned().unwrap_or_default()
}
