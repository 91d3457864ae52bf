//! What users do about their passwords, and what admins make of users.

use e2e::client::{Answer, LoggedIn, Request};
use e2e::socket::Socket;
use futures::future::join_all;
use serde_json::{Value, json};

use crate::sessions::{closed, ended_everywhere, refused};
use crate::world::World;

const PASSWORD: &str = "correct horse battery";

fn email_of(name: &str) -> String {
    format!("{name}@example.com")
}

/// Tries to log in.
async fn log_in(world: &World, name: &str, password: &str) -> Answer {
    let body = json!({ "email": email_of(name), "password": password });
    world.gateway.post("/api/v1/users/login", Request::default().json(body)).await
}

fn check(what: &str, answer: &Answer, status: u16, code: &str) {
    let told = answer.body.get("code").and_then(Value::as_str);
    assert_eq!((answer.status.as_u16(), told), (status, Some(code)), "{what}: {answer:?}");
}

/// Has an admin suspend somebody.
pub(crate) async fn suspend(world: &World, user: &LoggedIn) {
    let _ =
        world.gateway.post(&format!("/api/v1/users/{}/suspend", user.id), Request::by(&world.admin)).await.expect(200);
}

/// Has somebody make somebody else an admin, or no admin any more.
pub(crate) async fn change_role(world: &World, by: &LoggedIn, of: &LoggedIn, grant: bool) -> Answer {
    let body = json!({ "role": "admin", "grant": grant });
    world.gateway.post(&format!("/api/v1/users/{}/roles", of.id), Request::by(by).json(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_password_needs_the_current_one_and_ends_every_log_in_so_far() {
    let world = World::enter().await;
    let name = World::name("forgetful");
    let one = world.gateway.user(&name).await;
    let other = LoggedIn::by(&log_in(&world, &name, PASSWORD).await.expect(200));
    let change = async |current: &str, new: &str| {
        let body = json!({ "currentPassword": current, "newPassword": new });
        world.gateway.post("/api/v1/users/password", Request::by(&one).json(body)).await
    };
    check("a wrong password", &change("wrong horse battery", "better horse battery").await, 403, "wrong_password");
    check("a short password", &change(PASSWORD, "short").await, 400, "validation_failed");
    let _ = world.gateway.get("/queries/orders", Request::by(&one)).await.expect(200);
    let changed = change(PASSWORD, "better horse battery").await.expect(200);
    assert_eq!(changed.body.pointer("/data/_id"), Some(&json!(one.id)));
    for user in [&one, &other] {
        ended_everywhere(&world, user).await;
        refused(&world.gateway.refresh(&user.refresh).await);
    }
    check("the old password", &log_in(&world, &name, PASSWORD).await, 401, "wrong_credentials");
    let again = LoggedIn::by(&log_in(&world, &name, "better horse battery").await.expect(200));
    let _ = world.gateway.get("/queries/orders", Request::by(&again)).await.expect(200);
    let ledger = format!("{:?}", world.ledger().await);
    assert!(ledger.contains("PasswordChanged") && !ledger.contains("argon2"), "a hash is in an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_password_is_replaced_by_one_that_is_good_once() {
    let world = World::enter().await;
    let name = World::name("forgetful");
    let user = world.gateway.user(&name).await;
    let ask = format!("/api/v1/users/{}/password", user.id);
    check("a user", &world.gateway.post(&ask, Request::by(&user)).await, 403, "forbidden");
    let given = world.gateway.post(&ask, Request::by(&world.admin)).await.expect(200);
    let once = given.body.pointer("/data/oneTimePassword").and_then(Value::as_str).expect("a password").to_owned();
    ended_everywhere(&world, &user).await;
    refused(&world.gateway.refresh(&user.refresh).await);
    check("the forgotten one", &log_in(&world, &name, PASSWORD).await, 401, "wrong_credentials");
    check("without a new one", &log_in(&world, &name, &once).await, 403, "new_password_needed");
    let anew = async |new: &str| {
        let body = json!({ "email": email_of(&name), "password": once, "newPassword": new });
        world.gateway.post("/api/v1/users/login", Request::default().json(body)).await
    };
    check("a short new one", &anew("short").await, 400, "validation_failed");
    check("the same one", &anew(&once).await, 422, "same_password");
    let back = LoggedIn::by(&anew("better horse battery").await.expect(200));
    let _ = world.gateway.get("/queries/orders", Request::by(&back)).await.expect(200);
    let again = LoggedIn::by(&anew("better horse battery").await.expect(200));
    let _ = world.gateway.get("/queries/orders", Request::by(&again)).await.expect(200);
    check("a second time", &anew("worse horse battery").await, 401, "wrong_credentials");
    let _ = log_in(&world, &name, "better horse battery").await.expect(200);
    assert!(!format!("{:?}", world.ledger().await).contains(&once), "it is in an event");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_changes_of_one_password_at_once_one_takes_effect_and_a_key_does_it_once() {
    let world = World::enter().await;
    let name = World::name("hasty");
    let user = world.gateway.user(&name).await;
    let change = async |new: &str, key: &str| {
        let body = json!({ "currentPassword": PASSWORD, "newPassword": new });
        world.gateway.post("/api/v1/users/password", Request::by(&user).with("idempotency-key", key).json(body)).await
    };
    let all = join_all(["first horse battery", "second horse battery"].map(|new| change(new, new))).await;
    let done: Vec<_> = all.iter().map(|answer| answer.status.as_u16()).collect();
    assert_eq!(done.iter().filter(|status| **status == 200).count(), 1, "{done:?}");
    let winner = if done[0] == 200 { "first horse battery" } else { "second horse battery" };
    let again = change(winner, winner).await;
    assert!(again.header("idempotency-replayed") == Some("true") || again.status == 401, "{again:?}");
    let _ = log_in(&world, &name, winner).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_user_can_neither_log_in_nor_command_nor_listen_until_reinstated() {
    let world = World::enter().await;
    let name = World::name("suspect");
    let user = world.gateway.user(&name).await;
    let mut socket = Socket::open(&world.gateway, world.system.gateway(), &user, None).await.expect("a socket");
    let path = |what: &str| format!("/api/v1/users/{}/{what}", user.id);
    let why = || Request::by(&world.admin).json(json!({ "reason": "under investigation" }));
    let answer = world.gateway.post(&path("suspend"), why()).await.expect(200);
    assert_eq!(answer.body.pointer("/data/isActive"), Some(&json!(false)));
    assert_eq!(closed(&mut socket).await, Some(4003));
    ended_everywhere(&world, &user).await;
    refused(&world.gateway.refresh(&user.refresh).await);
    check("the right password", &log_in(&world, &name, PASSWORD).await, 403, "user_suspended");
    check("a wrong password", &log_in(&world, &name, "wrong horse battery").await, 401, "wrong_credentials");
    let roles = change_role(&world, &world.admin, &user, true).await;
    check("a role", &roles, 409, "user_suspended");
    let _ = world.gateway.post(&path("suspend"), why()).await.expect(200);

    let answer = world.gateway.post(&path("reinstate"), why()).await.expect(200);
    assert_eq!(answer.body.pointer("/data/isActive"), Some(&json!(true)));
    let back = LoggedIn::by(&log_in(&world, &name, PASSWORD).await.expect(200));
    let _ = world.gateway.get("/queries/orders", Request::by(&back)).await.expect(200);
    let old = world.gateway.get("/queries/orders", Request::by(&user)).await;
    check("a token of before", &old, 401, "session_ended");
    let ledger = format!("{:?}", world.ledger().await);
    assert!(ledger.contains("UserSuspended") && !ledger.contains("under investigation"), "a reason is in clear");
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_are_given_and_taken_by_other_admins_only_and_tokens_of_the_old_role_die() {
    let world = World::enter().await;
    let name = World::name("deputy");
    let user = world.gateway.user(&name).await;
    check("a user", &change_role(&world, &user, &user, true).await, 403, "forbidden");
    check("an admin himself", &change_role(&world, &world.admin, &world.admin, true).await, 403, "own_role");
    let nobody = LoggedIn { id: "usr_00000000000000000000000000000000".to_owned(), ..user.clone() };
    check("nobody", &change_role(&world, &world.admin, &nobody, true).await, 404, "user_not_found");
    let unknown = json!({ "role": "owner", "grant": true });
    let path = format!("/api/v1/users/{}/roles", user.id);
    let unknown = world.gateway.post(&path, Request::by(&world.admin).json(unknown)).await;
    check("an unknown role", &unknown, 400, "validation_failed");

    let granted = change_role(&world, &world.admin, &user, true).await.expect(200);
    assert_eq!(granted.body.pointer("/data/role"), Some(&json!("admin")));
    ended_everywhere(&world, &user).await;
    let deputy = LoggedIn::by(&log_in(&world, &name, PASSWORD).await.expect(200));
    let _ = world.gateway.product(&deputy, &World::name("DEPUTY"), 100).await;
    let _ = change_role(&world, &world.admin, &user, false).await.expect(200);
    ended_everywhere(&world, &deputy).await;
    let again = LoggedIn::by(&log_in(&world, &name, PASSWORD).await.expect(200));
    check("no admin any more", &change_role(&world, &again, &again, true).await, 403, "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_is_left_whoever_demotes_or_suspends_whom_at_once() {
    let world = World::enter().await;
    let name = World::name("rival");
    let rival = world.gateway.user(&name).await;
    for _ in 0..3 {
        let first = world.gateway.log_in(&world.system.admin().email, &world.system.admin().password).await;
        check("the last one", &change_role(&world, &first, &first, false).await, 409, "last_admin");
        let _ = change_role(&world, &first, &rival, true).await.expect(200);
        ended_everywhere(&world, &rival).await;
        let second = LoggedIn::by(&log_in(&world, &name, PASSWORD).await.expect(200));
        let (one, other) =
            tokio::join!(change_role(&world, &first, &second, false), change_role(&world, &second, &first, false));
        let done = [&one, &other].map(|answer| answer.status.as_u16() == 200);
        assert_eq!(done.iter().filter(|done| **done).count(), 1, "{one:?} {other:?}");
        if done[1] {
            ended_everywhere(&world, &first).await;
            let suspended = format!("/api/v1/users/{}/suspend", second.id);
            check("the last one", &world.gateway.post(&suspended, Request::by(&second)).await, 409, "last_admin");
            let _ = change_role(&world, &second, &first, true).await.expect(200);
            let first = world.gateway.log_in(&world.system.admin().email, &world.system.admin().password).await;
            let _ = change_role(&world, &first, &second, false).await.expect(200);
        }
    }
}
