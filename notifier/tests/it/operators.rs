//! What operators watch: admins alone, what happens from now on, the newest state of each stream.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use schemas::{OrderId, Role, StreamId};
use serde_json::{Value, json};

use crate::client::{Client, Handshake};
use crate::keys::session;
use crate::world::{LONG, World, stream, user};

async fn watch(world: &World, who: u128) -> Client {
    Client::watch(world.notifier.address, &world.admin_token(&user(who)), "operators").await
}

/// What is told of order `number`.
fn told(number: u128, version: u32) -> Value {
    told_of(&stream(number), version, json!({"number": number, "version": version}))
}

fn told_of(stream: &StreamId, version: u32, data: Value) -> Value {
    json!({"frame": "snapshot", "stream": stream, "version": version, "data": data})
}

#[tokio::test]
async fn an_admin_is_told_the_newest_state_of_whatever_changes_from_now_on() {
    let world = World::start().await;
    world.project(7, 3).await;
    let mut clients = [watch(&world, 1).await, watch(&world, 2).await];
    world.project(8, 1).await;
    let (payment, fulfilment) = (OrderId::from_bits(8).payment(), OrderId::from_bits(8).fulfilment());
    world.show("payments", payment.stream().clone(), (0, 4), r#"{"status":"CAPTURED"}"#).await;
    world.show("fulfilment", fulfilment.stream().clone(), (0, 9), r#"{"state":"FAILED"}"#).await;
    let expected = BTreeMap::from([
        (fulfilment.to_string(), told_of(fulfilment.stream(), 9, json!({"state": "FAILED"}))),
        (stream(8).to_string(), told(8, 1)),
        (payment.to_string(), told_of(payment.stream(), 4, json!({"status": "CAPTURED"}))),
    ]);
    for client in &mut clients {
        let mut seen = BTreeMap::new();
        for _ in 0..expected.len() {
            let frame = client.frame().await;
            seen.insert(frame["stream"].as_str().unwrap().to_owned(), frame);
        }
        assert_eq!(seen, expected, "nothing of what was before");
    }
    let mut late = watch(&world, 3).await;
    world.project(9, 1).await;
    assert_eq!(late.frame().await, told(9, 1));
}

#[tokio::test]
async fn whoever_is_no_admin_is_refused_and_an_audience_that_does_not_exist_is_named() {
    let world = World::start().await;
    let address = world.notifier.address;
    for (audience, status, code) in
        [("operators", 403, "forbidden"), ("everybody", 400, "validation_failed"), ("", 400, "validation_failed")]
    {
        let shown = format!("?audience={audience}");
        let bearer = format!("Bearer {}", world.token(&user(1)));
        let refused = Handshake::query(&shown).with("authorization", &bearer).connect(address).await.err().unwrap();
        assert_eq!((refused.status.as_u16(), &refused.body["code"]), (status, &json!(code)), "{audience}");
        let asked = reqwest::Client::new().get(format!("http://{address}/events{shown}"));
        let answer = asked.bearer_auth(world.token(&user(1))).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{audience}");
    }
    let asked = reqwest::Client::new().post(format!("http://{address}/ws/tickets"));
    let answer = asked.bearer_auth(world.token(&user(1))).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let ticket = answer.json::<Value>().await.unwrap()["ticket"].as_str().unwrap().to_owned();
    let refused = Handshake::query(&format!("?audience=operators&ticket={ticket}")).connect(address).await;
    assert_eq!(refused.err().unwrap().status.as_u16(), 403, "a ticket gives no role");
}

#[tokio::test]
async fn an_admin_who_is_none_any_more_is_closed_and_cannot_stay_with_another_token() {
    let world = World::start().await;
    let mut demoted = watch(&world, 1).await;
    let mut refreshed = watch(&world, 2).await;
    let mut admin = watch(&world, 3).await;
    world.notifier.demote(&user(1));
    assert_eq!(demoted.close_code().await, 4003);
    // This token is good, and is there before the demotion is heard of.
    refreshed.say(json!({"frame": "refresh", "token": world.token(&user(2))})).await;
    assert_eq!(refreshed.close_code().await, 4003);
    let anew = world.keys.token_as(Role::Admin, &user(3), LONG + 1);
    admin.say(json!({"frame": "refresh", "token": anew})).await;
    world.project(7, 1).await;
    assert_eq!(admin.frame().await, told(7, 1), "an admin stays");
    world.notifier.log_out(&user(3), LONG + 1);
    assert_eq!(admin.close_code().await, 4003, "under the new token, whose log-in is {:?}", session(LONG + 1));
}

#[tokio::test]
async fn whoever_may_have_missed_something_is_told_to_read_the_queries_again() {
    let world = World::start().await;
    let mut client = watch(&world, 1).await;
    world.cut_subscriptions().await;
    assert_eq!(client.frame().await, json!({"frame": "reload"}));
    world.project(7, 1).await;
    assert_eq!(client.frame().await, told(7, 1));
}
